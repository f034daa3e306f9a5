from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound
from loopline.ledger.ledger import Ledger
from loopline.nouns.progress import Progress
from loopline.nouns.task import Task, TaskState
from loopline.nouns.token import Scope
from loopline.store.system import SystemClock, SystemIds

if TYPE_CHECKING:
    from .conftest import Hand

SECOND = 1_000_000
LASTING = 10 * SECOND


def add(hand: Hand, **fields: object) -> Task:
    """Put a task into a queue."""
    made = replace(Task(hand.ids.new(), "flights", "run", "person:ann", words={"pipeline": "train"}), **fields)  # type: ignore[arg-type]
    with hand.write() as tx:
        return tx.tasks.add(made)


def claim(hand: Hand, worker: str = "w1", queue: str = "default") -> Task | None:
    """Take the next task."""
    with hand.ledger.telemetry() as tables:
        return tables.tasks.claim(queue, worker, lasting=LASTING)


def taken(hand: Hand, worker: str = "w1") -> Task:
    """Take the next task, which is there."""
    found = claim(hand, worker)
    assert found is not None
    return found


def get(hand: Hand, task: Task) -> Task:
    """Read a task."""
    with hand.read() as tx:
        return tx.tasks.get(task.id)


def test_a_task_is_read_as_it_was_added(hand: Hand) -> None:
    """Words, actor, its verification and the queue come back; it waits."""
    task = add(hand, queue="gpu", verified=True, words={"params": {"a": "ü"}, "plan": False})
    assert task.state is TaskState.QUEUED
    assert (task.words, task.queue, task.verified, task.actor) == (
        {"params": {"a": "ü"}, "plan": False}, "gpu", True, "person:ann",
    )  # fmt: skip
    assert get(hand, task) == task


def test_unfinished_work_is_found_by_its_verb(hand: Hand) -> None:
    """What waits and what is under way, in any queue, of these verbs and this project."""
    first, second = add(hand, verb="check"), add(hand, verb="promote", queue="gpu")
    add(hand)
    add(hand, verb="check", project="other")
    running = taken(hand)
    with hand.ledger.telemetry() as tables:
        assert [one.id for one in tables.tasks.unfinished("flights", ("check", "promote"))] == [first.id, second.id]
        assert tables.tasks.unfinished("flights", ("check",)) == [running]
        tables.tasks.end(running.id, running.fence, TaskState.DONE)
        assert tables.tasks.unfinished("flights", ("check",)) == []


def test_the_oldest_of_a_queue_goes_first(hand: Hand) -> None:
    """Each claim takes the oldest that waits in that queue, and none where none waits."""
    first, other, second = add(hand), add(hand, queue="gpu"), add(hand)
    with hand.read() as tx:
        assert tx.tasks.waiting("default")
        assert not tx.tasks.waiting("cpu")
    assert [one.id for one in (taken(hand), taken(hand))] == [first.id, second.id]
    assert claim(hand) is None
    gpu = claim(hand, queue="gpu")
    assert gpu is not None
    assert gpu.id == other.id
    assert (gpu.state, gpu.attempts, gpu.fence, gpu.worker) == (TaskState.RUNNING, 1, 1, "w1")


def test_two_workers_never_get_the_same(hand: Hand) -> None:
    """Eight threads that claim at once share forty tasks without an overlap."""
    for _ in range(40):
        add(hand)
    got: list[str] = []

    def work() -> None:
        while found := claim(hand, threading.current_thread().name):
            got.append(found.id)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(got)) == 40


def test_a_beat_holds_a_task_and_hears_of_a_wish_to_stop(hand: Hand) -> None:
    """Beating keeps it past its first end; after a cancel the beat says so."""
    add(hand)
    task = taken(hand)
    for _ in range(3):
        hand.clock.advance(seconds=8)
        with hand.ledger.telemetry() as tables:
            assert not tables.tasks.beat(task.id, task.fence, lasting=LASTING)
    with hand.write() as tx:
        assert tx.tasks.cancel(task.id).state is TaskState.RUNNING
    with hand.ledger.telemetry() as tables:
        assert tables.tasks.beat(task.id, task.fence, lasting=LASTING)
    with hand.read() as tx:
        assert tx.tasks.asked_to_stop(task.id)


def test_what_was_lost_stays_lost(hand: Hand) -> None:
    """Once the lease has run out its holder is refused, before and after another has the task; the other is not."""
    add(hand)
    old = taken(hand)
    hand.clock.advance(seconds=11)

    def refused() -> None:
        with hand.ledger.telemetry() as tables:
            for attempt in (
                lambda: tables.tasks.check(old.id, old.fence),
                lambda: tables.tasks.beat(old.id, old.fence, lasting=LASTING),
                lambda: tables.tasks.report(old.id, old.fence, [Progress("x", 1)]),
                lambda: tables.tasks.end(old.id, old.fence, TaskState.DONE),
            ):
                with pytest.raises(Conflict) as caught:
                    attempt()
                assert caught.value.kind == "lease-lost"

    refused()
    with hand.read() as tx:
        assert [one.id for one in tx.tasks.lost()] == [old.id]
        assert not tx.tasks.holds(old.id, old.fence)
    with hand.write() as tx:
        assert tx.tasks.lose(old.id, old.fence).state is TaskState.QUEUED
    refused()
    new = taken(hand, "w2")
    assert new.fence == old.fence + 1
    refused()
    with hand.write() as tx:
        assert tx.tasks.holds(new.id, new.fence)
        assert tx.tasks.end(new.id, new.fence, TaskState.DONE, result={"a": [1]}).result == {"a": [1]}
    refused()


def test_a_task_is_lost_once(hand: Hand) -> None:
    """Of two who see a worker gone one takes the task away; the other is told."""
    add(hand)
    task = taken(hand)
    with hand.write() as tx:
        tx.tasks.lose(task.id, task.fence)
        with pytest.raises(Conflict):
            tx.tasks.lose(task.id, task.fence)


def test_three_lost_workers_are_enough(hand: Hand) -> None:
    """After the third worker that was lost a task has failed, and says why."""
    added = add(hand)
    for number in (1, 2, 3):
        task = taken(hand)
        assert task.attempts == number
        with hand.write() as tx:
            tx.tasks.lose(task.id, task.fence)
    after = get(hand, added)
    assert after.state is TaskState.FAILED
    assert after.error is not None
    assert (after.error["kind"], after.error["facts"]["attempts"]) == ("worker-lost", 3)
    assert claim(hand) is None


def test_giving_back_is_no_try(hand: Hand) -> None:
    """A worker that leaves in order gives its task back as if it had never had it, but under a new fence."""
    added = add(hand)
    for number in range(1, 6):
        task = taken(hand)
        assert (task.attempts, task.fence) == (1, number)
        with hand.ledger.telemetry() as tables:
            tables.tasks.give_back(task.id, task.fence)
            tables.tasks.give_back(task.id, task.fence)
    assert get(hand, added).state is TaskState.QUEUED


def test_a_task_that_should_stop_is_not_tried_again(hand: Hand) -> None:
    """A task whose worker is lost after a cancel is over as cancelled."""
    add(hand)
    task = taken(hand)
    with hand.write() as tx:
        tx.tasks.cancel(task.id)
        assert tx.tasks.lose(task.id, task.fence).state is TaskState.CANCELLED


def test_cancelling_what_waits_ends_it(hand: Hand) -> None:
    """No worker gets it any more; cancelling again, or what is over, changes nothing."""
    task = add(hand)
    with hand.write() as tx:
        over = tx.tasks.cancel(task.id)
        assert over.state is TaskState.CANCELLED
        assert over.ended_at is not None
    with hand.write() as tx:
        assert tx.tasks.cancel(task.id) == over
    assert claim(hand) is None


def test_progress_replaces_itself(hand: Hand) -> None:
    """A later report of a label takes the place of the earlier one; other labels stay."""
    add(hand)
    task = taken(hand)
    with hand.ledger.telemetry() as tables:
        tables.tasks.report(task.id, task.fence, [Progress("a", 1, 3, "steps"), Progress("b", 7, None, "B")])
    with hand.ledger.telemetry() as tables:
        tables.tasks.report(task.id, task.fence, [Progress("a", 2, 3, "steps")])
    assert set(get(hand, task).progress) == {Progress("a", 2, 3, "steps"), Progress("b", 7, None, "B")}


def test_listing_goes_on_where_it_ended(hand: Hand) -> None:
    """Newest first, a page at a time; `open_only` leaves out what is over."""
    tasks = [add(hand) for _ in range(5)]
    with hand.write() as tx:
        tx.tasks.cancel(tasks[4].id)
        page = tx.tasks.list("flights", limit=2)
        assert [one.id for one in page] == [tasks[4].id, tasks[3].id]
        assert [one.id for one in tx.tasks.list("flights", after=page[-1].id)] == [one.id for one in tasks[2::-1]]
        assert len(tx.tasks.list("flights", open_only=True)) == 4
        assert not tx.tasks.list("trains")


def test_a_task_is_found_by_its_first_digits(hand: Hand) -> None:
    """The beginning of an id is enough where it is of one task alone, and only inside of its project."""
    first, second = add(hand), add(hand)
    with hand.read() as tx:
        assert tx.tasks.resolve("flights", first.id).id == first.id
        with pytest.raises(Conflict):
            tx.tasks.resolve("flights", second.id[:12])
        for project, prefix in (("trains", first.id), ("flights", "ffff"), ("flights", first.id[:3])):
            with pytest.raises(NotFound):
                tx.tasks.resolve(project, prefix)
        with pytest.raises(NotFound):
            tx.tasks.get("0" * 32)


def test_workers_come_and_go(hand: Hand) -> None:
    """A worker is listed while it says that it is there; one that fell silent is struck off."""
    with hand.ledger.telemetry() as tables:
        tables.tasks.present("w1", "default", started_at=5, version="1")
        tables.tasks.present("w2", "gpu", started_at=6, version="1")
    hand.clock.advance(seconds=60)
    with hand.ledger.telemetry() as tables:
        tables.tasks.present("w2", "gpu", started_at=6, version="1")
        assert [(one.name, one.queue, one.started_at) for one in tables.tasks.workers()] == [
            ("w1", "default", 5), ("w2", "gpu", 6),
        ]  # fmt: skip
        assert tables.tasks.forget(before=tables.now - 30 * SECOND) == 1
        tables.tasks.absent("w2")
        assert not tables.tasks.workers()


def test_a_fence_holds_against_another_connection(postgres_ledger: str) -> None:
    """On PostgreSQL, a transaction that has looked at its lease keeps it until it ends: taking the task away waits."""
    from loopline.ledger.schema import prepare
    from loopline.nouns.actor import Actor
    from loopline.wiring import open_database

    database, clock = open_database(postgres_ledger), SystemClock()
    prepare(database)
    ledger, ann, order = Ledger(database, clock=clock), Actor("person", "ann"), []
    with ledger.write("flights", ann) as tx:
        task = tx.tasks.add(Task(SystemIds().new(), "flights", "run", "person:ann"))
        tx.say("test", "test")
    with ledger.telemetry() as tables:
        mine = tables.tasks.claim("default", "w1", lasting=LASTING)
    assert mine is not None

    def take_away() -> None:
        with ledger.telemetry() as other:
            other.tasks.lose(task.id, mine.fence)
            order.append("lost")

    thread = threading.Thread(target=take_away)
    with ledger.telemetry() as tables:
        tables.tasks.check(task.id, mine.fence)
        thread.start()
        thread.join(0.3)
        order.append("written")
    thread.join()
    database.close()
    assert order == ["written", "lost"]


def test_what_the_asker_may_is_kept(hand: Hand) -> None:
    """The scopes of the token come back as they were; where nobody was asked for one there are none, which is not the same."""
    scopes = (Scope(("read", "run"), "flights", "model/*"), Scope())
    with hand.write() as tx:
        first = tx.tasks.add(Task(hand.ids.new(), "flights", "run", "person:ann"), scopes=scopes)
        second = tx.tasks.add(Task(hand.ids.new(), "flights", "run", "person:ann"))
        third = tx.tasks.add(Task(hand.ids.new(), "flights", "run", "person:ann"), scopes=())
        assert [tx.tasks.scopes(one.id) for one in (first, second, third)] == [scopes, None, ()]


def test_a_task_says_which_run_it_begins(hand: Hand) -> None:
    """It has the id from the start; only who has the task now writes another one down."""
    task = add(hand, run="1" * 32)
    assert (get(hand, task).run, get(hand, add(hand)).run) == ("1" * 32, None)
    here = taken(hand)
    with hand.ledger.telemetry() as tables:
        tables.tasks.begin(here.id, here.fence, "2" * 32)
    with pytest.raises(Conflict), hand.ledger.telemetry() as tables:
        tables.tasks.begin(here.id, here.fence - 1, "3" * 32)
    assert get(hand, task).run == "2" * 32


def test_a_list_tells_how_far_each_task_is(hand: Hand) -> None:
    """Tasks of a page come with their own progress, as one that is looked up does."""
    tasks = [add(hand) for _ in range(3)]
    for _ in tasks[:2]:
        task = taken(hand)
        with hand.ledger.telemetry() as tables:
            tables.tasks.report(task.id, task.fence, [Progress(task.id, 1, 3, "steps"), Progress("b", 7, None, "B")])
    with hand.read() as tx:
        assert tx.tasks.list("flights") == [tx.tasks.get(one.id) for one in tasks[::-1]]
        assert [len(one.progress) for one in tx.tasks.list("flights")] == [0, 2, 2]


def test_what_waits_for_an_actor_is_found(hand: Hand) -> None:
    """In every project, and neither what a worker has nor what others asked for."""
    add(hand)
    taken(hand)
    mine = [add(hand), add(hand, project="trains")]
    add(hand, actor="person:bob")
    with hand.read() as tx:
        assert [one.id for one in tx.tasks.queued_by("person:ann")] == [one.id for one in mine]

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.ledger.effort import Effort
from loopline.nouns.change import Approval, Decision, Move, Override
from loopline.nouns.comment import Comment
from loopline.nouns.digest import digest_of
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.run import Link, Run, RunState
from loopline.nouns.task import Task
from loopline.nouns.verdict import Result, Verdict

from .conftest import CHAMPION, PROJECT

if TYPE_CHECKING:
    from .conftest import Hand

FAR = 1 << 60


def read(hand: Hand, method: str, *span: int) -> Any:
    """Ask one question about all times, or of a span."""
    with hand.read() as tx:
        return getattr(Effort(tx.rows, PROJECT), method)(*(span or (0, FAR)))


def ran(
    hand: Hand, kind: str = "step", state: RunState = RunState.FINISHED, *, took: int = 5, out: bytes = b"", **more: Any
) -> str:
    """Record a run that took so many microseconds."""
    with hand.write() as tx:
        begun = Run(
            hand.ids.new(), PROJECT, "fit", kind=kind, actor=more.pop("actor", "person:ann"), started_at=tx.now, **more
        )
        run = tx.runs.start(begun)
        if out:
            tx.lineage.record(run.id, project=PROJECT, outputs=[Link("y", digest_of(out))])
    hand.clock.advance(microseconds=took)
    with hand.write() as tx:
        tx.runs.move(run.id, state)
    return run.id


def test_the_first_green_run_counts_from_the_projects_beginning(hand: Hand) -> None:
    """Steps are no runs that somebody waited for; a newcomer has a role, and perhaps a first run."""
    with hand.write() as tx:
        tx.projects.ensure(PROJECT)
        tx.teams.add(PROJECT, "role/contributor", "person:ann", by="person:root")
        tx.teams.add(PROJECT, "role/viewer", "person:ann", by="person:root")
        tx.teams.add(PROJECT, "role/viewer", "person:bob", by="person:root")
        tx.teams.add(PROJECT, "role/viewer", "token:ci", by="person:root")
    ran(hand)
    with hand.read() as tx:
        made, green = Effort(tx.rows, PROJECT).begun()
        assert made is not None
        assert green is None
    ran(hand, "pipeline")
    with hand.read() as tx:
        _, green = Effort(tx.rows, PROJECT).begun()
        assert green is not None
    assert sorted(row[1] is None for row in read(hand, "newcomers")) == [False, True]
    assert read(hand, "newcomers", 0, 1) == []


def test_checks_of_people_are_their_feedback(hand: Hand) -> None:
    """Those that a trigger has started nobody waits for."""
    mine = ran(hand, "check", took=7)
    ran(hand, "check", actor="trigger:nightly")
    ran(hand, "check", RunState.CANCELLED)
    ((run, _, took),) = read(hand, "feedback")
    assert run == mine
    assert took >= 7


def test_a_queue_is_what_lies_between_asking_and_beginning(hand: Hand) -> None:
    """What no worker has begun is not there yet."""
    with hand.write() as tx:
        for key in ("1" * 32, "2" * 32):
            tx.tasks.add(Task(key, PROJECT, "run", "person:ann"))
    hand.clock.advance(microseconds=50)
    with hand.write() as tx:
        tx.tasks.claim("default", "w", lasting=1000)
    ((task, queue, asked, begun),) = read(hand, "queued")
    assert (task, queue) == ("1" * 32, "default")
    assert begun - asked >= 50


def test_equal_inputs_are_an_equal_key(hand: Hand) -> None:
    """One that failed and passed, one that ran once, and hits of the cache with what they saved."""
    ran(hand, state=RunState.FAILED, cache_key="k", took=10)
    again = ran(hand, cache_key="k", took=20)
    once = ran(hand, cache_key="other", took=30)
    with hand.write() as tx:
        hit = tx.runs.start(
            Run(hand.ids.new(), PROJECT, "fit", kind="step", state=RunState.CACHED, origin=once, cache_key="other")
        )
    ((newest, _, good, bad, whole, longest),) = read(hand, "repeated")
    assert (newest, good, bad) == (again, 1, 1)
    assert whole - longest >= 10
    ((run, _, saved),) = read(hand, "cached")
    assert run == hit.id
    assert saved >= 30
    assert len(read(hand, "steps")) == 4


def test_a_repeat_is_held_against_what_it_repeats(hand: Hand) -> None:
    """Output by output, by digest."""
    first = ran(hand, "pipeline", out=b"1")
    same, other = (ran(hand, "reproduce", out=out, tags={"reproduces": first}) for out in (b"1", b"2"))
    assert [(row[0], row[2]) for row in read(hand, "reproduced")] == [(same, 0), (other, 1)]


def test_answers_of_others_are_responses(hand: Hand) -> None:
    """An author's own comment is none; what waits for its policy has none yet; without a policy nobody is asked."""
    hand.publish(b"1", b"2", b"3", b"4")
    ids = {}
    with hand.write() as tx:
        for number in (1, 2, 3, 4):
            change = tx.changes.propose(hand.change(Move(CHAMPION, None, number)))
            ids[number] = change.id
            tx.comments.add(PROJECT, Comment(hand.ids.new(), change.id, "person:ann", "mine", at=0))
            if number < 4:
                tx.changes.decide(change, Decision(tx.now, "a", "propose", None, change.head, passed=False, results=()))
            if number == 1:
                tx.changes.approve(
                    change, Approval("person:bob", "approve", change.head, change.head, verified=True, at=tx.now)
                )
            if number == 2:
                tx.comments.add(PROJECT, Comment(hand.ids.new(), change.id, "person:bob", "why?", at=0))
            for result in (Result.PASS, Result.FAIL):
                tx.verdicts.add(PROJECT, Verdict("eval", change.head, result, None, 0))
    assert [(row[0], row[3] is None) for row in read(hand, "responded")] == [
        (ids[1], False),
        (ids[2], False),
        (ids[3], True),
    ]
    assert [(row[2], row[3]) for row in read(hand, "rechecked")] == [(1, 1)] * 4


def test_unplanned_work_is_counted_once(hand: Hand) -> None:
    """The incident that an override opens is the override."""
    hand.publish(b"1")
    with hand.write() as tx:
        change = tx.changes.propose(hand.change(Move(CHAMPION, None, 1)))
        tx.changes.override(change, Override("person:sre", "now", tx.now, tx.now, change.head))
        for key, source in (("i", "human"), ("o", "override")):
            blames = (Blame("caused_by", change.id, source),)  # type: ignore[arg-type]
            tx.incidents.open(Incident(key, PROJECT, "t", "low", "person:ann", 0, blames=blames))
    assert sorted((row[0], row[2]) for row in read(hand, "unplanned")) == [("incident", "i"), ("override", change.id)]

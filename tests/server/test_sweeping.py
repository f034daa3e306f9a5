"""The duties of the ticker, one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from loopline.loop import Loop
from loopline.nouns.run import Run, RunState
from loopline.nouns.task import TaskState
from loopline.server import sweeping, ticker
from loopline.store.system import SystemIds
from loopline.testing.clock import FakeClock
from loopline.testing.loop import loop as new_loop
from loopline.verbs.asking import ask
from loopline.verbs.burying import attended

SECOND = 1_000_000
DAY = 24 * 3600


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands still at the machine's time, because folders carry that."""
    import time

    return FakeClock(time.time_ns() // 1000)


@pytest.fixture
def loop(tmp_path: Path, clock: FakeClock) -> Iterator[Loop]:
    """Give an empty loop with a work folder of its own."""
    made = new_loop(clock=clock, work=tmp_path / "cache", ids=SystemIds())
    yield made
    made.ledger.close()


def old(path: Path, clock: FakeClock, days: float) -> Path:
    """Make a file, with folders, that was changed so long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    then = clock.now() / 1e6 - days * DAY
    for one in (path, path.parent):
        os.utime(one, (then, then))
    return path


def test_lost_tasks_wait_again(loop: Loop, clock: FakeClock) -> None:
    """A task of a silent worker is queued again, in whatever project it is; one that beats is left alone."""
    lost, fine = ask(replace(loop, project="trains"), "verify", {}), ask(loop, "verify", {}, queue="b")
    with loop.ledger.telemetry() as tables:
        tables.tasks.claim("default", "w1", lasting=SECOND)
        tables.tasks.claim("b", "w2", lasting=60 * SECOND)
    assert sweeping.requeue_lost_tasks(loop) == 0
    clock.advance(seconds=2)
    assert sweeping.requeue_lost_tasks(loop) == 1
    assert sweeping.requeue_lost_tasks(loop) == 0
    with loop.ledger.read() as tx:
        assert tx.tasks.get(lost.id).state is TaskState.QUEUED
        assert tx.tasks.get(fine.id).state is TaskState.RUNNING


def test_dead_runs_of_every_project_are_buried(loop: Loop, clock: FakeClock) -> None:
    """Runs whose task was lost are crashed; runs that no task and no lock speak of are left as they are."""
    runs, others = [], []
    for project in ("flights", "trains"):
        mine = replace(loop, project=project)
        ask(mine, "run", {})
        with loop.ledger.telemetry() as tables:
            task = tables.tasks.claim("default", "w", lasting=SECOND)
        assert task is not None
        with loop.ledger.write(project, loop.actor) as tx:
            tags = {"task": task.id, "task.fence": str(task.fence)}
            runs.append(tx.runs.start(Run(loop.ids.new(), project, "train", state=RunState.RUNNING, tags=tags)))
            others.append(tx.runs.start(Run(loop.ids.new(), project, "train", state=RunState.RUNNING)))
            tx.say("test", "test")
    assert sweeping.bury_dead_runs(loop) == 0
    clock.advance(seconds=2)
    assert sweeping.bury_dead_runs(loop) == 2
    with loop.ledger.read() as tx:
        assert {tx.runs.get(one.id).state for one in runs} == {RunState.CRASHED}
        assert {tx.runs.get(one.id).state for one in others} == {RunState.RUNNING}


def test_a_fault_in_one_project_leaves_no_other_out(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The projects behind one that cannot be looked through have their turn, and then the fault is told."""
    from loopline.verbs import burying

    for project in ("flights", "trains", "zeppelins"):
        with loop.ledger.write(project, loop.actor) as tx:
            tx.projects.ensure(project)
            tx.say("test", "test")
    looked, whole = [], burying.bury

    def bury(there: Loop) -> tuple[str, ...]:
        looked.append(there.project)
        if there.project == "flights":
            raise ValueError(there.project)
        return whole(there)

    monkeypatch.setattr(burying, "bury", bury)
    with pytest.raises(ValueError, match="flights"):
        sweeping.bury_dead_runs(loop)
    assert looked == ["flights", "trains", "zeppelins"]


def test_silent_workers_are_struck_off(loop: Loop, clock: FakeClock) -> None:
    """A worker that was killed is no longer listed after an hour."""
    with loop.ledger.telemetry() as tables:
        tables.tasks.present("w", "default", started_at=0, version="1")
    clock.advance(seconds=3599)
    assert sweeping.forget_silent_workers(loop) == 0
    clock.advance(seconds=2)
    assert sweeping.forget_silent_workers(loop) == 1


def test_replies_are_kept_a_day(loop: Loop, clock: FakeClock) -> None:
    """A reply can be asked for again for 24 hours, and is gone afterwards."""
    from loopline.ledger.replies import Reply
    from loopline.nouns.digest import digest_of

    with loop.ledger.telemetry() as tables:
        tables.replies.claim("flights", "person:ann", "key", request=digest_of(b"x"))
        tables.replies.keep("flights", "person:ann", "key", Reply(200, "{}"))
    clock.advance(seconds=DAY - 1)
    assert sweeping.sweep_replies(loop) == 0
    clock.advance(seconds=2)
    assert sweeping.sweep_replies(loop) == 1


def test_sessions_that_are_over_are_forgotten(loop: Loop, clock: FakeClock) -> None:
    """A session stays while it lasts."""
    with loop.ledger.telemetry() as tables:
        tables.sessions.begin("hash", "person:ann", csrf="c")
    assert sweeping.sweep_sessions(loop) == 0
    clock.advance(seconds=400 * DAY)
    assert sweeping.sweep_sessions(loop) == 1


def test_uploads_are_forgotten_when_nobody_goes_on(loop: Loop, clock: FakeClock) -> None:
    """What came a moment ago stays; what is older than a day goes, note and bytes."""
    folder = loop.work / "uploads"
    stale = [old(folder / f"a{end}", clock, 2) for end in (".json", ".part")]
    fresh = [old(folder / f"b{end}", clock, 0.1) for end in (".json", ".part")]
    assert sweeping.sweep_uploads(loop) == 1
    assert [path.exists() for path in (*stale, *fresh)] == [False, False, True, True]


def test_files_in_parts_that_nobody_ends_are_forgotten(loop: Loop, clock: FakeClock) -> None:
    """After a week nothing names their parts any more, on whichever branch; a younger one goes on."""
    from loopline.ledger.multiparts import Multipart, Part
    from loopline.nouns.digest import digest_of

    for days, name in ((0, "a"), (3, "b")):
        clock.advance(seconds=days * DAY)
        with loop.ledger.telemetry() as tables:
            tables.multiparts.begin(Multipart(name, f"flights:data/{name}@main", "x", {}, "person:ann"))
            tables.multiparts.put(name, Part(1, digest_of(b"x"), 1, ""))
    clock.advance(seconds=4 * DAY)
    assert sweeping.sweep_parts(loop) == 0
    clock.advance(seconds=1)
    assert sweeping.sweep_parts(loop) == 1
    with loop.ledger.read() as tx:
        assert [(tx.multiparts.find(one) is None, len(tx.multiparts.parts(one))) for one in "ab"] == [
            (True, 0),
            (False, 1),
        ]
    assert "abandoned parts" in [duty.name for duty in ticker.duties()]


def test_scratch_and_logs_of_the_dead_go(loop: Loop, clock: FakeClock) -> None:
    """Folders and logs that nothing has touched for a day are removed, except when something was touched deep inside."""
    gone = old(loop.work / "scratch" / "job-a" / "model.bin", clock, 2)
    log = old(loop.work / "logs" / "x.log", clock, 2)
    kept = old(loop.work / "scratch" / "job-b" / "deep" / "model.bin", clock, 2)
    (kept.parent / "new").write_text("x")
    assert sweeping.sweep_folders(loop) == 2
    assert [path.exists() for path in (gone, gone.parent, log, kept)] == [False, False, False, True]
    assert sweeping.sweep_folders(replace(loop, work=loop.work / "nowhere")) == 0


def test_what_is_at_work_may_sit_still(loop: Loop, clock: FakeClock) -> None:
    """As long as a run of this machine is at work, nothing that is younger than its beginning is removed."""
    clock.advance(seconds=-3 * DAY)
    run = f"{clock.now() // 1000:012x}" + "7" + "0" * 19
    clock.advance(seconds=3 * DAY)
    kept = old(loop.work / "scratch" / "job-a" / "x", clock, 2)
    gone = old(loop.work / "scratch" / "job-b" / "x", clock, 4)
    with attended(loop, run):
        assert sweeping.sweep_folders(loop) == 1
        assert (kept.exists(), gone.exists()) == (True, False)
    assert sweeping.sweep_folders(loop) == 1


def test_triggers_of_every_project_look(loop: Loop, clock: FakeClock) -> None:
    """What stands in the server's own file is about its own project; another one has what is in force there."""
    from loopline.checks.document import Document, dump_document
    from loopline.nouns.trigger import Do, OnTime, Trigger
    from loopline.verbs.policy import policy

    page = Trigger("page", OnTime("* * * * *"), Do(incident="Look"))
    mine = replace(loop, triggers=(page,))
    there = replace(loop, project="trains")
    policy(there, document=dump_document(Document((), (), (replace(page, name="theirs"),))).decode(), why="test")
    with loop.ledger.write("flights", loop.actor) as tx:
        tx.projects.ensure("flights")
        tx.projects.ensure("ships")
        tx.say("test", "test")
    assert sweeping.tick_triggers(mine) == 0
    clock.advance(seconds=61)
    assert sweeping.tick_triggers(mine) == 2
    with loop.ledger.read() as tx:
        found = {name: [one.trigger for one in tx.firings.list(name)] for name in ("flights", "trains", "ships")}
    assert found == {"flights": ["page"], "trains": ["theirs"], "ships": []}

"""burying: runs whose process is gone, told to the ledger; shared by the verbs that run pipelines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.nouns.ids import brief
from loopline.nouns.run import RunState, number_in
from loopline.nouns.verdict import Result

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop
    from loopline.nouns.change import Change
    from loopline.nouns.digest import Digest
    from loopline.nouns.run import Run
    from loopline.nouns.verdict import Verdict

FENCE = "task.fence"
"""Tag of a run that says which taking of its task made it."""

DAY = 24 * 3600 * 1_000_000
"""Microseconds after which work that this ledger does not know is nobody's."""
GONE: Final = "its process ended without a word"


def attended(loop: Loop, run: str) -> AbstractContextManager[None]:
    """Be at work on a run until the block ends: meanwhile nobody takes it for dead."""
    from loopline.executors.attendance import attended as at_work

    return at_work(_folder(loop), run)


def bury(loop: Loop) -> tuple[str, ...]:
    """Mark runs whose process is gone as crashed, with the steps that they left, and answer the checks that wait for them.

    Give the ids of those runs. On this machine the locks tell; what a worker ran, wherever that was, is gone when the lease of
    its task is.
    """
    from loopline.executors.attendance import abandoned, forget

    buried = []
    with abandoned(_folder(loop)) as names:
        for name in names:
            answered = unanswered(loop, name, GONE)
            run, _ = _look(loop, name)
            if run is not None and run.project == loop.project and not run.state.over:
                _mark(loop, name)
                buried.append(name)
            run, waiting = _look(loop, name)
            if run is None:  # it died before it was written down; or it is another ledger's, which shares this folder
                over = answered or loop.clock.now() - int(name[:12], 16) * 1000 > DAY
            else:
                over = run.project == loop.project and run.state.over
            if over and not waiting:  # a rehearsal has changed nothing
                forget(_folder(loop), name)
    return (*buried, *_bury_fenced(loop))


def _look(loop: Loop, run: str) -> tuple[Run | None, list[Verdict]]:
    """Find a run, and the checks that wait for it."""
    with loop.ledger.read() as tx:
        return tx.runs.find(run), tx.verdicts.awaiting(loop.project, run)


def _bury_fenced(loop: Loop) -> list[str]:
    """Mark the runs that a worker can write nothing more to: its task is over, or another has it."""
    with loop.ledger.read() as tx:
        dead = [run.id for run in tx.runs.open_with(loop.project, FENCE) if not _held(tx, run)]
    for name in dead:
        unanswered(loop, name, GONE)
        _mark(loop, name)
    return dead


def unanswered(loop: Loop, run: str, why: str) -> bool:
    """Say of checks that wait for a run which will not answer that they have given no answer. Tell whether there were any."""
    _, waiting = _look(loop, run)
    if not waiting:
        return False
    with loop.ledger.write(loop.project, loop.actor) as tx:
        waiting = tx.verdicts.awaiting(loop.project, run)
        about = give_up(tx, loop, waiting, why)
        begun = run if tx.runs.find(run) else None
        _say_of(tx, about[0] if about else None, waiting, run=run, begun=begun, why=why)
    for change in about[1:]:
        with loop.ledger.write(loop.project, loop.actor) as tx:
            _say_of(tx, change, waiting, run=run, begun=begun, why=why)
    return True


def _say_of(
    tx: Writing, change: Change | None, several: Iterable[Verdict], *, run: str, begun: str | None, why: str
) -> None:
    """Say in a transaction which checks have given no answer about a change, or about none that is open."""
    names = ", ".join(one.check for one in several if change is None or one.head == change.head)
    tx.say("check.answered", change.id if change else run, check=names, result=str(Result.ERROR), run=begun, error=why)


def give_up(tx: Writing, loop: Loop, several: Iterable[Verdict], why: str) -> list[Change]:
    """Write in a transaction that checks have given no answer, and what to do next. Give the open changes that waited for one.

    These are judged again.
    """
    from loopline.verbs.moving import settle

    about: dict[Digest, Sequence[Change]] = {}
    for one in several:
        if one.head not in about:
            about[one.head] = tx.changes.open_with(loop.project, one.head)
        begun = one.run if one.run and tx.runs.find(one.run) else None
        again = f" → loopline check {brief(about[one.head][0].id)}" if about[one.head] else ""
        tx.verdicts.add(loop.project, replace(one, result=Result.ERROR, run=begun, summary=why + again))
    return [settle(tx, loop, tx.changes.get(change.id)) for changes in about.values() for change in changes]


def _held(tx: Tables, run: Run) -> bool:
    return tx.tasks.holds(run.tags.get("task", ""), number_in(run.tags, FENCE))


def _mark(loop: Loop, run: str) -> None:
    with loop.ledger.write(loop.project, loop.actor) as tx:
        for step in tx.runs.children(run):
            tx.runs.move(step.id, RunState.CRASHED)
        tx.runs.move(run, RunState.CRASHED, error=GONE)
        tx.say(
            "run.finished", run, state=str(RunState.CRASHED), name=tx.runs.get(run).name, error="its process is gone"
        )


def _folder(loop: Loop) -> Path:
    return loop.work / "running"

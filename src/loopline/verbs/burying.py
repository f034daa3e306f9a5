"""burying: runs whose process is gone, told to the ledger; shared by the verbs that run pipelines."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from loopline.nouns.run import RunState, number_in

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.run import Run

FENCE = "task.fence"
"""Tag of a run that says which taking of its task made it."""

DAY = 24 * 3600 * 1_000_000
"""Microseconds after which work that this ledger does not know is nobody's."""


def attended(loop: Loop, run: str) -> AbstractContextManager[None]:
    """Be at work on a run until the block ends: meanwhile nobody takes it for dead."""
    from loopline.executors.attendance import attended as at_work

    return at_work(_folder(loop), run)


def bury(loop: Loop) -> tuple[str, ...]:
    """Mark runs whose process is gone as crashed, with the steps that they left. Give their ids.

    On this machine the locks tell; what a worker ran, wherever that was, is gone when the lease of its task is.
    """
    from loopline.executors.attendance import abandoned, forget

    buried = []
    with abandoned(_folder(loop)) as names:
        for name in names:
            with loop.ledger.read() as tx:
                run = tx.runs.find(name)
            if run is None and loop.clock.now() - int(name[:12], 16) * 1000 > DAY:
                forget(_folder(loop), name)  # it died before it was written down
            if run is None or run.project != loop.project:
                continue  # perhaps another ledger's, which shares this folder
            if not run.state.over:
                _mark(loop, name)
                buried.append(name)
            forget(_folder(loop), name)
    return (*buried, *_bury_fenced(loop))


def _bury_fenced(loop: Loop) -> list[str]:
    """Mark the runs that a worker can write nothing more to: its task is over, or another has it."""
    with loop.ledger.read() as tx:
        dead = [run.id for run in tx.runs.open_with(loop.project, FENCE) if not _held(tx, run)]
    for name in dead:
        _mark(loop, name)
    return dead


def _held(tx: Tables, run: Run) -> bool:
    return tx.tasks.holds(run.tags.get("task", ""), number_in(run.tags, FENCE))


def _mark(loop: Loop, run: str) -> None:
    with loop.ledger.write(loop.project, loop.actor) as tx:
        for step in tx.runs.children(run):
            tx.runs.move(step.id, RunState.CRASHED)
        tx.runs.move(run, RunState.CRASHED, error="its process ended without a word")
        tx.say(
            "run.finished", run, state=str(RunState.CRASHED), name=tx.runs.get(run).name, error="its process is gone"
        )


def _folder(loop: Loop) -> Path:
    return loop.work / "running"

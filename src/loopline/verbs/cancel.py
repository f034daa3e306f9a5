"""cancel: ask work to stop."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Invalid, NotFound
from loopline.loop import Loop
from loopline.nouns.ids import brief
from loopline.nouns.task import Task
from loopline.verbs.asking import stop


def cancel(
    loop: Loop,
    task: Annotated[str, "first digits of a task, or of a run that came of one"],
    *,
    why: Annotated[str, "the reason"] = "",
) -> Task:
    """Ask a task to stop. One that waits is over at once; a worker hears of it within a second.

    What its steps have made until then stays, and the next run takes it from the cache. A task that is over stays as it is.

    Example:
        loopline cancel 01a2 --why "wrong parameters"
    """
    name = _task_of(loop, task)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        return stop(tx, loop, name, why=why)


def _task_of(loop: Loop, name: str) -> str:
    """Find the task itself, or the one that a run came of. Raise NotFound, Invalid for a run that came of none."""
    with loop.ledger.read() as tx:
        try:
            return tx.tasks.resolve(loop.project, name).id
        except NotFound:
            run = tx.runs.resolve(loop.project, name)
    found = run.tags.get("task")
    if found is None:
        raise Invalid(
            f"run {brief(run.id)} came of no task: the process that began it ends it", kind="no-task-of-run",
            hint=f"Ctrl-C there; if it is gone: loopline finish {brief(run.id)} --state crashed", run=run.id,
        )  # fmt: skip
    with loop.ledger.read() as tx:
        return tx.tasks.resolve(loop.project, found).id

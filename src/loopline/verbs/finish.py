"""finish: say how a run ended."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Invalid
from loopline.loop import Loop
from loopline.nouns.run import Run, RunState


def finish(
    loop: Loop,
    run: Annotated[str, "id of the run"],
    *,
    state: Annotated[RunState, "how it ended"] = RunState.FINISHED,
    error: Annotated[str | None, "what went wrong, in a line"] = None,
    ended_at: Annotated[int | None, "microseconds since the epoch; now when left out"] = None,
) -> Run:
    """End a run. A run that is over stays as it is.

    Example:
        loopline finish 01a2 --state failed --error "out of memory"
    """
    if not state.over:
        raise Invalid(
            f"{state} is no end", kind="not-an-end", hint="use finished, failed, crashed or cancelled", state=str(state)
        )
    with loop.ledger.write(loop.project, loop.actor) as tx:
        known = tx.runs.resolve(loop.project, run, deleted=True)
        moved = tx.runs.move(known.id, state, error=error, ended_at=ended_at)
        ended = tx.runs.get(known.id)
        tx.say(
            "run.finished" if moved else "run.unchanged",
            known.id,
            state=str(ended.state),
            name=ended.name,
            error=ended.error,
        )
    return ended

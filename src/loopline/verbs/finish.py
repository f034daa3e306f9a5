"""finish: say how a run ended."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Conflict, Invalid
from loopline.loop import Loop
from loopline.nouns.run import Run, RunState
from loopline.verbs.filing import busy, of_run, seal_in
from loopline.verbs.staging import TRIES, refold


def finish(
    loop: Loop,
    run: Annotated[str, "id of the run"],
    *,
    state: Annotated[RunState, "how it ended"] = RunState.FINISHED,
    error: Annotated[str | None, "what went wrong, in a line"] = None,
    ended_at: Annotated[int | None, "microseconds since the epoch; now when left out"] = None,
) -> Run:
    """End a run. A run that is over stays as it is. The files that it has become one output of it.

    Example:
        loopline finish 01a2 --state failed --error "out of memory"
    """
    if not state.over:
        raise Invalid(
            f"{state} is no end", kind="not-an-end", hint="use finished, failed, crashed or cancelled", state=str(state)
        )
    with loop.ledger.read() as tables:
        known = tables.runs.resolve(loop.project, run, deleted=True)
    owner = of_run(known)
    for _ in range(TRIES):
        try:
            with loop.ledger.write(loop.project, loop.actor) as tx:
                moved = tx.runs.move(known.id, state, error=error, ended_at=ended_at)
                files = seal_in(tx, loop, owner) if moved and not loop.ledger.dry else None
                ended = tx.runs.get(known.id)
                said = {"files": files.digest} if files else {}
                tx.say(
                    "run.finished" if moved else "run.unchanged",
                    known.id, state=str(ended.state), name=ended.name, error=ended.error, **said,
                )  # fmt: skip
        except Conflict as conflict:
            if conflict.kind != "staging-moved":
                raise
            refold(loop, owner)
        else:
            return ended
    raise busy(owner)

"""promote: as far as the policy lets it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from loopline.ledger.ledger import Ledger
from loopline.loop import Loop
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.name import RefName, Revision
from loopline.nouns.verdict import Result, Verdict
from loopline.verbs.apply import apply
from loopline.verbs.carrying import told
from loopline.verbs.check import check, declared
from loopline.verbs.moving import aim, settle
from loopline.verbs.propose import propose

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables


def promote(
    loop: Loop,
    ref: Annotated[RefName, "what should move: model/delay@champion"],
    *,
    to: Annotated[Revision, "where: a number, another ref, a digest, latest"],
    why: Annotated[str, "the reason, for whoever reviews it"],
    together: Annotated[
        bool, "also move the same ref of the data, code and environment that the version was made from"
    ] = False,
    executor: Annotated[str, "where the checks run"] = "local",
    workers: Annotated[int, "steps at a time; 0: one for each processor"] = 0,
) -> Change:
    """Propose a move, run its checks, and apply it if the policy is satisfied. Otherwise it waits, and says for what.

    Promoting the same again goes on with the change that is open. A rehearsal (`--dry-run`) runs no check: it names those that
    would run, as pending, and goes as far as what is known already lets it.

    Example:
        loopline promote model/delay@champion --to 2 --why "trained with the July data"
    """
    if loop.ledger.dry:
        return _rehearsed(loop, ref, to=to, why=why, together=together)
    change = _open(loop, ref, to, together=together) or propose(loop, ref, to=to, why=why, together=together)
    return as_far_as_possible(loop, change, executor=executor, workers=workers)


def as_far_as_possible(loop: Loop, change: Change, *, executor: str, workers: int) -> Change:
    """Run the checks of a change, where that is still to be done, and apply it if the policy is satisfied."""
    if change.state.over or change.state is ChangeState.ROLLING:
        return change
    if not declared(loop, change):
        change = _judged_again(loop, change)
    elif not _checked(change):
        change = check(loop, change.id, executor=executor, workers=workers)
    if change.state is ChangeState.APPROVED or (change.decision and change.decision.passed):
        return apply(loop, change.id)
    return change


def _rehearsed(loop: Loop, ref: RefName, *, to: Revision, why: str, together: bool) -> Change:
    """Go as far as without running anything, inside a transaction that is undone at its end."""
    with loop.ledger.telemetry():
        inside = replace(loop, ledger=Ledger(loop.ledger.database, clock=loop.clock))
        change = _open(inside, ref, to, together=together) or propose(inside, ref, to=to, why=why, together=together)
        runs = () if change.state.over or _checked(change) else declared(inside, change)
        if not runs:
            return promote(inside, ref, to=to, why=why, together=together) if not change.state.over else change
        told = (Verdict(name, change.head, Result.PENDING, None, loop.clock.now(), "would run") for name in runs)
        return replace(change, verdicts=tuple(told))


def _open(loop: Loop, ref: RefName, to: Revision, *, together: bool) -> Change | None:
    """Find an open change that would do just this from where the ref stands now."""
    with loop.ledger.read() as tx:
        return open_like(tx, loop, aim(tx, ref, to), together=together)


def open_like(tx: Tables, loop: Loop, wanted: Move, *, together: bool = False) -> Change | None:
    """Find an open change that makes just this move; `together`: others beside it may be there."""
    for change in tx.changes.list(loop.project, open_only=True, ref=wanted.ref):
        alone = len(change.moves) == 1 or together
        if alone and any((m.ref, m.old, m.new) == (wanted.ref, wanted.old, wanted.new) for m in change.moves):
            return change
    return None


def _judged_again(loop: Loop, change: Change) -> Change:
    """Ask the policy that is in force now: it may be another one than when the change was proposed."""
    with loop.ledger.write(loop.project, loop.actor) as tx:
        settled = settle(tx, loop, tx.changes.get(change.id))
        tx.say("change.judged", change.id, **told(settled))
        return settled


def _checked(change: Change) -> bool:
    """Whether every check has answered about this head, and none with an error."""
    return bool(change.verdicts) and all(verdict.result in ("pass", "fail") for verdict in change.verdicts)

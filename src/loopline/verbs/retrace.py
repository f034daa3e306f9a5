"""retrace: what a rollback would move, and why."""

from __future__ import annotations

from typing import Annotated

from loopline.loop import Loop
from loopline.nouns.name import RefName
from loopline.nouns.wayback import WayBack
from loopline.verbs.moments import Goal
from loopline.verbs.wayback import may_go, way_back


def retrace(
    loop: Loop,
    ref: Annotated[RefName, "what went wrong: service/delay@prod"],
    *,
    to: Annotated[
        str | None, "a version where it stood before, or a time: 2, @2026-08-01T12:00; the last good one when left out"
    ] = None,
    change: Annotated[str | None, "the newest change of the ref, or the rollback that is to be taken back"] = None,
    also: Annotated[tuple[RefName, ...], "further refs that go back to that moment"] = (),
    leave: Annotated[tuple[RefName, ...], "refs that stay where they are"] = (),
    quarantine: Annotated[bool, "mark the versions that it leaves as bad: no automation moves there again"] = True,
    abort: Annotated[bool, "end what rolls on these refs first"] = False,
) -> WayBack:
    """Tell what a rollback would move and why, what stays, and what goes into quarantine. Nothing is written.

    Its `digest` names all of that: `loopline rollback … --expect DIGEST` does just this, or refuses where something has changed.

    Example:
        loopline retrace service/delay@prod
        loopline retrace service/delay@prod --to @2026-08-01T12:00
    """
    with loop.ledger.read() as tx:
        found = way_back(tx, loop, ref, Goal(to, change, also, leave, quarantine, abort))
        may_go(tx, loop, "retrace", found)
    return found

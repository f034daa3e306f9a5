"""lock: data tied to the code's commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

if TYPE_CHECKING:
    from loopline.cli.place import Place
    from loopline.sdk.standing import Standing


def lock(
    where: Place,
    *,
    checkout: Annotated[bool, "make the folders hold what is written, as after a checkout of git"] = False,
) -> tuple[Standing, ...]:
    """Write which version each folder of data holds to loopline.lock, to be committed with the code.

    From then on `add` and `checkout` keep it up to date. After git has brought another commit's loopline.lock, `--checkout` makes
    the folders hold those versions; nobody's work is overwritten.

    Example:
        loopline lock
    """
    from loopline.sdk.workspace import Workspace

    working = Workspace(where.client, where.settings, dry=where.options.dry, report=where.report)
    try:
        return working.unlocked() if checkout else working.lock()
    finally:
        for remark in working.said:
            where.screen.say(remark)

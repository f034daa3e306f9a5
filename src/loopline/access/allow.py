"""allow: whether a caller may ask a verb of a project and of assets in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from loopline.errors import Refused

if TYPE_CHECKING:
    from loopline.nouns.caller import Caller


def allowed(caller: Caller, verb: Any, *, project: str, assets: Iterable[str] = ()) -> None:
    """Raise Refused kind="not-allowed" unless role and scope both let the caller. It never says what is there."""
    if caller.open:
        return
    raise Refused("you may not do that here", kind="not-allowed", hint="ask an admin of this server", verb=verb.name)

"""allow: whether a caller may ask a verb of a project and of assets in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from loopline.access.roles import EVERYWHERE, at_least, needed, role_in
from loopline.access.scopes import covers
from loopline.errors import Refused

if TYPE_CHECKING:
    from loopline.access.asked import Asked
    from loopline.nouns.caller import Caller


def entered(caller: Caller, *, project: str) -> None:
    """Raise Refused kind="not-allowed" unless the caller has some right in a project: what each page of it asks first."""
    near = any(scope.project in (EVERYWHERE, project) for scope in caller.scopes)
    if caller.open or (near and role_in(caller.roles, project) is not None):
        return
    raise _not_allowed("look around", project)


def allowed(caller: Caller, verb: Asked, *, project: str, assets: Iterable[str] = ()) -> None:
    """Raise Refused kind="not-allowed" unless role and scope both let the caller. It never says what is there."""
    if caller.open:
        return
    least = needed(verb)
    if least is None and verb.cls == "read":
        return  # who one is, no scope hides from oneself
    named = list(assets)
    by_role = least is None or at_least(role_in(caller.roles, project), least)
    if by_role and any(covers(scope, verb, project=project, assets=named) for scope in caller.scopes):
        return
    raise _not_allowed(verb.name, project)


def _not_allowed(what: str, project: str) -> Refused:
    return Refused(
        f"you may not {what} in {project}", kind="not-allowed",
        hint="loopline whoami tells what you may; ask an admin of this server for more", verb=what, project=project,
    )  # fmt: skip

"""serving_users: operations on users and on what they may do. Users are actors, and there are no passwords."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loopline.access.roles import EVERYWHERE, PREFIX, role_in
from loopline.faces.mlflow import members
from loopline.faces.mlflow import wire_team as wire
from loopline.faces.mlflow.asking import Ask, Document, Operation, answer, project_named, sync
from loopline.faces.mlflow.errors import Fault, exists, invalid, missing
from loopline.verbs.founding import projects
from loopline.verbs.grant import grant
from loopline.verbs.permitting import roles_of, seen
from loopline.verbs.revoke import revoke as shut_out
from loopline.verbs.teaming import bands, everybody

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from loopline.loop import Loop
    from loopline.nouns.token import Role
    from loopline.verbs.teaming import Band


def no_password(ask: Ask) -> Response:
    """Refuse to make a user with a password, or to change one: whoever may do nothing here is told that first."""
    ask.loop("issue")
    raise Fault("NOT_IMPLEMENTED", members.NO_PASSWORDS)


def current(ask: Ask) -> Response:
    """Tell who asks, to this server."""
    loop = ask.loop("whoami")
    return answer({"user": _user(loop, str(loop.actor)), "is_basic_auth": True})


def get(ask: Ask) -> Response:
    """Give one user, of those whom the caller may know."""
    loop, actor = _whose(ask)
    return answer({"user": _user(loop, actor)})


def list_all(ask: Ask) -> Response:
    """List the users whom the caller may know, with their roles."""
    loop = ask.loop("find")
    found = bands(loop, _homes(loop))
    return answer({
        "users": [
            {**_user(loop, actor), "roles": [members.role(one) for one in found if actor in one.members]}
            for actor in everybody(loop)
        ]
    })  # fmt: skip


def update_admin(ask: Ask) -> Response:
    """Make an admin of the server, or take that away."""
    said: wire.UpdateAdmin = ask.body
    loop, actor = ask.loop("grant"), members.actor_of(said.username or "")
    with loop.ledger.read() as tx:
        is_admin = (EVERYWHERE, f"{PREFIX}admin") in tx.teams.standing(actor)
    if said.is_admin or is_admin:
        grant(loop, actor, f"{PREFIX}admin", revoke=not said.is_admin, everywhere=True)
    return answer()


def remove(ask: Ask) -> Response:
    """Shut a user out, with everything they have. `loopline revoke --back` lets them in again."""
    loop, actor = _whose(ask, verb="revoke")
    if actor == str(loop.actor):
        raise Fault("BAD_REQUEST", "Users cannot delete their own account: ask another admin of this server.")
    shut_out(loop, actor)
    return answer()


def grant_permission(ask: Ask) -> Response:
    """Give somebody a role in a project. Who is not known yet is from then on."""
    said: wire.GrantPermission = ask.body
    here, everywhere = _at(ask, said)
    loop, actor = here.loop("grant"), members.actor_of(said.username or "")
    wanted = members.role_wanted(said.resource_type or "", said.resource_id or "", said.permission or "")
    if wanted is None:
        raise invalid("Nothing is granted with this permission: revoke what the user has instead.")
    if not grant(loop, actor, f"{PREFIX}{wanted}", everywhere=everywhere).changed:
        raise exists(f"Permission for user={said.username} on workspace '{said.resource_id}' already exists.")
    return answer()


def revoke_permission(ask: Ask) -> Response:
    """Take the roles away that somebody has in a project themself. What they have by a team stays."""
    said: wire.OnePermission = ask.body
    here, everywhere = _at(ask, said)
    loop, actor = here.loop("grant"), members.actor_of(said.username or "")
    members.whole(said.resource_type or "", said.resource_id or "")
    home = EVERYWHERE if everywhere else loop.project
    mine = [one for one in bands(loop, (home,)) if one.fixed and actor in one.members]
    if not mine:
        raise missing(f"Permission for user={said.username} on workspace '{said.resource_id}' not found.")
    for one in mine:
        grant(loop, actor, one.name, revoke=True, everywhere=everywhere)
    return answer()


def get_permission(ask: Ask) -> Response:
    """Tell what somebody may do to something: what their role in its project lets them do."""
    said: wire.OnePermission = ask.body
    members.known_type(said.resource_type or "")
    here, _ = _at(ask, said) if said.resource_type == members.WORKSPACE else (ask, False)
    loop, actor = _whose(here)
    held = role_in(_roles(loop, actor), loop.project)
    return answer({"allowed": held is not None and held != "viewer", "permission": members.told(held)})


def list_permissions(ask: Ask) -> Response:
    """Tell what somebody may do, by each role and team that they have."""
    loop, actor = _whose(ask)
    return _permissions(loop, actor)


def list_own(ask: Ask) -> Response:
    """Tell what the caller may do."""
    loop = ask.loop("whoami")
    return _permissions(loop, str(loop.actor))


def list_roles(ask: Ask) -> Response:
    """List the roles and teams of a user."""
    loop, actor = _whose(ask)
    return answer({"roles": [members.role(one) for one in _held(loop, actor)]})


def _permissions(loop: Loop, actor: str) -> Response:
    rows = [
        {
            "role_id": members.role_id(one), "role_name": members.role(one)["name"], "workspace": one.home,
            "resource_type": members.WORKSPACE, "resource_pattern": "*", "permission": members.told(role),
        }
        for one in _held(loop, actor) for role in one.carries
    ]  # fmt: skip
    return answer({"is_admin": _user(loop, actor)["is_admin"], "permissions": rows})


def _whose(ask: Ask, *, verb: str = "whoami") -> tuple[Loop, str]:
    """Give the user that is named. Raise Fault 403 for one whom the caller may not list, there or not; 404 for one who is not."""
    loop, actor = ask.loop(verb), members.actor_of(ask.body.username or "")
    if actor == str(loop.actor):
        return loop, actor
    loop = ask.loop("find")
    with loop.ledger.read() as tx:
        mine = seen(loop, tx)
    if mine and actor not in mine:
        raise Fault("PERMISSION_DENIED", "Permission denied")
    if actor not in everybody(loop):
        raise missing(f"User with username={ask.body.username} not found")
    return loop, actor


def _at(ask: Ask, said: wire.OnePermission) -> tuple[Ask, bool]:
    """Ask of the project that a permission is about; and whether it is about every project."""
    if said.resource_type != members.WORKSPACE or said.resource_id == EVERYWHERE:
        return ask, said.resource_type == members.WORKSPACE
    return replace(ask, project=project_named(ask.request, said.resource_id or "")), False


def _held(loop: Loop, actor: str) -> list[Band]:
    return [one for one in bands(loop, _homes(loop)) if actor in one.members]


def _homes(loop: Loop) -> tuple[str, ...]:
    mine = [one.name for one in projects(loop)]
    return (*mine, EVERYWHERE) if mine else ()


def _user(loop: Loop, actor: str) -> dict[str, Any]:
    return members.user(actor, admin=_roles(loop, actor).get(EVERYWHERE) == "admin")


def _roles(loop: Loop, actor: str) -> Mapping[str, Role]:
    if loop.caller and loop.caller.open and actor == str(loop.actor):
        return {EVERYWHERE: "admin"}
    with loop.ledger.read() as tx:
        return roles_of(tx, actor)


_P2: Final = "/api/2.0/mlflow/users"
_P3: Final = "/api/3.0/mlflow/users"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", f"{_P2}/create"): sync(no_password, Document),
    ("PATCH", f"{_P2}/update-password"): sync(no_password, Document),
    ("GET", f"{_P2}/get"): sync(get, wire.OneUser),
    ("GET", f"{_P2}/current"): sync(current),
    ("GET", f"{_P2}/list"): sync(list_all),
    ("PATCH", f"{_P2}/update-admin"): sync(update_admin, wire.UpdateAdmin),
    ("DELETE", f"{_P2}/delete"): sync(remove, wire.OneUser),
    ("GET", f"{_P3}/current/permissions"): sync(list_own),
    ("GET", f"{_P3}/permissions/list"): sync(list_permissions, wire.OneUser),
    ("GET", f"{_P3}/permissions/get"): sync(get_permission, wire.OnePermission),
    ("POST", f"{_P3}/permissions/grant"): sync(grant_permission, wire.GrantPermission),
    ("POST", f"{_P3}/permissions/revoke"): sync(revoke_permission, wire.OnePermission),
    ("GET", f"{_P3}/roles/list"): sync(list_roles, wire.OneUser),
}

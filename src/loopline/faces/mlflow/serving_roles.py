"""serving_roles: operations on roles: those that every project has, and teams, which anybody who manages a project makes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loopline.access.roles import EVERYWHERE, PREFIX
from loopline.errors import Conflict
from loopline.faces.mlflow import members
from loopline.faces.mlflow import wire_team as wire
from loopline.faces.mlflow.asking import Ask, Operation, answer, project_named, sync
from loopline.faces.mlflow.errors import exists, invalid, missing
from loopline.verbs.founding import projects
from loopline.verbs.grant import grant
from loopline.verbs.permitting import seen
from loopline.verbs.teaming import TEAM, Band, bands, describe_team, dissolve

if TYPE_CHECKING:
    from starlette.responses import Response

    from loopline.loop import Loop
    from loopline.nouns.token import Role

_FIXED: Final = "is what every project has, and stays as it is: make a role of another name, or assign it"


def list_all(ask: Ask) -> Response:
    """List the roles of some workspaces, or of all that the caller may look into."""
    said: wire.ListRoles = ask.body
    if not said.workspace:
        return answer({"roles": [members.role(one) for one in _every(ask.loop("whoami"))]})
    found = list[Band]()
    for home in said.workspace:
        loop = _at(ask, home).loop("about")
        found += bands(loop, (EVERYWHERE if home == EVERYWHERE else loop.project,))
    return answer({"roles": [members.role(one) for one in found]})


def get(ask: Ask) -> Response:
    """Give one role."""
    return answer({"role": members.role(_find(ask.loop("whoami"), ask.body.role_id))})


def create(ask: Ask) -> Response:
    """Make a role: a team, whose members may do nothing yet."""
    said: wire.CreateRole = ask.body
    home, name = said.workspace or "", said.name or ""
    loop = _at(ask, home).loop("grant")
    if name in {one.name.removeprefix(PREFIX) for one in bands(loop, (loop.project,)) if one.fixed}:
        raise exists(f"Role '{name}' {_FIXED}.")
    made = Band(EVERYWHERE if home == EVERYWHERE else loop.project, f"{TEAM}{name}", said.description or "")
    try:
        describe_team(loop, made.home, made.name, made.description, new=True)
    except Conflict as taken:
        if taken.kind != "team-exists":
            raise
        raise exists(f"Role with name={name} in workspace={home} already exists.") from None
    return answer({"role": members.role(made)})


def update(ask: Ask) -> Response:
    """Say what a role is for."""
    said: wire.UpdateRole = ask.body
    loop, one = _to_change(ask)
    if said.name and f"{TEAM}{said.name}" != one.name:
        raise invalid("A role keeps its name, for policies name it: make another one, assign it, and delete this one.")
    if said.description is None:
        raise invalid("'description' must be provided to update a role.")
    describe_team(loop, one.home, one.name, said.description)
    return answer({"role": members.role(replace(one, description=said.description))})


def remove(ask: Ask) -> Response:
    """Take a role away from everybody."""
    dissolve(*_to_change(ask))
    return answer()


def list_permissions(ask: Ask) -> Response:
    """Tell what those who have a role may do."""
    found = _find(ask.loop("whoami"), ask.body.role_id)
    return answer({"role_permissions": members.role(found)["permissions"]})


def add_permission(ask: Ask) -> Response:
    """Give those who have a role a role of the workspace."""
    said: wire.AddPermission = ask.body
    loop, one = _to_change(ask)
    wanted = _wanted(said.resource_type or "", said.resource_pattern or "", said.permission or "")
    if one.carries:
        raise exists(f"Role {said.role_id} has a permission on its workspace already: update that.")
    grant(loop, one.name, f"{PREFIX}{wanted}", everywhere=one.home == EVERYWHERE)
    return answer({"role_permission": members.permission(one, wanted)})


def update_permission(ask: Ask) -> Response:
    """Give those who have a role another role of the workspace: the new one first."""
    said: wire.UpdateRolePermission = ask.body
    loop, one, held = _permission(ask, said.role_permission_id)
    wanted = _wanted(members.WORKSPACE, "*", said.permission or "")
    everywhere = one.home == EVERYWHERE
    if wanted != held:
        grant(loop, one.name, f"{PREFIX}{wanted}", everywhere=everywhere)
        grant(loop, one.name, f"{PREFIX}{held}", revoke=True, everywhere=everywhere)
    return answer({"role_permission": members.permission(one, wanted)})


def remove_permission(ask: Ask) -> Response:
    """Take a role of the workspace away from those who have a role."""
    loop, one, held = _permission(ask, ask.body.role_permission_id)
    grant(loop, one.name, f"{PREFIX}{held}", revoke=True, everywhere=one.home == EVERYWHERE)
    return answer()


def assign(ask: Ask) -> Response:
    """Give somebody a role. Who is not known yet is from then on."""
    said: wire.AssignRole = ask.body
    loop, one, actor = _assigned(ask, said)
    if not grant(loop, actor, one.name, everywhere=one.home == EVERYWHERE).changed:
        raise exists(f"Role {said.role_id} is already assigned to user {said.username}.")
    return answer({"assignment": _assignment(one, actor)})


def unassign(ask: Ask) -> Response:
    """Take a role away from somebody."""
    loop, one, actor = _assigned(ask, ask.body)
    grant(loop, actor, one.name, revoke=True, everywhere=one.home == EVERYWHERE)
    return answer()


def list_users(ask: Ask) -> Response:
    """List who has a role, of those whom the caller may know."""
    loop = ask.loop("find")
    found = _find(loop, ask.body.role_id)
    with loop.ledger.read() as tx:
        mine = seen(loop, tx)
    shown = [one for one in found.members if not one.startswith(TEAM) and (not mine or one in mine)]
    return answer({"assignments": [_assignment(found, one) for one in shown]})


def _assigned(ask: Ask, said: wire.AssignRole) -> tuple[Loop, Band, str]:
    one = _find(ask.loop("whoami"), said.role_id)
    return _at(ask, one.home).loop("grant"), one, members.actor_of(said.username or "")


def _assignment(one: Band, actor: str) -> dict[str, Any]:
    return {
        "id": members.number("assignment", one.home, one.name, actor),
        "user_id": members.number("user", actor),
        "role_id": members.role_id(one),
    }


def _at(ask: Ask, home: str) -> Ask:
    """Ask of the project that a role is in; of the server's own for roles that hold everywhere."""
    return replace(ask, project=project_named(ask.request, "" if home == EVERYWHERE else home))


def _every(loop: Loop) -> tuple[Band, ...]:
    mine = [one.name for one in projects(loop)]
    return bands(loop, (*mine, EVERYWHERE) if mine else ())


def _find(loop: Loop, role_id: int | None) -> Band:
    """Give the role of a number, of those that the caller may know. Raise Fault 404."""
    found = next((one for one in _every(loop) if members.role_id(one) == role_id), None)
    if found is None:
        raise missing(f"Role with id={role_id} not found")
    return found


def _to_change(ask: Ask) -> tuple[Loop, Band]:
    """Give a team that somebody may change. Raise Fault 400 for a role that every project has."""
    one = _find(ask.loop("whoami"), ask.body.role_id)
    return _changeable(ask, one)


def _changeable(ask: Ask, one: Band) -> tuple[Loop, Band]:
    loop = _at(ask, one.home).loop("grant")
    if one.fixed:
        raise invalid(f"Role '{one.name.removeprefix(PREFIX)}' {_FIXED}.")
    return loop, one


def _permission(ask: Ask, number: int | None) -> tuple[Loop, Band, Role]:
    """Give the team and the role that a number of a permission means. Raise Fault 404."""
    for one in _every(ask.loop("whoami")):
        for held in one.carries:
            if members.permission_id(one, held) == number:
                return (*_changeable(ask, one), held)
    raise missing(f"Role permission with id={number} not found")


def _wanted(resource_type: str, pattern: str, permission: str) -> Role:
    wanted = members.role_wanted(resource_type, pattern, permission)
    if pattern != "*":
        raise invalid(f"Invalid resource_pattern '{pattern[:50]}' for resource_type='workspace': it is '*'.")
    if wanted is None:
        raise invalid("Nothing is granted with this permission: remove what the role has instead.")
    return wanted


_P: Final = "/api/3.0/mlflow/roles"
OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("GET", f"{_P}/list"): sync(list_all, wire.ListRoles),
    ("GET", f"{_P}/get"): sync(get, wire.OneRole),
    ("POST", f"{_P}/create"): sync(create, wire.CreateRole),
    ("PATCH", f"{_P}/update"): sync(update, wire.UpdateRole),
    ("DELETE", f"{_P}/delete"): sync(remove, wire.OneRole),
    ("GET", f"{_P}/permissions/list"): sync(list_permissions, wire.OneRole),
    ("POST", f"{_P}/permissions/add"): sync(add_permission, wire.AddPermission),
    ("PATCH", f"{_P}/permissions/update"): sync(update_permission, wire.UpdateRolePermission),
    ("DELETE", f"{_P}/permissions/remove"): sync(remove_permission, wire.OneRolePermission),
    ("POST", f"{_P}/assign"): sync(assign, wire.AssignRole),
    ("DELETE", f"{_P}/unassign"): sync(unassign, wire.AssignRole),
    ("GET", f"{_P}/users/list"): sync(list_users, wire.OneRole),
}

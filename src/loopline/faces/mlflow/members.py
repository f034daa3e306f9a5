"""members: people, roles and what they may do, as clients of MLflow's own accounts know them.

| Here | There |
| --- | --- |
| viewer | READ |
| contributor, approver | EDIT |
| maintainer, admin | MANAGE |
| no role | NO_PERMISSIONS |
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from loopline.access.roles import PREFIX
from loopline.errors import LooplineError
from loopline.faces.mlflow.errors import Fault, invalid
from loopline.nouns.actor import holder, parse_actor
from loopline.verbs.teaming import TEAM

if TYPE_CHECKING:
    from loopline.nouns.token import Role
    from loopline.verbs.teaming import Band

WORKSPACE: Final = "workspace"
"""The type of what a role here is about: a whole project."""
TYPES: Final = (
    WORKSPACE, "experiment", "registered_model", "prompt", "scorer", "gateway_secret", "gateway_endpoint",
    "gateway_model_definition", "mcp_server", "run", "trace", "assessment", "logged_model", "review_queue",
    "registered_model_version", "prompt_version", "scorer_version", "mcp_server_version",
)  # fmt: skip
"""What a client may ask about."""
PERMISSIONS: Final[dict[str, Role | None]] = {
    "READ": "viewer", "USE": "contributor", "EDIT": "contributor", "MANAGE": "maintainer", "NO_PERMISSIONS": None, "DENY": None,
}  # fmt: skip
_TOLD: Final[dict[Role | None, str]] = {
    "viewer": "READ", "contributor": "EDIT", "approver": "EDIT", "maintainer": "MANAGE", "admin": "MANAGE",
    None: "NO_PERMISSIONS",
}  # fmt: skip
NO_PASSWORDS: Final = (
    "There are no passwords here, and one that a client has chosen is never kept: `loopline issue NAME --actor USER` makes a"
    " token, which is what stands in MLFLOW_TRACKING_PASSWORD (or MLFLOW_TRACKING_TOKEN). Who has no account yet gets one with"
    " their first role: grant a permission, or `loopline grant USER role/contributor`."
)


def actor_of(username: str) -> str:
    """Give the actor that a user's name means: a person, unless it says `token:…` or `assistant:…`. Raise Fault 400."""
    try:
        return str(holder(parse_actor(username)))
    except LooplineError as error:
        raise invalid(f"Invalid value {username[:200]!r} for parameter 'username' supplied: {error.message}.") from None


def username(actor: str) -> str:
    """Give the name under which clients know an actor."""
    kind, _, name = actor.partition(":")
    return name if kind == "person" and ":" not in name else actor


def number(*words: str) -> int:
    """Give the number of something that has none here: always the same, and one that a double holds exactly."""
    return int(sha256("\0".join(words).encode()).hexdigest()[:13], 16)


def user(actor: str, *, admin: bool) -> dict[str, Any]:
    """Give a user."""
    return {"id": number("user", actor), "username": username(actor), "is_admin": admin}


def told(role: Role | None) -> str:
    """Give what a role lets somebody do."""
    return _TOLD[role]


def role_wanted(resource_type: str, resource: str, permission: str) -> Role | None:
    """Give the role that a permission asks for; None for none. Raise Fault 400, or 501 for what is less than a whole project."""
    if permission not in PERMISSIONS:
        raise invalid(f"Invalid permission '{permission[:50]}'. Valid permissions are: {tuple(PERMISSIONS)}")
    whole(resource_type, resource)
    return PERMISSIONS[permission]


def known_type(resource_type: str) -> None:
    """Raise Fault 400 for a type that there is not."""
    if resource_type not in TYPES:
        raise invalid(f"Invalid resource type '{resource_type[:50]}'. Valid resource types are: {TYPES}")


def whole(resource_type: str, resource: str) -> None:
    """Raise Fault 501 for a permission on less than a whole project."""
    known_type(resource_type)
    if resource_type != WORKSPACE:
        raise Fault(
            "NOT_IMPLEMENTED",
            f"A role here is for a whole project, and not for {resource_type} '{resource[:100]}' alone: name resource_type"
            " 'workspace'. A token can be kept to some assets (`loopline issue NAME --scope log:flights:model/*`), and what may"
            " move a ref is said by its policy (`loopline policy`).",
        )


def role(band: Band) -> dict[str, Any]:
    """Give a role or a team as a role of MLflow's."""
    return {
        "id": role_id(band),
        "name": band.name.removeprefix(PREFIX).removeprefix(TEAM),
        "workspace": band.home,
        "description": band.description or (f"what every project has: {told(band.carries[0])}" if band.fixed else None),
        "permissions": [permission(band, one) for one in band.carries],
    }


def role_id(band: Band) -> int:
    """Give the number of a role."""
    return number("role", band.home, band.name)


def permission_id(band: Band, held: Role) -> int:
    """Give the number of what a role lets its members do."""
    return number("permission", band.home, band.name, held)


def permission(band: Band, held: Role) -> dict[str, Any]:
    """Give what a role lets its members do."""
    return {
        "id": permission_id(band, held),
        "role_id": role_id(band),
        "resource_type": WORKSPACE,
        "resource_pattern": "*",
        "permission": told(held),
    }

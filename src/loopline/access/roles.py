"""roles: what an actor may do in a project. Each role may do what the one before it may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, get_args

from loopline.nouns.token import Role

if TYPE_CHECKING:
    from loopline.access.asked import Asked

RANKS: Final[tuple[Role, ...]] = get_args(Role)
EVERYWHERE: Final = "*"
"""The project of a grant that holds in every project."""
PREFIX: Final = "role/"
"""How grants write a role."""
BY_CLASS: Final[Mapping[str, Role]] = {"read": "viewer", "write": "contributor", "work": "contributor"}
"""What a verb needs that is not named below. Refs are guarded by policies: whoever contributes may ask for a move."""
BY_VERB: Final[Mapping[str, Role | None]] = {
    "whoami": None,
    "issue": "viewer",
    "revoke": "viewer",
    "approve": "approver",
    "policy": "maintainer",
    "grant": "maintainer",
    "delete": "maintainer",
    "subscribe": "maintainer",
    "unsubscribe": "maintainer",
    "redeliver": "maintainer",
    "verify": "maintainer",
}
"""What single verbs need; None: whoever is signed in, the verb itself looks further."""


def needed(verb: Asked) -> Role | None:
    """Give the least role that a verb needs; None where being signed in will do."""
    return BY_VERB[verb.name] if verb.name in BY_VERB else BY_CLASS.get(verb.cls, "admin")


def at_least(role: Role | None, least: Role) -> bool:
    """Tell whether a role is `least` or more."""
    return role is not None and RANKS.index(role) >= RANKS.index(least)


def role_in(roles: Mapping[str, Role], project: str) -> Role | None:
    """Give the greater of the roles in a project and everywhere; None where there is neither."""
    return greatest(role for role in (roles.get(project), roles.get(EVERYWHERE)) if role)


def greatest(roles: Iterable[Role]) -> Role | None:
    """Give the greatest of some roles; None of none."""
    return max(roles, key=RANKS.index, default=None)


def no_more_than(roles: Mapping[str, Role], own: Mapping[str, Role]) -> bool:
    """Tell whether nobody with `roles` may do anything that somebody with `own` may not."""
    return all(at_least(role_in(own, project), role) for project, role in roles.items())

"""identity: who somebody is to a server, and what they may do there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loopline.nouns.token import Role, Scope


@dataclass(frozen=True, slots=True)
class Identity:
    """The answer to *who am I*."""

    actor: str
    verified: bool
    """Whether somebody else than the actor vouches for the name."""
    project: str
    role: Role | None
    """In this project; None: nothing may be done here."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    """By project; `*` is every project."""
    scopes: tuple[Scope, ...] = ()
    """What the token narrows that to."""
    token: str = ""
    """Id of the token; empty where there was none."""
    embedded: bool = True
    """Whether the loop is in this process, whose owner may do everything."""

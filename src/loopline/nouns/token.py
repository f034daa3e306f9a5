"""token: a secret that speaks for an actor, within scopes, for a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Role = Literal["viewer", "contributor", "approver", "maintainer", "admin"]
"""Each may do what the one before it may."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token may be used for; a token with several may do what any one of them allows."""

    verbs: tuple[str, ...] = ("*",)
    """Names of verbs, or classes of them: `read`, `write`, `work`, `*`."""
    project: str = "*"
    assets: str = "*"
    """Glob over `kind/name` of every asset that a request names."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is listed: never with its secret, which nobody keeps."""

    id: str
    """The first part of the token, which may be shown."""
    actor: str
    name: str
    scopes: tuple[Scope, ...]
    created_by: str
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    used_at: int | None = None
    """When it was last used, to the nearest minute."""


@dataclass(frozen=True, slots=True)
class Granted:
    """Who is in which team and has which role, once somebody was given one or lost it."""

    members: Mapping[str, tuple[str, ...]]
    changed: bool
    """False where they had it before: then nothing is to be taken back."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token with its secret, which is shown once."""

    token: Token
    secret: str
    """Empty in a rehearsal: nobody was let in."""
    access_key: str = ""
    """The token as an access key of S3, where that was asked for: its id."""
    secret_key: str = ""
    """The secret of that key."""

"""caller: who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loopline.nouns.actor import Actor
from loopline.nouns.token import Role, Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's asker, as a door has made sure of them."""

    actor: Actor
    roles: Mapping[str, Role] = field(default_factory=dict)
    """Project → role; `*` is every project."""
    scopes: tuple[Scope, ...] = (Scope(),)
    """What the token narrows the roles to."""
    token: str = ""
    """Id of the token that was shown; empty for a session or for loopback without tokens."""
    csrf: str = ""
    """What a browser's session must send back with each form."""
    open: bool = False
    """Whether nobody was asked for a token: loopback of a server without any."""

    @property
    def narrowed(self) -> bool:
        """Whether some of what it may is kept to some assets."""
        return any(scope.assets != "*" for scope in self.scopes)

"""person: somebody whom a login has brought."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """An actor of the kind `person`, and who vouches for the name."""

    actor: str
    """`person:ann`"""
    title: str = ""
    """The name as people read it."""
    email: str = ""
    issuer: str = ""
    """Address of the OpenID provider; empty where nobody but a token vouches."""
    subject: str = ""
    """How the provider names them, for ever."""
    created_at: int = 0
    seen_at: int | None = None
    """The last login."""
    disabled_at: int | None = None
    """Since when nothing of theirs lets them in."""

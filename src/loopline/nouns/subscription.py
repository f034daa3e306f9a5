"""subscription: somebody who is told of events, in order, at least once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["webhook", "openlineage"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """An address and what it wants to know."""

    id: str
    project: str
    name: str
    url: str
    format: Format = "webhook"
    kinds: tuple[str, ...] = ("*",)
    """Globs over kinds of events: `ref.*`, `change.applied`."""
    secret: str = ""
    """Where the signing secret is found: `env:NAME` or `file:PATH`, never the secret itself."""
    created_by: str = ""
    created_at: int = 0
    paused_at: int | None = None
    position: int = 0
    """Number of the last event that was delivered or given up."""
    failures: int = 0
    """Tries of the present event that failed."""
    next_at: int = 0
    error: str = ""
    """What the last failed try met."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to tell one event."""

    id: int
    subscription: str
    seq: int
    at: int
    attempt: int
    status: int
    """HTTP status; 0 where nobody answered."""
    error: str = ""
    dead: bool = False
    """Whether it was the last try: somebody may ask for another."""

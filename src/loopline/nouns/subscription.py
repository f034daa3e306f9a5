"""subscription: somebody who is told of events, in order, at least once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["webhook", "openlineage", "mlflow", "mail"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """An address and what it wants to know."""

    id: str
    project: str
    name: str
    url: str
    format: Format = "webhook"
    kinds: tuple[str, ...] = ("*",)
    """Globs over kinds of events: `change.*`, `run.finished`; in the format `mlflow` over MLflow's: `model_version.created`."""
    secret: str = ""
    """Where the signing secret is found: `env:NAME`, `file:PATH` or, kept beside it, `sealed:`; never the secret itself."""
    created_by: str = ""
    created_at: int = 0
    paused_at: int | None = None
    position: int = 0
    """Number of the last event that was delivered or given up."""
    failures: int = 0
    """Tries of the present event that failed."""
    next_at: int = 0
    error: str = ""
    """What the last failed try met, or why it is paused."""
    lag: int = 0
    """Events of the project behind `position`; 0 as it is stored, counted where it is listed."""
    dead: int = 0
    """Events that were given up and not delivered since; counted where it is listed."""
    delivered_at: int | None = None
    """When an event last arrived."""


DeliveryState = Literal["delivered", "failed", "dead", "again", "redelivered"]
"""dead: it was the last try. again: somebody asked for one more. redelivered: that one arrived."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to tell one event."""

    id: int
    subscription: str
    """The subscription's name where it is listed."""
    seq: int
    at: int
    attempt: int
    status: int
    """Status of HTTP or, of an e-mail, of SMTP; 0 where nobody answered."""
    error: str = ""
    state: DeliveryState = "delivered"

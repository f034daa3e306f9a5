"""postmortem: an incident as it is told afterwards, made of the feed and the ledger whenever somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loopline.nouns.alert import Alert
from loopline.nouns.incident import Blame, Incident

Thing = Literal["alert", "change", "comment", "incident", "trigger", "version"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A deployment that failed, with the times that delivery measures count."""

    change: str
    ref: str
    lane: str
    finished: int
    """When it moved its ref."""
    noticed: int | None = None
    """When the first incident or silent alert with it was opened; None: nothing says that it failed but what took it back."""
    recovered: int | None = None
    """When the first deployment finished that mended it, or all that was wrong was resolved, if earlier; None: it lasts."""
    fix: str = ""
    """The change that it had recovered by; empty where it was resolved without one."""

    @property
    def detection(self) -> int | None:
        """Time to detect, in microseconds."""
        return None if self.noticed is None else self.noticed - self.finished

    def recovery(self, now: int) -> int:
        """Time to recover, or the time so far, in microseconds."""
        return max(0, (now if self.recovered is None else self.recovered) - self.finished)

    def mending(self, now: int) -> int | None:
        """Time to recover from when it was noticed, or the time so far, in microseconds."""
        end = now if self.recovered is None else self.recovered
        return None if self.noticed is None else max(0, end - self.noticed)


@dataclass(frozen=True, slots=True)
class Linked:
    """A change that caused or fixed it, as far as a reader needs to know it."""

    blame: Blame
    reason: str
    author: str
    kind: str
    state: str
    moves: tuple[str, ...]
    """`service/delay@prod 3 → 4`."""
    proposed: int
    began: int
    """When users met it first: it was applied, or began to roll."""
    closed: int | None = None
    approved: tuple[str, ...] = ()
    """Who has said yes."""


@dataclass(frozen=True, slots=True)
class Affected:
    """What a service answered with what is blamed, while it lasted."""

    service: str
    """`service/delay@prod`."""
    number: int
    """Version of the service."""
    requests: int
    predictions: int
    """Rows of these requests."""
    errors: int
    """Requests with a status of 500 or more."""
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline."""

    at: int
    kind: str
    """Kind of the event that tells of it, or of what the ledger has: `alert.opened`, `change.applied`, `incident.resolved`."""
    words: str
    actor: str = ""
    """Empty: nobody did it."""
    thing: Thing = "incident"
    key: str = ""
    """Its id."""
    said: str = ""
    """What somebody said about it."""
    seq: int | None = None
    """Number of its event in the feed."""


@dataclass(frozen=True, slots=True)
class Postmortem:
    """What happened, how bad it was, and what was done."""

    incident: Incident
    sentence: str
    at: int
    """When it was asked for: what lasts is measured until then."""
    linked: tuple[Linked, ...] = ()
    failures: tuple[Failure, ...] = ()
    """Deployments that count as failed because of what is blamed; empty where production lives on none of them."""
    affected: tuple[Affected, ...] = ()
    alerts: tuple[Alert, ...] = ()
    """The first is the one by which one could have known."""
    quarantined: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = ()
    """Oldest first."""
    whole: bool = True
    """Whether the timeline has everything; of a very long one the middle is left out."""

    @property
    def lasted(self) -> int:
        """From when it was opened until it was resolved, or so far, in microseconds."""
        end = self.at if self.incident.resolved_at is None else self.incident.resolved_at
        return max(0, end - self.incident.opened_at)

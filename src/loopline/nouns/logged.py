"""logged: a model that a run has logged, before anybody registers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from loopline.nouns.digest import Digest
from loopline.nouns.owner import Owner


class LoggedState(StrEnum):
    """How far its files have come."""

    PENDING = "pending"
    READY = "ready"
    """Sealed: they are one artifact, and never change."""
    FAILED = "failed"
    """Whoever logged it has given up."""


@dataclass(frozen=True, slots=True)
class Measure:
    """The newest value of a metric that a run has measured of a model, on some data or on none that is named."""

    model: str
    run: str
    key: str
    value: float
    step: int = 0
    time: int = 0
    """Microseconds since the epoch, UTC."""
    dataset: str = ""
    """Name of the data; empty for none."""
    sum: str = ""
    """What the client calls their digest."""


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """One model with what is said of it."""

    id: str
    """`m-` and 32 hex digits."""
    project: str
    experiment: int
    """Number of the experiment."""
    name: str
    run: str | None = None
    """The run that made it."""
    kind: str = ""
    """What its user says it is: agent, classifier."""
    state: LoggedState = LoggedState.PENDING
    message: str = ""
    """Why it is in that state."""
    digest: Digest | None = None
    """The artifact that it was sealed into."""
    created_at: int = 0
    updated_at: int = 0
    deleted_at: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    measures: tuple[Measure, ...] = ()

    @property
    def subject(self) -> str:
        """What its tags are filed under."""
        return f"model/{self.id}"

    @property
    def owner(self) -> Owner:
        """Under what its files are staged."""
        return Owner(self.project, "model", self.id)

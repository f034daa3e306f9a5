"""overview: what is current in a project and why, what is open, and what waits for whoever asks."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.alert import Alert
from loopline.nouns.change import Change, Moved
from loopline.nouns.deployment import Deployment
from loopline.nouns.incident import Incident
from loopline.nouns.ref import Ref
from loopline.nouns.run import Run
from loopline.nouns.verdict import Requirement
from loopline.nouns.version import Version


@dataclass(frozen=True, slots=True)
class Current:
    """One ref with what it points at and the move that brought it there."""

    ref: Ref
    version: Version | None = None
    moved: Moved | None = None
    behind: tuple[str, ...] = ()
    """Of a service: the models that have moved on since it was deployed."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One open change, as its policy judges it at this moment."""

    change: Change
    held: int
    """Requirements that hold."""
    lacks: tuple[Requirement, ...] = ()
    """Those that do not."""
    mine: bool = False
    """Whether an answer of whoever asks would count, and is not there."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A project at one moment."""

    project: str
    at: int
    refs: tuple[Current, ...]
    """Deployments first, by tier; then the other refs, the last moved first."""
    more_refs: int = 0
    """How many refs there are beyond the limit."""
    changes: tuple[Waiting, ...] = ()
    """Open ones; what waits for whoever asks comes first."""
    running: tuple[Run, ...] = ()
    failed: tuple[Run, ...] = ()
    """Of the last seven days, without those that a later run of the same name has made good."""
    incidents: tuple[Incident, ...] = ()
    runs: int = 0
    """How many runs there are, steps aside."""
    assets: int = 0
    deployments: tuple[Deployment, ...] = ()
    """Those that are not as they should be: not ready, or behind the models that they were declared with."""
    alerts: tuple[Alert, ...] = ()
    """Open ones, newest first."""

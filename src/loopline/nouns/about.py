"""about: how a project is run: its rules, who may do what, what works for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loopline.nouns.policy import Policy


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that does work for a server."""

    name: str
    queue: str
    started_at: int
    seen_at: int
    version: str


@dataclass(frozen=True, slots=True)
class About:
    """A project at one moment, but for what people make in it."""

    project: str
    events: int
    """Number of the newest event of its feed."""
    policies: tuple[Policy, ...] = ()
    """In force."""
    policy: int | None = None
    """Version of the asset `policy/<project>` that is in force."""
    written: str = ""
    """The policies as `loopline.toml` has them."""
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """`team/ml-leads`, `role/approver` → who."""
    everywhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same for roles that hold in every project."""
    workers: tuple[Worker, ...] = ()

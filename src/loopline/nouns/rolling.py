"""rolling: how far a change that moves a deployment step by step has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RolloutState = Literal["rolling", "paused", "applied", "stopped"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A weight that was in force, since when."""

    number: int
    """Step of the plan, from 0."""
    weight: float
    """Share of the units that met the new version."""
    at: int
    """When it came into force, by the ledger's clock."""
    clock: int
    """The same by the clock of the traffic: the newest event time that had been recorded."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """A change that rolls, or has rolled."""

    change: str
    """Its id."""
    project: str
    ref: str
    """The deployment: `service/delay@prod`."""
    old: int
    """Version of the service that everybody met before."""
    new: int
    """Version that it brings."""
    state: RolloutState
    plan: str
    """The plan as it was when it began, as canonical JSON (nouns/rollout.py)."""
    shadow: bool = False
    """Whether the new version gets copies of everything, and answers nobody."""
    stages: tuple[Stage, ...] = ()
    """Oldest first; the last one is in force while it rolls."""
    note: str = ""
    """Why it stands where it stands."""
    judged: str = ""
    """The newest judgement, as canonical JSON; empty: none yet."""
    looked_at: int = 0
    """When the controller looked last."""
    run: str = ""
    """The run that holds the last judgement with its data."""

    @property
    def weight(self) -> float:
        """Share of the units that meet the new version."""
        return self.stages[-1].weight if self.stages else 0.0

    @property
    def over(self) -> bool:
        """Whether it has come to its end."""
        return self.state in ("applied", "stopped")

"""declaration: a service as a project's file has it: models by pointer, everything else as it will be pinned."""

from __future__ import annotations

from dataclasses import dataclass, field

from loopline.nouns.rolling import Plan
from loopline.nouns.service import Batching, Labels, Limits, Monitor, Objectives, Recording

MAIN = "main"
"""The arm of a service that has one."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model that shall answer, or (a shadow) only listen."""

    name: str
    model: str
    """`model/delay@champion`: what that means is found out at each deploy."""
    weight: int = 1
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Declaration:
    """`[services."service/delay"]` of a project file."""

    name: str
    """`service/delay`."""
    arms: tuple[Candidate, ...] = ()
    """None: the model is named when it is deployed."""
    unit: tuple[str, ...] = ()
    event_time: str = ""
    outputs: tuple[str, ...] = ()
    workers: int = 1
    allow_pickle: bool = False
    recording: Recording = field(default_factory=Recording)
    batching: Batching = field(default_factory=Batching)
    limits: Limits = field(default_factory=Limits)
    labels: Labels = field(default_factory=Labels)
    monitors: tuple[Monitor, ...] = ()
    objectives: Objectives = field(default_factory=Objectives)
    grpc: bool = False
    rollout: Plan | None = None

"""lineage: how things hang together, as somebody who asks wants to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

NodeKind = Literal[
    "ref", "change", "version", "run", "artifact", "code", "environment", "package", "trigger", "alert", "incident"
]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing, and why it is there."""

    kind: NodeKind
    key: str
    """What names it in a command: `model/delay@1`, a run's id, a digest."""
    title: str
    """One line for people."""
    facts: Mapping[str, str] = field(default_factory=dict)
    because: tuple[Reason, ...] = ()
    """What it came from; a thing that was told before in the same answer is named without its reasons."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Something that was built from what was asked about, or points at it."""

    kind: NodeKind
    key: str
    title: str
    distance: int
    """Runs in between."""
    via: str
    """The run, version or ref through which it was reached."""
    current: bool = False
    """Whether a ref points at it now."""


@dataclass(frozen=True, slots=True)
class Impact:
    """What a thing has touched."""

    of: str
    reached: tuple[Reached, ...]
    complete: bool
    """False where the walk stopped at its limit."""

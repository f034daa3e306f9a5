"""hit: one thing that a search has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HitKind = Literal["asset", "ref", "version", "run", "change", "event", "person", "file"]
"""What can be found, in the order in which it is told."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A thing, and why it was found."""

    kind: HitKind
    key: str
    """What names it in a command: `model/delay@4`, a run's id, an actor; for an event its number."""
    title: str
    """One line for people."""
    where: str
    """What the words stand in: `name`, `message`, `commit`, `param lr`, …"""
    at: int | None = None
    """When it was made or happened."""
    exact: bool = False
    """Whether the words are its name: there is hardly anything else that was meant."""

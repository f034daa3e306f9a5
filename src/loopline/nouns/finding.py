"""finding: one thing that somebody looked at, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of a report."""

    name: str
    state: Literal["ok", "warn", "fail"]
    text: str
    fix: str = ""
    """One command or step that mends it."""
    touches: tuple[str, ...] = ()
    """Refs and versions that it concerns."""

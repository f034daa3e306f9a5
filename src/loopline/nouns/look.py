"""look: what a monitor saw at one time, and where it stands after that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Seen = Literal["good", "bad", "undecided"]
AHEAD: Final = 2 * 86_400_000_000
"""Microseconds by which an event may lie ahead of the clock: what lies further is of a clock that went wrong."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at one window."""

    seen: Seen
    """undecided: there is too little to say either, for the reason that `summary` gives."""
    summary: str
    """`3 of 19 columns moved: temp (D 0.31), carrier (TV 0.12), wind (D 0.11)`."""
    start: int = 0
    """Of the window, [start, end), microseconds: event time, recorded time where the monitor is of kind `service`."""
    end: int = 0
    rows: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was measured, as JSON values."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Where a monitor stands: small enough to be kept with every look."""

    number: int = 0
    """Version of the service that was looked at: another one starts anew."""
    bad: int = 0
    """Bad looks without a good one since."""
    good: int = 0
    """Good looks without a bad one since."""
    firing: bool = False
    since: int = 0
    """End of the first window of the bad ones."""
    last: Look | None = None

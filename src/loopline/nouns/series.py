"""series: one metric of one run over its steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """Points in the order of step and arrival; fewer than were logged where that was asked for."""

    run: str
    key: str
    steps: tuple[int, ...]
    times: tuple[int, ...]
    """Microseconds since the epoch, UTC."""
    values: tuple[float, ...]
    count: int
    """Points that were logged between the steps that were asked for."""

    @property
    def whole(self) -> bool:
        """Whether no point was left out."""
        return len(self.values) == self.count


@dataclass(frozen=True, slots=True)
class Tail:
    """A piece of what a run printed."""

    run: str
    """The run whose log it is; for a step from the cache the one that printed it."""
    name: str
    offset: int
    """Where the piece begins, in bytes."""
    next: int
    """Where to go on from."""
    size: int
    """Bytes that there are now."""
    text: str
    over: bool
    """Whether nothing more will come."""

"""quality: how good predictions turned out to be, by window, arm and slice."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.evaluation import Estimate


@dataclass(frozen=True, slots=True)
class Cell:
    """One window of one arm, perhaps one slice of it."""

    start: int
    """Event time of the window, [start, end), microseconds."""
    end: int
    arm: str
    version: str
    slice: str = ""
    member: str = ""
    predictions: int = 0
    labelled: int = 0
    """Of these, at the maturity that was asked for. Coverage is labelled / predictions."""
    estimates: tuple[Estimate, ...] = ()
    note: str = ""
    """Why there is no estimate."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Realised quality of a service."""

    service: str
    maturity: int
    """Microseconds after its event time by which a label must have been known to count, the same for all arms; 0: any time."""
    cells: tuple[Cell, ...] = ()
    contradicted: int = 0
    """Predictions that were given different labels; the newest counts."""
    unmatched: int = 0
    """Labels that name no prediction (yet)."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What became of labels that were handed in."""

    taken: int
    """Kept, durably."""
    repeated: int = 0
    """Of these, already known with the same value."""
    contradicting: int = 0
    """Of these, known with another value; the newest counts."""
    unmatched: int = 0
    """Of these, no prediction yet: they wait for it."""

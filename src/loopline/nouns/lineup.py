"""lineup: several runs side by side."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.entry import Difference
from loopline.nouns.run import Run


@dataclass(frozen=True, slots=True)
class Line:
    """One named text of each run, in the order of the runs; None: it has none."""

    name: str
    values: tuple[str | None, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of each run, in the order of the runs; None: it has none."""

    name: str
    values: tuple[float | None, ...]
    differs: bool


@dataclass(frozen=True, slots=True)
class Lineup:
    """Runs side by side. In every list what differs comes first."""

    runs: tuple[Run, ...]
    facts: tuple[Line, ...] = ()
    """Who, which commit, which data."""
    params: tuple[Line, ...] = ()
    metrics: tuple[Figure, ...] = ()
    packages: tuple[Line, ...] = ()
    """Of the environments: only those that differ."""
    same_packages: int = 0
    code: tuple[tuple[Difference, ...], ...] = ()
    """For each run the files that differ from those of the first."""

"""preview: what a file of a version holds, as far as one wants to see it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from loopline.nouns.digest import Digest

Form = Literal["table", "text", "markdown", "json", "image", "binary"]


@dataclass(frozen=True, slots=True)
class Bin:
    """How many values lie between two numbers; the upper one belongs to the last bin only."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Frequent:
    """A value, and in how many rows it stands."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, summarised."""

    name: str
    type: str
    nulls: int = 0
    distinct: int = 0
    """An estimate, a few per cent off."""
    min: str | None = None
    max: str | None = None
    mean: float | None = None
    std: float | None = None
    quantiles: Mapping[str, float | None] = field(default_factory=dict)
    """`0.5` is the median."""
    top: tuple[Frequent, ...] = ()
    """The most frequent values."""
    histogram: tuple[Bin, ...] = ()
    """For numbers, over finite values."""
    odd: tuple[Frequent, ...] = ()
    """Of texts that are numbers but for a few (`NA`): those few, the most frequent first. The summary is that of the numbers."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One file, or the one blob that a version is."""

    version: str
    path: str
    """Empty where the version is one blob."""
    digest: Digest
    size: int
    form: Form
    media_type: str = ""
    """For an image: what its first bytes say it is."""
    text: str = ""
    """The beginning of what is text."""
    cut: bool = False
    """Whether there is more than is shown."""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    """The first rows of a table, each cell as text; None: empty."""
    count: int | None = None
    """All rows of the table; None where it was not profiled."""
    columns: tuple[Column, ...] = ()
    notes: tuple[str, ...] = ()

"""comparison: what became of one version on the way to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from loopline.nouns.change import Change
from loopline.nouns.comment import Comment
from loopline.nouns.entry import Difference
from loopline.nouns.evaluation import Estimate
from loopline.nouns.incident import Incident
from loopline.nouns.patch import Patch
from loopline.nouns.preview import Column
from loopline.nouns.verdict import Requirement
from loopline.nouns.version import Version


@dataclass(frozen=True, slots=True)
class Delta:
    """One named text on both sides; None: it was not there."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Shift:
    """One named number on both sides; None: it was not there."""

    name: str
    old: float | None
    new: float | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One row that changed: what names it, and its cells that differ. Of a row that came or went, all cells."""

    key: str
    cells: tuple[Delta, ...]
    word: Literal["added", "removed", "changed"] = "changed"


@dataclass(frozen=True, slots=True)
class Shifted:
    """One column on both sides, each over all rows there; None: the side has no such column."""

    name: str
    old: Column | None
    new: Column | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Two tables row by row."""

    table: str
    """`flights/*.csv`: the files that differ, taken together."""
    old: int
    new: int
    """Rows on each side."""
    added: int = 0
    removed: int = 0
    changed: int = 0
    same: int = 0
    key: tuple[str, ...] = ()
    """Columns that name a row; empty: rows are compared as wholes, and none is `changed`."""
    why: Literal["declared", "inferred", "none"] = "none"
    """Where the key comes from. One is inferred of columns that are never empty and together unique on both sides."""
    schema: tuple[Delta, ...] = ()
    """Columns whose type changed, or that came or went."""
    renamed: tuple[Delta, ...] = ()
    """Columns that came in place of one that went: nearly all rows say the same in both."""
    columns: Mapping[str, int] = field(default_factory=dict)
    """Changed rows by column."""
    samples: tuple[Sample, ...] = ()
    shifts: tuple[Shifted, ...] = ()
    """Columns whose values are summarised otherwise on the other side."""
    notes: tuple[str, ...] = ()
    files: int = 0
    """How many files differ; the rows of others are not counted."""
    listed: int = 0
    """How many rows can be listed, page by page: all that differ, or of very many the first."""
    page: bool = False
    """Whether `samples` is a page of what is listed, in its order: changed, added, removed, each by key."""
    next: str = ""
    """The place behind this page, where more are listed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions side by side. Only what differs is listed."""

    old: Version | None
    new: Version
    files: tuple[Difference, ...] = ()
    """Of the two artifacts, where they are trees."""
    more_files: int = 0
    """How many further files differ beyond the limit that was asked for."""
    rows: tuple[Rows, ...] = ()
    """Where they were asked for."""
    params: tuple[Delta, ...] = ()
    metrics: tuple[Shift, ...] = ()
    data: tuple[Delta, ...] = ()
    """Versions that the two training runs read."""
    code: tuple[Difference, ...] = ()
    environment: tuple[Delta, ...] = ()
    patches: tuple[Patch, ...] = ()
    """Code, and files that people write, line by line; where that was asked for."""


@dataclass(frozen=True, slots=True)
class Review:
    """Everything a reviewer of a change wants on one page."""

    change: Change
    comparisons: tuple[Comparison, ...] = ()
    """One for each move to a version, against what is current."""
    data: tuple[Comparison, ...] = ()
    """For each data asset that the training of the new and the current model read."""
    estimates: tuple[Estimate, ...] = ()
    """What the checks measured, with the base on the same rows."""
    notes: tuple[str, ...] = field(default=())
    requirements: tuple[Requirement, ...] = ()
    """The policy as it stands now; of a change that is over, as it was decided. Empty: no policy speaks of it."""
    mine: bool = False
    """Whether a yes of whoever asks would count, and is not there."""
    comments: tuple[Comment, ...] = ()
    """What people say about it, oldest first."""
    checks: tuple[str, ...] = ()
    """Names of the checks that are declared for its refs, while it is open."""
    incidents: tuple[Incident, ...] = ()
    """Those that it is said to have caused or fixed."""

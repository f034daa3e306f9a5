"""insight: how delivery goes, for a team: never for a person, and no measure ranks anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["s", "share", "per day", "per week", "count", "min"]


@dataclass(frozen=True, slots=True)
class Period:
    """One day, week or month of a trend, in the team's zone."""

    start: int
    value: float | None
    p90: float | None
    n: int
    whole: bool = True
    """False: the window cuts it off, or it is not over yet; its counts are not to be held against those of the others."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number, with what it was computed from."""

    name: str
    unit: Unit
    value: float | None = None
    """A median where `p90` stands beside it, else a rate or a count. None: not known, or nothing to compute it from."""
    p90: float | None = None
    n: int = 0
    """How many things it was computed from: for a share its denominator."""
    of: int | None = None
    """For a share: the numerator."""
    open: int = 0
    """How many of them have not ended yet: they count with the time that they took so far (Kaplan-Meier)."""
    known: bool = True
    why: str = ""
    """Why it is not known; or else what one must know to read it."""
    ids: tuple[str, ...] = ()
    """What it was computed from, newest first, as far as was asked for: changes, versions or runs; of a share the numerator."""
    trend: tuple[Period, ...] = ()
    parts: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivered:
    """The five keys of one ref that production lives on."""

    ref: str
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """The five keys of code, data or models: all refs together, and each."""

    name: Literal["code", "data", "model"]
    measures: tuple[Measure, ...]
    refs: tuple[Delivered, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the way of a change."""

    name: Literal["waiting", "running", "reviewing", "rolling"]
    median: float
    p90: float
    share: float
    """Of the time of all changes together."""

    @property
    def halved(self) -> float:
        """How the mean lead time would change if this took half as long: -0.31 is 31 % less."""
        return -self.share / 2


@dataclass(frozen=True, slots=True)
class Stream:
    """The way of changes from the first work on what they move until it is current."""

    lane: Literal["all", "code", "data", "model", "other"]
    """other: changes that deploy nothing, of a policy or an environment."""
    lead: Measure
    mean: float = 0.0
    """Mean lead time in microseconds, of which the stages are shares."""
    stages: tuple[Stage, ...] = ()
    bottleneck: str = ""
    """The stage with the largest share."""
    said: str = ""
    """`reviewing takes 62 % of the time; half of it: 31 % less on average`."""


@dataclass(frozen=True, slots=True)
class Practice:
    """One thing that careful teams do, and whether this one does."""

    name: str
    """`data-expectations`: what `assess` takes."""
    section: Literal["data", "model", "infrastructure", "monitoring"]
    text: str
    stands: Literal["no", "manual", "automated", "not known"]
    source: Literal["ledger", "team", "nobody"]
    """Who says so."""
    because: str
    """What was found, or what was answered."""
    at: int | None = None
    """When the team said so."""


@dataclass(frozen=True, slots=True)
class Maturity:
    """How far practices are, and what would help most."""

    level: int | None
    """0 by hand, 1 the pipeline is automated, 2 its delivery, too; None: not known."""
    because: str
    scores: tuple[tuple[str, float], ...]
    """Of each section, 0 to 7: a half for what is manual, one for what is automated; what is not known counts nothing."""
    score: float
    """The least of them."""
    unknown: int
    step: str
    """The next best step."""
    reason: str
    practices: tuple[Practice, ...] = ()


@dataclass(frozen=True, slots=True)
class Perceived:
    """What people said to one question in one period. Fewer than five answers are hidden, and so is a period that still runs."""

    question: str
    text: str
    period: str
    """`2026-Q4`, `2026-11`."""
    asked: int | None
    """How many people could have answered; None: not known."""
    n: int
    rate: float | None
    hidden: str = ""
    """Why no answers are shown; empty: they are."""
    mean: float | None = None
    counts: tuple[int, ...] = ()
    """How many gave the least answer, the next, …"""


@dataclass(frozen=True, slots=True)
class Insights:
    """How delivery went in a window."""

    project: str
    since: int
    until: int
    at: int
    zone: str
    lanes: tuple[Lane, ...]
    learning: tuple[Measure, ...] = ()
    streams: tuple[Stream, ...] = ()
    friction: tuple[Measure, ...] = ()
    maturity: Maturity | None = None
    survey: tuple[Perceived, ...] = field(default=())
    begun: int | None = None
    """When the ledger began to know of this project."""
    young: str = ""
    """Said while it knows less than a week: who reads its seconds must know that they are no team's year."""

"""rolling: how a new version takes over from the old one, step by step, and what was found out on the way.

The new version is the *candidate*, the old one the *baseline*: the two arms. A *weight* is the candidate's share of the units.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Kind = Literal["at-once", "canary", "blue-green", "shadow", "slice"]
"""at-once: everybody at once. canary: a growing share of the units. blue-green: the candidate runs beside the baseline, then
takes everything, and the baseline is kept for a while. shadow: the candidate gets copies and answers nobody, then takes
everything. slice: a canary among the members of one column."""
Answer = Literal["worse", "not-worse", "undecided"]
Measure = Literal["loss", "events", "latency"]
Over = Literal["stop", "pause"]
State = Literal["waiting", "rolling", "paused", "finished", "stopped"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric by which a candidate is judged. Smaller is better."""

    metric: str
    """`brier`, `errors`, `latency`: how findings and values name it."""
    kind: Measure
    """loss: the mean of a bounded number over the unit's events. events: whether the unit had one (an error, a timeout, a wrong
    label). latency: of the unit's first request."""
    tolerance: float
    """How much worse is still well. loss: in its own units. events: as a share of the units (0.01: one in a hundred more).
    latency: in proportion (0.1: a tenth longer)."""
    low: float = 0.0
    """Bounds of a loss; what lies beyond counts as the bound."""
    high: float = 1.0
    quantile: float = 0.95
    """latency alone: which one is compared."""
    labelled: bool = False
    """Whether it needs the truth, so that it waits for the maturity."""
    window: timedelta | None = None
    """What it sees of a unit, from its first event of a step on; None: what the plan says. A latency: the first request alone."""


@dataclass(frozen=True, slots=True)
class Step:
    """One weight, for as long as it takes."""

    weight: float
    """Share of the units that meet the candidate, 0..1."""
    least: int = 200
    """Units that each arm must have had in this step before it may be left."""
    most: timedelta = timedelta(days=7)
    """How long it may stay undecided."""
    hold: timedelta = timedelta()
    """How long it stays at least, whatever was found."""
    slack: float = 1.0
    """Tolerances count this many times here: a small share may be let on by a rougher answer."""
    members: tuple[str, ...] = ()
    """slice alone: members of the plan's column among whom the weight holds. All others meet the baseline."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a candidate takes over, and what has to be found out on the way."""

    kind: Kind
    steps: tuple[Step, ...]
    """After the last one the candidate has everything."""
    metrics: tuple[Judged, ...] = ()
    alpha: float = 0.05
    """Chance of stopping a candidate that is not worse, over the whole rollout and all metrics; and, for each metric, chance of
    going on with one that is worse by its tolerance."""
    maturity: timedelta = timedelta()
    """How long after its event a label may come. The same for both arms: later ones do not count."""
    unit_window: timedelta = timedelta(hours=1)
    """What is seen of a unit in a step: from its first event on, by event time."""
    cap: int = 100
    """Events of a unit that count, the first ones."""
    missing: float = 0.2
    """Share of the units without a value beyond which nothing is said."""
    most: timedelta = timedelta(days=30)
    """How long the rollout may take."""
    units: int = 0
    """Units after which a step that is still undecided has had enough; 0: no limit."""
    over: Over = "stop"
    """What becomes of a rollout at a limit: stop (back to the baseline) or pause (until somebody says)."""
    column: str = ""
    """slice alone: the input column whose members steps name."""


@dataclass(frozen=True, slots=True)
class Weighting:
    """From when on a weight was in force."""

    since: int
    """By the clock that served, microseconds."""
    weight: float
    step: int
    """Of the plan, from 0."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One metric, the candidate against the baseline."""

    metric: str
    kind: Measure
    answer: Answer
    reason: str
    """A sentence: what decided it, or what is missing."""
    candidate: float | None
    """loss: mean. events: share of the units. latency: its quantile, in the unit that it came in. None: no data."""
    baseline: float | None
    estimate: float | None
    """Candidate less baseline; of a latency in proportion (0.1: a tenth longer)."""
    low: float | None
    """What it estimates is never below `low` but with probability alpha / number of metrics, never above `high` but with
    probability alpha, at whatever time one looks. None: no bound."""
    high: float | None
    tolerance: float
    """That of the step: the metric's, with the step's slack. Not worse: `high` is below it."""
    evidence: float
    """Largest natural logarithm that the e-value against "not worse at all" has had."""
    needed: float
    """Evidence from which on it is worse: log(number of metrics / alpha)."""
    units: tuple[int, int]
    """That had a value, of all steps: candidate, baseline. Of a shadow they are the same units."""
    missing: tuple[int, int]
    """That had none."""
    path: tuple[tuple[int, float], ...] = ()
    """Units so far and the logarithm of the e-value, at most 200 points."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known about a candidate at one moment. The same observations give the same judgement, to the last bit."""

    answer: Answer
    """worse: any metric is. not-worse: all are. undecided: neither, and nobody may go on."""
    step: int
    """Of the plan: the one that may be left, if it is not-worse."""
    reason: str
    findings: tuple[Compared, ...] = ()
    units: tuple[int, int] = (0, 0)
    """That had a value in this step, by the metric that has fewest: candidate, baseline."""
    flipped: int = 0
    """Units left out because they met both arms under one weight, or an arm that the weights exclude."""
    certain: int = 0
    """Units left out because their arm was certain: those that were the candidate's before. They tell nothing."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """Where a rollout stands."""

    state: State = "waiting"
    step: int = -1
    """Of the plan; -1: not begun."""
    weight: float = 0.0
    """The candidate's. The baseline has the rest, so both are 1 together."""
    began: int = 0
    """Microseconds."""
    since: int = 0
    """When the step was entered, or somebody resumed."""
    counted: int = 0
    """Units of this step that a pause has used up: a limit of units counts from there."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """What has to be done next."""

    move: Literal["hold", "start", "advance", "finish", "pause", "resume", "stop"]
    weight: float
    """What the candidate shall have from now on."""
    step: int
    reason: str
    units: int = 0
    """Of this step, as it was judged."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many units an answer of one metric will take, said before the start."""

    metric: str
    step: int
    needed: int
    """Units of both arms together, in this step alone, until a candidate that is just as good is found not worse, about."""
    expected: int
    """Units that come while the step may stay undecided."""
    enough: bool
    words: str

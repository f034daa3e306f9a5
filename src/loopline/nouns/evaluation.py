"""evaluation: how good something is, with the uncertainty of saying so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loopline.nouns.expectation import Observation


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric on one slice, with a bootstrap interval, and the same for the base on the same rows."""

    metric: str
    """`roc_auc`, `log_loss`, `brier`, `calibration_error`, …"""
    value: float
    low: float | None = None
    """Lower bound of the 95 % percentile bootstrap interval (Efron & Tibshirani 1993, ch. 13); None: not computed."""
    high: float | None = None
    n: int = 0
    """Rows."""
    slice: str = ""
    """Column the rows were cut by; empty: all rows."""
    member: str = ""
    """Value of that column."""
    base: float | None = None
    """The same metric of the base on the same rows; None: there was no base."""
    delta: float | None = None
    """`value - base`."""
    delta_low: float | None = None
    """Interval of the paired difference: both models are resampled with the same rows."""
    delta_high: float | None = None

    @property
    def key(self) -> str:
        """Name it as a metric series: `roc_auc` or `roc_auc[carrier=UA]`."""
        return f"{self.metric}[{self.slice}={self.member}]" if self.slice else self.metric


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation step returns."""

    estimates: tuple[Estimate, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    """What it was measured on, for people: period, rows, who was left out."""
    observations: tuple[Observation, ...] = ()
    """What was expected of it, and how that stands. A check fails where one does not hold."""

    def find(self, metric: str, *, column: str = "", member: str = "") -> Estimate | None:
        """Look one estimate up."""
        for one in self.estimates:
            if (one.metric, one.slice, one.member) == (metric, column, member):
                return one
        return None

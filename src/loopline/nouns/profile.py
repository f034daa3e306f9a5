"""profile: what columns looked like when a model was trained, small enough to travel with it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column, as counts that can be compared exactly."""

    name: str
    type: str
    """Open Inference Protocol v2 datatype."""
    rows: int
    nulls: int = 0
    infinite: int = 0
    """Of numbers: how many are infinite. They are in no bin, and in neither mean nor range."""
    edges: tuple[float, ...] = ()
    """Of numbers: B-1 increasing inner edges (quantiles of the reference); bin i holds `edges[i-1] < x <= edges[i]`. The first
    edge lies just below the least value and the last one at the greatest, so the outer bins hold what the reference never had."""
    counts: tuple[int, ...] = ()
    """Of numbers: how many values lie in each of the B bins."""
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    values: tuple[str, ...] = ()
    """Of texts and truth values (`true`, `false`): the most frequent ones, most frequent first."""
    frequencies: tuple[int, ...] = ()
    """How often each of `values` occurs."""
    others: int = 0
    """Rows whose text is none of `values`."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Inputs and answers of a model over the rows it was trained on."""

    rows: int
    inputs: tuple[ColumnProfile, ...]
    outputs: tuple[ColumnProfile, ...] = ()
    """Of the answers on those rows; a matrix of probabilities gives a column for each class but the first: `predict_proba[1]`."""

"""drift: how far columns of a window are from their reference, with the error of saying so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loopline.nouns.profile import ColumnProfile

Said = Literal["drift", "stable", "too few rows", "no reference"]


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """One column against its reference."""

    column: str
    role: Literal["input", "output"]
    test: Literal["ks", "g", ""]
    """ks: two-sample Kolmogorov-Smirnov over the reference's bins; g: likelihood-ratio test over categories."""
    effect: float | None = None
    """KS distance D for numbers, total variation distance for categories; both 0..1."""
    psi: float | None = None
    """Population stability index less its mean where nothing has moved, (B-1)(1/n + 1/m)."""
    p: float | None = None
    q: float | None = None
    """Benjamini-Hochberg: the share of false alarms to expect among all columns with a value as small."""
    rows: int = 0
    nulls: int = 0
    new: tuple[str, ...] = ()
    """Categories that the reference does not have, most frequent first, at most 20."""
    new_rows: int = 0
    outside: int = 0
    """Rows beyond the range of the reference; infinite ones too, unless the reference has some."""
    mean: float | None = None
    verdict: Said = "no reference"
    """drift: q and effect both reach their bounds, with enough rows. Missing values take no part in the test."""
    window: ColumnProfile | None = None
    """The window in the reference's bins, for a picture."""
    reference: ColumnProfile | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """Columns of one arm in one window, those that moved most first."""

    service: str
    """`service/delay@prod`."""
    arm: str
    version: str
    """`model/delay@7`."""
    start: int
    end: int
    """Event time, [start, end), microseconds."""
    rows: int
    columns: tuple[ColumnDrift, ...]

"""quality: how good predictions turned out to be, by window, arm and slice."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Literal

from loopline.nouns.evaluation import Estimate

NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")
TRUTHS: Final = {"true": 1.0, "false": 0.0}
"""What is a number in a label, however it is written."""


def spelled(text: str) -> str:
    """Write a class in the one way in which it can be compared: `1`, `1.0` and `True` are the same, `late` is itself."""
    text = text.strip()
    number = TRUTHS.get(text.lower(), float(text) if NUMBER.match(text) else math.nan)
    if not math.isfinite(number):
        return text
    return str(int(number)) if number.is_integer() else repr(number)


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
    kind: Literal["binary", "classes", "regression"] = "binary"
    score: str = ""
    """The output that was held against the labels: `predict_proba[1]`."""
    positive: str = ""
    """The class that counts as 1, against all others; empty: there is none."""
    classes: tuple[str, ...] = ()
    """Those that the model tells apart, where it says."""

    @property
    def said(self) -> str:
        """Say what was measured where more than two classes leave that open."""
        if self.kind == "classes":
            return f"an answer is right where {self.score} is the label"
        if self.kind == "binary" and len(self.classes) > 2:
            return f"{self.positive} against the other {len(self.classes) - 1} classes, by {self.score}"
        return ""


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

"""response: what one person says to one question of the survey, once in a period. Nothing that is told leads back to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Question:
    """One question, and what may be said to it."""

    name: str
    text: str
    every: Literal["month", "quarter"]
    """How often one may answer: those of a month are asked at the moment, with one click."""
    scale: tuple[str, ...]
    """What the answers mean, the least first; they are numbered from 1."""


@dataclass(frozen=True, slots=True)
class Response:
    """That something was said; not what, and not by whom."""

    question: str
    period: str
    replaced: bool
    """Whether it took the place of an earlier answer of the same person in this period."""

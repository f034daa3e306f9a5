"""assessment: what a team says about one of its practices that the ledger cannot see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stand = Literal["no", "manual", "automated"]


@dataclass(frozen=True, slots=True)
class Assessment:
    """One answer. A later one about the same practice counts instead; all are kept."""

    practice: str
    answer: Stand
    note: str
    by: str
    at: int

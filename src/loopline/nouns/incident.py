"""incident: something went wrong in production."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loopline.nouns.severity import Severity

Relation = Literal["caused_by", "fixes"]


@dataclass(frozen=True, slots=True)
class Blame:
    """A stored edge between an incident and a change: attribution is data, not a join."""

    relation: Relation
    change: str
    source: Literal["human", "rollback", "monitor", "override"]
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Incident:
    """What went wrong, since when, until when."""

    id: str
    project: str
    title: str
    severity: Severity
    opened_by: str
    opened_at: int
    resolved_at: int | None = None
    blames: tuple[Blame, ...] = ()

"""incident: something went wrong in production."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from loopline.nouns.severity import Severity

LONGEST: Final = 200
"""Characters of a title."""
Relation = Literal["caused_by", "fixes"]
Source = Literal["human", "rollback", "monitor", "override", "assistant", "token"]
"""Who says so: a person, a rollback of the change, an alert that a trigger has followed, whoever let the change through against
its policy, an assistant, a service with its token."""


@dataclass(frozen=True, slots=True)
class Blame:
    """A stored edge between an incident and a change: attribution is data, not a join."""

    relation: Relation
    change: str
    source: Source
    confidence: float = 1.0
    by: str = ""
    """Who said so last; empty where the ledger did not keep it yet."""
    at: int = 0
    why: str = ""

    def names(self, other: Blame) -> bool:
        """Tell whether it is the same edge, whoever says so and how sure."""
        return (self.relation, self.change) == (other.relation, other.change)


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
    about: str = ""
    """The asset that it is about, where somebody has said so: `service/delay`."""
    began_at: int | None = None
    """Since when something was wrong in the world, where somebody has said so; `opened_at` is when the ledger was told."""
    resolved_by: str = ""
    resolution: str = ""
    """What was done, in the words of whoever resolved it."""


def line_of(text: str) -> str:
    """Make a title of what was said elsewhere, as the reason of a rollback: one line, cut where it is too long."""
    shown = "".join(one for one in " ".join(text.split()) if one.isprintable())
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"

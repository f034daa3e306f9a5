"""alert: a monitor saw something, at a time when a certain change was in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loopline.nouns.severity import Severity


@dataclass(frozen=True, slots=True)
class Alert:
    """One monitor of one service that fires, or has fired."""

    id: str
    project: str
    service: str
    """`service/delay@prod`."""
    monitor: str
    kind: str
    severity: Severity
    summary: str
    """`carrier and 2 others moved; the largest by D = 0.21`."""
    opened_at: int
    event_time: int
    """End of the first window that was bad."""
    change: str = ""
    """Id of the change that was in force then."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was measured, as JSON values."""
    updated_at: int = 0
    resolved_at: int | None = None
    acknowledged_by: str = ""
    acknowledged_at: int | None = None
    silenced: bool = False
    """Whether nobody was notified, because of a silence."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that nobody is to be notified of for a while. They are recorded all the same."""

    id: str
    project: str
    match: str
    """Glob over `service/NAME@REF/MONITOR`."""
    until: int
    why: str
    by: str
    created_at: int

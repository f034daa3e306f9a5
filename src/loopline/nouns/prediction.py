"""prediction: one row that a service answered, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Prediction:
    """One row of a request."""

    id: str
    """Id of its request, `:` and the number of the row from 0."""
    service: str
    """`service/delay@prod`."""
    number: int
    """Version of the service."""
    arm: str
    version: str
    """`model/delay@7`."""
    change: str
    """Id of the change in force."""
    recorded_at: int
    event_time: int
    unit: str = ""
    """Empty: nobody said whom it is about."""
    status: int = 200
    """As in HTTP."""
    latency_us: int = 0
    """Of its whole request, from the first byte read to the answer."""
    shadow: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    label: float | str | None = None
    """The truth, where somebody has told it."""
    labelled_at: int | None = None
    error: str = ""

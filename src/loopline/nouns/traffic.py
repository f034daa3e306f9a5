"""traffic: how much a service was asked, and how it kept up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """One arm in one piece of time."""

    start: int
    end: int
    arm: str
    shadow: bool = False
    requests: int = 0
    rows: int = 0
    errors: int = 0
    """Requests with a status of 500 or more."""
    refused: int = 0
    """Requests with a status of 400 to 499."""
    busy: int = 0
    """Of all, those that were sent away because nobody could answer in time: 429 and 503."""
    p50_us: float = 0.0
    p90_us: float = 0.0
    p99_us: float = 0.0
    """Latency of answered requests."""

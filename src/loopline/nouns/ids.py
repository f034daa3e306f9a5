"""ids: how the id of a run or a change is written where a person reads it."""

from __future__ import annotations

from typing import Final

BRIEF: Final = 16
"""The first 12 digits of a UUIDv7 are the millisecond, and a pipeline starts many steps in one; 4 more tell them apart."""


def brief(name: str) -> str:
    """Give as many digits as it takes to name it in a command."""
    return name[:BRIEF]

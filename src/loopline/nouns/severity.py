"""severity: how bad something is that a monitor saw or that went wrong."""

from __future__ import annotations

from typing import Final, Literal, get_args

Severity = Literal["low", "medium", "high"]
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""From the least to the worst."""

"""asked: what this column must know of a verb. A row of the table of verbs is one."""

from __future__ import annotations

from typing import Protocol


class Asked(Protocol):
    """A verb that somebody asks."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def cls(self) -> str:
        """`read`, `write` or `work`."""

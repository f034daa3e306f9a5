"""experiment: the group that runs belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment of a project."""

    id: int
    """A number of the whole ledger."""
    project: str
    name: str
    created_at: int = 0
    """Microseconds since the epoch, UTC; `updated_at` and `deleted_at` as well."""
    updated_at: int = 0
    deleted_at: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """What its tags are filed under."""
        return f"experiment/{self.id}"

"""version: one artifact published under an asset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from loopline.nouns.artifact import Artifact
from loopline.nouns.name import AssetName

ORIGIN: Final = "origin"
"""Where the metadata of a version that comes from elsewhere say what it was there: its id, author and time."""
FIRST_PARENT: Final = "first_parent"
"""Where those of a merge name the parent whose line it goes on, if that is not the one with the lowest number."""


@dataclass(frozen=True, slots=True)
class Version:
    """`model/delay@7`."""

    asset: AssetName
    number: int
    """Allocated per asset, across branches, without gaps, from 1."""
    artifact: Artifact
    parents: tuple[int, ...] = ()
    author: str = ""
    message: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """JSON values; what a version says about itself: rows, schema, flavour, signature."""
    run: str | None = None
    """Id of the run that made it."""
    recorded_at: int = 0
    """Microseconds since the epoch, UTC, by the loop's clock."""
    event_time: int | None = None
    quarantined: bool = False
    deleted_at: int | None = None
    text: str = ""
    """What somebody has written about it since; told, as its tags are, where one version is asked for."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> tuple[int, ...]:
        """Give the parents, first the one whose line it goes on."""
        first = self.metadata.get(FIRST_PARENT)
        return (first, *(one for one in self.parents if one != first)) if first in self.parents else self.parents

    def __str__(self) -> str:
        """Write it as inside its project."""
        return f"{self.asset}@{self.number}"

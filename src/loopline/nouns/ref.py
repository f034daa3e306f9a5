"""ref: a mutable name of an asset that points at one version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from loopline.nouns.name import RefName

FIXED: Final = "fixed"
"""The tier of a ref that never moves: it is made, and may be deleted."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Where `name` points. It moves only by a change."""

    name: RefName
    target: int
    """Number of the version."""
    tier: str = ""
    """`production`, `staging`, … where the ref is a deployment, `fixed` where it never moves; empty otherwise."""
    change: str | None = None
    """Id of the change that moved it here."""
    moved_at: int = 0

    @property
    def fixed(self) -> bool:
        """Whether it never moves."""
        return self.tier == FIXED

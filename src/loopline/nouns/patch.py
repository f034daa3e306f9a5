"""patch: how one text became another, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Patch:
    """One file's difference."""

    path: str
    word: Literal["added", "removed", "changed"]
    text: str = ""
    """Unified: `@@ -1,3 +1,4 @@`, then lines that begin with a blank, `-` or `+`. Empty where `note` says why."""
    note: str = ""
    added: int = 0
    """Lines that came."""
    removed: int = 0
    """Lines that went."""

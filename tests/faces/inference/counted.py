"""A front that has no model yet, or breaks when it is asked, and keeps what it is told to count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class Counted:
    """A front without models."""

    name = "n"

    def __init__(self, *, broken: bool = False) -> None:
        self._broken = broken
        self.counted: list[tuple[str, int]] = []

    def served(self) -> None:
        """Give nothing, or break."""
        if self._broken:
            raise ZeroDivisionError

    def new_id(self) -> str:
        """Give an id."""
        return "id"

    def metrics(self, accept: str) -> tuple[bytes, str]:
        """Give none."""
        return b"", accept

    def statistics(self) -> Iterable[Mapping[str, Any]]:
        """Give none."""
        return ()

    def refused(self, kind: str, status: int) -> None:
        """Keep it."""
        self.counted.append((kind, status))

"""Rows that are overheard: what was asked of them, and how SQLite would find it."""

from __future__ import annotations

from typing import Any


class Overheard:
    """Rows, and the last question that was asked of them."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows
        self._asked: tuple[Any, ...] = ()

    def all(self, *asked: Any) -> Any:
        """Ask, and keep the question."""
        self._asked = asked
        return self._rows.all(*asked)

    def plan(self) -> str:
        """Say how SQLite finds what was asked for."""
        sql, *values = self._asked
        return " ".join(row[3] for row in self._rows.all(f"EXPLAIN QUERY PLAN {sql}", *values))

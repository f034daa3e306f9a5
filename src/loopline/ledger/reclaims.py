"""reclaims: what was taken out of the store because nothing names it, and how far that is (table reclaims).

Time is counted in *epochs* here: one begins when a reclaim begins, and one when it has moved the last object to the trash. What
a writer relied on it has asked for, in its own epoch or later.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from loopline.store.database import Rows

EPOCH: Final = "(SELECT COALESCE(MAX(CASE WHEN closed IS NULL THEN opened ELSE closed END), 0) FROM reclaims)"
_COLUMNS: Final = "number, opened, closed, state, place, objects, bytes, at, ended_at"


class State(StrEnum):
    """How far a reclaim is."""

    MARKING = "marking"
    """It looks; nothing was moved."""
    LISTED = "listed"
    """It has noted what nothing names. Nothing was moved."""
    MOVING = "moving"
    """It moves objects to the trash, or was killed while it did."""
    TRASHED = "trashed"
    """All that it moves is in the trash."""
    RESTORED = "restored"
    """Somebody has taken all of it back."""
    EMPTIED = "emptied"
    """What it had moved is gone."""


@dataclass(frozen=True, slots=True)
class Row:
    """One reclaim."""

    number: int
    opened: int
    closed: int | None
    state: State
    place: str
    objects: int
    bytes: int
    at: int
    ended_at: int | None


class Reclaims:
    """All of them, by number."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def open(self, place: str) -> Row:
        """Begin one, and an epoch."""
        self._rows.do(
            "INSERT INTO reclaims (number, opened, state, place, at)"
            f" SELECT COALESCE(MAX(number), 0) + 1, {EPOCH} + 1, ?, ?, ? FROM reclaims",
            State.MARKING, place, self._now,
        )  # fmt: skip
        (newest,) = self.list(limit=1)
        return newest

    def move(self, number: int, state: State, *, objects: int | None = None, size: int | None = None) -> None:
        """Say how far it is."""
        self._rows.do(
            "UPDATE reclaims SET state = ?, objects = COALESCE(?, objects), bytes = COALESCE(?, bytes) WHERE number = ?",
            state, objects, size, number,
        )  # fmt: skip

    def close(self, number: int, *, objects: int | None = None, size: int | None = None) -> None:
        """Say that the last object was moved, and begin an epoch: whoever is written down from now on sees them gone."""
        self._rows.do(
            f"UPDATE reclaims SET state = ?, closed = {EPOCH} + 1, ended_at = ?, objects = COALESCE(?, objects),"
            " bytes = COALESCE(?, bytes) WHERE number = ?",
            State.TRASHED, self._now, objects, size, number,
        )  # fmt: skip

    def list(self, *states: State, limit: int = 1000) -> list[Row]:
        """Give them, newest first."""
        where = f" WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        rows = self._rows.all(f"SELECT {_COLUMNS} FROM reclaims{where} ORDER BY number DESC LIMIT ?", *states, limit)
        return [Row(row[0], row[1], row[2], State(row[3]), *row[4:]) for row in rows]

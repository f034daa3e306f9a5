"""writers: processes that may hold bytes which no row names yet (table writers).

A writer is written down before it asks for the first time whether bytes are there, and until it is done. It counts up its *beat*;
a collector that sees the same beat twice, with enough of its own time in between, takes it for dead. No clock of another
machine is asked. `began` tells, in the epochs of `reclaims.py`, what a writer cannot have relied on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loopline.errors import Conflict
from loopline.ledger.reclaims import EPOCH
from loopline.store.database import Rows


@dataclass(frozen=True, slots=True)
class Writer:
    """One process, as it was last heard of."""

    id: str
    began: int
    """The epoch in which it was written down."""
    beat: int
    place: str
    """Its machine and process, for people."""
    since: int


class Writers:
    """All of them."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now

    def begin(self, ident: str, place: str) -> None:
        """Write one down."""
        self._rows.do(
            f"INSERT INTO writers (id, began, beat, place, since) SELECT ?, {EPOCH}, 0, ?, ?", ident, place, self._now
        )

    def beat(self, ident: str) -> bool:
        """Say that it lives; tell whether it is still written down. Inside a commit, this holds it fast until the end."""
        return self._rows.do("UPDATE writers SET beat = beat + 1 WHERE id = ?", ident) > 0

    def hold(self, ident: str) -> None:
        """Make sure that nobody has given the writer up; nobody can, until the transaction ends. Raise Conflict."""
        if not self.beat(ident):
            raise Conflict(
                "this process was silent for so long that bytes it stored may have been reclaimed",
                kind="writer-lapsed",
                hint="run the command again",
                writer=ident,
            )

    def end(self, ident: str) -> None:
        """Strike one off."""
        self._rows.do("DELETE FROM writers WHERE id = ?", ident)

    def give_up(self, seen: Iterable[Writer]) -> list[Writer]:
        """Strike off those that have not beaten since they were seen; give those that have."""
        return [
            one
            for one in seen
            if not self._rows.do("DELETE FROM writers WHERE id = ? AND beat = ?", one.id, one.beat)
            and self._rows.one("SELECT 1 FROM writers WHERE id = ?", one.id)
        ]

    def before(self, epoch: int) -> list[Writer]:
        """List those that began before an epoch."""
        rows = self._rows.all(
            "SELECT id, began, beat, place, since FROM writers WHERE began < ? ORDER BY since, id", epoch
        )
        return [Writer(*row) for row in rows]

"""sides: two tables of one connection, which of their columns are the same, and how two cells are compared.

The tables are called `old` and `new`. A column that went and one that came are the same one, renamed, where nearly all rows that
both sides have say the same in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from loopline.datasets.tables import is_number, name

MOSTLY: Final = 0.9
"""Share of the rows on both sides that must say the same in two columns for one to be the other, renamed."""
LOOKED: Final = 10_000
"""Rows that are looked at for that."""
_FEW: Final = 12
"""More columns than that which came, or went, are a new table and not renamed one by one."""


class Sides:
    """The columns of both tables, and how to compare a column whose types differ: as text."""

    def __init__(
        self,
        old: Mapping[str, str],
        new: Mapping[str, str],
        renamed: Mapping[str, str] | None = None,
        *,
        row: str = "rowid",
    ) -> None:
        self.row = row
        """What numbers the rows of both tables."""
        self.old = old
        self.new = new
        self.before = dict(renamed or {})
        """What columns of the new side were called, where they were renamed."""
        went = set(self.before.values())
        self.shared = [column for column in new if column in self.before or (column in old and column not in went)]
        order = {self.before.get(column, column): column for column in self.shared}
        self.shared = [order[column] for column in old if column in order]

    def kinds(self, column: str) -> tuple[str, str]:
        """Give the types of a shared column on both sides."""
        return self.old[self.before.get(column, column)], self.new[column]

    def value(self, side: str, column: str) -> str:
        """Write a shared column of `old`, `new`, `o` or `n` so that both sides can be compared: numbers of any kind can."""
        here = self.before.get(column, column) if side[0] == "o" else column
        plainly, kinds = f"{side}.{name(here)}", self.kinds(column)
        return plainly if kinds[0] == kinds[1] or all(map(is_number, kinds)) else f"CAST({plainly} AS VARCHAR)"

    def differ(self, column: str) -> str:
        """Write the condition that a cell differs; two missing values do not."""
        return f"({self.value('o', column)} IS DISTINCT FROM {self.value('n', column)})"

    def match(self, key: Sequence[str]) -> str:
        """Write the condition that two rows have one key."""
        return " AND ".join(f"{self.value('o', column)} = {self.value('n', column)}" for column in key)

    @property
    def went(self) -> list[str]:
        """Columns that only the old side has."""
        kept = {self.before.get(column, column) for column in self.shared}
        return [column for column in self.old if column not in kept]

    @property
    def came(self) -> list[str]:
        """Columns that only the new side has."""
        kept = set(self.shared)
        return [column for column in self.new if column not in kept]


def with_renamed(db: Any, sides: Sides, key: Sequence[str]) -> Sides:
    """Find columns that were renamed, by the rows of one key that both sides have."""
    went, came = sides.went, sides.came
    pairs = [(a, b) for a in went for b in came if _alike(sides.old[a], sides.new[b])]
    if not pairs or len(went) > _FEW or len(came) > _FEW:
        return sides
    (count,) = db.execute("SELECT count(*) FROM old").fetchone()
    some = f"(SELECT * FROM old WHERE {sides.row} % {count // LOOKED + 1} = 0) o JOIN new n ON {sides.match(key)}"
    asked = ", ".join(
        f"count(*) FILTER (WHERE o.{name(a)} IS NOT DISTINCT FROM n.{name(b)}), count(DISTINCT o.{name(a)})"
        for a, b in pairs
    )
    rows, *found = db.execute(f"SELECT count(*), {asked} FROM {some}").fetchone()
    best = sorted(
        ((same, a, b) for (a, b), same, values in zip(pairs, found[::2], found[1::2], strict=True) if values > 1),
        key=lambda one: (-one[0], went.index(one[1]), came.index(one[2])),
    )
    renamed: dict[str, str] = {}
    for same, a, b in best:
        if same >= MOSTLY * rows and b not in renamed and a not in renamed.values():
            renamed[b] = a
    return Sides(sides.old, sides.new, renamed, row=sides.row)


def _alike(a: str, b: str) -> bool:
    return a == b or (is_number(a) and is_number(b))

"""tablemerge: three tables become one, row by row and cell by cell; what excludes each other is a conflict.

*Base* is what both sides come from, *ours* what is merged into, *theirs* what is merged. Rows are matched by a key. A row that
only one side has touched is taken as that side wrote it, byte for byte in CSV and JSON Lines; one that both have touched is put
together of its cells. Rows keep our order; new ones of theirs stand behind the row that they stand behind there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from loopline.datasets.tables import ending_of

MOST: Final = 256 << 20
"""Bytes of one side above which tables are not merged: all three are held in memory."""
TOLD: Final = 1000
"""Conflicts that are told; the count is that of all."""


class Missing:
    """No such cell, as in a line of JSON without that name; not the same as an empty one."""

    def __repr__(self) -> str:
        """Show it as what it is."""
        return "MISSING"


MISSING: Final = Missing()
Key = tuple[Any, ...]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowConflict:
    """One cell that both sides have changed to something else; or a whole row, that one has changed and the other removed."""

    key: Key
    column: str
    """Empty: the whole row, and the three are rows or None."""
    base: Any
    ours: Any
    theirs: Any


@dataclass(frozen=True, slots=True)
class Merged:
    """What three tables become: bytes, or why not."""

    body: bytes | None
    conflicts: tuple[RowConflict, ...] = ()
    """The first ones, in the order of our rows."""
    count: int = 0
    """How many there are."""
    why: str = ""
    """Why these are not tables that can be merged by this key; empty where they are."""


class Unfit(Exception):  # noqa: N818 - no error: the file is merged as a whole, or clashes
    """Three files that are no tables with this key."""


class Side(Protocol):
    """One of three tables, as a form of files reads it."""

    places: dict[Key, int]
    """Rows by key, in their order."""
    columns: Sequence[str]

    def row(self, key: Key) -> Row:
        """Give the cells of a row, as they are compared."""


class Form(Protocol):
    """How tables of one form are read, compared and written."""

    def read(self, body: bytes, key: Sequence[str]) -> Side:
        """Read a table. Raise Unfit where it is none, or its key is missing, empty or not unique."""

    def changed(self, base: Any, side: Any) -> set[Key]:
        """Give the keys of rows that both have and that differ."""

    def write(self, sides: Sequence[Any], columns: Sequence[str], rows: Sequence[tuple[Key, int | Row]]) -> bytes:
        """Write rows: each is one of a side (1 ours, 2 theirs), or put together of cells of both. Raise Unfit."""


def merge_tables(path: str, base: bytes | None, ours: bytes, theirs: bytes, key: Sequence[str]) -> Merged:
    """Merge three tables of one form, which the path's name tells; without a base it is one without rows.

    The same for the same three. What only one side has changed at all is that side's bytes.
    """
    if theirs in (ours, base):
        return Merged(ours)
    if ours == base:
        return Merged(theirs)
    form = _form(path)
    if form is None or not key:
        return Merged(None, why=f"{path} is no table" if form is None else "no key is declared")
    if max(map(len, (ours, theirs, base or b""))) > MOST:
        return Merged(None, why=f"a table of more than {MOST >> 20} MiB is not merged row by row")
    try:
        mine, yours = form.read(ours, key), form.read(theirs, key)
        common = form.read(base, key) if base is not None else _Nothing()
        columns = _columns(common, mine, yours, first=base is None)
        found = _Found(form, common, mine, yours)
        rows = found.rows(columns)
        if found.count:
            return Merged(None, tuple(found.conflicts), found.count)
        return Merged(form.write([common, mine, yours], columns, rows))
    except Unfit as error:
        return Merged(None, why=str(error))
    except (ValueError, OverflowError, OSError, NotImplementedError, RecursionError) as error:  # Arrow's, json's
        return Merged(None, why=f"it cannot be merged row by row: {error}")


def _form(path: str) -> Form | None:
    from loopline.datasets.textmerge import Csv, JsonLines

    match ending_of(path).split("."):
        case [_, "csv" | "tsv" as kind, *packed]:
            return Csv("\t" if kind == "tsv" else ",", packed=bool(packed))
        case [_, "jsonl" | "ndjson", *packed]:
            return JsonLines(packed=bool(packed))
        case [_, "parquet"]:
            from loopline.datasets.arrowmerge import Parquet

            return Parquet()
    return None


class _Nothing:
    """The base of two tables that have none."""

    places: dict[Key, int] = {}  # noqa: RUF012 - never written to
    columns: Sequence[str] = ()

    def row(self, key: Key) -> Row:
        """Never asked for."""
        raise KeyError(key)


def _columns(base: Side, ours: Side, theirs: Side, *, first: bool) -> list[str]:
    """Merge the columns: ours in their order, without those that they have removed, then those that only they have made."""
    before = set(base.columns)
    mine, yours = set(ours.columns), set(theirs.columns)
    kept = [one for one in ours.columns if one in yours or one not in before or first]
    return kept + [one for one in theirs.columns if one not in mine and (one not in before or first)]


class _Found:
    """What becomes of each row, and what excludes each other."""

    def __init__(self, form: Form, base: Side, ours: Side, theirs: Side) -> None:
        self.base, self.ours, self.theirs = base, ours, theirs
        self.form = form
        self.conflicts: list[RowConflict] = []
        self.count = 0

    def rows(self, columns: Sequence[str]) -> list[tuple[Key, int | Row]]:
        """Say for each row of the result whose it is, or what its cells are."""
        base, ours = self.base.places, self.ours.places
        mine = self.form.changed(self.base, self.ours) if base else set()
        yours = self.form.changed(self.base, self.theirs) if base else set()
        found: list[tuple[Key, int | Row]] = []
        behind = self._behind()
        found += [(one, 2) for one in behind.get(None, ())]
        for one in ours:
            whose = self._whose(one, columns, mine=one in mine, yours=one in yours)
            found += [(one, whose)] if whose is not None else []
            found += [(other, 2) for other in behind.get(one, ())]
        for one in base:  # what we have removed and they have changed
            if one not in ours and one in yours and self._edited(one, self.theirs):
                self._clash(one, "", self.base.row(one), None, self.theirs.row(one))
        return found

    def _whose(self, one: Key, columns: Sequence[str], *, mine: bool, yours: bool) -> int | Row | None:
        """Say what becomes of a row of ours; None: it goes."""
        if one not in self.base.places:
            if one not in self.theirs.places:
                return 1
            return self._together(one, None, columns)
        if one not in self.theirs.places:
            if mine and self._edited(one, self.ours):
                self._clash(one, "", self.base.row(one), self.ours.row(one), None)
            return None
        if not yours:
            return 1
        return 2 if not mine else self._together(one, self.base.row(one), columns)

    def _together(self, one: Key, base: Row | None, columns: Sequence[str]) -> int | Row:
        """Put a row together of the cells of both sides."""
        ours, theirs = self.ours.row(one), self.theirs.row(one)
        cells = {}
        for column in self._all(columns, ours, theirs, base):
            was = MISSING if base is None else base.get(column, MISSING)
            mine, yours = ours.get(column, MISSING), theirs.get(column, MISSING)
            if same(mine, yours) or same(yours, was):
                cells[column] = mine
            elif same(mine, was):
                cells[column] = yours
            else:
                self._clash(one, column, _told(was), _told(mine), _told(yours))
        for side, row in ((1, ours), (2, theirs)):
            if all(same(row.get(column, MISSING), cell) for column, cell in cells.items()):
                return side
        return cells

    def _edited(self, one: Key, side: Side) -> bool:
        """Tell whether a row that differs does so in columns that were there before: a new column is no edit of every row."""
        before, now = self.base.row(one), side.row(one)
        columns = [column for column in before if column in now] if side.columns else [*before, *now]
        return any(not same(before.get(column, MISSING), now.get(column, MISSING)) for column in columns)

    @staticmethod
    def _all(columns: Sequence[str], *rows: Row | None) -> list[str]:
        """Give the columns of the table, and those that only some of the three rows have."""
        return list(dict.fromkeys([*columns, *(column for row in rows if row for column in row)]))

    def _behind(self) -> dict[Key | None, list[Key]]:
        """Say behind which row of ours each new row of theirs comes."""
        found: dict[Key | None, list[Key]] = {}
        last: Key | None = None
        for one in self.theirs.places:
            if one in self.ours.places:
                last = one
            elif one not in self.base.places:
                found.setdefault(last, []).append(one)
        return found

    def _clash(self, *of: Any) -> None:
        self.count += 1
        if len(self.conflicts) < TOLD:
            self.conflicts.append(RowConflict(*of))


def same(a: Any, b: Any) -> bool:
    """Tell whether two cells are the same: of one type, and "not a number" is itself."""
    if isinstance(a, (dict, list)):
        return type(a) is type(b) and repr(a) == repr(b)  # within these 1 and true would be equal
    return a is b or (type(a) is type(b) and (a == b or (a != a and b != b)))  # noqa: PLR0124 - not a number


def _told(value: Any) -> Any:
    return None if value is MISSING else value

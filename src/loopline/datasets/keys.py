"""keys: columns that name each row of two tables once, whether somebody declares them or they are found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, Final

from loopline.datasets.sides import Sides
from loopline.datasets.tables import name, plain

_NAMES: Final = re.compile(r"(?:^|_|\b)(?:id|uid|uuid|guid|key|pk|code)$|[a-z](?:Id|ID|Key)$", re.IGNORECASE)
"""How columns are called that are there to name rows. `[a-z](?:Id|…)` is for `flightId`."""
_FIT: Final = (
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "VARCHAR", "UUID",
)  # fmt: skip
_TIMES: Final = ("DATE", "TIME", "TIMESTAMP")
TOGETHER: Final = 4
"""Columns that are tried together, at most."""
_COLUMNS: Final = 8
_TRIES: Final = 24
_FIRST: Final = 20_000
"""Rows at the beginning that are looked at before all are."""


def unfit(db: Any, key: Sequence[str], sides: Sides) -> str:
    """Say why a declared key does not name rows; empty where it does, or where there is none."""
    missing = [column for column in key if column not in sides.shared]
    if missing:
        return f"no column {', '.join(missing)} on both sides: rows are compared as wholes"
    if not key:
        return ""
    names = ", ".join(map(name, key))
    for side in ("old", "new"):
        void = " OR ".join(f"{name(column)} IS NULL" for column in key)
        if _one(db, f"SELECT count(*) FROM {side} WHERE {void}"):
            return f"{', '.join(key)} is empty in some {side} rows and names none: rows are compared as wholes"
        if _unique(db, side, key, _one(db, f"SELECT count(*) FROM {side}")):
            continue
        twice = db.execute(
            f"SELECT {names}, count(*) AS n FROM {side} GROUP BY ALL HAVING n > 1 ORDER BY ALL LIMIT 1"
        ).fetchone()
        values = ", ".join(f"{c}={plain(v)}" for c, v in zip(key, twice, strict=False))
        return f"{values} stands {twice[-1]} times in the {side} rows and names none: rows are compared as wholes"
    return ""


def infer(db: Any, sides: Sides) -> tuple[str, ...]:
    """Find columns that are never empty, and together unique, on both sides, and that name at least one row on both.

    Columns called like `id` come first, times last, else the order is that of the table; one column before several. Fractions
    name nothing. Empty where there are none.
    """
    rows = {side: _one(db, f"SELECT count(*) FROM {side}") for side in ("old", "new")}
    columns, values = _candidates(db, sides, rows)
    if not all(rows.values()):
        columns = [one for one in columns if _NAMES.search(one)]  # an empty side proves nothing
    several = 0
    for key in _sets(columns, len(sides.shared)):
        if any(_product(values[side], key) < 0.8 * rows[side] for side in rows):  # estimates, a few per cent off
            continue
        if len(key) > 1:
            several += 1
            if several > _TRIES:
                return ()
        if all(_unique(db, side, key, rows[side]) for side in rows) and _meets(db, sides, key, rows):
            return key
    return ()


def _candidates(db: Any, sides: Sides, rows: dict[str, int]) -> tuple[list[str], dict[str, dict[str, int]]]:
    """Give columns that are never empty, in the order of preference, and about how many values each has."""
    columns = [
        column
        for column in sides.shared
        if column in sides.old and len(set(sides.kinds(column))) == 1 and sides.new[column].startswith((*_FIT, *_TIMES))
    ]
    columns.sort(key=lambda one: (sides.new[one].startswith(_TIMES), not _NAMES.search(one)))
    values: dict[str, dict[str, int]] = {}
    for side, count in rows.items():
        if not columns:
            break
        asked = ", ".join(f"count({name(one)}), approx_count_distinct({name(one)})" for one in columns)
        found = db.execute(f"SELECT {asked} FROM {side}").fetchone()
        values[side] = dict(zip(columns, found[1::2], strict=True))
        columns = [one for one, filled in zip(columns, found[::2], strict=True) if filled == count]
    return columns, values


def _sets(columns: Sequence[str], shared: int) -> Iterator[tuple[str, ...]]:
    """Give what is tried, in order; a key of several columns leaves others that can differ."""
    yield from ((one,) for one in columns)
    for count in range(2, min(TOGETHER, shared - 1) + 1):
        yield from combinations(columns[:_COLUMNS], count)


def _product(values: dict[str, int], key: Sequence[str]) -> int:
    product = 1
    for column in key:
        product *= max(values[column], 1)
    return product


def _unique(db: Any, side: str, key: Sequence[str], rows: int) -> bool:
    names = ", ".join(map(name, key))
    if len(key) > 1 and rows > _FIRST:
        first = f"SELECT count(*) FROM (SELECT DISTINCT {names} FROM (SELECT {names} FROM {side} LIMIT {_FIRST}))"
        if _one(db, first) < _FIRST:
            return False
    return _one(db, f"SELECT count(*) FROM (SELECT DISTINCT {names} FROM {side})") == rows


def _meets(db: Any, sides: Sides, key: Sequence[str], rows: dict[str, int]) -> bool:
    """Tell whether a key names some of the same rows on both sides: numbers that are given anew each time do not."""
    if not all(rows.values()):
        return True
    some = f"(SELECT * FROM old WHERE {sides.row} % {rows['old'] // 1000 + 1} = 0) o"
    return _one(db, f"SELECT count(*) FROM {some} SEMI JOIN new n ON {sides.match(key)}") > 0


def _one(db: Any, query: str) -> int:
    return int(db.execute(query).fetchone()[0])

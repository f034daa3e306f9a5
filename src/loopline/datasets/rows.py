"""rows: what became of each row between two tables.

With a key that names each row once, rows are added, removed or changed, and a changed row tells its cells. Without one,
tables are bags of rows: what is on one side only is added or removed. Columns that only one side has are told in the schema and
are no change of every row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from loopline.datasets.tables import NULLS, columns_of, is_number, name, open_tables, plain

SAMPLES = 20
"""Rows of each kind that an answer shows by default."""
_HERE = "__loopline_here"
Paths = Path | Sequence[Path]


def diff_rows(
    old: Paths, new: Paths, *, key: Sequence[str] = (), samples: int = SAMPLES, nulls: Sequence[str] = NULLS
) -> dict[str, Any]:
    """Compare two tables, each a file or the files that hold its rows (CSV, Parquet, JSON Lines, by suffix).

    Gives plain values: `schema` {added, removed, changed}; `key`; `rows` {old, new}; `added`, `removed`, `changed`, `same`
    (numbers of rows); `columns` (changed rows by column); `samples` {added, removed: [row], changed: [{key, cells: {column:
    [old, new]}}]}, at most `samples` of each, by key; `notes`. A key that is missing or not unique is said in `notes` and
    rows are compared as bags. Raise what `open_tables` raises.
    """
    with open_tables({"old": _list(old), "new": _list(new)}, nulls=nulls) as db:
        sides = {side: columns_of(db, side) for side in ("old", "new")}
        for side, other in (("old", "new"), ("new", "old")):
            if not sides[side]:  # no files: a table of the other's form without rows
                db.execute(f"CREATE TEMP TABLE {side} AS FROM {other} LIMIT 0") if sides[other] else None
                sides[side] = sides[other]
        if not sides["old"]:
            return _answer({}, {}, {"old": 0, "new": 0})
        counts = {side: _one(db, f"SELECT count(*) FROM {side}") for side in sides}
        answer = _answer(sides["old"], sides["new"], counts)
        shared = [column for column in sides["old"] if column in sides["new"]]
        reason = _unfit(db, key, shared)
        if reason:
            answer["notes"].append(reason)
        if key and not reason:
            answer["key"] = list(key)
            _by_key(db, answer, Sides(sides["old"], sides["new"]), samples)
        else:
            _as_bags(db, answer, Sides(sides["old"], sides["new"]), samples)
        return answer


class Sides:
    """The columns of both tables, and how to compare a column whose types differ: as text."""

    def __init__(self, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        self.old = old
        self.new = new
        self.shared = [column for column in old if column in new]

    def value(self, side: str, column: str) -> str:
        """Write a column so that both sides can be compared: numbers of any kind can."""
        plainly, kinds = f"{side}.{name(column)}", (self.old[column], self.new[column])
        return plainly if kinds[0] == kinds[1] or all(map(is_number, kinds)) else f"CAST({plainly} AS VARCHAR)"

    def differ(self, column: str) -> str:
        """Write the condition that a cell differs; two missing values do not."""
        return f"({self.value('o', column)} IS DISTINCT FROM {self.value('n', column)})"


def _answer(old: Mapping[str, str], new: Mapping[str, str], counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "key": [],
        "schema": {
            "added": [{"name": c, "type": kind} for c, kind in new.items() if c not in old],
            "removed": [{"name": c, "type": kind} for c, kind in old.items() if c not in new],
            "changed": [{"name": c, "old": old[c], "new": new[c]} for c in old if c in new and old[c] != new[c]],
        },
        "rows": dict(counts),
        "added": 0,
        "removed": 0,
        "changed": 0,
        "same": 0,
        "columns": {},
        "samples": {"added": [], "removed": [], "changed": []},
        "notes": [],
    }


def _unfit(db: Any, key: Sequence[str], shared: Sequence[str]) -> str:
    """Say why a key does not name rows; empty where it does, or where there is none."""
    missing = [column for column in key if column not in shared]
    if missing:
        return f"no column {', '.join(missing)} on both sides: rows are compared as wholes"
    if not key:
        return ""
    names = ", ".join(map(name, key))
    for side in ("old", "new"):
        void = " OR ".join(f"{name(column)} IS NULL" for column in key)
        if _one(db, f"SELECT count(*) FROM {side} WHERE {void}"):
            return f"{', '.join(key)} is empty in some {side} rows and names none: rows are compared as wholes"
        twice = db.execute(
            f"SELECT {names}, count(*) AS n FROM {side} GROUP BY ALL HAVING n > 1 ORDER BY ALL LIMIT 1"
        ).fetchone()
        if twice:
            values = ", ".join(f"{c}={plain(v)}" for c, v in zip(key, twice, strict=False))
            return f"{values} stands {twice[-1]} times in the {side} rows and names none: rows are compared as wholes"
    return ""


def _by_key(db: Any, answer: dict[str, Any], sides: Sides, samples: int) -> None:
    key = answer["key"]
    cells = [column for column in sides.shared if column not in key]
    match = " AND ".join(f"{sides.value('o', c)} = {sides.value('n', c)}" for c in key)
    joined = f"(SELECT *, true AS {name(_HERE)} FROM old) o FULL JOIN (SELECT *, true AS {name(_HERE)} FROM new) n ON {match}"
    both = f"o.{name(_HERE)} AND n.{name(_HERE)}"
    changed = f"({' OR '.join(map(sides.differ, cells))})" if cells else "false"
    asked = [
        f"n.{name(_HERE)} IS NULL",
        f"o.{name(_HERE)} IS NULL",
        f"{both} AND {changed}",
        f"{both} AND NOT {changed}",
    ]
    asked += [f"{both} AND {sides.differ(column)}" for column in cells]
    row = db.execute(f"SELECT {', '.join(f'count(*) FILTER (WHERE {one})' for one in asked)} FROM {joined}").fetchone()
    answer["removed"], answer["added"], answer["changed"], answer["same"] = row[:4]
    answer["columns"] = {c: count for c, count in zip(cells, row[4:], strict=True) if count}
    order = ", ".join(f"coalesce({sides.value('o', c)}, {sides.value('n', c)})" for c in key)
    for word, side, columns, where in (
        ("removed", "o", sides.old, asked[0]),
        ("added", "n", sides.new, asked[1]),
    ):
        picked = ", ".join(f"{side}.{name(c)}" for c in columns)
        rows = db.execute(f"SELECT {picked} FROM {joined} WHERE {where} ORDER BY {order} LIMIT {samples:d}").fetchall()
        answer["samples"][word] = [_row(columns, one) for one in rows]
    if answer["changed"]:
        picked = ", ".join(f"o.{name(c)}, n.{name(c)}" for c in (*key, *cells))
        different = ", ".join(map(sides.differ, cells))
        rows = db.execute(
            f"SELECT {picked}, {different} FROM {joined} WHERE {asked[2]} ORDER BY {order} LIMIT {samples:d}"
        ).fetchall()
        answer["samples"]["changed"] = [_changed(key, cells, one) for one in rows]


def _changed(key: Sequence[str], cells: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    flags = row[2 * (len(key) + len(cells)) :]
    pairs = [[plain(row[2 * at]), plain(row[2 * at + 1])] for at in range(len(key) + len(cells))]
    return {
        "key": {column: pairs[at][1] for at, column in enumerate(key)},
        "cells": {c: pair for c, pair, flag in zip(cells, pairs[len(key) :], flags, strict=True) if flag},
    }


def _as_bags(db: Any, answer: dict[str, Any], sides: Sides, samples: int) -> None:
    """Compare rows as wholes, over the columns that both have; a row that stands twice counts twice."""
    if not sides.shared:
        answer["removed"], answer["added"] = answer["rows"]["old"], answer["rows"]["new"]
        return
    for word, here, there in (("removed", "old", "new"), ("added", "new", "old")):
        picked = {
            side: ", ".join(f"{sides.value(side, c)} AS {name(c)}" for c in sides.shared) for side in (here, there)
        }
        db.execute(
            f"CREATE TEMP TABLE {word} AS SELECT {picked[here]} FROM {here} EXCEPT ALL SELECT {picked[there]} FROM {there}"
        )
        answer[word] = _one(db, f"SELECT count(*) FROM {word}")
        rows = db.execute(f"SELECT * FROM {word} ORDER BY ALL LIMIT {samples:d}").fetchall()
        answer["samples"][word] = [_row(sides.shared, one) for one in rows]
    answer["same"] = answer["rows"]["new"] - answer["added"]


def _row(columns: Sequence[str] | Mapping[str, str], values: Sequence[Any]) -> dict[str, Any]:
    return {column: plain(value) for column, value in zip(columns, values, strict=True)}


def _one(db: Any, query: str) -> int:
    return int(db.execute(query).fetchone()[0])


def _list(paths: Paths) -> list[Path]:
    return [paths] if isinstance(paths, Path) else [Path(path) for path in paths]

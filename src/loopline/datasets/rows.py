"""rows: what became of each row between two tables.

With a key that names each row once, rows are added, removed or changed, and a changed row tells its cells. The key is declared,
or found (`keys.py`), and the answer says which. Without one, tables are bags of rows: what is on one side only is added or
removed. Columns that only one side has are told in the schema and are no change of every row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from loopline.datasets.cells import KEPT, WORDS, keep, listed, shown
from loopline.datasets.keys import infer, unfit
from loopline.datasets.profile import HEAD, profile_of
from loopline.datasets.sides import Sides, with_renamed
from loopline.datasets.tables import MEMORY, NULLS, columns_of, name, numbered, open_tables

VERSION: Final = 2
"""Changes when the same two tables give another answer: what was computed by another version is computed again."""
SAMPLES: Final = 20
"""Rows of each kind that an answer shows by default."""
_NOTHING: Final = "CREATE TEMP TABLE listed (seq BIGINT, word INTEGER)"
Paths = Path | Sequence[Path]


def diff_rows(
    old: Paths,
    new: Paths,
    *,
    key: Sequence[str] = (),
    infers: bool = True,
    samples: int = SAMPLES,
    nulls: Sequence[str] = NULLS,
    place: Path | None = None,
    profiled: Collection[str] = (),
    scratch: Path | None = None,
    memory: str = MEMORY,
) -> dict[str, Any]:
    """Compare two tables, each a file or the files that hold its rows (CSV, Parquet, JSON Lines, by suffix).

    Gives plain values: `schema` {added, removed, changed, renamed}; `key`, and `why` it is that (`declared`, `inferred`, `none`);
    `rows` {old, new}; `added`, `removed`, `changed`, `same` (numbers of rows); `columns` (changed rows by column); `samples`
    {added, removed: [row], changed: [{key, cells: {column: [old, new]}}]}, at most `samples` of each, by key; `notes`. A declared
    key that is missing or not unique is said in `notes` and rows are compared as bags; without one a key is looked for if
    `infers`. With `place`, all rows that differ, or the first of very many, are written there for `cells.read`, and `kept` says
    how many. `profiles` has the summaries of the sides in `profiled`. Raise what `open_tables` raises.
    """
    with open_tables(
        {"old": _list(old), "new": _list(new)},
        nulls=nulls,
        scratch=scratch,
        memory=memory,
        beside=[place] if place else (),
    ) as db:
        columns = {side: columns_of(db, side) for side in ("old", "new")}
        profiles = {side: profile_of(db, side, head=HEAD) for side in profiled}
        for side, other in (("old", "new"), ("new", "old")):
            if not columns[side]:  # no files: a table of the other's form without rows
                db.execute(f"CREATE TEMP TABLE {side} AS FROM {other} LIMIT 0") if columns[other] else None
                columns[side] = columns[other]
        most = KEPT if place else samples
        sides = Sides(columns["old"], columns["new"], row=numbered(db, columns))
        answer = _compared(db, sides, key, infers=infers, most=most)
        _show(db, answer, samples)
        if place is not None:
            keep(db, place)
    return answer | ({"profiles": profiles} if profiled else {})


def _compared(db: Any, sides: Sides, key: Sequence[str], *, infers: bool, most: int) -> dict[str, Any]:
    if not sides.old:
        db.execute(_NOTHING)
        return _answer(sides, {"old": 0, "new": 0})
    counts = {side: _one(db, f"SELECT count(*) FROM {side}") for side in ("old", "new")}
    note = unfit(db, key, sides)
    why = "declared" if key and not note else "none"
    if not key and infers:
        key = infer(db, sides)
        why = "inferred" if key else "none"
    if why != "none":
        sides = with_renamed(db, sides, key)
    answer = _answer(sides, counts)
    answer["why"] = why
    answer["notes"] += [note] if note else []
    if why != "none":
        answer["key"] = list(key)
        _by_key(db, answer, sides, most)
    else:
        _as_bags(db, answer, sides, most)
    return answer


def _answer(sides: Sides, counts: Mapping[str, int]) -> dict[str, Any]:
    kinds = {column: sides.kinds(column) for column in sides.shared}
    return {
        "version": VERSION,
        "key": [],
        "why": "none",
        "schema": {
            "added": [{"name": c, "type": sides.new[c]} for c in sides.came],
            "removed": [{"name": c, "type": sides.old[c]} for c in sides.went],
            "changed": [{"name": c, "old": a, "new": b} for c, (a, b) in kinds.items() if a != b],
            "renamed": [{"old": old, "new": new} for new, old in sides.before.items()],
        },
        "rows": dict(counts),
        "added": 0,
        "removed": 0,
        "changed": 0,
        "same": 0,
        "columns": {},
        "columns_of_rows": [],
        "kept": dict.fromkeys(WORDS, 0),
        "samples": {"added": [], "removed": [], "changed": []},
        "notes": [],
    }


def _by_key(db: Any, answer: dict[str, Any], sides: Sides, most: int) -> None:
    """Join both sides once, and keep only what differs."""
    key, row = answer["key"], sides.row
    cells = [column for column in sides.shared if column not in key]
    flags = "".join(f", {sides.differ(column)} AS f{at}" for at, column in enumerate(cells))
    changed = " OR ".join(map(sides.differ, cells)) or "false"
    db.execute(
        f"CREATE TEMP TABLE found AS SELECT o.{row} AS a, n.{row} AS b{flags} FROM old o FULL JOIN new n "
        f"ON {sides.match(key)} WHERE o.{row} IS NULL OR n.{row} IS NULL OR {changed}"
    )
    both = "a IS NOT NULL AND b IS NOT NULL"
    asked = ["b IS NULL", "a IS NULL", both, *(f"{both} AND f{at}" for at in range(len(cells)))]
    counts = db.execute(f"SELECT {', '.join(f'count(*) FILTER (WHERE {one})' for one in asked)} FROM found").fetchone()
    answer["removed"], answer["added"], answer["changed"] = counts[:3]
    answer["same"] = answer["rows"]["old"] - answer["removed"] - answer["changed"]
    answer["columns"] = {c: count for c, count in zip(cells, counts[3:], strict=True) if count}
    columns = [
        *({"name": c, "old": True, "new": True, "differs": c in cells} for c in (*key, *cells)),
        *({"name": c, "old": True, "new": False, "differs": False} for c in sides.went),
        *({"name": c, "old": False, "new": True, "differs": False} for c in sides.came),
    ]
    parts = ["CASE WHEN f.b IS NULL THEN 2 WHEN f.a IS NULL THEN 1 ELSE 0 END AS word"]
    for at, one in enumerate(columns):
        column = one["name"]
        parts += (
            [f"o.{name(sides.before.get(column, column) if one['new'] else column)} AS o{at}"] if one["old"] else []
        )
        parts += [f"n.{name(column)} AS n{at}"] if one["new"] else []
        parts += [f"f.f{at - len(key)} AS d{at}"] if one["differs"] else []
    parts += [f"coalesce({sides.value('o', c)}, {sides.value('n', c)}) AS k{at}" for at, c in enumerate(key)]
    source = (
        f"(SELECT {', '.join(parts)} FROM found f LEFT JOIN old o ON o.{row} = f.a LEFT JOIN new n ON n.{row} = f.b)"
    )
    answer["columns_of_rows"] = columns
    order = ", ".join(f"k{at}" for at in range(len(key)))
    answer["kept"] = listed(db, source, order, answer, most)


def _as_bags(db: Any, answer: dict[str, Any], sides: Sides, most: int) -> None:
    """Compare rows as wholes, over the columns that both have; a row that stands twice counts twice."""
    if not sides.shared:
        answer["removed"], answer["added"] = answer["rows"]["old"], answer["rows"]["new"]
        db.execute(_NOTHING)
        return
    picked = {
        side: ", ".join(f"{sides.value(side, c)} AS c{at}" for at, c in enumerate(sides.shared))
        for side in ("old", "new")
    }
    both = " UNION ALL ".join(
        f"SELECT {picked[side]}, {sign} AS n FROM {side}" for side, sign in (("old", -1), ("new", 1))
    )
    names = [f"c{at}" for at in range(len(sides.shared))]
    db.execute(
        f"CREATE TEMP TABLE found AS SELECT {', '.join(names)}, sum(n) AS n FROM ({both}) GROUP BY ALL HAVING sum(n) <> 0"
    )
    asked = "coalesce(sum(-n) FILTER (WHERE n < 0), 0), coalesce(sum(n) FILTER (WHERE n > 0), 0)"
    answer["removed"], answer["added"] = map(int, db.execute(f"SELECT {asked} FROM found").fetchone())
    answer["same"] = answer["rows"]["new"] - answer["added"]
    columns = [{"name": c, "old": True, "new": True, "differs": False} for c in sides.shared]
    cells = ", ".join(f"c{at} AS o{at}, c{at} AS n{at}" for at in range(len(columns)))
    source = (
        f"(SELECT CASE WHEN n < 0 THEN 2 ELSE 1 END AS word, {cells}, {', '.join(names)} "
        f"FROM (SELECT *, unnest(range(CAST(least(abs(n), {most:d}) AS BIGINT))) FROM found))"
    )
    answer["columns_of_rows"] = columns
    answer["kept"] = listed(db, source, ", ".join(names), answer, most)


def _show(db: Any, answer: dict[str, Any], samples: int) -> None:
    """Put the first rows of each word into an answer."""
    first = 0
    for word in WORDS:
        kept = answer["kept"][word]
        rows = shown(db, "listed", answer, f"seq > {first}", min(samples, kept)) if kept and samples else ()
        answer["samples"][word] = [
            {"key": one["key"], "cells": one["cells"]}
            if word == "changed"
            else {column: pair[word == "added"] for column, pair in one["cells"].items()}
            for one in rows
        ]
        first += kept


def _one(db: Any, query: str) -> int:
    return int(db.execute(query).fetchone()[0])


def _list(paths: Paths) -> list[Path]:
    return [paths] if isinstance(paths, Path) else [Path(path) for path in paths]

"""cells: the rows in which two tables differ, kept in a file of their own and read a page at a time.

The file is Parquet: for each row its place `seq` from 1 on, its `word`, and for each column what both sides say and whether that
differs (`o0`, `n0`, `d0`, …: names of columns come from files, and stand in the answer's `columns`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from loopline.datasets.tables import cell, name, open_tables

WORDS: Final = ("changed", "added", "removed")
"""In the order in which rows are listed."""
KEPT: Final = 500_000
"""Rows of each word that are kept; the counts are those of all."""
_HUGE: Final = ("HUGEINT", "UHUGEINT")
_LOST: Final = ("UNION", "VARIANT", "BIT")


def listed(db: Any, source: str, order: str, told: Mapping[str, Any], most: int) -> dict[str, int]:
    """Make the table `listed` of the first `most` rows of each word of `source`; give how many of each it holds.

    `source` has `word` (0, 1, 2) and, as `o0`, `n0`, `d0` and so on, the cells of the `columns_of_rows` of an answer.
    """
    columns = told["columns_of_rows"]
    picked = ", ".join(
        part
        for at, one in enumerate(columns)
        for part in (f"o{at}", f"n{at}")
        if one[{"o": "old", "n": "new"}[part[0]]]
    )
    flags = "".join(f", d{at}" for at, one in enumerate(columns) if one["differs"])
    inner = f"SELECT row_number() OVER (PARTITION BY word ORDER BY {order}) AS nth, word, {picked}{flags} FROM {source}"
    kept = {word: min(told[word], most) for word in WORDS}
    before = f"CASE word WHEN 0 THEN 0 WHEN 1 THEN {kept['changed']} ELSE {kept['changed'] + kept['added']} END"
    db.execute(
        f"CREATE TEMP TABLE listed AS SELECT CAST(nth + ({before}) AS BIGINT) AS seq, * EXCLUDE (nth) FROM ({inner}) "
        f"WHERE nth <= {most:d} ORDER BY seq"
    )
    return kept


def keep(db: Any, place: Path) -> None:
    """Write the table `listed` to a file."""
    kinds = db.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'listed'").fetchall()
    texts = [column for column, kind in kinds if kind in _HUGE or kind.startswith(_LOST)]  # Parquet has no such numbers
    swapped = ", ".join(f"CAST({name(column)} AS VARCHAR) AS {name(column)}" for column in texts)
    star = f"* REPLACE ({swapped})" if swapped else "*"
    target = str(place).replace("'", "''")
    db.execute(f"COPY (SELECT {star} FROM listed ORDER BY seq) TO '{target}' (FORMAT parquet, ROW_GROUP_SIZE 20000)")


def read(place: Path, told: Mapping[str, Any], *, after: int = 0, limit: int) -> list[dict[str, Any]]:
    """Give the rows behind a place: {seq, word, key: {column: value}, cells: {column: [old, new]}}."""
    with open_tables({}, beside=[place]) as db:
        target = str(place.resolve()).replace("'", "''")
        return list(shown(db, f"read_parquet('{target}')", told, f"seq > {after:d}", limit))


def shown(db: Any, source: str, told: Mapping[str, Any], where: str, limit: int) -> Iterator[dict[str, Any]]:
    """Read rows from what `listed` or `keep` made."""
    columns, key = told["columns_of_rows"], told["key"]
    found = db.execute(f"SELECT * FROM {source} WHERE {where} ORDER BY seq LIMIT {limit:d}")
    names = [one[0] for one in found.description]
    for values in found.fetchall():
        row = dict(zip(names, values, strict=True))
        word = WORDS[row["word"]]
        yield {
            "seq": row["seq"],
            "word": word,
            "key": {
                one["name"]: cell(row[f"{'o' if word == 'removed' else 'n'}{at}"])
                for at, one in enumerate(columns)
                if one["name"] in key
            },
            "cells": {
                one["name"]: [
                    None if word == "added" else cell(row.get(f"o{at}")),
                    None if word == "removed" else cell(row.get(f"n{at}")),
                ]
                for at, one in enumerate(columns)
                if _speaks(one, row, at, word)
            },
        }


def _speaks(column: Mapping[str, Any], row: Mapping[str, Any], at: int, word: str) -> bool:
    """Tell whether a column says something of a row: of a changed one, what differs; of another, all of its side."""
    if word == "changed":
        return bool(row.get(f"d{at}"))
    return bool(column["new" if word == "added" else "old"])

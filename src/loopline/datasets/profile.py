"""profile: what a table holds, column by column, as plain values to keep and to compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from loopline.datasets.tables import MEMORY, NULLS, cell, columns_of, is_number, name, open_tables, plain, text

VERSION: Final = 5
"""Changes when the same table gives another profile: what was computed by another version is computed again."""
TOP: Final = 10
HEAD: Final = 100
"""Rows of the beginning that are kept with a profile."""
WIDE: Final = 500
"""More columns than that are summarised each from a copy of its own."""
BINS: Final = 20
QUANTILES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MOSTLY: Final = 0.9
"""Share of the texts of a column that must be numbers for the column to be summarised as numbers."""
CODE: Final = "^[+-]?0[0-9]"
"""How a text begins that has digits and is no number, like a ZIP code: it would lose its zero, so its column is one of texts."""
MISSING: Final = ("", "na", "n/a", "nan", "null", "none", "-", "?", ".")
"""Texts by which people say that there is no value: they tell nothing about what a column holds."""
_NESTED: Final = ("STRUCT", "MAP", "UNION", "JSON", "BLOB")


def profile(
    paths: Path | Sequence[Path],
    *,
    top: int = TOP,
    nulls: Sequence[str] = NULLS,
    head: int = 0,
    scratch: Path | None = None,
    memory: str = MEMORY,
) -> dict[str, Any]:
    """Summarise a table: a file, or the files that hold its rows.

    Gives {version, rows, columns: [{name, type, nulls, distinct, min, max, mean, std, quantiles, histogram, top, odd}]}.
    `distinct` is an estimate (HyperLogLog, a few per cent); mean, std, quantiles and histogram ([low, high, count], equally
    wide) are there for numbers, over finite values, and for texts nine of ten of which are numbers and none a code like
    `01234`: then `odd` has the most frequent of the others (`NA`), and `min` and `max` are numbers. `top` has the most
    frequent values, with their counts, of all but fractions. The same files give the same profile. With `head`, `head` holds
    the values of so many rows from the beginning.
    """
    listed = [paths] if isinstance(paths, Path) else [Path(path) for path in paths]
    with open_tables({"t": listed}, nulls=nulls, scratch=scratch, memory=memory) as db:
        return profile_of(db, "t", top=top, head=head)


def profile_of(db: Any, table: str, *, top: int = TOP, head: int = 0) -> dict[str, Any]:
    """Summarise a table that is open, as `profile` does."""
    columns = columns_of(db, table)
    db.execute(f"CREATE OR REPLACE TEMP VIEW t AS FROM {table}") if columns and table != "t" else None
    found: dict[str, Any] = {
        "version": VERSION,
        "rows": db.execute("SELECT count(*) FROM t").fetchone()[0] if columns else 0,
        "columns": [
            _column(db, c, kind, top, _narrowed(db, c, wide=len(columns) > WIDE)) for c, kind in columns.items()
        ],
    }
    if head and columns:
        first = db.execute(f"SELECT * FROM t LIMIT {head:d}").fetchall()
        found["head"] = [[cell(value) for value in row] for row in first]
    return found


def _narrowed(db: Any, column: str, *, wide: bool) -> str:
    """Give the table to ask about a column: of a wide one a copy of that column: a question costs what all columns do."""
    if not wide:
        return "t"
    db.execute(f"CREATE OR REPLACE TEMP TABLE narrow AS SELECT {name(column)} FROM t")
    return "narrow"


def _column(db: Any, column: str, kind: str, top: int, table: str) -> dict[str, Any]:
    quoted = name(column)
    nested = kind.startswith(_NESTED) or kind.endswith("]")
    asked = (
        f"count(*) - count({quoted}), approx_count_distinct({'CAST(' + quoted + ' AS VARCHAR)' if nested else quoted})"
    )
    if not nested:
        asked += f", min({quoted}), max({quoted})"
    nulls, distinct, *ends = db.execute(f"SELECT {asked} FROM {table}").fetchone()
    found: dict[str, Any] = {"name": column, "type": kind, "nulls": nulls, "distinct": distinct}
    if nested:
        return found
    found["min"], found["max"] = map(cell, ends)
    odd = _odd(db, quoted, top, table) if kind == "VARCHAR" else None
    if odd is not None:
        found["odd"] = odd
    if is_number(kind) or odd is not None:
        finite = f"SELECT TRY_CAST({quoted} AS DOUBLE) AS x FROM {table} WHERE isfinite(TRY_CAST({quoted} AS DOUBLE))"
        levels = ", ".join(map(str, QUANTILES))
        mean, std, quantiles = db.execute(
            f"SELECT avg(x), stddev_samp(x), quantile_cont(x, [{levels}]) FROM ({finite} ORDER BY x)"
        ).fetchone()
        found["mean"], found["std"] = plain(mean), plain(std)
        found["quantiles"] = {
            str(level): plain(value) for level, value in zip(QUANTILES, quantiles or (), strict=False)
        }
        found["histogram"] = _histogram(db, finite)
        if odd is not None:
            found["min"], found["max"] = map(plain, db.execute(f"SELECT min(x), max(x) FROM ({finite})").fetchone())
    if not kind.startswith(("FLOAT", "DOUBLE")):
        filled = f"FROM {table} WHERE {quoted} IS NOT NULL"
        counted = f"SELECT {quoted}, count(*) AS n {filled} GROUP BY 1 ORDER BY n DESC, 1 LIMIT {top:d}"
        found["top"] = [[cell(value), count] for value, count in db.execute(counted).fetchall()]
    return found


def _odd(db: Any, quoted: str, top: int, table: str) -> list[list[Any]] | None:
    """Give the most frequent texts of a column that are no numbers, with their counts; None where it is a column of texts."""
    said = f"lower(trim({quoted})) NOT IN ({', '.join(map(text, MISSING))})"
    code = f"count(*) FILTER (WHERE regexp_matches(trim({quoted}), '{CODE}'))"
    numbers, texts, codes = db.execute(
        f"SELECT count(TRY_CAST({quoted} AS DOUBLE)), count(*), {code} FROM {table} WHERE {said} AND {quoted} IS NOT NULL"
    ).fetchone()
    if codes or not numbers or numbers < MOSTLY * texts:
        return None
    others = f"{quoted} IS NOT NULL AND TRY_CAST({quoted} AS DOUBLE) IS NULL"
    counted = f"SELECT {quoted}, count(*) AS n FROM {table} WHERE {others} GROUP BY 1 ORDER BY n DESC, 1 LIMIT {top:d}"
    return [[cell(value), count] for value, count in db.execute(counted).fetchall()]


def _histogram(db: Any, finite: str) -> list[list[float]]:
    """Count the numbers in bins of one width; one bin where all are equal, none where there are none."""
    low, high, count = db.execute(f"SELECT min(x), max(x), count(*) FROM ({finite})").fetchone()
    if not count:
        return []
    width = (high - low) / BINS
    if not width or width - width != 0:  # all equal, or further apart than a number can say
        return [[low, high, count]]
    placed = db.execute(
        f"SELECT least(CAST(floor((x - ?) / ?) AS INTEGER), {BINS - 1}) AS bin, count(*) FROM ({finite}) GROUP BY 1",
        [low, width],
    ).fetchall()
    counts = dict(placed)
    ends = [low + at * width for at in range(BINS)] + [high]
    return [[ends[at], ends[at + 1], counts.get(at, 0)] for at in range(BINS)]

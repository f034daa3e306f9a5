"""tables: what it costs to compare two tables row by row."""

from __future__ import annotations

import os
import random
import sys
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.measure import Case, Sample, command

TITLE = "Rows of tables"
ROUNDS = 5
ROWS: Final = 1_000_000
ABOUT = f"""
Two tables of {ROWS:,} rows and four columns (a whole number that names the row, a fraction, a whole number, a text): 100 rows
went, 5,000 came, 1,000 differ in one cell. Each figure is a process from its start to its end. Loopline reads both files, finds
the key, says which cells differ, and writes every row that differs to a file. DuckDB alone (`EXCEPT` both ways) says only which
whole rows one side has; pandas (`merge`, then each column compared) says which cells differ and is told the key.
"""
OURS: Final = """
import sys
from pathlib import Path
from loopline.datasets.rows import diff_rows
told = diff_rows(Path(sys.argv[1]), Path(sys.argv[2]), place=Path(sys.argv[3]))
assert (told["key"], told["removed"], told["added"], told["changed"]) == (["id"], 100, 5000, 1000), told
"""
DUCKDB: Final = """
import sys
import duckdb
db = duckdb.connect()
for table, path in (("old", sys.argv[1]), ("new", sys.argv[2])):
    db.execute(f"CREATE TABLE {table} AS FROM '{path}'")
gone, came = (len(db.execute(f"FROM {a} EXCEPT FROM {b}").fetchall()) for a, b in (("old", "new"), ("new", "old")))
assert (gone, came) == (1100, 6000), (gone, came)
"""
PANDAS: Final = """
import sys
import pandas
read = pandas.read_csv if sys.argv[1].endswith(".csv") else pandas.read_parquet
both = read(sys.argv[1]).merge(read(sys.argv[2]), on="id", how="outer", suffixes=("_old", "_new"), indicator=True)
here = both[both["_merge"] == "both"]
differ = sum((here[f"{c}_old"] != here[f"{c}_new"]).astype(int) for c in ("x", "y", "s"))
counts = both["_merge"].value_counts()
assert (counts["left_only"], counts["right_only"], int((differ > 0).sum())) == (100, 5000, 1000)
"""


def write(place: Path) -> None:
    """Write both tables, in both forms."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    chance = random.Random(1)
    rows = [
        (n, chance.randrange(10**6) / 1000, chance.randrange(1000), f"carrier-{chance.randrange(50)}")
        for n in range(ROWS)
    ]
    gone = set(chance.sample(range(ROWS), 100))
    changed = set(chance.sample(sorted(set(range(ROWS)) - gone), 1000))
    after = [(n, x + (n in changed), y, s) for n, x, y, s in rows if n not in gone]
    after += [(n, 0.5, 1, "new") for n in range(ROWS, ROWS + 5000)]
    for name, listed in (("old", rows), ("new", after)):
        table = pa.table(dict(zip(("id", "x", "y", "s"), map(pa.array, zip(*listed, strict=True)), strict=True)))
        csv.write_csv(table, place / f"{name}.csv")
        parquet.write_table(table, place / f"{name}.parquet")


def cases(place: Path) -> list[Case]:
    """Each contestant on each form, by key."""
    write(place)
    found = []
    for form in ("csv", "parquet"):
        what = f"{ROWS:,} rows by key, {form}"
        for who, text in (("loopline", OURS), ("duckdb EXCEPT", DUCKDB), ("pandas merge", PANDAS)):
            found.append(Case(what, who, partial(_compare, place, text, form)))
    return found


def _compare(place: Path, text: str, form: str) -> Sample:
    old, new = (str(place / f"{side}.{form}") for side in ("old", "new"))
    return command(sys.executable, "-c", text, old, new, str(place / "rows.parquet"), cwd=place, env=dict(os.environ))

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from datetime import UTC, date, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loopline.datasets.expectations import Asked, Shape, observe, shape
from loopline.errors import Invalid
from loopline.nouns.expectation import Expectation, Observation

Row = dict[str, Any]
MISSING = ("NA",)
ROUNDS = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def table(path: Path, *lines: str) -> Path:
    """Write a CSV file."""
    path.write_text("\n".join(lines) + "\n")
    return path


def look(path: Path, *expectations: Expectation, **asked: Any) -> list[Observation]:
    """Hold one file against expectations."""
    return observe({path.name: path}, expectations, Asked(**asked))


def told(found: list[Observation]) -> dict[str, tuple[bool, int]]:
    """Say of each demand whether it holds, and how many rows break it."""
    return {one.demand: (one.holds, one.broken) for one in found}


# What values there are: of every type that a file can hold, those that are nearly one, and none.
TEXTS = st.sampled_from(
    ["1", "-2.0", "+3.5", "1e3", ".5", "5.", "1_0", " 1", "nan", "inf", "0x1", "", "NA", "x", "true", "FALSE", "01",
     "2026-07-31", "2026-02-30", "2026-07-31T10:00:00Z", "2026-07-31 10:00:00", "2026-07-31T10:00:00+02:00", "10:00", "EWR"]
)  # fmt: skip
VALUES = {
    "VARCHAR": TEXTS,
    "BIGINT": st.integers(-3, 3),
    "DOUBLE": st.sampled_from([0.0, 1.0, -2.5, 1e300, math.inf, -math.inf, math.nan]),
    "BOOLEAN": st.booleans(),
    "DATE": st.dates(date(2026, 7, 30), date(2026, 8, 1)),
    "TIMESTAMP": st.datetimes(*map(datetime.fromisoformat, ("2026-07-31", "2026-07-31T23:00"))),
}
COLUMNS = {kind.lower(): kind for kind in VALUES}
"""One column of each type."""
ROWS = st.lists(st.fixed_dictionaries({c: st.none() | VALUES[kind] for c, kind in COLUMNS.items()}), max_size=6)
ENDS = ((0, None), (-2.5, 2), (None, 1000.0), ("2026-07-31", None), (None, "2026-07-31T09:00:00+01:00"))
ASKED: list[dict[str, Any]] = [
    *({"type": kind} for kind in ("whole", "number", "flag", "date", "time")),
    *({"min": low, "max": high} for low, high in ENDS),
    *({"nulls": share} for share in (0.0, 0.3, 1.0)),
    *({"one_of": some} for some in (("EWR", "1"), (1, -2.5), ("true",), (1000, 0.5))),
    *({"matches": pattern} for pattern in ("[0-9]+", "(?i)TRUE", "x|1.*")),
    {"type": "text"},
]
WRITER = duckdb.connect()


def written(path: Path, kinds: dict[str, str], rows: list[Row]) -> Path:
    """Write Parquet with these types."""
    cells = ", ".join(f"CAST(CAST(? AS VARCHAR) AS {kind}) AS {c}" for c, kind in kinds.items())
    query = " UNION ALL ".join([f"SELECT {cells}"] * len(rows)) or f"SELECT {cells} LIMIT 0"
    values = [None if one is None else str(one) for row in rows or [{}] for one in map(row.get, kinds)]
    WRITER.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)", values)
    return path


@ROUNDS
@given(st.lists(ROWS, min_size=1, max_size=2), st.sampled_from([0.0, 0.5]))
@example([[{c: math.nan if c == "double" else None for c in COLUMNS}], []], 0.0)
def test_each_expectation_is_what_plain_python_says(
    tmp_path_factory: pytest.TempPathFactory, several: list[list[Row]], allow: float
) -> None:
    """Whatever a table holds, in one file or two: as many rows break a demand as a loop over them finds."""
    folder = tmp_path_factory.mktemp("t")
    files = {f"{at}.parquet": written(folder / f"{at}.parquet", COLUMNS, rows) for at, rows in enumerate(several)}
    wanted = [Expectation(tuple(COLUMNS), allow=allow, **asked) for asked in ASKED]
    wanted += [Expectation(columns, unique=True, allow=allow) for columns in combinations(COLUMNS, 2)]
    rows = [row for part in several for row in part]
    places = [(f"{at}.parquet", number + 1) for at, part in enumerate(several) for number in range(len(part))]
    demands = [(one, demand) for one in wanted for demand in one.demands()]
    for one, (asked, demand) in zip(observe(files, wanted, Asked(missing=MISSING)), demands, strict=True):
        if demand.kind == "unique":
            broken = twin_unique(rows, demand.columns)
        else:
            broken = [at for at, row in enumerate(rows) if twin(demand.kind, row[demand.columns[0]], asked)]
        assert (demand.text, one.broken) == (demand.text, len(broken))
        share = (asked.nulls or 0.0) if demand.kind == "nulls" else allow
        assert one.holds == (len(broken) <= share * len(rows))
        if not one.holds and demand.kind != "unique":
            assert [(each.file, each.row) for each in one.samples] == [places[at] for at in broken][:10]


NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z|[+-]\d\d(:\d\d)?)?")


def twin(kind: str, value: Any, asked: Expectation) -> bool:
    """Tell whether a value breaks a demand."""
    missing = value is None or value in MISSING or value != value  # noqa: PLR0124 - not a number
    if kind == "nulls" or missing:
        return missing and kind == "nulls"
    said = str(value).lower() if isinstance(value, bool) else written_as(value)
    if kind == "type":
        return not of_type(value, asked.type)
    if kind == "range":
        ends = (asked.min, asked.max)
        times = any(isinstance(end, str) for end in ends)
        found: Any = time_of(value) if times else number_of(value)
        low: Any
        high: Any
        low, high = ends if not times else map(time_of, ends)
        return found is None or (low is not None and found < low) or (high is not None and found > high)
    if kind == "one_of":
        if isinstance(asked.one_of[0], str):
            return said not in asked.one_of
        return number_of(value) not in asked.one_of
    return re.fullmatch(asked.matches, said) is None


def twin_unique(rows: list[Row], columns: tuple[str, ...]) -> list[int]:
    """Name the rows that say what another says."""
    whole = {
        at: tuple(row[c] for c in columns)
        for at, row in enumerate(rows)
        if not any(row[c] is None or row[c] in MISSING or row[c] != row[c] for c in columns)
    }
    counts = Counter(whole.values())
    return [at for at, key in whole.items() if counts[key] > 1]


def written_as(value: Any) -> str:
    """Write a value as DuckDB does."""
    if isinstance(value, float):
        return "1e+300" if value == 1e300 else str(value)
    return str(value)


def number_of(value: Any) -> float | None:
    """Give what counts as a number."""
    if isinstance(value, str):
        return float(value) if NUMBER.fullmatch(value) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def time_of(value: Any) -> datetime | None:
    """Give what counts as a time; without a zone it is UTC."""
    if isinstance(value, str):
        if not (DAY.fullmatch(value) or TIME.fullmatch(value)):
            return None
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not hasattr(value, "year"):
        return None
    whole = value if isinstance(value, datetime) else datetime.fromisoformat(value.isoformat())
    return whole if whole.tzinfo else whole.replace(tzinfo=UTC)


def of_type(value: Any, kind: str) -> bool:
    """Tell whether a value is of a type."""
    number, time = number_of(value), time_of(value)
    return {
        "whole": number is not None and math.isfinite(number) and float(number).is_integer()
        and not (isinstance(value, str) and "e" in value.lower()) and not (isinstance(value, str) and value[0] == "."),
        "number": number is not None and math.isfinite(number),
        "text": isinstance(value, str),
        "flag": isinstance(value, bool) or str(value).lower() in ("true", "false"),
        "date": time is not None and (bool(DAY.fullmatch(value)) if isinstance(value, str) else type(value) is date),
        "time": time is not None,
    }[kind]  # fmt: skip


@ROUNDS
@given(
    st.lists(st.integers(0, 4) | st.none(), max_size=6),
    st.lists(st.integers(0, 4) | st.none(), max_size=6),
    st.sampled_from(["BIGINT", "VARCHAR"]),
)
def test_what_refers_is_looked_for_there(
    tmp_path_factory: pytest.TempPathFactory, here: list[int | None], there: list[int | None], kind: str
) -> None:
    """A row is astray where no row there says the same, be it written as text; one without a value refers to nothing."""
    folder = tmp_path_factory.mktemp("t")
    file = written(folder / "here.parquet", {"x": "BIGINT"}, [{"x": one} for one in here])
    rows = [{"y": one} for one in there]
    other = written(folder / "there.parquet", {"y": kind}, rows)
    wanted = Expectation(("x",), refers="data/other@main", to=("y",))
    (one,) = look(file, wanted, others={"data/other@main": [other]})
    assert one.broken == sum(each is not None and each not in there for each in here)
    assert one.holds == (one.broken == 0)


@ROUNDS
@given(st.integers(0, 12), st.integers(0, 12), st.sampled_from([-0.5, -0.1, 0.0]), st.sampled_from([0.0, 0.25, 1.0]))
def test_rows_change_against_the_base(
    tmp_path_factory: pytest.TempPathFactory, rows: int, base: int, low: float, high: float
) -> None:
    """Shares are of the rows of the base; where there are none, any number will do."""
    file = table(tmp_path_factory.mktemp("t") / "t.csv", "x", *["1"] * rows)
    (one,) = look(file, Expectation(change_min=low, change_max=high), base=Shape(base, {"x": "BIGINT"}))
    assert one.holds == (base == 0 or base * (1 + low) <= rows <= base * (1 + high))


def test_a_column_that_a_file_lacks_breaks_what_is_said_of_it(tmp_path: Path) -> None:
    """Also where another file of the same table has it, and where what is said would hold of no value at all."""
    files = {"a.csv": table(tmp_path / "a.csv", "x,y", "1,2"), "b.csv": table(tmp_path / "b.csv", "x", "1", "2")}
    wanted = Expectation(("y",), type="whole", max=1), Expectation(("z",), nulls=1.0)
    found = observe(files, wanted, Asked())
    assert [(one.holds, one.observed, one.broken, len(one.samples)) for one in found] == [
        (False, "no column y in b.csv", 2, 0),
        (False, "no column y in b.csv; 1 of 3 rows are not", 3, 1),
        (False, "there is no column z", 3, 0),
    ]


def test_an_empty_table_breaks_what_needs_rows_alone(tmp_path: Path) -> None:
    """Without rows nothing is wrong in one; but there is no newest time, and fewer rows than asked for."""
    wanted = (
        Expectation(("x",), type="whole", nulls=0.0, unique=True),
        Expectation(("x",), within=1),
        Expectation(rows_min=1),
    )
    found = look(table(tmp_path / "t.csv", "x"), *wanted)
    assert [one.holds for one in found] == [True, True, True, False, False]
    (tmp_path / "t.jsonl").write_text("")
    assert [one.holds for one in look(tmp_path / "t.jsonl", *wanted)] == [True, True, True, False, False]
    assert [one.holds for one in observe({}, wanted, Asked())] == [False] * 5


def test_what_is_written_in_a_csv_counts_as_it_is_written(tmp_path: Path) -> None:
    """A code of digits keeps its zero, numbers among other texts are numbers, and texts for no value are none."""
    file = table(tmp_path / "t.csv", "zip,n", "01234,1", "99999,NA", "123,x")
    found = look(
        file, Expectation(("zip",), matches="[0-9]{5}"), Expectation(("n",), type="whole", max=5), missing=MISSING
    )
    assert [(one.broken, one.samples[0].cells) for one in found] == [
        (1, {"zip": "123"}),
        (1, {"n": "x"}),
        (1, {"n": "x"}),
    ]


def test_the_newest_time_is_held_against_now_or_the_version(tmp_path: Path) -> None:
    """Times of a CSV are UTC where they do not say."""
    file = table(tmp_path / "t.csv", "t", "2026-07-30 00:00:00", "2026-07-31T02:00:00+02:00")
    end = int(datetime(2026, 8, 1, tzinfo=UTC).timestamp()) * 1_000_000
    day = 86_400_000_000
    wanted = Expectation(("t",), within=day), Expectation(("t",), within=day, of="version")
    found = look(file, *wanted, now=end + 1, version=end)
    assert [one.holds for one in found] == [False, True]
    assert "2026-07-31T00:00:00Z" in found[0].observed


def test_columns_are_held_against_names_or_the_base(tmp_path: Path) -> None:
    """Every file has exactly the columns that are named; against the base, types count as well."""
    file = table(tmp_path / "t.csv", "x,y", "1,a")
    found = look(file, Expectation(schema=("y", "x")), Expectation(schema=("x", "z")), Expectation(like_base=True),
                 base=shape([table(tmp_path / "base.csv", "x,y", "1.5,a")]))  # fmt: skip
    assert [(one.holds, one.observed) for one in found] == [
        (True, ""),
        (False, "t.csv lacks z; t.csv has besides y"),
        (False, "x was DOUBLE and is BIGINT"),
    ]


def test_a_file_that_is_no_table_is_told_by_its_path(tmp_path: Path) -> None:
    """A broken file is what a check is there to find, and no error of it."""
    file = table(tmp_path / "0.csv", "x,y", "1,2", "1")
    (one,) = observe({"2026/july.csv": file}, [Expectation(("x",), type="whole")], Asked())
    assert (one.holds, one.demand) == (False, "every file is a table")
    assert one.observed.startswith("2026/july.csv, line 3")


def test_a_pattern_that_cannot_be_searched_for_is_an_error(tmp_path: Path) -> None:
    """RE2 has no look-around: that is told, and never taken for a pass."""
    with pytest.raises(Invalid) as raised:
        look(table(tmp_path / "t.csv", "x", "a"), Expectation(("x",), matches="(?=a)a"))
    assert raised.value.kind == "bad-pattern"


def test_a_row_is_named_by_its_place_and_its_key(tmp_path: Path) -> None:
    """In the file that it is in, however many threads have read that: a reviewer must be able to look it up."""
    rows = 300_000
    file = tmp_path / "t.csv"
    with file.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["id", "x"])
        out.writerows([f"k{at}", -1 if at in (0, 150_000, rows - 1) else at] for at in range(rows))
    first = table(tmp_path / "a.csv", "id,x", "k,1")
    (one,) = observe({"a.csv": first, "t.csv": file}, [Expectation(("x",), min=0)], Asked(key=("id",)))
    assert [(each.file, each.row, each.key) for each in one.samples] == [
        ("t.csv", 1, "k0"), ("t.csv", 150_001, "k150000"), ("t.csv", rows, f"k{rows - 1}"),
    ]  # fmt: skip
    assert json.dumps(one.samples[0].cells) == '{"x": "-1"}'

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.datasets.expectations import Asked, Shape, observe, shape
from loopline.errors import Invalid
from loopline.nouns.expectation import Expectation, Observation

from .making import parquet

Row = dict[str, Any]
MISSING = ("NA",)
ROUNDS = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


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
    file = parquet(folder / "here.parquet", {"x": "BIGINT"}, [{"x": one} for one in here])
    rows = [{"y": one} for one in there]
    other = parquet(folder / "there.parquet", {"y": kind}, rows)
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
    """A price keeps its zeros and a code its digits, numbers among other texts are numbers, and texts for no value are none."""
    file = table(tmp_path / "t.csv", "zip,price,n", "01234,1.50,1", "99999,2.00,NA", "123,3.1,x")
    wanted = Expectation(("zip",), matches="[0-9]{5}"), Expectation(("price",), matches=r"[0-9]+\.[0-9]{2}")
    found = look(file, *wanted, Expectation(("n",), type="whole", max=5), missing=MISSING)
    assert [(one.broken, one.samples[0].cells) for one in found] == [
        (1, {"zip": "123"}), (1, {"price": "3.1"}), (1, {"n": "x"}), (1, {"n": "x"}),
    ]  # fmt: skip


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
    rows = 140_000
    file = tmp_path / "t.csv"
    with file.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["id", "x"])
        out.writerows([f"k{at}", -1 if at in (0, 70_000, rows - 1) else at] for at in range(rows))
    first = table(tmp_path / "a.csv", "id,x", "k,1")
    (one,) = observe({"a.csv": first, "t.csv": file}, [Expectation(("x",), min=0)], Asked(key=("id",)))
    assert [(each.file, each.row, each.key) for each in one.samples] == [
        ("t.csv", 1, "k0"), ("t.csv", 70_001, "k70000"), ("t.csv", rows, f"k{rows - 1}"),
    ]  # fmt: skip
    assert json.dumps(one.samples[0].cells) == '{"x": "-1"}'


@pytest.mark.parametrize("column", ["n", "times", "place", "rowid", "ROWID", "place0"])
def test_a_column_may_have_any_name(tmp_path: Path, column: str) -> None:
    """What is counted and numbered beside the rows is never taken for a column of theirs, nor a column for it."""
    file = table(tmp_path / "t.csv", f"{column},x", "0,a", "0,b", "7,c")
    other = table(tmp_path / "o.csv", column, "0")
    once = Expectation((column,), unique=True)
    low = Expectation((column,), max=5)
    there = Expectation((column,), refers="data/o@main")
    found = look(file, once, low, there, others={"data/o@main": [other]})
    assert [one.broken for one in found] == [2, 1, 1]
    assert [(each.row, each.cells) for one in found for each in one.samples] == [
        (1, {column: "0"}), (2, {column: "0"}), (3, {column: "7"}), (3, {column: "7"}),
    ]  # fmt: skip


def test_a_share_of_rows_is_not_lost_to_rounding(tmp_path: Path) -> None:
    """29 of 100 rows are 29 %, though 0.29 times 100 is less to a computer; 30 are more."""
    for broken, holds in ((29, True), (30, False)):
        file = table(tmp_path / "t.csv", "x,y", *["a,"] * broken, *["1,1"] * (100 - broken))
        found = look(file, Expectation(("x",), type="whole", allow=0.29), Expectation(("y",), nulls=0.29))
        assert [one.holds for one in found] == [holds, holds]


def test_what_is_out_of_all_bounds_is_told(tmp_path: Path) -> None:
    """A time of a year that no calendar here has, and a bound that no whole number of a table reaches, are no defects."""
    file = parquet(
        tmp_path / "t.parquet", {"at": "TIMESTAMP", "x": "BIGINT"}, [{"at": "290000-01-01 00:00:00", "x": 1}]
    )
    found = look(file, Expectation(("at",), within=1), Expectation(("x",), max=10**50, one_of=(1, 10**50)))
    assert [one.holds for one in found] == [True, True, True]

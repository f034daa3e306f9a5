from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.datasets.cells import read
from loopline.datasets.rows import diff_rows


def table(path: Path, *lines: str) -> Path:
    """Write a CSV file."""
    path.write_text("\n".join(lines) + "\n")
    return path


def test_rows_are_told_apart_by_their_key(tmp_path: Path) -> None:
    """Added, removed and changed rows are counted, and a changed row tells its cells."""
    old = table(tmp_path / "old.csv", "id,x,s", "1,1.5,a", "2,2.5,b", "3,,c", "5,1,e")
    new = table(tmp_path / "new.csv", "id,x,s", "2,2.5,B", "3,3.5,C", "4,4.5,d", "5,1,e")
    found = diff_rows(old, new, key=("id",))
    assert (found["added"], found["removed"], found["changed"], found["same"]) == (1, 1, 2, 1)
    assert found["rows"] == {"old": 4, "new": 4}
    assert found["columns"] == {"x": 1, "s": 2}
    assert found["samples"] == {
        "added": [{"id": 4, "x": 4.5, "s": "d"}],
        "removed": [{"id": 1, "x": 1.5, "s": "a"}],
        "changed": [
            {"key": {"id": 2}, "cells": {"s": ["b", "B"]}},
            {"key": {"id": 3}, "cells": {"x": [None, 3.5], "s": ["c", "C"]}},
        ],
    }
    assert (found["key"], found["notes"]) == (["id"], [])


def test_without_a_key_rows_are_bags(tmp_path: Path) -> None:
    """A row that stands twice counts twice, and order means nothing."""
    old = table(tmp_path / "old.csv", "a,b", "1,x", "1,x", "2,", "3,z")
    new = table(tmp_path / "new.csv", "b,a", "z,3", ",2", "x,1", "y,4")
    found = diff_rows(old, new)
    assert (found["key"], found["why"]) == ([], "none")
    assert (found["added"], found["removed"], found["changed"], found["same"]) == (1, 1, 0, 3)
    assert found["samples"]["removed"] == [{"a": 1, "b": "x"}]
    assert found["samples"]["added"] == [{"a": 4, "b": "y"}]


def test_the_schema_has_its_own_difference(tmp_path: Path) -> None:
    """A new, a lost and a retyped column are told, and make no row different by themselves."""
    old = table(tmp_path / "old.csv", "id,gone,n,t", "1,a,1,1", "2,b,2,2")
    new = table(tmp_path / "new.csv", "id,n,t,new", "1,1.0,1,0", "2,2.0,x,0")
    found = diff_rows(old, new, key=("id",))
    assert found["schema"] == {
        "added": [{"name": "new", "type": "BIGINT"}],
        "removed": [{"name": "gone", "type": "VARCHAR"}],
        "changed": [{"name": "n", "old": "BIGINT", "new": "DOUBLE"}, {"name": "t", "old": "BIGINT", "new": "VARCHAR"}],
        "renamed": [],
    }
    assert (found["changed"], found["same"], found["columns"]) == (1, 1, {"t": 1})
    bags = diff_rows(old, new, infers=False)
    assert (bags["added"], bags["removed"], bags["same"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("lines", "word"),
    [(("id,x", "1,a", "1,b"), "2 times"), (("id,x", "1,a", ",b"), "empty"), (("k,x", "1,a"), "no column")],
)
def test_a_key_that_names_no_rows_is_said_aloud(tmp_path: Path, lines: tuple[str, ...], word: str) -> None:
    """A missing, empty or repeated key is noted, and rows are compared as wholes."""
    old = table(tmp_path / "old.csv", "id,x", "1,a")
    found = diff_rows(old, table(tmp_path / "new.csv", *lines), key=("id",))
    assert len(found["notes"]) == 1
    assert word in found["notes"][0]
    assert found["key"] == []


def test_a_side_may_have_no_files(tmp_path: Path) -> None:
    """A table that is new has only added rows, one that is gone only removed ones, none at all neither."""
    some = table(tmp_path / "x.csv", "id,x", "1,a", "2,b")
    assert (diff_rows([], [some])["added"], diff_rows([some], [], key=("id",))["removed"]) == (2, 2)
    assert diff_rows([], [])["rows"] == {"old": 0, "new": 0}


def test_a_table_may_be_split_otherwise(tmp_path: Path) -> None:
    """What counts are the rows, not in which file they stand."""
    old = [table(tmp_path / "1.csv", "id,x", "1,a", "2,b"), table(tmp_path / "2.csv", "id,x", "3,c")]
    new = [table(tmp_path / "3.csv", "id,x", "3,c", "1,a"), table(tmp_path / "4.csv", "id,x", "2,b")]
    found = diff_rows(old, new, key=("id",))
    assert (found["same"], found["added"], found["removed"], found["changed"]) == (3, 0, 0, 0)


def test_samples_are_bounded_and_ordered(tmp_path: Path) -> None:
    """Of many rows, the first by key are shown."""
    old = table(tmp_path / "old.csv", "id,x", *(f"{n},0" for n in range(1000)))
    new = table(tmp_path / "new.csv", "id,x", *(f"{n},1" for n in range(1999, 499, -1)))
    found = diff_rows(old, new, key=("id",), samples=3)
    assert [row["id"] for row in found["samples"]["removed"]] == [0, 1, 2]
    assert [row["id"] for row in found["samples"]["added"]] == [1000, 1001, 1002]
    assert [row["key"]["id"] for row in found["samples"]["changed"]] == [500, 501, 502]
    assert (found["removed"], found["added"], found["changed"]) == (500, 1000, 500)


def test_odd_names_of_columns_are_names(tmp_path: Path) -> None:
    """Quotes, spaces and words of SQL are ordinary in a column's name."""
    odd = ['select "x"', "a b", "o", "n", "';--"]
    for side, value in (("old", 1), ("new", 2)):
        with (tmp_path / f"{side}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([odd, [1, value, 1, 1, 1]])
    found = diff_rows(tmp_path / "old.csv", tmp_path / "new.csv", key=(odd[0],))
    assert (found["changed"], found["columns"]) == (1, {"a b": 1})


def test_an_answer_can_be_stored(tmp_path: Path) -> None:
    """Times, missing numbers and nested values are plain in the answer."""
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    old.write_text('{"id":1,"at":"2013-01-01T10:00:00","v":{"a":[1,2]}}\n')
    new.write_text('{"id":1,"at":"2013-01-02T10:00:00","v":{"a":[1,3]}}\n{"id":2}\n')
    found = diff_rows(old, new, key=("id",))
    assert json.loads(json.dumps(found)) == found
    assert found["samples"]["changed"][0]["cells"]["v"] == [{"a": [1, 2]}, {"a": [1, 3]}]


ROWS = st.dictionaries(st.integers(0, 8), st.tuples(st.sampled_from(["", "1", "2", "x"]), st.sampled_from(["", "p"])))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=ROWS, new=ROWS)
def test_the_difference_is_that_of_dictionaries_and_of_bags(
    tmp_path: Path, old: dict[int, tuple[str, str]], new: dict[int, tuple[str, str]]
) -> None:
    """With and without a key, the counts are those of a naive comparison."""
    left = table(tmp_path / "old.csv", "id,x,y", *(f"{key},{x},{y}" for key, (x, y) in old.items()))
    right = table(tmp_path / "new.csv", "id,x,y", *(f"{key},{x},{y}" for key, (x, y) in new.items()))
    found = diff_rows(left, right, key=("id",))
    both = old.keys() & new.keys()
    assert (found["removed"], found["added"]) == (len(old.keys() - both), len(new.keys() - both))
    assert found["changed"] == sum(old[key] != new[key] for key in both)
    bags = diff_rows(left, right, infers=False)
    a, b = Counter(old.items()), Counter(new.items())
    assert (bags["removed"], bags["added"]) == ((a - b).total(), (b - a).total())


@pytest.mark.parametrize("name", ["rowid", "RowID"])
def test_a_column_may_have_the_name_of_the_rows_own_number(tmp_path: Path, name: str) -> None:
    """Empty and repeated values in a column called `rowid` are cells like others."""
    old = table(tmp_path / "old.csv", f"id,{name},x", "1,,a", "2,5,b", "3,5,c")
    new = table(tmp_path / "new.csv", f"id,{name},x", "1,,a", "2,6,b", "3,5,C")
    found = diff_rows(old, new, key=("id",), place=tmp_path / "rows.parquet")
    assert (found["added"], found["removed"], found["changed"], found["same"]) == (0, 0, 2, 1)
    assert [one["cells"] for one in found["samples"]["changed"]] == [{name: [5, 6]}, {"x": ["c", "C"]}]
    assert len(read(tmp_path / "rows.parquet", found, limit=10)) == 2
    assert diff_rows(old, new)["key"] == ["id"]


def test_long_cells_are_told_in_part(tmp_path: Path) -> None:
    """A cell of a megabyte differs as a whole, and takes no more room in an answer than a short one; so in a summary."""
    long = "x" * 1_000_000
    old, new = (table(tmp_path / f"{side}.csv", "id,x", f"1,{long}{side}") for side in ("old", "new"))
    found = diff_rows(old, new, key=("id",), profiled=("old",))
    assert found["changed"] == 1
    assert len(json.dumps(found)) < 10_000

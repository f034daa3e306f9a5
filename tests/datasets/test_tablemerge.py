from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from loopline.datasets.tablemerge import Merged, RowConflict, merge_tables

HEAD = "id,x,y"
Table = dict[str, dict[str, str]]


def merge(base: str | None, ours: str, theirs: str, *, path: str = "t.csv") -> Merged:
    """Merge three texts by `id`."""
    return merge_tables(path, None if base is None else base.encode(), ours.encode(), theirs.encode(), ("id",))


def lines(*rows: str, head: str = HEAD, end: str = "\n") -> str:
    """Write a CSV."""
    return end.join((head, *rows, ""))


def test_rows_of_both_sides_come_together() -> None:
    """What either side has added, removed or changed is in the result, in our order, with their new rows where they had them."""
    base = lines("1,a,b", "2,a,b", "3,a,b", "4,a,b")
    ours = lines("1,A,b", "2,a,b", "4,a,b", "5,new,o")
    theirs = lines("0,first,t", "1,a,B", "3,a,b", "4,a,c", "6,new,t")
    assert merge(base, ours, theirs).body == lines("0,first,t", "1,A,B", "4,a,c", "6,new,t", "5,new,o").encode()


def test_cells_that_both_have_changed_are_conflicts() -> None:
    """A conflict names key, column and what stands there in all three; a row that was changed and removed, the whole row."""
    base = lines("1,a,b", "2,a,b", "3,a,b")
    ours, theirs = lines("1,o,b", "3,a,o", "4,o,o"), lines("1,t,t", "2,t,b", "4,o,t")
    found = merge(base, ours, theirs)
    row = {"id": "2", "x": "a", "y": "b"}
    assert found.body is None
    assert found.count == 4
    assert found.conflicts == (
        RowConflict(("1",), "x", "a", "o", "t"),
        RowConflict(("3",), "", row | {"id": "3"}, row | {"id": "3", "y": "o"}, None),
        RowConflict(("4",), "y", None, "o", "t"),
        RowConflict(("2",), "", row, None, row | {"x": "t"}),
    )


def test_columns_are_merged_too() -> None:
    """A column that one side has added, removed or moved is so in the result, and makes no other row a conflict."""
    base = lines("1,a,b", "2,a,b", "3,a,b")
    ours = lines("1,a,n1", "2,a,n2", "4,a,n4", head="id,x,new")  # y went, new came, 3 went
    theirs = lines("b,1,A", "b,3,a", "b,5,e", head="y,id,x")  # moved, 2 went, 5 came
    assert merge(base, ours, theirs).body == lines("1,A,n1", "5,e,", "4,a,n4", head="id,x,new").encode()
    edited = merge(base, ours, lines("1,a,B", "2,a,b", "3,a,b"))
    assert edited.conflicts == (RowConflict(("1",), "y", "b", None, "B"),)


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("t.csv", "x\n1\n"),  # no such column
        ("t.csv", "id,x,y\n,a,b\n"),
        ("t.csv", "id,x,y\n1,a,b\n1,c,d\n"),
        ("t.csv", 'id,x,y\n1,"a,b\n'),
        ("t.csv", "id,x,y\n1,a\n"),
        ("t.csv", "id,x,x\n1,a,b\n"),
        ("t.csv.gz", "id,x,y\n"),
        ("t.jsonl", '{"id":1.5}\n'),
        ("t.jsonl", "[1]\n"),
        ("t.parquet", "no"),
        ("t.txt", "id,x,y\n"),
    ],
)
def test_what_is_no_table_of_this_key_is_left_alone(path: str, other: str) -> None:
    """A file without the key, with an empty or a repeated one, or that is no table, is not merged, and it is said why."""
    found = merge(lines("1,a,b"), lines("1,o,b"), other, path=path)
    assert (found.body, found.conflicts, bool(found.why)) == (None, (), True)


CELLS = st.fixed_dictionaries({"x": st.sampled_from("123"), "y": st.sampled_from(["", '"', "p\nq"])})
ROWS = st.dictionaries(st.sampled_from("abcde"), CELLS)


def twin(base: Table, ours: Table, theirs: Table) -> tuple[Table, set[tuple[str, str]]]:
    """Merge dictionaries of dictionaries, one cell after the other."""
    rows: Table = {}
    clashes: set[tuple[str, str]] = set()
    for key in {*base, *ours, *theirs}:
        was, mine, yours = base.get(key), ours.get(key), theirs.get(key)
        if yours in (mine, was):
            rows |= {key: mine} if mine is not None else {}
        elif mine == was:
            rows |= {key: yours} if yours is not None else {}
        elif mine is None or yours is None:
            clashes.add((key, ""))
        else:
            rows[key] = {}
            for column in "xy":
                cell, a, b = (was or {}).get(column), mine[column], yours[column]
                if a != b and cell not in (a, b):
                    clashes.add((key, column))
                rows[key][column] = b if a == cell else a
    return rows, clashes


def as_csv(table: Table) -> bytes:
    """Write a table."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([["id", "x", "y"], *([key, row["x"], row["y"]] for key, row in table.items())])
    return text.getvalue().encode()


def as_lines(table: Table) -> bytes:
    """Write it as JSON Lines."""
    return "".join(json.dumps({"id": key, **row}) + "\n" for key, row in table.items()).encode()


def as_parquet(table: Table) -> bytes:
    """Write it as Parquet."""
    kinds = pa.schema([(name, pa.string()) for name in ("id", "x", "y")])
    body = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist([{"id": key, **row} for key, row in table.items()], schema=kinds), body)
    return body.getvalue()


def read(form: str, body: bytes) -> Table:
    """Read it again."""
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    elif form == "jsonl":
        rows = [json.loads(line) for line in body.splitlines()]
    else:
        rows = parquet.read_table(io.BytesIO(body)).to_pylist()
    return {row["id"]: {"x": row["x"], "y": row["y"]} for row in rows}


WRITE = {"csv": as_csv, "jsonl": as_lines, "parquet": as_parquet}


@pytest.mark.parametrize("form", WRITE)
@settings(max_examples=60)
@given(base=st.none() | ROWS, ours=ROWS, theirs=ROWS)
def test_a_merge_is_that_of_dictionaries(form: str, base: Table | None, ours: Table, theirs: Table) -> None:
    """In every form, rows and conflicts are those of a naive three-way merge, and both ways round the rows are the same."""
    sides = [None if one is None else WRITE[form](one) for one in (base, ours, theirs)]
    found = merge_tables(f"t.{form}", sides[0], sides[1] or b"", sides[2] or b"", ("id",))
    back = merge_tables(f"t.{form}", sides[0], sides[2] or b"", sides[1] or b"", ("id",))
    rows, clashes = twin(base or {}, ours, theirs)
    assert not found.why
    assert {(one.key[0], one.column) for one in found.conflicts} == clashes
    assert (found.body is None) == bool(clashes)
    if found.body is not None:
        assert read(form, found.body) == read(form, back.body or b"") == rows


def test_half_a_character_is_not_written() -> None:
    """A line with half of a pair of surrogates, which no UTF-8 has, is no reason to fall over."""
    base = '{"id":1,"a":"é","b":1,"c":1}\n'
    found = merge(base, base.replace('"b":1', '"b":2'), base.replace('"c":1', r'"c":"\ud800"'), path="t.jsonl")
    assert found.body is None
    assert found.why

from __future__ import annotations

import gzip
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from loopline.datasets.tables import columns_of, form_of, open_tables, plain
from loopline.errors import Invalid, NotFound, Unavailable


def write(path: Path, content: str | bytes) -> Path:
    """Write a file and give its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(*paths: Path) -> list[tuple[object, ...]]:
    """Read all rows."""
    with open_tables({"t": paths}) as db:
        found: list[tuple[object, ...]] = db.execute("FROM t").fetchall()
        return found


@pytest.mark.parametrize(
    ("content", "line", "expected", "found"),
    [
        ("id,x,s\n1,2,a\n3,4,b,c\n", 3, 3, 4),
        ("id,x,s\n1,2\n3,4,b\n", 2, 3, 2),
        ('id,x\n1,"a\nb"\n2\n', 4, 2, 1),
        ("a\n" + "".join(f"{n}\n" for n in range(5000)) + "1,2\n", 5002, 1, 2),
        ("id,x,s\n" + "1,2,a\n" * 30_000 + "1,2\n", 30_002, 3, 2),
        ("junk\nid,x,s\n1,2,a\n", 2, 1, 3),
    ],
)
def test_a_ragged_row_is_named_by_file_and_line(
    tmp_path: Path, content: str, line: int, expected: int, found: int
) -> None:
    """A row with too many or too few values is an error, never skipped, wherever it stands."""
    file = write(tmp_path / "x.csv", content)
    with pytest.raises(Invalid) as caught:
        rows(file)
    assert caught.value.kind == "ragged-rows"
    assert caught.value.facts == {"path": str(file), "line": line, "expected": expected, "found": found}


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("x.csv", b"", 1),
        ("x.csv", b"id,n\n1,\xff\xfe\n", None),
        ("x.jsonl", b'{"a":1}\n{"a":2\n', 2),
        ("x.jsonl", b'{"a":1}\n[1]\n', 2),
        ("x.parquet", b"PAR1 not really", None),
        ("x.csv.gz", b"no gzip", None),
    ],
)
def test_a_file_that_is_no_table_is_named(tmp_path: Path, name: str, content: bytes, line: int | None) -> None:
    """What cannot be read is told with the file, and the line where there are lines."""
    file = write(tmp_path / name, content)
    with pytest.raises(Invalid) as caught:
        rows(file)
    assert (caught.value.kind, caught.value.facts["path"]) == ("bad-table", str(file))
    if line:
        assert caught.value.facts["line"] == line


def test_a_csv_is_read_as_it_is_written(tmp_path: Path) -> None:
    """Quotes, line breaks in values, a byte order mark and odd names are part of the form; types come from all rows."""
    content = '\ufeffid,"a ""b""; --",d\r\n1,"x,\ny",2013-01-01\r\n2,,2013-01-02\r\n'
    file = write(tmp_path / "we[i]rd*'name?.csv", content)
    assert rows(file) == [(1, "x,\ny", date(2013, 1, 1)), (2, None, date(2013, 1, 2))]
    late = write(tmp_path / "late.csv", "x\n" + "1\n" * 30_000 + "one\n")
    with open_tables({"t": [late]}) as db:
        assert columns_of(db, "t") == {"x": "VARCHAR"}


@pytest.mark.parametrize("suffix", [".tsv", ".csv.gz", ".jsonl", ".ndjson", ".jsonl.gz", ".parquet", ".CSV"])
def test_each_form_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    """A table is told by its suffix, in any case, and read alike."""
    import duckdb

    file = tmp_path / f"x{suffix}"
    if suffix == ".parquet":
        duckdb.sql(f"COPY (SELECT * FROM (VALUES (1::BIGINT, 'a'), (2, NULL)) t(id, s)) TO '{file}'")
    else:
        content = '{"id":1,"s":"a"}\n{"id":2}\n' if "json" in suffix else "id,s\n1,a\n2,\n"
        content = content.replace(",", "\t") if suffix == ".tsv" else content
        write(file, gzip.compress(content.encode()) if suffix.endswith(".gz") else content)
    assert rows(file) == [(1, "a"), (2, None)]


def test_files_of_one_table_are_joined_by_name(tmp_path: Path) -> None:
    """Columns may stand in another order, be missing, be empty in one file, and be wider in another."""
    files = [
        write(tmp_path / "1.csv", "a,b\n1,2\n"),
        write(tmp_path / "2.csv", "b,a,c\n2.5,3,x\n"),
        write(tmp_path / "3.csv", "c,b,a\n"),
    ]
    with open_tables({"t": files}) as db:
        assert columns_of(db, "t") == {"a": "BIGINT", "b": "DOUBLE", "c": "VARCHAR"}
        assert db.execute("FROM t").fetchall() == [(1, 2.0, None), (3, 2.5, "x")]


def test_json_lines_without_lines_are_no_table(tmp_path: Path) -> None:
    """An empty file of JSON Lines adds nothing to others, and alone is left out."""
    empty, some = write(tmp_path / "1.jsonl", ""), write(tmp_path / "2.jsonl", '{"a":1}\n')
    assert rows(empty, some) == [(1,)]
    with open_tables({"t": [empty]}) as db:
        assert columns_of(db, "t") == {}


def test_times_with_a_zone_are_read_as_written(tmp_path: Path) -> None:
    """The zone of this machine changes nothing."""
    file = write(tmp_path / "x.csv", "t\n2013-01-01T10:00:00+02:00\n2013-01-01T10:00:00Z\n")
    assert rows(file) == [("2013-01-01T10:00:00+02:00",), ("2013-01-01T10:00:00Z",)]


def test_texts_that_mean_nothing_are_named_by_the_caller(tmp_path: Path) -> None:
    """`NA` is a text, unless it was said that it is none."""
    file = write(tmp_path / "x.csv", "a,b\n1,NA\n2,3\n")
    assert rows(file) == [(1, "NA"), (2, "3")]
    with open_tables({"t": [file]}, nulls=("", "NA")) as db:
        assert db.execute("FROM t").fetchall() == [(1, None), (2, 3)]


def test_a_link_is_followed_to_its_file(tmp_path: Path) -> None:
    """A file in the store is read through a link with a suffix."""
    file = write(tmp_path / "store" / "0123", "a\n1\n")
    link = tmp_path / "work" / "x.csv"
    link.parent.mkdir()
    link.symlink_to(file)
    assert rows(link) == [(1,)]


def test_nothing_else_can_be_read(tmp_path: Path) -> None:
    """The connection reaches neither other folders nor the network nor extensions, and cannot be opened up again."""
    import duckdb

    secret = write(tmp_path / "other" / "secret.csv", "a\n1\n")
    with open_tables({"t": [write(tmp_path / "data" / "x.csv", "a\n1\n")]}) as db:
        for query in (
            f"FROM read_csv('{secret}')",
            "FROM read_csv('https://example.com/x.csv')",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access=true",
            "SET autoinstall_known_extensions=true",
        ):
            with pytest.raises(duckdb.Error):
                db.execute(query)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """An unknown suffix and a file that is not there are told apart."""
    with pytest.raises(Invalid) as unknown:
        rows(write(tmp_path / "x.xls", "?"))
    with pytest.raises(NotFound) as missing:
        rows(tmp_path / "none.csv")
    assert (unknown.value.kind, missing.value.kind) == ("not-a-table", "file-missing")
    assert form_of(Path("a.b.parquet")) == "parquet"


def test_without_duckdb_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed tables learns how."""
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(Unavailable) as caught:
        rows(write(tmp_path / "x.csv", "a\n1\n"))
    assert caught.value.kind == "extra-missing"
    assert caught.value.hint == "pip install 'loopline[tables]'"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (b"\x01", "01"),
        (date(2013, 1, 2), "2013-01-02"),
        ({"a": [b"\x02", {"b": float("-inf")}]}, {"a": ["02", {"b": "-inf"}]}),
        ((1, "x"), [1, "x"]),
    ],
)
def test_values_become_what_json_has(value: object, expected: object) -> None:
    """Whatever a table holds can be stored and shown."""
    assert plain(value) == expected


def test_days_that_are_written_another_way_are_texts(tmp_path: Path) -> None:
    """01/02 is a day in February here and in January there: only the form that sorts is read as a day."""
    table = tmp_path / "t.csv"
    table.write_text("a,b\n01/02/2013,2013-02-01\n31/12/2013,2013-12-31\n")
    iso = tmp_path / "u.csv"
    iso.write_text("b,c\n2013-02-01,2013-02-01 10:00:00\n")
    with open_tables({"t": [table], "u": [iso]}) as db:
        assert columns_of(db, "t")["a"] == "VARCHAR"
        assert columns_of(db, "u") == {"b": "DATE", "c": "TIMESTAMP"}
        assert db.execute("SELECT a FROM t").fetchall() == [("01/02/2013",), ("31/12/2013",)]


def test_names_that_differ_in_capital_letters_are_refused_where_they_would_be_lost(tmp_path: Path) -> None:
    """DuckDB calls the second one otherwise and would find it empty; one that is really called so is read."""
    with pytest.raises(Invalid) as caught:
        rows(write(tmp_path / "x.jsonl", '{"a":1}\n{"a":1,"A":2}\n'))
    assert caught.value.kind == "bad-table"
    assert rows(write(tmp_path / "y.jsonl", '{"a":1,"a_1":2}\n')) == [(1, 2)]


def test_times_with_a_zone_within_lists_and_records_are_texts(tmp_path: Path) -> None:
    """They need nothing that is not installed."""
    kind, noon = pa.timestamp("us", tz="UTC"), 43_200_000_000
    parquet.write_table(
        pa.table({"l": pa.array([[noon]], pa.list_(kind)), "r": pa.array([{"a": noon}], pa.struct([("a", kind)]))}),
        tmp_path / "x.parquet",
    )
    ((several, record),) = rows(tmp_path / "x.parquet")
    assert all(isinstance(one, str) and "1970-01-01" in one for one in (several, record))


def test_what_duckdb_cannot_do_is_an_error_of_ours(tmp_path: Path) -> None:
    """Whatever it says of tables that are open already; and no path of the scratch folder is told."""
    with pytest.raises(Unavailable) as caught, open_tables({"t": [write(tmp_path / "x.csv", "a\nx\n")]}) as db:
        db.execute("SELECT CAST(a AS INTEGER) FROM t")
    assert caught.value.kind == "tables-died"
    with pytest.raises(Invalid) as broken:
        rows(write(tmp_path / "x.parquet", "PAR1"))
    assert "loopline-tables-" not in broken.value.message

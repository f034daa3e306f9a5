"""Tables of a version come as pandas, Polars, DuckDB and Arrow have them, and are the same in all of them."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Invalid, NotFound, Unavailable
from loopline.nouns.artifact import Artifact
from loopline.nouns.name import AssetName
from loopline.nouns.version import Version
from loopline.sdk.lazy import Files
from loopline.store.memory import MemoryBlobs
from tests.sdk.test_lazy import files_of

ROWS = [{"id": 1, "carrier": "UA", "delay": 2.5}, {"id": 2, "carrier": "AA", "delay": -1.0}]
MORE = [{"id": 3, "carrier": "é", "delay": 0.5}]


def csv(rows: list[dict[str, Any]], sep: str = ",") -> bytes:
    lines = [sep.join(rows[0]), *(sep.join(map(str, row.values())) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    import json

    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet as written

    out = io.BytesIO()
    written.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


FILES = {
    "README.md": b"# flights", "c/1.csv": csv(ROWS), "c/2.csv.gz": gzip.compress(csv(MORE)), "j/1.jsonl": jsonl(ROWS),
    "j/2.jsonl": jsonl(MORE), "p/1.parquet": parquet(ROWS), "p/2 [x]*.parquet": parquet(MORE),
    "t/1.tsv": csv(ROWS + MORE, "\t"),
}  # fmt: skip

READERS: dict[str, Callable[[Any], list[dict[str, Any]]]] = {
    "pandas": lambda found: found.to_dict("records"),
    "polars": lambda found: found.collect().to_dicts(),
    "duckdb": lambda found: [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()],
    "arrow": lambda found: found.to_pylist(),
}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Tables of all forms."""
    return files_of(MemoryBlobs(), tmp_path, FILES)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("pattern", ["c/", "j/*.jsonl", "p/", "t/1.tsv"])
def test_every_reader_reads_every_form(files: Files, reader: str, pattern: str) -> None:
    """Several files are one table, in the order of their paths, and only the columns that were asked for come, in that order."""
    plain = READERS[reader]
    assert plain(getattr(files, reader)(pattern)) == ROWS + MORE
    some = plain(getattr(files, reader)(pattern, columns=["delay", "id"]))
    assert [list(row.items()) for row in some] == [[("delay", row["delay"]), ("id", row["id"])] for row in ROWS + MORE]


@pytest.mark.parametrize("reader", READERS)
def test_a_version_of_tables_needs_no_pattern(tmp_path: Path, reader: str) -> None:
    """What is no table is passed over where nothing is named; a version that is one file says by its media type what it is."""
    blobs = MemoryBlobs()
    folder = files_of(blobs, tmp_path, {"README.md": b"#", "a.csv": csv(ROWS)})
    one = Files(Version(AssetName("p", "data", "d"), 1, Artifact(blobs.put(csv(ROWS)), "text/csv", 9)), blobs, tmp_path)
    for files in (folder, one):
        assert READERS[reader](getattr(files, reader)()) == ROWS


@pytest.mark.parametrize(("patterns", "kind"), [
    (["*.md"], "not-a-table"), ([], "not-a-table"), (["c/", "p/"], "not-a-table"), (["*.xlsx"], "path-missing"),
])  # fmt: skip
def test_what_is_no_table(files: Files, patterns: list[str], kind: str) -> None:
    """Other files, several forms at once, and patterns that choose nothing are refused, each by name."""
    with pytest.raises((Invalid, NotFound)) as caught:
        files.pandas(*patterns)
    assert caught.value.kind == kind


@pytest.mark.parametrize(("reader", "module", "extra"), [
    ("pandas", "pandas", "pandas"), ("polars", "polars", "polars"), ("duckdb", "duckdb", "tables"),
    ("arrow", "pyarrow", "tables"),
])  # fmt: skip
def test_a_library_that_is_missing(
    files: Files, monkeypatch: pytest.MonkeyPatch, reader: str, module: str, extra: str
) -> None:
    """The error names the extra that brings it."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unavailable) as caught:
        getattr(files, reader)("c/")
    assert (caught.value.kind, caught.value.facts["extra"]) == ("extra-missing", extra)
    assert f"loopline[{extra}]" in caught.value.hint


def test_options_go_to_the_reader(files: Files) -> None:
    """Whatever a library's reader takes can be said; DuckDB reads in the connection that it is given."""
    import duckdb

    assert len(files.pandas("c/1.csv", nrows=1)) == 1
    assert files.polars("c/1.csv", n_rows=1).collect().height == 1
    assert files.arrow("p/1.parquet", use_threads=False).num_rows == 2
    with duckdb.connect() as db:
        relation = files.duckdb("c/", connection=db, all_varchar=True)
        assert db.sql("SELECT max(id) FROM relation").fetchall() == [("3",)]
        assert relation.columns == ["id", "carrier", "delay"]


def test_of_a_large_parquet_file_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    """One column of a large file costs its own bytes, not all of them."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet as written

    out = io.BytesIO()
    random = np.random.default_rng(7)
    table = pa.table({f"c{number}": random.random(200_000) for number in range(8)})
    written.write_table(table, out, compression="none", use_dictionary=False)
    blobs = Counted()
    files = files_of(blobs, tmp_path, {"wide.parquet": out.getvalue()})
    assert files.arrow(columns=["c4"]).column("c4").equals(table.column("c4"))
    assert files.pandas(columns=["c4"])["c4"].iloc[0] == table.column("c4")[0].as_py()
    assert 0 < blobs.bytes < 2 * 4 * 1_600_000 < len(out.getvalue())


class Counted(MemoryBlobs):
    """A store that counts the bytes of parts."""

    bytes = 0

    def range(self, digest: Any, start: int, length: int) -> Any:
        self.bytes += length
        return super().range(digest, start, length)

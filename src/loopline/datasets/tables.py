"""tables: CSV, Parquet and JSON Lines files opened as tables of DuckDB, strictly.

DuckDB guesses: where rows do not fit, it skips lines or joins columns without a word. Here the form of a CSV is fixed (comma or,
in `.tsv`, tab; double quotes; first line names the columns; UTF-8), only the types of columns are found by reading all
of the file, and what does not fit is an error with file and line. DuckDB sees the folders of the given files and nothing
else: no network, no extensions.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import json
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from loopline.errors import Invalid, LooplineError, NotFound, Unavailable

NULLS: Final = ("",)
"""Texts that mean "no value" in a CSV."""
MEMORY: Final = "2GB"
"""What DuckDB holds of tables before it goes on in a scratch folder."""
SPILLED: Final = "32GB"
"""What it may put there."""
_WHOLE: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBERS: Final = (*_WHOLE, "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL")
_OBJECT: Final = 64 << 20
"""Bytes of a line of JSON."""
_AGAIN: Final = re.compile(r"(.+)_\d+\Z", re.DOTALL)
"""How DuckDB calls a column whose name it has already."""
CELL: Final = 500
"""Characters of a cell that are told."""
_FORMS: Final = {
    ".csv": "csv", ".tsv": "csv", ".csv.gz": "csv", ".tsv.gz": "csv", ".parquet": "parquet", ".jsonl": "json",
    ".ndjson": "json", ".jsonl.gz": "json", ".ndjson.gz": "json",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """One file, as it was read into a table: its rows follow those of the files before it."""

    path: Path
    columns: Mapping[str, str]
    rows: int


@dataclass(frozen=True, slots=True)
class Part:
    """What is wanted of the files of a table, where that is not all of it."""

    columns: Collection[str] | None = None
    """Columns that are read; None: all."""
    texts: Collection[str] = ()
    """Columns of a CSV that stay as they are written: `01234` is no number."""
    files: list[Loaded] = field(default_factory=list)
    """Filled with what each file held."""


_WHOLLY: Final = Part()


@contextlib.contextmanager
def open_tables(
    tables: Mapping[str, Sequence[Path]],
    *,
    nulls: Sequence[str] = NULLS,
    scratch: Path | None = None,
    memory: str = MEMORY,
    beside: Sequence[Path] = (),
    parts: Mapping[str, Part] | None = None,
) -> Iterator[Any]:
    """Give a connection that has each of `tables` (names that we choose) as a table of all rows of its files.

    Columns are joined by name; a column that has two types is read as the wider of two numbers, or else as text. A table
    without files, or of empty JSON Lines, is left out. `scratch`: a folder for what does not fit into `memory`; that of the
    system when left out. `beside`: files of ours, in whose folders it may read and write, too. `parts`: by table, what is
    wanted of it. Raise Unavailable kind="extra-missing", "out-of-memory", Invalid kind="not-a-table", "ragged-rows",
    "bad-table".
    """
    try:
        import duckdb
    except ImportError:
        raise Unavailable(
            "reading tables needs DuckDB", kind="extra-missing", hint="pip install 'loopline[tables]'", extra="tables"
        ) from None
    files = [path for paths in tables.values() for path in paths]
    for path in files:
        if not path.is_file():
            raise NotFound(f"there is no file {path}", kind="file-missing", hint="check the path", path=str(path))
    options = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    with tempfile.TemporaryDirectory(prefix="loopline-tables-", dir=scratch) as place, _closing(duckdb, options) as db:
        real = {os.path.dirname(os.path.realpath(path)) for path in (*files, *beside)}
        db.execute(f"SET allowed_directories=[{', '.join(map(text, sorted({os.path.realpath(place), *real})))}]")
        db.execute(f"SET temp_directory={text(place)}")
        db.execute(f"SET memory_limit={text(memory)}")
        db.execute(f"SET max_temp_directory_size={text(SPILLED)}")
        db.execute("SET enable_progress_bar=false")  # it would stand between the lines of an answer
        db.execute("SET enable_external_access=false")
        db.execute("SET lock_configuration=true")
        for table, paths in tables.items():
            links = [_link(path, place, f"{table}-{number}") for number, path in enumerate(paths)]
            if filled := [(path, link) for path, link in links if form_of(path) != "json" or os.path.getsize(link)]:
                _load(
                    db, table, filled, nulls, (parts or {}).get(table, _WHOLLY)
                )  # JSON Lines without lines have no columns
        yield db


@contextlib.contextmanager
def _closing(duckdb: Any, options: Mapping[str, str]) -> Iterator[Any]:
    db = duckdb.connect(":memory:", config=options)
    try:
        yield db
    except duckdb.OutOfMemoryException as error:
        raise Unavailable(
            f"too little memory or disk to compare these tables: {first_line(error)}",
            kind="out-of-memory",
            hint="compare fewer files at a time",
        ) from error
    except duckdb.Error as error:
        raise Unavailable(
            f"DuckDB does not go on with these tables: {first_line(error)}", kind="tables-died",
            hint="compare them with another program, and tell us what is in them",
        ) from error  # fmt: skip
    finally:
        db.close()


def text(value: str) -> str:
    """Write a text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def name(column: str) -> str:
    """Write a name in SQL."""
    return '"' + column.replace('"', '""') + '"'


def first_line(error: BaseException) -> str:
    """Give what DuckDB says, without its advice and its cursor."""
    return str(error).partition("\n")[0]


def columns_of(db: Any, table: str) -> dict[str, str]:
    """Give the columns of a table and their types, in order; none for a table that was left out."""
    rows = db.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [table]
    ).fetchall()
    return dict(rows)


def numbered(db: Any, columns: Mapping[str, Iterable[str]]) -> str:
    """Give what numbers the rows of tables: DuckDB's own `rowid`, or where a column has that name, a column of ours."""
    taken = {column for names in columns.values() for column in names}
    if "rowid" not in {column.casefold() for column in taken}:
        return "rowid"
    row = free_name("row", taken)
    for table in columns:
        db.execute(f"CREATE TEMP TABLE numbered AS SELECT *, row_number() OVER () - 1 AS {row} FROM {table}")
        db.execute(f"DROP TABLE {table}")
        db.execute(f"ALTER TABLE numbered RENAME TO {table}")
    return row


def free_name(word: str, taken: Iterable[str]) -> str:
    """Make a name that no column has: to DuckDB, `N` and `n` are one."""
    others = {column.casefold() for column in taken}
    return next(one for one in (word, *map(f"{word}{{}}".format, range(len(others) + 1))) if one not in others)


def ending_of(path: str) -> str:
    """Give the end of a name that tells what kind of table it is, like `.csv.gz`; empty for no table."""
    lower = path.lower()
    return next((end for end in _FORMS if lower.endswith(end)), "")


def form_of(path: Path) -> str:
    """Tell `csv`, `parquet` or `json` by the name's end. Raise Invalid kind="not-a-table"."""
    if end := ending_of(path.name):
        return _FORMS[end]
    raise Invalid(
        f"{path} is no table: its name ends with none of {', '.join(_FORMS)}",
        kind="not-a-table",
        hint="give CSV, Parquet or JSON Lines files",
        path=str(path),
    )


def _link(path: Path, scratch: str, stem: str) -> tuple[Path, str]:
    """Give the file a name without characters that DuckDB would take for a pattern."""
    form_of(path)
    link = os.path.join(scratch, stem + ending_of(path.name))
    os.symlink(os.path.realpath(path), link)
    return path, link


def _readable(kind: str) -> str:
    """Read times with a zone as text, also lists and records of such.

    To give them to Python DuckDB needs another package, and shows this machine's zone.
    """
    return "VARCHAR" if "WITH TIME ZONE" in kind else kind


def _load(db: Any, table: str, links: Sequence[tuple[Path, str]], nulls: Sequence[str], part: Part) -> None:
    import duckdb

    described = []
    for path, link in links:
        try:
            described.append(_describe(db, form_of(path), link, nulls, part.texts))
            if form_of(path) == "json" and (alike := _alike(db, link, described[-1][0])):
                raise _bad(path, f"{alike} is the name of another column, but for capital letters")
            if form_of(path) == "csv" and not described[-1][1] and (empty := _explain_csv(path)):
                raise empty
        except duckdb.Error as error:
            raise _explain(path, error, link) from error
    types = _merged([columns for columns, has_rows in described if has_rows] or [columns for columns, _ in described])
    for number, ((path, link), (columns, _)) in enumerate(zip(links, described, strict=True)):
        wanted = {column: _readable(types.get(column, kind)) for column, kind in columns.items()}
        kept = {c: kind for c, kind in wanted.items() if part.columns is None or c in part.columns}
        kept = kept or dict([*wanted.items()][:1])  # rows without a column are none
        casts = ", ".join(f"CAST({name(c)} AS {kind}) AS {name(c)}" for c, kind in kept.items())
        query = f"SELECT {casts} FROM {_reading(form_of(path), link, nulls, wanted)}"
        try:
            if number == 0:
                (count,) = db.execute(f"CREATE TEMP TABLE {name(table)} AS {query}").fetchone()
            else:
                here = columns_of(db, table)
                for column in kept.keys() - here.keys():
                    db.execute(f"ALTER TABLE {name(table)} ADD COLUMN {name(column)} {kept[column]}")
                (count,) = db.execute(f"INSERT INTO {name(table)} BY NAME {query}").fetchone()
        except duckdb.Error as error:
            raise _explain(path, error, link) from error
        if part is not _WHOLLY:
            part.files.append(Loaded(path, wanted, count))


def _describe(
    db: Any, form: str, link: str, nulls: Sequence[str], texts: Collection[str]
) -> tuple[dict[str, str], bool]:
    """Give columns and types of one file, and whether it has rows (without, its types mean nothing)."""
    if form == "csv":
        columns = {one: "VARCHAR" if one in texts else kind for one, kind in _sniffed(db, link, nulls).items()}
    else:
        source = _reading(form, link, nulls, None)
        columns = {row[0]: row[1] for row in db.execute(f"DESCRIBE FROM {source}").fetchall()}
    first = f"SELECT 1 FROM {_reading(form, link, nulls, columns)} LIMIT 1"
    return columns, db.execute(first).fetchone() is not None


def _alike(db: Any, link: str, columns: Mapping[str, str]) -> str:
    """Find a column of JSON Lines that DuckDB calls otherwise than the file does: asked for by that name it would be empty."""
    known = {column.lower() for column in columns}
    odd = [one for one in columns if (found := _AGAIN.match(one)) and found[1].lower() in known]
    if not odd:
        return ""
    asked = (
        f"SELECT DISTINCT unnest(json_keys(json)) FROM read_ndjson_objects({text(link)}, maximum_object_size={_OBJECT})"
    )
    there = {row[0] for row in db.execute(asked).fetchall()}
    return next((one.rpartition("_")[0] for one in odd if one not in there), "")


def _sniffed(db: Any, link: str, nulls: Sequence[str]) -> dict[str, str]:
    """Find the types of a CSV's columns. Days like 31/12/2013 are texts: 01/02 would be one day here and another there."""
    asked = f"SELECT Columns, DateFormat, TimestampFormat FROM sniff_csv({text(link)}, {_dialect(link, nulls)}, sample_size=-1)"
    columns, days, times = db.execute(asked).fetchone()
    odd = {kind for kind, form in (("DATE", days), ("TIMESTAMP", times)) if form and not form.startswith("%Y-%m-%d")}
    return {one["name"]: "VARCHAR" if one["type"] in odd else one["type"] for one in columns}


def _reading(form: str, link: str, nulls: Sequence[str], columns: Mapping[str, str] | None) -> str:
    """Write what reads a file; without `columns`, types are found by reading all of it."""
    if form == "parquet":
        return f"read_parquet({text(link)})"
    listed = ", ".join(f"{text(column)}: {text(kind)}" for column, kind in (columns or {}).items())
    if form == "json":
        typed = f"columns={{{listed}}}" if listed else "sample_size=-1"
        return (
            f"read_json({text(link)}, format='newline_delimited', records=true, {typed}, maximum_object_size={_OBJECT})"
        )
    return f"read_csv({text(link)}, {_dialect(link, nulls)}, auto_detect=false, columns={{{listed}}})"


def _dialect(link: str, nulls: Sequence[str]) -> str:
    delimiter = "chr(9)" if ".tsv" in link.rpartition("/")[2] else text(",")
    return (
        f"delim={delimiter}, quote='\"', escape='\"', header=true, skip=0, comment='', "
        f"null_padding=false, ignore_errors=false, strict_mode=true, nullstr=[{', '.join(map(text, nulls))}]"
    )


def _merged(described: Sequence[Mapping[str, str]]) -> dict[str, str]:
    types: dict[str, str] = {}
    for columns in described:
        for column, kind in columns.items():
            known = types.setdefault(column, kind)
            if known != kind:
                types[column] = _wider(known, kind)
    return types


def _wider(a: str, b: str) -> str:
    if a in _WHOLE and b in _WHOLE:
        return max(a, b, key=_WHOLE.index)
    return "DOUBLE" if is_number(a) and is_number(b) else "VARCHAR"


def is_number(kind: str) -> bool:
    """Tell whether a type of DuckDB holds numbers."""
    return kind.startswith(_NUMBERS) and not kind.endswith("]")


def _explain(path: Path, error: BaseException, link: str) -> LooplineError:
    """Say where a file breaks its form: DuckDB's own words change from version to version."""
    said = first_line(error).replace(link, path.name)
    try:
        return {"csv": _explain_csv, "json": _explain_json}[form_of(path)](path) or _bad(path, said)
    except (KeyError, OSError, csv.Error):
        return _bad(path, said)


def _explain_csv(path: Path) -> LooplineError | None:
    with _open(path) as stream:
        rows = csv.reader(stream, delimiter="\t" if ".tsv" in path.name.lower() else ",")
        try:
            head = next(rows, [])
            if not head:
                return _bad(path, "it has no first line that names the columns", line=1)
            for row in rows:
                if row and len(row) != len(head):
                    return Invalid(
                        f"{path}, line {rows.line_num}: {len(row)} values where the first line names {len(head)} columns",
                        kind="ragged-rows",
                        hint="mend that line; a comma inside of a value needs quotes around it",
                        path=str(path),
                        line=rows.line_num,
                        expected=len(head),
                        found=len(row),
                    )
        except UnicodeDecodeError:
            return _bad(path, f"line {rows.line_num + 1} or one soon after is not UTF-8", line=rows.line_num + 1)
    return None


def _explain_json(path: Path) -> LooplineError | None:
    with _open(path) as stream:
        for number, line in enumerate(stream, 1):
            try:
                fine = not line.strip() or isinstance(json.loads(line), dict)
            except ValueError:
                fine = False
            if not fine:
                return _bad(path, f"line {number} is no JSON object", line=number)
    return None


def _open(path: Path) -> IO[str]:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return open(path, encoding="utf-8-sig", newline="")


def _bad(path: Path, why: str, **facts: Any) -> Invalid:
    return Invalid(
        f"{path} cannot be read as a table: {why}", kind="bad-table", hint="mend the file", path=str(path), **facts
    )


def plain(value: Any) -> Any:
    """Turn a value of DuckDB into one that JSON has: times and numbers without a JSON form become text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def cell(value: Any) -> Any:
    """Turn a value into a plain one that is told: long ones are cut, one character behind where those who show it cut again."""
    found = plain(value)
    if found is None or isinstance(found, (bool, int, float)):
        return found
    written = found if isinstance(found, str) else str(found)
    return found if len(written) <= CELL else written[: CELL + 1]

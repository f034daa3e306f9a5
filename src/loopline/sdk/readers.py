"""readers: tables of a version as pandas, Polars, DuckDB and Arrow have them.

Which form a file has, its name says (`datasets/tables.py`): CSV (`.csv`, `.tsv`), Parquet or JSON Lines, also `.gz`. Several
files of one form are one table, in the order of their paths. pandas and Arrow read through file objects, so that of a large
Parquet file only the columns that are wanted are fetched; Polars and DuckDB scan files that were fetched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.tables import ending_of, name
from loopline.errors import Invalid, Unavailable
from loopline.nouns.entry import Entry

if TYPE_CHECKING:
    from loopline.sdk.lazy import Files

_MEDIA: Final = {
    "text/csv": ".csv", "text/tab-separated-values": ".tsv", "application/vnd.apache.parquet": ".parquet",
    "application/jsonl": ".jsonl", "application/x-ndjson": ".ndjson",
}  # fmt: skip
"""What a version that is one file, and so has no name, may be."""
_FORMS: Final = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".jsonl": "json", ".ndjson": "json"}
_GLOB: Final = re.compile(r"[*?\[]")


def to_pandas(files: Files, patterns: Sequence[str], columns: Sequence[str] | None, options: Mapping[str, Any]) -> Any:
    """Read tables as one DataFrame."""
    pandas = _library("pandas", "pandas")
    frames = []
    for entry, ending in chosen(files, patterns):
        more: dict[str, Any] = {}
        if ending.endswith(".gz"):
            more["compression"] = "gzip"
        with files.opened(entry).buffered() as file:
            match _form(ending):
                case "csv":
                    more |= {"sep": "\t"} if ending.startswith(".tsv") else {}
                    more |= {"usecols": list(columns)} if columns is not None else {}
                    frame = pandas.read_csv(file, **{**more, **options})
                case "parquet":
                    frame = pandas.read_parquet(file, columns=list(columns) if columns is not None else None, **options)
                case _:
                    frame = pandas.read_json(file, **{"lines": True, **more, **options})
        frames.append(frame if columns is None else frame[list(columns)])
    return frames[0] if len(frames) == 1 else pandas.concat(frames, ignore_index=True)


def to_polars(files: Files, patterns: Sequence[str], columns: Sequence[str] | None, options: Mapping[str, Any]) -> Any:
    """Scan tables as one LazyFrame. The files are fetched at once, their rows are read when it is collected."""
    polars = _library("polars", "polars")
    found = chosen(files, patterns)
    paths = files.take([entry for entry, _ in found])
    match _form(found[0][1]):
        case "csv":
            more = {"separator": "\t"} if found[0][1].startswith(".tsv") else {}
            frame = polars.scan_csv(paths, **{"glob": False, **more, **options})
        case "parquet":
            frame = polars.scan_parquet(paths, **{"glob": False, **options})
        case _:
            frame = polars.scan_ndjson(paths, **options)
    return frame if columns is None else frame.select(list(columns))


def to_duckdb(
    files: Files, patterns: Sequence[str], columns: Sequence[str] | None, connection: Any, options: Mapping[str, Any]
) -> Any:
    """Give tables as one relation. The files are fetched at once, their rows are read when somebody asks for them."""
    duckdb = _library("duckdb", "tables")
    found = chosen(files, patterns)
    paths = [_GLOB.sub(r"[\g<0>]", str(path)) for path in files.take([entry for entry, _ in found])]
    source = duckdb if connection is None else connection
    match _form(found[0][1]):
        case "csv":
            more = {"sep": "\t"} if found[0][1].startswith(".tsv") else {}
            relation = source.read_csv(paths, **{**more, **options})
        case "parquet":
            relation = source.read_parquet(paths, **options)
        case _:
            relation = source.read_json(paths, **{"format": "newline_delimited", **options})
    return relation if columns is None else relation.project(", ".join(map(name, columns)))


def to_arrow(files: Files, patterns: Sequence[str], columns: Sequence[str] | None, options: Mapping[str, Any]) -> Any:
    """Read tables as one table of Arrow; a column that has two types gets the wider one."""
    arrow = _library("pyarrow", "tables")
    tables = []
    for entry, ending in chosen(files, patterns):
        with files.opened(entry).buffered() as plain:
            file = arrow.CompressedInputStream(plain, "gzip") if ending.endswith(".gz") else plain
            match _form(ending):
                case "csv":
                    tables.append(_arrow_csv(file, ending, columns, options))
                case "parquet":
                    read = import_module("pyarrow.parquet").read_table
                    tables.append(read(file, columns=list(columns) if columns is not None else None, **options))
                case _:
                    table = import_module("pyarrow.json").read_json(file, **options)
                    tables.append(table if columns is None else table.select(list(columns)))
    return tables[0] if len(tables) == 1 else arrow.concat_tables(tables, promote_options="permissive")


def chosen(files: Files, patterns: Sequence[str]) -> list[tuple[Entry, str]]:
    """Give the entries of tables with the ends of their names: what patterns choose, or all there are.

    Raise NotFound where nothing is chosen, Invalid kind="not-a-table" for what is none and for several forms at once.
    """
    found = [(entry, _ending(files, entry)) for entry in files.chosen(patterns)]
    tables = [(entry, ending) for entry, ending in found if ending]
    wrong = [entry.path for entry, ending in found if not ending]
    if not tables or (patterns and wrong):
        raise Invalid(
            f"{wrong[0]!r} is no table" if wrong else f"{files} holds no tables", kind="not-a-table",
            hint=f"name CSV, Parquet or JSON Lines files: {', '.join(_FORMS)}, also .gz", version=str(files),
        )  # fmt: skip
    kinds = sorted({ending.removesuffix(".gz") for _, ending in tables})
    if len({(_form(ending), ending.startswith(".tsv")) for _, ending in tables}) > 1:
        raise Invalid(
            f"these are tables of several forms: {', '.join(kinds)}", kind="not-a-table",
            hint=f"choose one of them: '*{kinds[0]}'", version=str(files),
        )  # fmt: skip
    return tables


def _ending(files: Files, entry: Entry) -> str:
    if entry.path:
        return ending_of(PurePosixPath(entry.path).name)
    return _MEDIA.get(files.version.artifact.media_type, "")


def _form(ending: str) -> str:
    return _FORMS[ending.removesuffix(".gz")]


def _arrow_csv(file: Any, ending: str, columns: Sequence[str] | None, options: Mapping[str, Any]) -> Any:
    csv = import_module("pyarrow.csv")
    more: dict[str, Any] = {}
    if columns is not None:
        more["convert_options"] = csv.ConvertOptions(include_columns=list(columns))
    if ending.startswith(".tsv"):
        more["parse_options"] = csv.ParseOptions(delimiter="\t")
    return csv.read_csv(file, **{**more, **options})


def _library(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise Unavailable(
            f"this needs {error.name or module}", kind="extra-missing", hint=f"pip install 'loopline[{extra}]'", extra=extra
        ) from error  # fmt: skip

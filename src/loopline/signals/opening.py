"""opening: the records of one deployment as two tables of DuckDB, `predictions` and `labels`.

They hold what is sealed and, read from the segments, what is not yet, each once. Names of columns come from requests: `name`
writes them, and values are always bound. DuckDB sees this folder and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from loopline.signals import labels, sealing
from loopline.signals.naming import shown, stored
from loopline.signals.rows import EARLIEST, LATEST, arrow, read
from loopline.signals.segments import READY, SEGMENTS, unfinished
from loopline.signals.switching import held

LOOK: Final = 32 << 20
"""Bytes of unsealed segments that a question reads, newest first; where more waits, it is sealed before."""
_WHOLE: Final = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_MEMORY: Final = "1GB"


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection, and what the tables hold."""

    db: Any
    columns: dict[str, str]
    """Of `predictions`, with DuckDB's types."""
    keys: tuple[tuple[str, ...], ...] = ()
    """Sets of columns by which labels name predictions."""
    whole: Callable[[], str] = lambda: "predictions"
    """Gives the name of a table with the predictions of every time, which is made when it is first asked for."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Give all rows of an answer."""
        found: list[tuple[Any, ...]] = self.db.execute(sql, list(values)).fetchall()
        return found

    def table(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Give an answer as an Arrow table."""
        return self.db.sql(sql, params=list(values)).to_arrow_table()

    def batches(self, sql: str, values: Sequence[Any], rows: int) -> Iterator[Any]:
        """Give an answer as Arrow record batches of about so many rows, none of which is made before it is asked for."""
        yield from self.db.sql(sql, params=list(values)).to_arrow_reader(rows)

    def column(self, word: str) -> str | None:
        """Find what somebody means by a column: a fact, an input, an output, or either with its `in.` or `out.`."""
        return next((one for one in (word, f"in.{word}", f"out.{word}") if one in self.columns), None)


@contextlib.contextmanager
def opened(folder: Path, *, start: int | None = None, end: int | None = None, tidy: bool = True) -> Iterator[Opened]:
    """Open the records of a deployment; what lies outside of [start, end) of event time may be left out.

    Where much waits to be sealed, that is done before; without `tidy` not: who holds `labels.writing` would wait for himself.
    Raise Unavailable kind="extra-missing".
    """
    arrow()
    import duckdb

    if tidy:
        seal_much(folder)
    with held(folder), tempfile.TemporaryDirectory(prefix="loopline-signals-") as scratch:
        link = Path(scratch) / "here"  # without characters that DuckDB takes for a pattern
        link.symlink_to(os.path.realpath(folder))
        db = duckdb.connect(
            ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        )
        try:
            places = ", ".join(map(text, (os.path.realpath(scratch), scratch, os.path.realpath(folder))))
            db.execute(f"SET allowed_directories=[{places}]")
            db.execute(f"SET temp_directory={text(scratch)}")
            db.execute(f"SET memory_limit='{_MEMORY}'")
            db.execute("SET enable_progress_bar=false")  # it would stand between the lines of an answer
            db.execute("SET enable_external_access=false")
            db.execute("SET lock_configuration=true")
            db.register("fresh_predictions", _fresh(folder))
            db.register("fresh_labels", _fresh_labels(folder))
            _view(db, "predictions", _parts(link, start, end))
            _view(db, "labels", sorted((link / labels.LABELS).glob("*" + sealing.PART)))
            kinds = {shown(row[0]): row[1] for row in db.execute("DESCRIBE predictions").fetchall()}
            sets = db.execute("SELECT DISTINCT keys FROM labels WHERE keys <> ''").fetchall()
            found = Opened(db, kinds, tuple(sorted(tuple(json.loads(one)) for (one,) in sets)))
            if start is not None or end is not None:
                found = replace(found, whole=lambda: _view(db, "everything", _parts(link, None, None), "predictions"))
            yield found
        finally:
            db.close()


def name(column: str) -> str:
    """Write the name of a column in SQL, as it is stored."""
    return '"' + stored(column).replace('"', '""') + '"'


def text(value: str) -> str:
    """Write a text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def equals(column: str, kind: str, other: str) -> str:
    """Write that a column (in SQL) of a type has the value that a text says (in SQL): 5 is 5.0, true is True."""
    if kind in _WHOLE:
        number = f"TRY_CAST({other} AS DOUBLE)"
        return f"{column} = CASE WHEN {number} = floor({number}) THEN TRY_CAST({other} AS BIGINT) END"
    if kind in ("DOUBLE", "FLOAT"):
        return f"{column} = TRY_CAST({other} AS DOUBLE)"
    if kind == "BOOLEAN":
        return f"{column} = TRY_CAST({other} AS BOOLEAN)"
    return f"{column} = {other}"


def _view(db: Any, table: str, parts: Sequence[Path], fresh: str = "") -> str:
    sealed = f"SELECT * FROM read_parquet([{', '.join(text(str(one)) for one in parts)}], union_by_name=true) UNION ALL BY NAME "
    rest = f"SELECT * FROM fresh_{fresh or table}"
    db.execute(f"CREATE OR REPLACE VIEW {table} AS {sealed if parts else ''}{rest}")
    return table


def _parts(folder: Path, start: int | None, end: int | None) -> list[Path]:
    first = sealing.day_of(max(start, EARLIEST)) if start is not None and start <= LATEST else ""
    last = sealing.day_of(min(end, LATEST)) if end is not None and end >= EARLIEST else "~"
    found: list[Path] = []
    with contextlib.suppress(FileNotFoundError):
        for day in sorted(os.listdir(folder / sealing.PREDICTIONS)):
            if day == sealing.MIXED or first <= day <= last:
                found += sorted((folder / sealing.PREDICTIONS / day).glob("*" + sealing.PART))
    return found


def _fresh(folder: Path) -> Any:
    """Read the newest segments, those in use included."""
    pieces: list[Any] = []
    size = 0
    here = {
        path.stem: path for path in unfinished(folder)
    }  # first: one that is finished meanwhile is found again, once
    here |= {path.stem: path for path in (folder / SEGMENTS).glob("*" + READY)}
    for _, path in sorted(here.items(), reverse=True):
        if pieces and size > LOOK:
            break
        data = _bytes(path)
        size += len(data)
        pieces.append(read(data, []))
    tables = pieces or [read(b"", [])]
    return tables[0] if len(tables) == 1 else sealing.merged(tables)


def _fresh_labels(folder: Path) -> Any:
    data = b"".join(_bytes(path) for path in labels.unsealed(folder))
    return labels.read(data, [])


def _bytes(path: Path) -> bytes:
    """Read a segment, also when it is finished at this moment: then it has its other name."""
    for one in (path, path.with_suffix(READY)):
        with contextlib.suppress(FileNotFoundError):
            return one.read_bytes()
    return b""


def seal_much(folder: Path) -> None:
    """Seal before a question where much waits: nobody else may be doing it."""
    waiting = [*(folder / SEGMENTS).glob("*" + READY), *(folder / labels.SEGMENTS).glob("*" + READY)]
    with contextlib.suppress(OSError):
        if sum(path.stat().st_size for path in waiting) > LOOK // 2:
            sealing.seal(folder)

"""archive: every row of a ledger in one file, as of one moment, which any database takes back.

The file is a line that says what it is, then frames: four bytes of length (big-endian) and as many of zlib over MessagePack.
The first is the header, the last the trailer with the number of rows of each table and the sha256 of all frames before it. Those
between are rows of one table each: [table, [row, …]]. It holds what a ledger holds, hashes of tokens included, and is written
readable for its owner alone.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused, Unavailable
from loopline.ledger.metrics import SETTLE
from loopline.ledger.schema import NEWEST, found, make, upgrade
from loopline.store.database import Database, Row, Rows

MAGIC: Final = b"loopline ledger 1\n"
_PAGE: Final = 5_000
_LARGEST: Final = 1 << 30
_VERSIONS: Final = "alembic_version"


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive says of itself."""

    revision: str
    """Of the tables."""
    dialect: str
    """Of the database that it was taken from."""
    recorded_at: int
    rows: dict[str, int]
    """How many rows of each table."""


def write_archive(database: Database, target: Path, *, now: int) -> Archive:
    """Write every row as of one moment, while others go on. The file is there whole or not at all, durable when this returns.

    Raise Conflict kind="file-exists" where something has the name; Unavailable where it cannot be written.
    """
    if target.exists():
        raise Conflict(f"{target} exists", kind="file-exists", hint="choose another name", path=str(target))
    if found(database) is None:
        raise NotFound("there is no ledger yet", kind="no-ledger", hint="nothing to back up")
    half = target.with_name(f".{target.name}.{os.getpid()}.half")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            said = _write(database, file, now)
            file.flush()
            os.fsync(file.fileno())
        os.link(half, target)  # unlike a rename it never replaces
        _sync_folder(target.parent)
    except FileExistsError as error:
        raise Conflict(f"{target} exists", kind="file-exists", hint="choose another name", path=str(target)) from error
    except OSError as error:
        raise Unavailable(
            f"{target} cannot be written: {error.strerror}",
            kind="backup-failed",
            hint="free some space, or choose a folder that can be written",
            path=str(target),
        ) from error
    finally:
        with suppress(OSError):
            half.unlink()
    return said


def read_archive(source: Path, database: Database) -> Archive:
    """Put every row of an archive into an empty database, in one transaction, and bring its tables to this code's revision.

    Raise Conflict kind="ledger-not-empty" where there are tables already, Refused kind="newer-schema" for what a newer Loopline
    wrote, Invalid kind="bad-archive" for a file that is none or not whole: then nothing was changed.
    """
    if found(database) is not None:
        raise Conflict(
            "there is a ledger already",
            kind="ledger-not-empty",
            hint="restore into an empty database or another folder",
        )
    try:
        with source.open("rb") as file:
            frames = _frames(file, source)
            said: Any = next(frames, {})
            archive = _archive(said, source)
            columns: dict[str, list[str]] = said["tables"]

            def fill(alchemy: Any) -> None:
                if database.dialect == "sqlite" and archive.revision == NEWEST:
                    make(alchemy.exec_driver_sql)
                else:
                    upgrade(alchemy, to=archive.revision)
                archive.rows.update(_fill(alchemy, frames, columns, source))
                if archive.revision != NEWEST:
                    upgrade(alchemy)

            database.migrate(fill)
    except OSError as error:
        raise Unavailable(
            f"{source} cannot be read: {error.strerror}", kind="file-unreadable", hint="look at its name and its rights",
            file=str(source),
        ) from error  # fmt: skip
    return archive


def check_archive(source: Path) -> Archive:
    """Read an archive to its end and compare what it says of itself. Raise Invalid kind="bad-archive"."""
    with source.open("rb") as file:
        frames = _frames(file, source)
        archive = _archive(next(frames, {}), source)
        for frame in frames:
            if isinstance(frame, dict):
                if frame.get("rows") != {**dict.fromkeys(frame.get("rows", ()), 0), **archive.rows}:
                    raise _bad(source, "rows are missing")
                return archive
            archive.rows[frame[0]] = archive.rows.get(frame[0], 0) + len(frame[1])
    raise _bad(source, "its end is missing")


def _write(database: Database, file: IO[bytes], now: int) -> Archive:
    state, counts = hashlib.sha256(), dict[str, int]()

    def put(value: Any) -> None:
        body = zlib.compress(msgspec.msgpack.encode(value), 1)
        for part in (len(body).to_bytes(4, "big"), body):
            state.update(part)
            file.write(part)

    file.write(MAGIC)
    with database.read() as rows:
        revision = rows.one(f"SELECT version_num FROM {_VERSIONS}")
        tables = _tables(rows)
        said = Archive(str(revision[0]) if revision else "", rows.dialect, now, counts)
        put({
            "revision": said.revision, "dialect": said.dialect, "recorded_at": now,
            "tables": {table: columns for table, (columns, _) in tables.items()},
        })  # fmt: skip
        for table, (columns, key) in tables.items():
            counts[table] = 0
            for page in _pages(rows, table, columns, key):
                counts[table] += len(page)
                put([table, page])
        put({"rows": counts, "sha256": state.hexdigest()})
    return said


def _tables(rows: Rows) -> dict[str, tuple[list[str], list[str]]]:
    """Give each table with its columns and those of its primary key."""
    if rows.dialect == "sqlite":
        names = rows.all(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE ? ORDER BY name", "sqlite%"
        )
        columns = "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid"
    else:
        names = rows.all("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename")
        columns = (
            "SELECT a.attname, COALESCE(array_position(i.indkey::int2[], a.attnum) + 1, 0) FROM pg_attribute a"
            " LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary"
            " WHERE a.attrelid = ?::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        )
    tables = {}
    for (table,) in names:
        if table != _VERSIONS:
            said = rows.all(columns, table)
            key = [name for name, place in sorted(said, key=lambda one: one[1] or 0) if place]
            tables[str(table)] = ([str(name) for name, _ in said], key)
    return tables


def _pages(rows: Rows, table: str, columns: list[str], key: list[str]) -> Iterator[list[Row]]:
    """Give all rows in the order of their key, some thousands at a time."""
    places = [columns.index(name) for name in key]
    listed, ordered = ", ".join(map(_quoted, columns)), ", ".join(map(_quoted, key))
    after: tuple[Any, ...] = ()
    while True:
        behind = f" WHERE ({ordered}) > ({', '.join('?' * len(key))})" if after else ""
        page = rows.all(f"SELECT {listed} FROM {_quoted(table)}{behind} ORDER BY {ordered} LIMIT {_PAGE}", *after)
        if page:
            yield page
            after = tuple(page[-1][place] for place in places)
        if len(page) < _PAGE:
            return


def _fill(alchemy: Any, frames: Iterator[Any], columns: dict[str, list[str]], source: Path) -> dict[str, int]:
    """Insert what the frames hold; give how many rows of each table there were."""
    from sqlalchemy import inspect

    looked = inspect(alchemy)
    known = {table: [one["name"] for one in looked.get_columns(table)] for table in looked.get_table_names()}
    known.pop(_VERSIONS, None)
    wrong = [table for table in columns if sorted(columns[table]) != sorted(known.get(table, []))]
    if wrong or set(columns) != set(known):
        raise _bad(source, "its tables are not those of its revision")
    for table in known:  # a migration may have put rows there
        alchemy.exec_driver_sql(f"DELETE FROM {_quoted(table)}")
    counts = dict.fromkeys(columns, 0)
    waiting: dict[str, list[list[Any]]] = {}
    order = [table for table, _ in looked.get_sorted_table_and_fkc_names() if table in columns]
    first = {table for table in order if any(key["referred_table"] != table for key in looked.get_foreign_keys(table))}
    for frame in frames:
        if isinstance(frame, dict):
            if frame.get("rows") != counts:
                raise _bad(source, "rows are missing")
            if next(frames, None) is not None:
                raise _bad(source, "something follows its end")
            break
        table, page = frame
        if table not in counts:
            raise _bad(source, f"it speaks of an unknown table {table!r}")
        counts[table] += len(page)
        if table in first:
            waiting.setdefault(table, []).extend(page)  # few tables refer to others, and they are small
        else:
            _insert(alchemy, table, columns[table], page)
    else:
        raise _bad(source, "its end is missing")
    for table in order:
        for at in range(0, len(waiting.get(table, ())), _PAGE):
            _insert(alchemy, table, columns[table], waiting[table][at : at + _PAGE])
    if alchemy.dialect.name == "postgresql":
        _set_sequences(alchemy, columns)
        for statement in SETTLE if "recent_points" in known else ():  # nobody would move them there
            alchemy.exec_driver_sql(statement)
    return counts


def _insert(alchemy: Any, table: str, columns: list[str], page: list[list[Any]]) -> None:
    names = ", ".join(map(_quoted, columns))
    if alchemy.dialect.name == "postgresql":
        with alchemy.connection.driver_connection.cursor().copy(f"COPY {_quoted(table)} ({names}) FROM STDIN") as copy:
            for row in page:
                copy.write_row(row)
        return
    places = ", ".join("?" * len(columns))
    alchemy.connection.driver_connection.executemany(f"INSERT INTO {_quoted(table)} ({names}) VALUES ({places})", page)


def _set_sequences(alchemy: Any, columns: dict[str, list[str]]) -> None:
    """Let the database hand out numbers behind those that were restored."""
    for table, names in columns.items():
        for name in names:
            sequence = alchemy.exec_driver_sql("SELECT pg_get_serial_sequence(%s, %s)", (table, name)).scalar()
            if sequence:
                alchemy.exec_driver_sql(
                    f"SELECT setval(%s, GREATEST(1, (SELECT max({_quoted(name)}) FROM {_quoted(table)})),"
                    f" EXISTS (SELECT 1 FROM {_quoted(table)}))",
                    (sequence,),
                )


def _frames(file: IO[bytes], source: Path) -> Iterator[Any]:
    """Give what each frame holds. Before the trailer is given, all that came before it was compared with its sha256."""
    if file.read(len(MAGIC)) != MAGIC:
        raise _bad(source, "it is no archive of a ledger")
    state = hashlib.sha256()
    first = True
    while head := file.read(4):
        size = int.from_bytes(head, "big")
        body = file.read(size) if size <= _LARGEST else b""
        if len(head) < 4 or len(body) < size or size > _LARGEST:
            raise _bad(source, "it is cut off")
        try:
            value = msgspec.msgpack.decode(zlib.decompress(body))
        except (zlib.error, msgspec.DecodeError, MemoryError) as error:
            raise _bad(source, "it is damaged") from error
        if isinstance(value, dict) and not first and value.get("sha256") != state.hexdigest():
            raise _bad(source, "it is damaged")
        state.update(head + body)
        first = False
        yield value


def _archive(said: Any, source: Path) -> Archive:
    try:
        archive = Archive(str(said["revision"]), str(said["dialect"]), int(said["recorded_at"]), {})
        columns = {str(table): list(map(str, names)) for table, names in said["tables"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _bad(source, "its header cannot be read") from error
    if not columns or not archive.revision:
        raise _bad(source, "its header cannot be read")
    if archive.revision > NEWEST:
        raise Refused(
            "the archive was written by a newer Loopline", kind="newer-schema", hint="pip install -U loopline",
            found=archive.revision, known=NEWEST,
        )  # fmt: skip
    return archive


def _bad(source: Path, why: str) -> LooplineError:
    return Invalid(f"{source}: {why}", kind="bad-archive", hint="take another backup", file=str(source))


def _quoted(name: str) -> str:
    if not name.replace("_", "").isalnum():
        raise Invalid(f"{name!r} is no name of a table or column", kind="bad-archive", hint="take another backup")
    return f'"{name}"'


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

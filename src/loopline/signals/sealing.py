"""sealing: finished segments become Parquet, by the day of what they tell of.

`FOLDER/predictions/2013-07-01/NAME.parquet` holds one row a prediction, sorted by event time. A segment becomes its parts at one
moment (switching.py), so a prediction is never there twice and never absent, whoever is killed when. What cannot be read of a
segment is kept as it was in `FOLDER/damaged/NAME.damaged`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from loopline.signals import labels
from loopline.signals.rows import DAY, arrow, read, together
from loopline.signals.segments import ready
from loopline.signals.switching import TMP, alone, finish, switch

PREDICTIONS: Final = "predictions"
DAMAGED: Final = "damaged"
PART: Final = ".parquet"
MIXED: Final = "mixed"
"""In the place of a day: parts that hold many days, a few rows each."""
_DAYS: Final = 64
"""A segment of more days than these is one part: a clock that jumps makes no thousand files."""
_MANY: Final = 16
"""Small parts of a day that are put together."""
_SMALL: Final = 4 << 20
"""Bytes of a part that is small."""
_TOGETHER: Final = 32 << 20
"""Bytes that are put together at a time."""
_GROUP: Final = 50_000
"""Rows of a row group: what a reader skips where its times do not fit."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one sealing did."""

    segments: int = 0
    rows: int = 0
    labels: int = 0
    damaged: int = 0
    """Pieces that could not be read. They were put aside."""


def seal(folder: Path) -> Sealed:
    """Seal all finished segments of a deployment. Does nothing where somebody else is at it. Holds one segment in memory.

    Raise Unavailable kind="extra-missing"; a full disk is an OSError, and leaves all as it was.
    """
    arrow()
    count = rows = truths = damaged = 0
    with alone(folder) as mine:
        if not mine:
            return Sealed()
        finish(folder)
        _sweep(folder)
        for path in ready(folder):
            table, broken = _seal_one(folder, path)
            count, rows, damaged = count + 1, rows + table, damaged + broken
        for path in labels.ready(folder):
            table, broken = _seal_labels(folder, path)
            count, truths, damaged = count + 1, truths + table, damaged + broken
        for home in _homes(folder):
            _compact(folder, home)
    return Sealed(count, rows, truths, damaged)


def day_of(event_time: int) -> str:
    """Name the day of a time: `2013-07-01`, UTC."""
    return (_EPOCH + timedelta(days=event_time // DAY)).date().isoformat()


def _seal_one(folder: Path, path: Path) -> tuple[int, int]:
    import numpy as np

    broken: list[bytes] = []
    table = read(path.read_bytes(), broken)
    parts = []
    if table.num_rows:
        table = table.sort_by("event_time")
        here, begins = np.unique(table["event_time"].to_numpy() // DAY, return_index=True)
        if len(here) > _DAYS:
            parts.append(_write(folder / PREDICTIONS / MIXED / (path.stem + PART), table))
        else:
            for day, begin, end in zip(here.tolist(), begins, [*begins[1:], table.num_rows], strict=True):
                home = folder / PREDICTIONS / day_of(day * DAY)
                parts.append(_write(home / (path.stem + PART), table.slice(begin, end - begin)))
    parts += _set_aside(folder, path, broken)
    switch(folder, new=parts, old=[path])
    return table.num_rows, len(broken)


def _seal_labels(folder: Path, path: Path) -> tuple[int, int]:
    broken: list[bytes] = []
    table = labels.read(path.read_bytes(), broken)
    parts = [_write(folder / labels.LABELS / (path.stem + PART), table)] if table.num_rows else []
    parts += _set_aside(folder, path, broken)
    switch(folder, new=parts, old=[path])
    return table.num_rows, len(broken)


def keep(folder: Path, table: Any) -> bool:
    """Keep many new labels as a part of their own, durably; False where somebody else seals: they belong into a segment then.

    For whoever holds `labels.writing`. Raise Unavailable as `labels.append` does, with nothing kept.
    """
    home = folder / labels.LABELS
    with alone(folder) as mine:
        if not mine:
            return False
        fresh = home / f"new{PART}"
        try:
            finish(folder)
            _write(fresh, table)
            told = fresh.with_name(fresh.name + TMP).stat()
            place = home / f"{told.st_mtime_ns:016x}-{told.st_ino:x}-{told.st_size:x}{PART}"
            fresh.with_name(fresh.name + TMP).rename(place.with_name(place.name + TMP))
            switch(folder, new=[place], old=[])
        except OSError as error:
            with contextlib.suppress(OSError):
                _sweep(folder)
            raise labels.unkept(error, home) from error
        with contextlib.suppress(OSError):
            _compact(folder, home)
    return True


def _set_aside(folder: Path, path: Path, broken: list[bytes]) -> list[Path]:
    if not broken:
        return []
    place = folder / DAMAGED / f"{path.stem}.damaged"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.with_name(place.name + TMP).write_bytes(b"".join(broken))
    return [place]


def _write(place: Path, table: Any) -> Path:
    """Write a part beside its place."""
    import pyarrow.parquet as pq

    place.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, place.with_name(place.name + TMP), compression="zstd", row_group_size=_GROUP)
    return place


def _homes(folder: Path) -> Iterable[Path]:
    with contextlib.suppress(FileNotFoundError):
        yield from sorted(one for one in (folder / PREDICTIONS).iterdir() if one.is_dir())
    yield folder / labels.LABELS


def _compact(folder: Path, home: Path) -> None:
    """Put small parts of one day together, oldest first, where there are many."""
    import pyarrow.parquet as pq

    while True:
        sizes = {path: path.stat().st_size for path in sorted(home.glob("*" + PART))}
        small = [path for path, size in sizes.items() if size < _SMALL]
        if len(small) < _MANY:
            return
        chosen: list[Path] = []
        size = 0
        for path in small:
            if chosen and size + sizes[path] > _TOGETHER:
                break
            chosen.append(path)
            size += sizes[path]
        tables = [pq.ParquetFile(path).read() for path in chosen]
        order = "event_time" if home.name != labels.LABELS else "recorded_at"
        whole = merged(tables).sort_by(order)
        place = _write(home / f"{chosen[0].stem}+{len(chosen)}{PART}", whole)
        switch(folder, new=[place], old=chosen)


def merged(tables: list[Any]) -> Any:
    """Put tables of predictions, or of labels, into one."""
    pieces = []
    for table in tables:
        flat = table.combine_chunks()
        pieces.append((flat.num_rows, {name: _one(flat[name]) for name in flat.column_names}))
    return together(pieces) if "event_time" in tables[0].column_names else together(pieces, facts=())


def _one(column: Any) -> Any:
    found = column.combine_chunks()
    return found.chunk(0) if hasattr(found, "num_chunks") else found


def _sweep(folder: Path) -> None:
    """Remove what a killed process was writing."""
    for home in (folder / DAMAGED, *_homes(folder)):
        for path in home.glob("*" + TMP):
            path.unlink(missing_ok=True)

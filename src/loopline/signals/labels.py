"""labels: the truth about predictions, told later, kept before it is acknowledged.

Labels are appended to `FOLDER/label-segments/current` by whoever holds its lock, synced, and sealed into `FOLDER/labels/`. A
label names a prediction by its id, or by values of columns; then it is about every prediction that has them, also those that
come later. The newest recorded label of a prediction counts.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from loopline.errors import Unavailable
from loopline.signals.frames import framed, frames
from loopline.signals.naming import stored
from loopline.signals.rows import arrow
from loopline.signals.segments import READY
from loopline.signals.switching import sync

LABELS: Final = "labels"
SEGMENTS: Final = "label-segments"
CURRENT: Final = "current"
LOCK: Final = "labels.lock"
BY: Final = "by."
_ROLL: Final = 8 << 20
FACTS: Final = ("id", "keys", "number", "text", "recorded_at", "seq", "known_at")


class Label(msgspec.Struct, array_like=True, frozen=True):
    """One truth."""

    value: float | str
    recorded_at: int
    seq: int
    """Place among those that came together: a later one counts more."""
    id: str = ""
    """Of the prediction; empty: it is named by columns."""
    by: dict[str, str] = msgspec.field(default_factory=dict)
    """Values of columns, as text: inputs, `unit`, `event_time` (microseconds)."""
    known_at: int = 0
    """When the truth was there to be told; 0: when it was recorded."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Label).decode


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Be the only one who adds labels to a deployment."""
    _made(folder / SEGMENTS)
    file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def changed_at(folder: Path) -> int:
    """Tell when labels were last written, microseconds of the machine's clock; 0 where there are none."""
    newest = 0
    for home in (folder / SEGMENTS, folder / LABELS):
        with contextlib.suppress(FileNotFoundError):
            newest = max([newest, *(one.stat().st_mtime_ns // 1000 for one in home.iterdir())])
    return newest


def append(folder: Path, labels: Sequence[Label]) -> None:
    """Keep labels; when this returns they are on the disk. For whoever holds `writing`.

    Raise Unavailable kind="disk-full" or "signals-unwritable", with nothing kept.
    """
    home = folder / SEGMENTS
    try:
        fresh = not (home / CURRENT).exists()
        file = os.open(home / CURRENT, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(file).st_size
            _append(file, size, b"".join(framed(_encode(one)) for one in labels))
            full = os.fstat(file).st_size >= _ROLL
        finally:
            os.close(file)
        if fresh:
            sync(home)
    except OSError as error:
        raise unkept(error, home) from error
    if full:
        with contextlib.suppress(OSError):
            _roll(home)


def unkept(error: OSError, home: Path) -> Unavailable:
    """Say that labels could not be kept."""
    full_disk = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return Unavailable(
        f"the labels cannot be kept: {error.strerror or error}", kind="disk-full" if full_disk else "signals-unwritable",
        hint="make room, then hand them in again" if full_disk else "mend the folder, then hand them in again",
        path=str(home),
    )  # fmt: skip


def ready(folder: Path) -> list[Path]:
    """Give segments of labels that nobody writes to any more, oldest first; the one in use is finished for it."""
    home = folder / SEGMENTS
    if not home.is_dir():
        return []
    if (home / CURRENT).exists():
        with writing(folder):
            _roll(home)
    return sorted(home / name for name in os.listdir(home) if name.endswith(READY))


def unsealed(folder: Path) -> list[Path]:
    """Give all segments of labels, oldest first."""
    home = folder / SEGMENTS
    with contextlib.suppress(FileNotFoundError):
        return sorted(home / name for name in os.listdir(home) if name.endswith(READY) or name == CURRENT)
    return []


def read(data: bytes, damaged: list[bytes]) -> Any:
    """Give the labels of a segment as an Arrow table. What cannot be read is put into `damaged`."""
    found = []
    for whole, content in frames(data):
        if not whole:
            damaged.append(content)
            continue
        try:
            found.append(_decode(content))
        except (msgspec.MsgspecError, ValueError):
            damaged.append(framed(content))
    return table_of(found)


def table_of(labels: Sequence[Label]) -> Any:
    """Give labels as an Arrow table."""
    pa = arrow()
    kinds: dict[tuple[str, ...], str] = {}
    keys = []
    for one in labels:
        by = tuple(one.by)
        if by not in kinds:
            kinds[by] = keys_of(one.by)
        keys.append(kinds[by])
    names = dict.fromkeys(name for by in kinds for name in by)
    columns = {
        "id": pa.array([one.id for one in labels], pa.string()),
        "keys": pa.array(keys, pa.string()),
        "number": pa.array([None if isinstance(one.value, str) else one.value for one in labels], pa.float64()),
        "text": pa.array([one.value if isinstance(one.value, str) else None for one in labels], pa.string()),
        "recorded_at": pa.array([one.recorded_at for one in labels], pa.int64()),
        "seq": pa.array([one.seq for one in labels], pa.int64()),
        "known_at": pa.array([one.known_at or one.recorded_at for one in labels], pa.int64()),
    }
    columns |= {stored(BY + name): pa.array([one.by.get(name) for one in labels], pa.string()) for name in names}
    return pa.table(columns)


def keys_of(by: Mapping[str, str]) -> str:
    """Write which columns name a prediction, as a JSON list; empty where its id does."""
    return msgspec.json.encode(sorted(by)).decode() if by else ""


def _append(file: int, size: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, size)
        raise


def _roll(home: Path) -> None:
    """Finish the segment in use. Its new name sorts by age and never comes again."""
    with contextlib.suppress(FileNotFoundError):
        told = (home / CURRENT).stat()
        (home / CURRENT).rename(home / f"{told.st_mtime_ns:016x}-{told.st_ino:x}-{told.st_size:x}{READY}")
        sync(home)


def _made(home: Path) -> None:
    """Make a folder that is still there after a power cut."""
    if home.is_dir():
        return
    missing = [home, *(one for one in home.parents if not one.is_dir())]
    home.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync(one.parent)

"""switching: putting new files into the place of old ones at one moment, seen from whoever reads the folder.

What is to happen is written down first, durably; from then on it happens, whoever is killed: the next who reads or
switches finishes it. Readers hold the folder shared, so no file goes away under them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

JOURNAL: Final = "switch.json"
LOCK: Final = "switch.lock"
SEALER: Final = "sealer.lock"
TMP: Final = ".tmp"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder for reading: nothing is switched meanwhile, and what was begun is finished before."""
    while True:
        with _locked(folder / LOCK, fcntl.LOCK_SH) as mine:
            if not mine or not (folder / JOURNAL).exists():
                yield
                return
        with _locked(folder / LOCK, fcntl.LOCK_EX):
            _finish(folder)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Be the only one who seals a folder; False where somebody else is."""
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / SEALER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(file)


def switch(folder: Path, *, new: Iterable[Path], old: Iterable[Path]) -> None:
    """Let files appear that are written beside their places (`NAME.tmp`, synced here), and others disappear: all at once."""
    news = [path.relative_to(folder).as_posix() for path in new]
    olds = [path.relative_to(folder).as_posix() for path in old]
    for name in news:
        sync(folder / (name + TMP))
    for home in {(folder / name).parent for name in news}:
        sync(home)
        sync(home.parent)
    with _locked(folder / LOCK, fcntl.LOCK_EX):
        _finish(folder)
        _write(folder / JOURNAL, json.dumps({"new": news, "old": olds}).encode())
        _finish(folder)


def finish(folder: Path) -> None:
    """Finish what a killed process has begun."""
    if (folder / JOURNAL).exists():
        with _locked(folder / LOCK, fcntl.LOCK_EX):
            _finish(folder)


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _finish(folder: Path) -> None:
    journal = folder / JOURNAL
    try:
        told = json.loads(journal.read_bytes())
    except FileNotFoundError:
        return
    homes = set()
    for name in told["new"]:
        with contextlib.suppress(FileNotFoundError):  # it was renamed before
            (folder / (name + TMP)).rename(folder / name)
        homes.add((folder / name).parent)
    for home in homes:
        sync(home)
    for name in told["old"]:
        (folder / name).unlink(missing_ok=True)
        homes.add((folder / name).parent)
    for home in homes:
        sync(home)
    journal.unlink()
    sync(folder)


def _write(path: Path, data: bytes) -> None:
    tmp = path.with_name(path.name + TMP)
    file = os.open(tmp, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
    finally:
        os.close(file)
    tmp.rename(path)
    sync(path.parent)


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[bool]:
    """Hold a lock; False where there is no folder to hold, or only for reading."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except (FileNotFoundError, PermissionError):
        yield False
        return
    try:
        fcntl.flock(file, how)
        yield True
    finally:
        os.close(file)

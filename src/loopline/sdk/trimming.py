"""trimming: of single files on this machine (`parts.py`), the least used go when they are more than their limit.

A process that was given files of a version holds a shared lock on `parts/TREE.used`, as do its children; as long as somebody
holds one, nothing of that version goes. Who trims holds `parts/.look` alone, so that nobody begins to use a version meanwhile.
When a file was last used, its time of access says, which is set by hand.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Final

from loopline.store.files import unheld
from loopline.store.system import SystemClock

GRACE_S: Final = 300.0
"""What was used so recently stays, even beyond the limit."""
FRESH: Final = ".fresh-"
_ROOM: Final = 0.9
_MANY: Final = 256
"""Versions that one process holds; of more, those that it asked for last."""
_USED: Final = ".used"
_CLOCK: Final = SystemClock()
_LOOK: Final = ".look"
_LEFT_S: Final = 86400.0
_EVERY_S: Final = 600.0
_held: dict[str, int] = {}
_grown: dict[Path, int] = {}


def now() -> float:
    """Give seconds, as files carry them."""
    return _CLOCK.now() / 1_000_000


def use(work: Path, tree: str) -> None:
    """Keep the files of a version here for as long as this process lives. Where nothing can be locked, some minutes."""
    name = str(work / "parts" / f"{tree}{_USED}")
    if name in _held and Path(name).exists():
        return
    with contextlib.suppress(OSError), _looking(work, fcntl.LOCK_SH):
        number = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        _let_go(_held.pop(name, None))
        _held[name] = number
        while len(_held) > _MANY:
            _let_go(_held.pop(list(_held)[0], None))  # noqa: RUF015 (in one go: other threads add)
        fcntl.flock(number, fcntl.LOCK_SH)


def grew(work: Path, by: int, limit: int) -> None:
    """Count what was added; now and then look whether it is too much."""
    _grown[work] = _grown.get(work, 0) + by
    try:
        looked = (work / "parts" / _LOOK).stat().st_mtime
        if _grown[work] < limit // 16 and abs(now() - looked) < _EVERY_S:
            return
        _grown[work] = 0
        os.utime(work / "parts" / _LOOK)
    except OSError:
        return
    trim(work, limit)


def trim(work: Path, limit: int, *, grace: float = GRACE_S) -> int:
    """Remove the least used files beyond `limit`, with every name they have. Give how many bytes are left."""
    files = dict[int, tuple[Path, os.stat_result]]()
    for path, state in _files(work / "files"):
        if path.name.startswith(FRESH) and abs(now() - state.st_mtime) > _LEFT_S:
            with contextlib.suppress(OSError), unheld(str(path)):  # a killed process has begun it
                Path(path).unlink()
        elif not path.name.startswith(FRESH):
            files[state.st_ino] = (path, state)
    held = sum(_bytes(state) for _, state in files.values())
    if held <= limit:
        return held
    with contextlib.suppress(OSError), _looking(work, fcntl.LOCK_EX | fcntl.LOCK_NB):
        idle, kept = _versions(work)
        going = set[int]()
        for inode, (_, state) in sorted(files.items(), key=lambda item: item[1][1].st_atime):
            if held <= limit * _ROOM:
                break
            if inode not in kept and abs(now() - state.st_atime) >= grace:
                going.add(inode)
                held -= _bytes(state)
        for folder in idle:
            _forget(folder, going, files)
        for inode in going:
            with contextlib.suppress(OSError):
                Path(files[inode][0]).unlink()
    return held


def _versions(work: Path) -> tuple[list[Path], set[int]]:
    """Give the folders of versions that no process holds, and the files of those that one does."""
    idle, kept = list[Path](), set[int]()
    for name in {one.name.removesuffix(_USED) for one in (work / "parts").iterdir() if one.name != _LOOK}:
        folder = work / "parts" / name
        try:
            with _locked(f"{folder}{_USED}", fcntl.LOCK_EX | fcntl.LOCK_NB):
                idle.append(folder)
        except OSError:
            kept.update(state.st_ino for _, state in _all_files(folder))
            for file in (work / "files" / name, work / "files" / f"{name}.x"):  # a version that is one file
                with contextlib.suppress(OSError):
                    kept.add(file.stat().st_ino)
    return idle, kept


def _forget(folder: Path, going: Container[int], known: Container[int]) -> None:
    """Remove names of what goes from a version, copies that are no names, and folders that are empty then."""
    for path, state in _all_files(folder):
        if state.st_ino in going or state.st_ino not in known:
            with contextlib.suppress(OSError):
                Path(path).unlink()
    for where, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            Path(where).rmdir()
    if not folder.exists():
        with contextlib.suppress(OSError):
            Path(f"{folder}{_USED}").unlink()


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # it goes while we look
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(state.st_mode):
                    yield Path(entry.path), state


def _all_files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for where, _, _ in os.walk(folder):
        yield from _files(Path(where))


def _bytes(state: os.stat_result) -> int:
    return min(state.st_size, state.st_blocks * 512)


@contextlib.contextmanager
def _looking(work: Path, how: int) -> Iterator[None]:
    Path(work / "parts").mkdir(exist_ok=True, parents=True)
    with _locked(str(work / "parts" / _LOOK), how):
        yield


@contextlib.contextmanager
def _locked(name: str, how: int) -> Iterator[None]:
    number = os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(number, how)
        yield
    finally:
        os.close(number)


def _let_go(number: int | None) -> None:
    if number is not None:
        os.close(number)

"""parts: single files of versions on this machine, each there whole or not at all, and each once for all versions and processes.

Below the folder of caches:

    files/HEX             the bytes of a blob, read-only (HEX.x where its owner may execute it)
    files/.fresh-HEX      one that is being written; whoever writes holds a lock on it
    parts/TREE/PATH       a file of a version: another name of the same bytes

Somebody who may do anything can still write to one. So each has a time that says that it is as it was written.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from loopline.datasets.near import ahead
from loopline.loop import silent
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.progress import Progress, Report
from loopline.sdk.trimming import FRESH, grew, now, use
from loopline.store.blobs import Blobs
from loopline.store.files import write_all, writing

LIMIT: Final = 10 << 30
_MADE_NS: Final = 315_532_800 * 10**9
"""The time of change that all files here have: 1980, the first that archives know."""
_TOUCH_S: Final = 60.0


class Parts:
    """Files of one tree, below `work`. Threads and processes share them."""

    def __init__(self, blobs: Blobs, tree: Digest, work: Path, *, limit: int = LIMIT) -> None:
        self._blobs = blobs
        self._work = work
        self._limit = limit
        """Bytes of all such files; the least used go, unless a process that lives was given them."""
        self._files = work / "files"
        self.folder = work / "parts" / tree.removeprefix("sha256:")
        """Where they are, under their paths."""

    def take(self, entries: Iterable[Entry], *, report: Report = silent, total: int = 0) -> Iterator[Path]:
        """Give the path of each file, fetching what is not here; small ones many at once. Raise what reading a blob raises."""
        done = 0
        use(self._work, self.folder.name)
        for path, entry in self._lacking(entries):
            if entry is not None:
                self._place(path, entry)
                grew(self._work, entry.size, self._limit)
                done += entry.size
                if done < total:
                    report(Progress("fetch files", done, total, "B"))
            yield path
        if done and total:
            report(Progress("fetch files", total, total, "B"))

    def keep(self, entry: Entry) -> Path:
        """Give a blob as a file that has its bytes, each verified before there was a file of that name."""
        use(self._work, self.folder.name)
        kept = self._keep(entry)
        grew(self._work, entry.size, self._limit)
        return kept

    def _keep(self, entry: Entry) -> Path:
        runs = bool(entry.mode & 0o100)
        name = entry.digest.removeprefix("sha256:") + (".x" if runs else "")
        target = self._files / name
        while not _is(target, entry.size):
            fresh = self._files / f"{FRESH}{name}"
            with writing(self._files):
                self._files.mkdir(parents=True, exist_ok=True)
            with _alone(fresh) as number:
                if number is None or _is(target, entry.size):  # somebody else was writing it
                    continue
                os.ftruncate(number, 0)
                for chunk in self._blobs.get(entry.digest):
                    with writing(self._files):
                        write_all(number, chunk)
                with writing(self._files):
                    os.fchmod(number, 0o555 if runs else 0o444)
                    _mark(fresh)
                    fresh.rename(target)
                break
        return target

    def _lacking(self, entries: Iterable[Entry]) -> Iterator[tuple[Path, Entry | None]]:
        """Give places in order; with the entry where nothing is there yet."""
        wanted: dict[str, bool] = {}

        def noted() -> Iterator[Entry]:
            for entry in entries:
                wanted[entry.path] = not _is(self.folder / entry.path, entry.size)
                yield entry

        listed = list(noted())
        lacking = iter(ahead(self._blobs, (entry for entry in listed if wanted[entry.path])))
        for entry in listed:
            yield self.folder / entry.path, next(lacking) if wanted[entry.path] else None

    def _place(self, path: Path, entry: Entry) -> None:
        kept = self._keep(entry)
        with writing(self._files):
            path.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(path) and not _is(path, entry.size):  # cut by a loss of power, or written to
                path.unlink(missing_ok=True)
            try:
                os.link(kept, path)
            except FileExistsError:  # somebody else was faster
                pass
            except OSError:  # a file may have only so many names, and some systems know no links
                self._copy(kept, path)

    def _copy(self, kept: Path, path: Path) -> None:
        with tempfile.NamedTemporaryFile(prefix=FRESH, dir=self._files, delete=False) as file:
            with contextlib.suppress(OSError):
                fcntl.flock(file.fileno(), fcntl.LOCK_EX)
            try:
                with kept.open("rb") as source:
                    shutil.copyfileobj(source, file, 1 << 20)
                file.flush()
                os.fchmod(file.fileno(), stat.S_IMODE(kept.stat().st_mode))
                _mark(Path(file.name))
                Path(file.name).rename(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[int | None]:
    """Open a file to write it alone; None where it has become something else meanwhile. What a killed one left is reused."""
    number = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        try:
            same = os.path.samestat(path.stat(), os.fstat(number))
        except FileNotFoundError:
            same = False
        yield number if same else None
    finally:
        os.close(number)


def _is(path: Path, size: int) -> bool:
    """Tell whether a file is there as it was written; then it is in use."""
    try:
        found = path.lstat()
    except OSError:
        return False
    if not stat.S_ISREG(found.st_mode) or (found.st_size, found.st_mtime_ns) != (size, _MADE_NS):
        return False
    if abs(now() - found.st_atime) > _TOUCH_S:
        with contextlib.suppress(OSError):  # it is another user's
            _mark(path)
    return True


def _mark(path: Path) -> None:
    """Say that a file is as it was written, and in use."""
    os.utime(path, ns=(int(now() * 1e9), _MADE_NS))

"""parts: single files of versions on this machine, each there whole or not at all, and each once for all versions and processes.

Below the folder of caches:

    files/HEX             the bytes of a blob, read-only (HEX.x where its owner may execute it)
    files/.fresh-HEX      one that is being written; whoever writes holds a lock on it
    parts/TREE/PATH       a file of a version: another name of the same bytes
"""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from loopline.datasets.near import ahead
from loopline.loop import silent
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.progress import Progress, Report
from loopline.store.blobs import Blobs
from loopline.store.files import write_all

_FRESH: Final = ".fresh-"


class Parts:
    """Files of one tree, below `work`. Threads and processes share them."""

    def __init__(self, blobs: Blobs, tree: Digest, work: Path) -> None:
        self._blobs = blobs
        self._files = work / "files"
        self.folder = work / "parts" / tree.removeprefix("sha256:")
        """Where they are, under their paths."""

    def take(self, entries: Iterable[Entry], *, report: Report = silent, total: int = 0) -> Iterator[Path]:
        """Give the path of each file, fetching what is not here; small ones many at once. Raise what reading a blob raises."""
        done = 0
        for path, entry in self._lacking(entries):
            if entry is not None:
                self._place(path, entry)
                done += entry.size
                if done < total:
                    report(Progress("fetch files", done, total, "B"))
            yield path
        if done and total:
            report(Progress("fetch files", total, total, "B"))

    def keep(self, entry: Entry) -> Path:
        """Give a blob as a file that has its bytes, each verified before there was a file of that name."""
        runs = bool(entry.mode & 0o100)
        name = entry.digest.removeprefix("sha256:") + (".x" if runs else "")
        target = self._files / name
        while not _is(target, entry.size):
            self._files.mkdir(parents=True, exist_ok=True)
            with _alone(self._files / f"{_FRESH}{name}") as number:
                if number is None or _is(target, entry.size):  # somebody else was writing it
                    continue
                os.ftruncate(number, 0)
                for chunk in self._blobs.get(entry.digest):
                    write_all(number, chunk)
                os.fchmod(number, 0o555 if runs else 0o444)
                (self._files / f"{_FRESH}{name}").rename(target)
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
        kept = self.keep(entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(path) and not _is(path, entry.size):  # cut by a loss of power
            path.unlink(missing_ok=True)
        try:
            os.link(kept, path)
        except FileExistsError:  # somebody else was faster
            pass
        except OSError:  # a file may have only so many names, and some systems know no links
            with tempfile.NamedTemporaryFile(prefix=_FRESH, dir=self._files, delete=False) as file:
                write_all(file.fileno(), kept.read_bytes())
                os.fchmod(file.fileno(), stat.S_IMODE(kept.stat().st_mode))
            Path(file.name).rename(path)


@contextmanager
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
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == size

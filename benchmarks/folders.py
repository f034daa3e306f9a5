"""folders: versions of a folder with many small files: adding, looking, adding what changed, checking out, pushing."""

from __future__ import annotations

import atexit
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import OURS, Case, Sample, clear, command
from benchmarks.peers import environment, peer
from benchmarks.projects import LOOPLINE
from benchmarks.serving import SCALE

TITLE = "A folder of many small files"
ROUNDS = 5
FILES = max(1000, int(100_000 * SCALE))
SIZE_BYTES = 4096
CHANGED = 100
ABOUT = f"""
{FILES:,} files of {SIZE_BYTES:,} random bytes in folders of a thousand, whole commands in new processes, the files in the
system's cache. `add` begins with an empty store; a changed folder has {CHANGED} files rewritten, scattered; a checkout fills a
folder that is not there. Loopline syncs what it keeps before it says so, in packs; DVC and `cp` leave that to the system. Limits
that nobody who does the work gets below: `cp -r`, a Python script that reads and hashes each file with sha256
("hash"), and one that walks and asks for each file's status ("stat"). DVC copies out of its cache, as it does where the file
system cannot share. What a round has made is moved away, not removed: where so many files were removed just now, making one
takes ext4 half a millisecond, whoever does it. "In memory" is a checkout on a tmpfs, where what was made is removed.
"""
MEMORY = Path("/dev/shm")
_STAT = """
import os, sys
folders = [sys.argv[1]]
while folders:
    with os.scandir(folders.pop()) as found:
        for entry in found:
            folders.append(entry.path) if entry.is_dir(follow_symlinks=False) else entry.stat(follow_symlinks=False)
"""
_HASH = """
import hashlib, os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb", buffering=0) as file:
            hashlib.sha256(file.readall()).digest()
"""


def cases(place: Path) -> list[Case]:
    """The same files for everybody, each in a project of its own."""
    ours, theirs = Loopline(place / "ours"), Dvc(place / "theirs")
    for one in (ours, theirs):
        _fill(one.data)
    env = environment(place / "home")

    def copied() -> Sample:
        clear(place / "copy", place / "old")
        return command("cp", "-r", ours.data, place / "copy", cwd=place, env=env)

    def script(text: str) -> Callable[[], Sample]:
        return lambda: command(OURS, "-c", text, ours.data, cwd=place, env=env)

    return [
        Case("add", "loopline", ours.add),
        Case("add", "dvc", theirs.add),
        Case("add", "cp", copied, "`cp -r`"),
        Case("add", "hash", script(_HASH), "read and sha256"),
        Case("status, unchanged", "loopline", ours.status),
        Case("status, unchanged, watched", "loopline", ours.watched),
        Case("status, unchanged", "dvc", theirs.status),
        Case("status, unchanged", "stat", script(_STAT), "walk and stat"),
        Case(f"status, {CHANGED} changed", "loopline", lambda: ours.changed(ours.status)),
        Case(f"status, {CHANGED} changed", "dvc", lambda: theirs.changed(theirs.status)),
        Case(f"add, {CHANGED} changed", "loopline", lambda: ours.changed(ours.again)),
        Case(f"add, {CHANGED} changed", "dvc", lambda: theirs.changed(theirs.again)),
        Case("checkout", "loopline", ours.checkout),
        Case("checkout", "dvc", theirs.checkout),
        Case("checkout", "cp", copied, "`cp -r`"),
        *_in_memory(),
    ]


def _in_memory() -> list[Case]:
    """A checkout where making a file costs the system next to nothing: what is left is the work of whoever does it."""
    if not MEMORY.is_dir():
        return []
    place = Path(tempfile.mkdtemp(dir=MEMORY, prefix="loopline-bench-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    ours, theirs = Loopline(place / "ours", removes=True), Dvc(place / "theirs", removes=True)
    for one in (ours, theirs):
        _fill(one.data)
    ours.add()
    theirs.add()

    def copied() -> Sample:
        shutil.rmtree(place / "copy", ignore_errors=True)
        return command("cp", "-r", ours.data, place / "copy", cwd=place, env=ours.env)

    return [
        Case("checkout, in memory", "loopline", ours.checkout),
        Case("checkout, in memory", "dvc", theirs.checkout),
        Case("checkout, in memory", "cp", copied, "`cp -r`"),
    ]


def _fill(data: Path) -> None:
    for number in range(FILES):
        file = data / f"{number // 1000:04d}" / f"{number:06d}.bin"
        if number % 1000 == 0:
            file.parent.mkdir(parents=True)
        file.write_bytes(os.urandom(SIZE_BYTES))


class _Project:
    """A folder of data in a project of one of the two."""

    def __init__(self, folder: Path, *, removes: bool = False) -> None:
        self.folder, self.data, self._removes = folder, folder / "data" / "many", removes
        self.env = environment(folder / "home")
        self._random = random.Random(3)

    def run(self, *words: str | Path) -> Sample:
        """Run one command of it."""
        return command(*words, cwd=self.folder, env=self.env)

    def clear(self, path: Path) -> None:
        """Take away what the last round has left: large files, and those in memory, for good, there is no room for them all."""
        if self._removes:
            shutil.rmtree(path, ignore_errors=True)
        else:
            clear(path, self.folder.parent / "old")

    def changed(self, then: Callable[[], Sample]) -> Sample:
        """Rewrite some files, then measure."""
        for number in self._random.sample(range(FILES), CHANGED):
            (self.data / f"{number // 1000:04d}" / f"{number:06d}.bin").write_bytes(os.urandom(SIZE_BYTES))
        return then()


class Loopline(_Project):
    """Loopline's, in a folder of its own."""

    def add(self) -> Sample:
        """Begin anew, and add all."""
        self.clear(self.folder / ".loopline")
        (self.folder / "loopline.toml").unlink(missing_ok=True)
        self.run(LOOPLINE, "init")
        return self.again()

    def again(self) -> Sample:
        """Add what differs."""
        return self.run(LOOPLINE, "add", "data/many", "data/many")

    def status(self) -> Sample:
        """Ask what differs."""
        return self.run(LOOPLINE, "status", "data/many")

    def watched(self) -> Sample:
        """Ask while a process watches the folder, which has been asked once."""
        self.run(LOOPLINE, "watch", "data/many")
        try:
            self.status()
            return self.status()
        finally:
            self.run(LOOPLINE, "watch", "data/many", "--stop")

    def checkout(self) -> Sample:
        """Fill a new folder."""
        self.clear(self.folder / "out")
        return self.run(LOOPLINE, "checkout", "data/many", "out")


class Dvc(_Project):
    """DVC's, without Git."""

    def __init__(self, folder: Path, *, removes: bool = False) -> None:
        super().__init__(folder, removes=removes)
        self.env["DVC_SITE_CACHE_DIR"] = str(folder / "site")
        self._dvc = peer("dvc").command

    def add(self) -> Sample:
        """Begin anew, and add all."""
        for left in (".dvc", "site"):
            self.clear(self.folder / left)
        (self.folder / "data" / "many.dvc").unlink(missing_ok=True)
        self.run(self._dvc, "init", "-q", "--no-scm", "-f")
        return self.again()

    def again(self) -> Sample:
        """Add what differs."""
        return self.run(self._dvc, "add", "-q", "data/many")

    def status(self) -> Sample:
        """Ask what differs."""
        return self.run(self._dvc, "status")

    def checkout(self) -> Sample:
        """Fill the folder, which was removed."""
        self.again()
        self.clear(self.data)
        return self.run(self._dvc, "checkout", "-q", "-f")

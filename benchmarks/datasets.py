"""datasets: what a tree of files costs to build, edit, compare and read, by its size."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from pathlib import Path

from benchmarks.measure import Case, Sample
from loopline.datasets.diff import diff
from loopline.datasets.edit import edit
from loopline.datasets.tree import Tree, build
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.store.memory import MemoryBlobs

TITLE = "Trees of files"
ROUNDS = 5
SIZES = (100_000, 1_000_000)
ABOUT = """
A dataset's tree in a store in memory, in one process, so that only the tree is measured: no file is read and nothing waits
for a disk. Paths look like `images/train/017/00001234.jpg`. An edit of one file is what a commit after one change costs; a
difference is read to its end. No peer has the operation apart from its files; DVC 3.67 needs 9.9 s for `dvc add` after one
change among 100,000 files.
"""


@lru_cache
def entries(count: int) -> list[Entry]:
    """Make sorted entries."""
    made = (
        Entry(f"images/train/{n % 97:03d}/{n:08d}.jpg", digest_of(b"%d" % n), 10_000 + n * 7919 % 90_000)
        for n in range(count)
    )
    return sorted(made, key=lambda entry: entry.path)


@lru_cache
def kept(count: int) -> tuple[MemoryBlobs, Digest]:
    """Build once what the other cases start from."""
    blobs = MemoryBlobs()
    return blobs, build(blobs, entries(count))


class Forgetful(MemoryBlobs):
    """Hashes what it is given, as any store must, and keeps none of it: rounds do not grow."""

    def __init__(self, below: MemoryBlobs) -> None:
        super().__init__()
        self.below = below

    def read(self, digest: Digest) -> bytes:
        """Read what was there before."""
        return self.below.read(digest)

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Name each."""
        return [digest_of(item) for item in items]


def changes(count: int, how_many: int) -> dict[str, Entry]:
    """Give scattered files another content."""
    picked = random.Random(how_many).sample(entries(count), how_many)
    return {entry.path: Entry(entry.path, digest_of(entry.path.encode()), 1) for entry in picked}


def appended(how_many: int) -> dict[str, Entry]:
    """Make files that sort behind all others."""
    names = (f"images/train/zz/{n:08d}.jpg" for n in range(how_many))
    return {name: Entry(name, digest_of(name.encode()), 1) for name in names}


def cases(_place: Path) -> list[Case]:
    """Each operation on each size. Nothing is written."""
    found = []
    for count in SIZES:
        size = f"{count:,} files: "
        found.append(Case(size + "build", "loopline", partial(_timed, count, _build)))
        for how_many in (1, 100, 10_000):
            edit_some = partial(_edit, wanted=changes(count, how_many))
            found.append(Case(size + f"change {how_many:,} scattered", "loopline", partial(_timed, count, edit_some)))
        append = partial(_edit, wanted=appended(10_000))
        found.append(Case(size + "append 10,000", "loopline", partial(_timed, count, append)))
        for how_many in (1, 100):
            blobs, root = kept(count)
            compare = partial(_diff, other=edit(blobs, root, changes(count, how_many)))
            found.append(Case(size + f"difference of {how_many}", "loopline", partial(_timed, count, compare)))
        found.append(Case(size + "find one", "loopline", partial(_timed, count, _find)))
        found.append(Case(size + "read all", "loopline", partial(_timed, count, _read)))
    return found


def _timed(count: int, work: Callable[[int], object]) -> Sample:
    kept(count)
    wall, cpu = time.perf_counter(), time.process_time()
    work(count)
    return Sample((time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000)


def _build(count: int) -> None:
    build(Forgetful(kept(count)[0]), entries(count))


def _edit(count: int, wanted: dict[str, Entry]) -> None:
    blobs, root = kept(count)
    edit(Forgetful(blobs), root, wanted)


def _diff(count: int, other: Digest) -> None:
    blobs, root = kept(count)
    for _ in diff(blobs, root, other):
        pass


def _find(count: int) -> None:
    blobs, root = kept(count)
    Tree(blobs, root).get(entries(count)[count // 3].path)


def _read(count: int) -> None:
    blobs, root = kept(count)
    for _ in Tree(blobs, root).iter():
        pass


def main() -> None:
    """Print medians, and how many bytes and nodes a tree has."""
    for count in SIZES:
        blobs, root = kept(count)
        size = sum(len(blobs.held[node]) for node in set(Tree(blobs, root).nodes()))
        print(f"{count:,} files: {len(blobs.held):,} nodes, {size / count:.1f} bytes an entry")
    for case in cases(Path()):
        samples = [case.run() for _ in range(ROUNDS)]
        cpu = statistics.median(sample.cpu for sample in samples)
        wall = statistics.median(sample.wall for sample in samples)
        print(f"{case.what:45} {cpu:10.2f} ms CPU {wall:10.2f} ms")


if __name__ == "__main__":
    main()

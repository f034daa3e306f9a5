"""branches: what one change among ten million files costs, and what looking at them does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.measure import Case, Sample
from loopline.datasets.diff import diff
from loopline.datasets.edit import edit
from loopline.datasets.tree import Tree, build
from loopline.ledger.ledger import Ledger
from loopline.ledger.schema import create
from loopline.loop import Loop
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, Named, Numbered, Pointer, RefName
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs
from loopline.store.sqlite import SqliteDatabase
from loopline.testing.clock import FakeClock
from loopline.testing.loop import loop
from loopline.verbs import load

TITLE = "One change among ten million files"
ROUNDS = 7
FOLDERS, FILES = 1_000, 10_000
DATA = AssetName("flights", "data", "images")
ABOUT = f"""
A dataset of {FOLDERS * FILES:,} files in {FOLDERS:,} folders, `images/0042/00001234.jpg`, in one process, with the ledger in
SQLite on the disk. The tree is built once, in memory; what is written afterwards goes to a store on the disk, and is synced
there. A commit is the new nodes of the tree, the version and the change that moves the branch; a merge is that of two branches
with one change each. No file is read. Each look begins with nothing in memory but the bytes of the tree, which are verified. No
peer has the operations apart from its files.
"""


class Over(LocalBlobs):
    """A store on the disk, above one in memory that is only read."""

    def __init__(self, folder: Path, below: MemoryBlobs) -> None:
        super().__init__(folder)
        self.below = below

    def read(self, digest: Digest) -> bytes:
        """Read what was there before, or what has come since."""
        return self.below.read(digest) if digest in self.below.held else super().read(digest)

    def size(self, digest: Digest) -> int | None:
        """Give its length."""
        return self.below.size(digest) or super().size(digest)


class Bench:
    """The dataset, and a loop that has it."""

    def __init__(self, place: Path, folders: int = FOLDERS, files: int = FILES) -> None:
        self.folders, self.files = folders, files
        below = MemoryBlobs()
        self.root = build(below, self._entries())
        database = SqliteDatabase(place / "ledger.db")
        create(database)
        clock = FakeClock(step=1)
        self.loop: Loop = loop(
            ledger=Ledger(database, clock=clock), clock=clock, blobs=Over(place, below), home="flights"
        )
        self.numbers = count(1)
        self._publish()

    def _entries(self) -> Iterator[Entry]:
        for folder in range(self.folders):
            for file in range(self.files):
                number = folder * self.files + file
                digest = Digest(f"sha256:{number * 0x9E3779B97F4A7C15 % 2**256:064x}")
                yield Entry(f"images/{folder:04d}/{file:08d}.jpg", digest, 10_000 + number * 7919 % 90_000)

    def _publish(self) -> None:
        from loopline.nouns.artifact import TREE

        put = load("put")(self.loop, DATA, digest=self.root, media_type=TREE)
        load("propose")(self.loop, RefName(DATA, "main"), to=Numbered(put.number), why="first")

    def change(self, number: int) -> dict[str, Entry | None]:
        """Give one file another content."""
        path = f"images/{number * 13 % self.folders:04d}/{number * 7919 % self.files:08d}.jpg"
        return {path: Entry(path, digest_of(b"%d" % number), 1)}

    def branch(self) -> str:
        """Make a branch."""
        name = f"b{next(self.numbers)}"
        load("branch")(self.loop, DATA, name, at=Numbered(1))
        return name

    def commit(self, branch: str) -> None:
        """Change one file on a branch."""
        tree = edit(self.loop.blobs, self.root, self.change(next(self.numbers)))
        load("add")(self.loop, DATA, tree=tree, branch=branch, message="one change")

    def timed(self, prepare: Callable[[], object], work: Callable[[object], object]) -> Sample:
        """Measure one thing, with what it needs made before."""
        given = prepare()
        wall, cpu = time.perf_counter(), time.process_time()
        work(given)
        return Sample((time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000)

    def forked(self) -> tuple[str, str]:
        """Make two branches with one change each."""
        both = self.branch(), self.branch()
        for one in both:
            self.commit(one)
        return both

    def merge(self, both: tuple[str, str]) -> None:
        """Merge one into the other."""
        done = load("merge")(self.loop, Pointer(DATA, Named(both[0])), RefName(DATA, both[1]))
        assert done.state == "made"

    def list(self, folder: str, after: str = "") -> None:
        """List one page of 1,000 lines."""
        assert len(Tree(self.loop.blobs, self.root).list(folder, after=after, limit=1000)) == 1000


def cases(place: Path, folders: int = FOLDERS, files: int = FILES) -> list[Case]:
    """Each operation, on one dataset that is built when the first is run."""
    made: list[Bench] = []

    def bench() -> Bench:
        if not made:
            made.append(Bench(place, folders, files))
        return made[0]

    def case(what: str, prepare: Callable[[Bench], object], work: Callable[[Bench, object], object]) -> Case:
        def run() -> Sample:
            here = bench()
            return here.timed(partial(prepare, here), partial(work, here))

        return Case(what, "loopline", run)

    def edited(here: Bench) -> Digest:
        return edit(here.loop.blobs, here.root, here.change(next(here.numbers)))

    def page(here: Bench, _: object) -> None:
        here.list("images/0007/", f"images/0007/{here.files // 3:08d}.jpg")

    return [
        case("commit one change", lambda here: here.branch(), lambda here, name: here.commit(str(name))),
        case("difference of one", edited, lambda here, root: list(diff(here.loop.blobs, here.root, Digest(str(root))))),
        case("branch", lambda _: None, lambda here, _: here.branch()),
        case("merge one change with one", lambda here: here.forked(), lambda here, both: here.merge(both)),  # type: ignore[arg-type]
        case("list 1,000 files", lambda _: None, page),
        case("list 1,000 folders", lambda _: None, lambda here, _: here.list("images/")),
    ]

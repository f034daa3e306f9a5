"""build: a folder made into a tree, or compared with one, reading only what changed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loopline.datasets.hashing import Takes, hash_files
from loopline.datasets.index import Index
from loopline.datasets.nodes import Keeps, Reads
from loopline.datasets.scan import Found, open_root, scan
from loopline.datasets.tree import Tree, build
from loopline.errors import Unavailable
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Difference, Entry
from loopline.nouns.progress import Progress, Report


class Stores(Keeps, Takes, Protocol):
    """What storing a folder needs of a blob store."""

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep all of them behind one durability barrier."""

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Give those that are not kept."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a folder became."""

    root: Digest
    files: int
    bytes: int
    stored: int
    """Files whose bytes were read and kept; the others were known."""
    stored_bytes: int


def quiet(progress: Progress) -> None:
    """Report nothing."""


def build_folder(
    blobs: Stores, folder: Path, index: Index, *, files: Sequence[Found] | None = None, report: Report = quiet
) -> Built:
    """Store the files of `folder` (of `files`, sorted, where given) and write their tree.

    Files that `index` knows unchanged and `blobs` holds are not read. `index` is saved, but its `base` is not moved: set
    `index.base` when the tree has been published. Raise what `scan`, `hash_files` and `tree.build` raise; what was
    stored until then stays and is not stored again.
    """
    found = list(scan(folder)) if files is None else list(files)
    began = index.now()
    known = {file.path: digest for file in found if (digest := index.find(file.path, file.stamp))}
    lost = blobs.missing(set(known.values())) if known else set()
    unread = [file for file in found if known.get(file.path) is None or known[file.path] in lost]
    entries = {
        file.path: Entry(file.path, known[file.path], file.stamp.size, file.mode)
        for file in found
        if file.path in known
    }
    stored = size = 0
    try:
        for file, digest in hash_files(open_root(folder), unread, into=blobs, report=report):
            entries[file.path] = Entry(file.path, digest, file.stamp.size, file.mode)
            index.learn(file.path, file.stamp, digest, began=began)
            stored, size = stored + 1, size + file.stamp.size
        if files is None:
            index.keep(entries)
    finally:
        index.save()
    ordered = [entries[file.path] for file in found]
    root = build(blobs, ordered)
    return Built(root, len(ordered), sum(entry.size for entry in ordered), stored, size)


def status(
    blobs: Reads,
    root: Digest,
    folder: Path,
    index: Index,
    *,
    files: Sequence[Found] | None = None,
    report: Report = quiet,
) -> Iterator[Difference]:
    """Give what became of the tree `root` in `folder`, in the order of paths: what adding the folder would change.

    Nothing is stored. What was hashed is noted in `index` where that can be written, so that the next call is quick.
    """
    found = list(scan(folder)) if files is None else list(files)
    entries = read_entries(folder, found, index, report=report)
    yield from compare(Tree(blobs, root).iter(), entries)


def read_entries(folder: Path, found: Sequence[Found], index: Index, *, report: Report = quiet) -> list[Entry]:
    """Give the entries of files, reading those that `index` does not know unchanged; they stay in order."""
    try:
        began = index.now()
    except Unavailable:
        began = 0  # nothing can be noted, and nothing is: all that we read is read again next time
    entries: dict[str, Entry] = {}
    unread = []
    for file in found:
        digest = index.find(file.path, file.stamp)
        if digest is None:
            unread.append(file)
        else:
            entries[file.path] = Entry(file.path, digest, file.stamp.size, file.mode)
    for file, digest in hash_files(open_root(folder), unread, into=None, report=report):
        entries[file.path] = Entry(file.path, digest, file.stamp.size, file.mode)
        index.learn(file.path, file.stamp, digest, began=began)
    with contextlib.suppress(Unavailable):
        index.save()
    return [entries[file.path] for file in found]


def compare(old: Iterable[Entry], new: Iterable[Entry]) -> Iterator[Difference]:
    """Give the differences of two sequences of entries, both sorted by path."""
    left, right = iter(old), iter(new)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if a is not None and (b is None or a.path < b.path):
            yield Difference(a.path, a, None)
            a = next(left, None)
        elif b is not None and (a is None or b.path < a.path):
            yield Difference(b.path, None, b)
            b = next(right, None)
        elif a is not None and b is not None:
            if a != b:
                yield Difference(b.path, a, b)
            a, b = next(left, None), next(right, None)

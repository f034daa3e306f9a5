"""build: a folder made into a tree, reading only what changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from loopline.datasets.blocks import Found
from loopline.datasets.edit import edit
from loopline.datasets.hashing import Files, Listed, Takes, hash_files
from loopline.datasets.index import Index
from loopline.datasets.nodes import Keeps
from loopline.datasets.only import Only
from loopline.datasets.parts import Parts
from loopline.datasets.scan import open_root, scan, scan_parts
from loopline.datasets.standing import changed, quiet
from loopline.datasets.tick import tick
from loopline.datasets.tree import Tree, build
from loopline.errors import NotFound
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.progress import Report

ASKED: Final = 10_000
"""How many blobs a store is asked about at once."""


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


def build_folder(blobs: Stores, folder: Path, index: Index, *, anew: bool = False, report: Report = quiet) -> Built:
    """Store the files of `folder` (see `scan`) and give their tree.

    A file that `index` knows unchanged is not read, and the tree is made from the one that the index knows, at the cost of
    what differs from it. With `anew` everything is read and stored, which mends what a store has lost. What was stored
    before an error is known next time. Raise what `scan` and `hash_files` raise, and Unavailable for the store.
    """
    if anew:
        index.clear()
    reading = Reading(folder, index, blobs, report)
    try:
        reading.read(scan(folder, index))
        if index.tree is not None and blobs.missing([index.tree]):
            index.rebase(None, {})
        if index.tree is None:
            if reading.files < len(index):  # what was read just now is kept
                reading.keep(index.entries())
            root = build(blobs, index.entries())
        else:
            other = (path for path in list(index.drift) if path not in reading.paths)
            reading.keep(new for path in other if (new := index.entry(path)) is not None)
            root = edit(blobs, index.tree, {path: index.entry(path) for path in index.drift})
        index.rebase(root, {})
    finally:
        index.save()
    tree = Tree(blobs, root)
    return Built(root, tree.count, tree.bytes, reading.files, reading.bytes)


def build_parts(
    blobs: Stores, folder: Path, index: Index, parts: Parts, base: Digest, *, only: Only, anew: bool = False,
    report: Report = quiet,
) -> Built:  # fmt: skip
    """Store these files and folders of `folder` and give the tree that `base` becomes by them. Nothing else is looked at.

    What is in `base` and not there any more is left out, as far as the folder holds (`only`) it. Raise what `scan_parts` and
    `hash_files` raise; NotFound kind="part-missing" for a part that is neither in the folder, as far as rules let it, nor in
    the tree.
    """
    reading = Reading(folder, index, blobs, report)
    try:
        unread, files = scan_parts(folder, index, parts, anew=anew)
        reading.read(unread)
        reading.read_files(files)
        if index.tree is not None and blobs.missing([index.tree]):
            index.rebase(None, {})
        found = changed(blobs, base, index, parts)
        _refuse_missing(Tree(blobs, base), index, parts)
        reading.keep(one.new for one in found if one.new is not None and one.path not in reading.paths)
        taken = {one.path: one.new for one in found if one.new is not None or only(one.path)}
        root = edit(blobs, base, taken)
        if index.tree is not None:
            index.rebase(root, {path: old for path, old in index.drift.items() if path not in taken})
    finally:
        index.save()
    tree = Tree(blobs, root)
    return Built(root, tree.count, tree.bytes, reading.files, reading.bytes)


def _refuse_missing(tree: Tree, index: Index, parts: Parts) -> None:
    for part in parts.paths:
        if next(index.below(part), None) is None and tree.find(part) is None and not tree.measure(part + "/")[0]:
            raise NotFound(
                f"there is no file {part}, or it is left out", kind="part-missing",
                hint="check the path, and .looplineignore", path=part,
            )  # fmt: skip


def build_listed(blobs: Stores, folder: Path, index: Index, files: Sequence[Found], *, report: Report = quiet) -> Built:
    """Store these files of `folder` and give their tree: for callers who know what to take (see `look`)."""
    known = {file.path: digest for file in files if (digest := index.find(file.path, file.stamp))}
    lost = {"", *blobs.missing(set(known.values()))}
    entries = {
        file.path: Entry(file.path, known[file.path], file.stamp.size, file.mode)
        for file in files
        if file.path in known
    }
    reading = Reading(folder, index, blobs, report)
    try:
        for entry in reading.read(Listed(file for file in files if known.get(file.path, "") in lost)):
            entries[entry.path] = entry
    finally:
        index.save()
    ordered = [entries[file.path] for file in files]
    size = sum(entry.size for entry in ordered)
    return Built(build(blobs, ordered), len(ordered), size, reading.files, reading.bytes)


class Reading:
    """The files of a folder read, kept where there is a store for them, and noted in the index."""

    def __init__(self, folder: Path, index: Index, into: Stores | None, report: Report) -> None:
        self._top, self._index, self._into, self._report = open_root(folder), index, into, report
        self.files = self.bytes = 0
        self.paths: set[str] = set()
        """What was read, where an index knows a tree: without one it is told by the number alone."""

    def read(self, files: Files) -> list[Entry]:
        """Read files and note what they are. Give the entries of listed ones."""
        if not files:
            return []
        began = tick(self._top, self._index.file.parent)
        entries = []
        for file, digest in hash_files(self._top, files, into=self._into, report=self._report):
            self._index.learn(file.path, file.stamp, digest, began=began, mode=file.mode)
            self.files, self.bytes = self.files + 1, self.bytes + file.stamp.size
            if self._index.tree is not None:
                self.paths.add(file.path)
            if isinstance(files, Listed):
                entries.append(Entry(file.path, digest, file.stamp.size, file.mode))
        return entries

    def read_files(self, files: Iterable[Found]) -> None:
        """Read files that were looked at alone."""
        self.read(Listed(files))

    def keep(self, entries: Iterable[Entry]) -> None:
        """Read those files once more that are known, and whose bytes the store has not."""
        if self._into is None:
            return
        lost = Listed()
        rest = iter(entries)
        while some := list(islice(rest, ASKED)):
            missing = self._into.missing({entry.digest for entry in some})
            lost += [self._index.found(entry.path) for entry in some if entry.digest in missing]
        self.read(lost)

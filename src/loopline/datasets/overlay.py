"""overlay: a tree as it looks under what is staged, without being made anew.

Beside the tree of files lies a tree of *notes*, of the same format: `f/PATH` holds what a tree of files cannot say of a path, as
a small blob of JSON, and below `m/` are markers: folders that somebody wants to see though nothing is in them. A path without
notes has no entry there, so equal files have equal roots by whichever door they came.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import islice, takewhile
from operator import attrgetter
from typing import Final

from loopline.datasets.diff import diff
from loopline.datasets.edit import edit
from loopline.datasets.nodes import Keeps, Reads
from loopline.datasets.path import after_prefix, check_path
from loopline.datasets.tree import EMPTY, Tree, build, to_entry
from loopline.errors import Invalid
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Difference, Entry
from loopline.nouns.staged import Staged

NOTHING: Final = digest_of(b"")
"""What a marker holds."""
LONGEST: Final = 1 << 20
"""Bytes of the notes of a path that are read."""
_LEAF: Final = "!"


@dataclass(frozen=True, slots=True)
class Found:
    """A path that is there."""

    entry: Entry
    staged: Staged | None = None
    """The row that says so; None where the tree does."""

    @property
    def path(self) -> str:
        """Its path; one that ends with `/` is a marker."""
        return self.entry.path


def marker(path: str) -> Entry:
    """Make the entry of a marker: `path` ends with `/`. Raise Invalid for one that cannot be a folder."""
    check_path(path.removesuffix("/"))
    return Entry(path, NOTHING, 0)


def note_key(path: str) -> str:
    """Give where the notes of a file or a marker stand in the tree of notes. Markers sort there as they do among files."""
    if not path.endswith("/"):
        return f"f/{path}"
    return f"m/{'/'.join(f'd{part}' for part in path[:-1].split('/'))}/{_LEAF}"


def noted_path(key: str) -> str:
    """Give the path whose notes stand at a place in the tree of notes."""
    if key.startswith("f/"):
        return key[2:]
    return "".join(f"{part[1:]}/" for part in key[2:].removesuffix(f"/{_LEAF}").split("/"))


class Overlay:
    """Files and markers, with rows of `staged` in front. For one thread at a time."""

    def __init__(
        self, blobs: Reads, root: Digest | None, notes: Digest | None, staged: Iterable[Staged], *,
        weigh: Callable[[Digest], int | None] | None = None,
    ) -> None:  # fmt: skip
        self.blobs = blobs
        self._weigh = weigh
        """Tells how long bytes are, where notes may be of somebody's own making: too long ones are none."""
        self._files = Tree(blobs, root) if root and root != EMPTY else None
        self._notes = Tree(blobs, notes) if notes and notes != EMPTY else None
        rows = list(staged)
        self.rows: Mapping[str, Staged] = {one.path: one for one in rows if not one.whole}
        self._there = sorted(path for path, one in self.rows.items() if one.entry)
        self._cuts = tuple(one.path for one in rows if one.whole)

    def find(self, path: str) -> Found | None:
        """Look one path up."""
        row = self.rows.get(path)
        if row is not None:
            return Found(row.entry, row) if row.entry else None
        if path.startswith(self._cuts):
            return None
        if path.endswith("/"):
            there = self._notes and self._notes.find(note_key(path))
            return Found(Entry(path, NOTHING, 0)) if there else None
        entry = self._files.find(path) if self._files else None
        return Found(entry) if entry else None

    def notes(self, found: Found) -> str:
        """Give what is noted of a path that is there, as JSON; nothing where nothing is."""
        if found.staged is not None:
            return found.staged.notes
        entry = self.noted(found.path)
        if entry is None or (self._weigh and (self._weigh(entry.digest) or 0) > LONGEST):
            return ""
        return self.blobs.read(entry.digest).decode("utf-8", "replace")

    def noted(self, path: str) -> Entry | None:
        """Give where the notes of a path stand in the tree of notes, whatever is staged."""
        return self._notes.find(note_key(path)) if self._notes else None

    def iter(self, prefix: str = "", start: str = "") -> Iterator[Found]:
        """Give what is there whose path begins with `prefix` and is not before `start`, in order."""
        streams = [
            one for one in (self._kept(prefix, start), self._marks(prefix, start), self._said(prefix, start)) if one
        ]
        return streams[0] if len(streams) == 1 else merge(*streams, key=attrgetter("path"))

    def clash(self, path: str) -> tuple[str, str] | None:
        """Give the file and what it would have to hold where `path` were added; None where it fits beside what is there."""
        name = path.removesuffix("/")
        above = name
        while above := above.rpartition("/")[0]:
            if self.find(above):
                return above, path
        if path.endswith("/"):
            return (name, path) if self.find(name) else None
        inside = next((one for one in self.iter(f"{path}/")), None)
        return (path, inside.path) if inside else None

    def _said(self, prefix: str, start: str) -> Iterator[Found] | None:
        at = bisect_left(self._there, max(prefix, start))
        if at == len(self._there) or not self._there[at].startswith(prefix):
            return None
        rows = (
            self.rows[path] for path in takewhile(lambda path: path.startswith(prefix), islice(self._there, at, None))
        )
        return (Found(row.entry, row) for row in rows if row.entry)

    def _kept(self, prefix: str, start: str) -> Iterator[Found] | None:
        return self._of_files(self._files, prefix, start) if self._files else None

    def _of_files(self, files: Tree, prefix: str, start: str) -> Iterator[Found]:
        for entry in _from(files, prefix, start):
            if entry.path not in self.rows and not entry.path.startswith(self._cuts):
                yield Found(entry)

    def _marks(self, prefix: str, start: str) -> Iterator[Found] | None:
        return self._of_notes(self._notes, prefix, start) if self._notes else None

    def _of_notes(self, notes: Tree, prefix: str, start: str) -> Iterator[Found]:
        low = max(prefix, start).removesuffix("/")
        for entry in _from(notes, "m/", f"m/{'/'.join(f'd{part}' for part in low.split('/'))}" if low else ""):
            path = noted_path(entry.path)
            if not path.startswith(prefix) and path > prefix:
                return
            if path.startswith(prefix) and path >= start and path not in self.rows and not path.startswith(self._cuts):
                yield Found(Entry(path, NOTHING, 0))


def fold(blobs: Keeps, root: Digest | None, notes: Digest | None, staged: Iterable[Staged]) -> tuple[Digest, Digest]:
    """Write the trees of files and of notes that staged rows make of others. Raise Invalid as `edit` does."""
    rows = list(staged)
    texts = {one.notes or "{}" for one in rows if one.entry and (one.notes or one.path.endswith("/"))}
    kept = (
        dict(zip(sorted(texts), blobs.put_all(text.encode() for text in sorted(texts)), strict=True)) if texts else {}
    )
    files: dict[str, Entry | None] = {}
    said: dict[str, Entry | None] = {}
    over = Overlay(blobs, root, notes, ())
    for found in (found for one in rows if one.whole for found in over.iter(one.path)):
        said[note_key(found.path)] = None
        if not found.path.endswith("/"):
            files[found.path] = None
    for one in (one for one in rows if not one.whole):
        key = note_key(one.path)
        said[key] = None
        if one.entry and (one.notes or one.path.endswith("/")):
            text = one.notes or "{}"
            said[key] = Entry(key, kept[text], len(text.encode()))
        if not one.path.endswith("/"):
            files[one.path] = one.entry
    return edited(blobs, root, files), edited(blobs, notes, said)


def changes(blobs: Reads, a: Digest | None, b: Digest | None, prefix: str = "") -> Iterator[Difference]:
    """Give what leads from one tree to another, as `diff` does; None, and the empty tree that nobody built, hold no files."""
    a, b = (None if one == EMPTY else one for one in (a, b))
    if a and b:
        yield from diff(blobs, a, b, prefix)
    elif a or b:
        for entry in Tree(blobs, a or b or EMPTY).iter(prefix):
            yield Difference(entry.path, entry if a else None, entry if b else None)


def edited(blobs: Keeps, root: Digest | None, changes: Mapping[str, Entry | None]) -> Digest:
    """Write the tree that `root` becomes, which may be None. Where a change and the tree clash, the change wins.

    That happens only where the branch has moved on under what is staged: who stages is told of what clashes then.
    """
    if root is None or root == EMPTY:
        return build(blobs, sorted(entry for entry in changes.values() if entry))
    wanted = dict(changes)
    while True:
        try:
            return edit(blobs, root, wanted)
        except Invalid as error:
            if error.kind != "file-is-folder":
                raise
            file = str(error.facts["path"])
            ours = wanted.get(file) is not None
            gone = [one.path for one in Tree(blobs, root).iter(f"{file}/")] if ours else [file]
            fresh = [path for path in gone if path not in wanted]
            if not fresh:  # both are changes: nobody could stage that
                raise
            wanted |= dict.fromkeys(fresh)


def _from(tree: Tree, prefix: str, start: str) -> Iterator[Entry]:
    """Give entries below `prefix` from `start` on, which need not be there itself."""
    low = max(prefix.encode(), start.encode())
    high = after_prefix(prefix.encode())
    for _, node, _ in tree.reader.walk(0, low):
        for at, key in enumerate(node.keys):
            if key < low:
                continue
            if high is not None and key >= high:
                return
            yield to_entry((key, node.id(at), node.firsts[at], node.seconds[at]))

"""planning: what a checkout has to write and to remove, and whose work stands in its way."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from loopline.datasets.blocks import Found
from loopline.datasets.diff import diff
from loopline.datasets.hashing import Listed, hash_files
from loopline.datasets.ignore import NEVER
from loopline.datasets.index import Index
from loopline.datasets.nodes import Reads
from loopline.datasets.only import Only
from loopline.datasets.scan import SHOWN, judge
from loopline.datasets.tick import tick
from loopline.datasets.tree import Tree
from loopline.errors import Conflict, Invalid
from loopline.nouns.entry import Entry
from loopline.nouns.progress import Report


@dataclass(slots=True)
class Plan:
    """What is to be done: first remove, then write."""

    removes: set[str] = field(default_factory=set)
    writes: Collection[Entry] = ()
    bytes: int = 0
    """Of the files to write."""
    kept: int = 0


class Wanted:
    """The chosen entries of a tree, checked, in order. They are read off the tree each time: of a million, none is held."""

    def __init__(self, tree: Tree, only: Only) -> None:
        """Raise Invalid kind="unsafe-path"."""
        self._tree, self._only = tree, only
        self._count = self.bytes = 0
        safe = None
        for entry in self:
            folder, _, name = entry.path.rpartition("/")
            if name.casefold() in NEVER or (folder != safe and not _is_safe(folder)):
                raise Invalid(
                    f"this tree would write {entry.path!r}, which steers git or Loopline",
                    kind="unsafe-path",
                    hint="do not use this tree, or check out a part without that file",
                    path=entry.path,
                )
            safe = folder
            self._count, self.bytes = self._count + 1, self.bytes + entry.size

    def __len__(self) -> int:
        """Count them."""
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        """Give them."""
        found = self._tree.iter(self._only.prefix)
        return filter(lambda entry: self._only(entry.path), found) if self._only else found

    def __contains__(self, entry: object) -> bool:
        """Tell whether one is among them."""
        return isinstance(entry, Entry) and self._only(entry.path) and self._tree.find(entry.path) == entry


class Folder:
    """What stands in a folder at the paths that were looked at. Reads only."""

    def __init__(self, top: str) -> None:
        self.top = top
        self.files: dict[str, Found] = {}
        self.entries: dict[str, Entry] = {}
        """What `files` hold, once they were read."""
        self.odd: dict[str, str] = {}
        """Paths with something that is neither a file nor a folder, and what it is."""
        self.folders: set[str] = set()
        self._above: dict[str, str | None] = {"": None}

    def is_empty(self) -> bool:
        """Tell whether nothing stands in it but what is ours."""
        with os.scandir(self.top) as inside:
            return all(entry.name in NEVER for entry in inside)

    def look(self, path: str) -> None:
        """Find out what stands at `path`, unless something that is no folder stands above it."""
        if self.barrier(path) is not None:
            return
        try:
            status = os.lstat(os.path.join(self.top, path))
        except OSError:
            return  # not there, or not to be looked at: writing will tell
        if stat.S_ISDIR(status.st_mode):
            self.folders.add(path)
            return
        problems: list[tuple[str, str]] = []
        found = judge(self.top, path, status, problems)
        if found:
            self.files[path] = found
        else:
            self.odd[path] = problems[0][1]

    def barrier(self, path: str) -> str | None:
        """Give the file or link that stands where `path` needs a folder; None where there is none."""
        folder = path.rpartition("/")[0]
        unknown = []
        while folder not in self._above:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        above = self._above[folder]
        for one in reversed(unknown):
            if above is None and not self._may_hold(one):
                above = one
                self.look(one)
            self._above[one] = above
        return above

    def _may_hold(self, path: str) -> bool:
        try:
            return stat.S_ISDIR(os.lstat(os.path.join(self.top, path)).st_mode)
        except OSError:
            return True  # it will be made

    def read(self, index: Index, report: Report) -> None:
        """Fill `entries`, reading the files that the index does not know unchanged."""
        began = tick(self.top, index.file.parent)
        unread = Listed()
        for path, file in self.files.items():
            digest = index.find(path, file.stamp)
            if digest:
                self.entries[path] = Entry(path, digest, file.stamp.size, file.mode)
            else:
                unread.append(file)
        for file, digest in hash_files(self.top, unread, into=None, report=report):
            self.entries[file.path] = Entry(file.path, digest, file.stamp.size, file.mode)
            index.learn(file.path, file.stamp, digest, began=began, mode=file.mode)


class Planner:
    """Compares a folder with what is wanted in it and with what it held, and touches nothing."""

    def __init__(self, blobs: Reads, bases: Sequence[Tree], folder: Folder, *, force: bool) -> None:
        self._blobs = blobs
        self._bases = bases
        self._folder = folder
        self._force = force
        self._plan = Plan()
        self._writes: list[Entry] = []
        self._clashes: dict[str, str] = {}

    def plan(self, tree: Tree, only: Only, index: Index, report: Report) -> Plan:
        """Say what to do. Raise Invalid kind="unsafe-path", Conflict kind="local-changes"."""
        wanted = Wanted(tree, only)
        if self._folder.is_empty():
            self._plan.writes, self._plan.bytes = wanted, wanted.bytes
            return self._plan
        gone = {
            one.path
            for base in self._bases
            for one in diff(self._blobs, base.root, tree.root, only.prefix)
            if one.new is None and only(one.path)
        }
        for path in [*gone, *(entry.path for entry in wanted)]:
            self._folder.look(path)
        self._folder.read(index, report)
        for path in sorted(gone):
            if _is_safe(path):
                self._drop(path)
        for entry in wanted:
            self._want(entry)
        if self._clashes:
            raise _clash(self._clashes)
        self._plan.writes, self._plan.bytes = self._writes, sum(entry.size for entry in self._writes)
        return self._plan

    def _drop(self, path: str) -> None:
        if path in self._folder.odd:
            self._overwrite(path, self._folder.odd[path])
        elif path in self._folder.files and not self._ours(path):
            self._overwrite(path, "was changed here")
        elif path not in self._folder.files:
            return
        self._plan.removes.add(path)

    def _want(self, entry: Entry) -> None:
        path, folder = entry.path, self._folder
        barrier = folder.barrier(path)
        if barrier is not None:
            if barrier not in self._plan.removes:
                if os.path.islink(os.path.join(folder.top, barrier)):
                    self._clashes[barrier] = "is a link where a folder is needed"
                self._overwrite(barrier, "is a file where a folder is needed")
                self._plan.removes.add(barrier)
        elif path in folder.odd:
            self._overwrite(path, folder.odd[path])
        elif path in folder.folders:
            for inside in self._strangers(path):
                self._clashes[inside] = f"stands in a folder where the file {path} is needed"
        elif path in folder.files:
            if folder.entries[path] == entry:
                self._plan.kept += 1
                return
            if not self._ours(path):
                self._overwrite(path, "was changed here")
        self._writes.append(entry)

    def _ours(self, path: str) -> bool:
        """Tell whether a file is as a tree put it here: then the store has its bytes."""
        return any(base.find(path) == self._folder.entries[path] for base in self._bases)

    def _overwrite(self, path: str, why: str) -> None:
        if not self._force:
            self._clashes.setdefault(path, why)

    def _strangers(self, folder: str) -> list[str]:
        """Give what is in a folder and will not be removed: not even `force` takes a whole folder away."""
        top = self._folder.top
        return [
            inside
            for above, folders, files in os.walk(os.path.join(top, folder))
            for name in [*files, *(name for name in folders if os.path.islink(os.path.join(above, name)))]
            if (inside := os.path.relpath(os.path.join(above, name), top)) not in self._plan.removes
        ]


def _is_safe(path: str) -> bool:
    return not any(part.casefold() in NEVER for part in path.split("/"))


def _clash(clashes: dict[str, str]) -> Conflict:
    first = next(iter(clashes))
    more = f" (and {len(clashes) - 1} more)" if len(clashes) > 1 else ""
    return Conflict(
        f"{first} {clashes[first].removeprefix(first + ' ')}{more}",
        kind="local-changes",
        hint="publish or move away what was changed, or overwrite it with --force",
        paths=sorted(clashes)[:SHOWN],
        count=len(clashes),
    )

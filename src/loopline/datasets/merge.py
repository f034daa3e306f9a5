"""merge: three trees become one, path by path, at the cost of what differs; what excludes each other is a clash.

*Base* is what both sides come from, *ours* what is merged into, *theirs* what is merged. Subtrees that two of them have are never
read below their root, and are taken by reference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from loopline.datasets.diff import diff
from loopline.datasets.tree import EMPTY, Tree
from loopline.nouns.entry import Entry, Folder
from loopline.nouns.merge import Clash, ClashKind

if TYPE_CHECKING:
    from loopline.datasets.nodes import Reads
    from loopline.nouns.digest import Digest
    from loopline.nouns.merge import Choice


_AS_OURS: Final = object()
"""What is to become of a path that a merge leaves alone."""


@dataclass(frozen=True, slots=True)
class Roots:
    """The three trees of a merge; None is one without files."""

    base: Digest | None
    ours: Digest
    theirs: Digest | None


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge does to ours where nobody has to choose, and where somebody has to, in the order of paths."""

    changes: dict[str, Entry | None]
    clashes: tuple[Clash, ...]


@dataclass(slots=True)
class _Found:
    """What was found on the way through two differences."""

    changes: dict[str, Entry | None] = field(default_factory=dict)
    clashes: dict[str, Clash] = field(default_factory=dict)
    ours: set[str] = field(default_factory=set)
    """Paths that ours has made or edited, and theirs does not have: one of them may be a folder of the other."""
    theirs: set[str] = field(default_factory=set)
    """The same the other way round."""


def merge(blobs: Reads, roots: Roots) -> Merged:
    """Merge three trees: O(differences to the base on both sides). Raise what reading a tree raises."""
    if roots.theirs in (roots.ours, roots.base):
        return Merged({}, ())
    found = _Found()
    for path, base, ours, theirs in _together(blobs, roots):
        _weigh(found, path, base, ours, theirs)
    regions = _folders(found.theirs, found.ours) | _folders(found.ours, found.theirs)
    if regions:
        _set_apart(blobs, roots, found, regions)
    return Merged(found.changes, tuple(found.clashes[path] for path in sorted(found.clashes)))


def merge_crosswise(blobs: Reads, roots: Roots, others: Sequence[Digest]) -> Merged:
    """Merge where there are further bases, as lines have that were merged into each other: a path on which not all agree clashes.

    Each base by itself could take back without a word what one side has chosen against the other.
    """
    first, *rest = (merge(blobs, replace(roots, base=base)) for base in (roots.base, *others))
    clashes = {one.path: one for one in first.clashes}
    changes = dict(first.changes)
    trees = [Tree(blobs, root) if root else None for root in (roots.base, roots.ours, roots.theirs)]
    for merged in rest:
        clashes = {**{one.path: one for one in merged.clashes}, **clashes}
        for path in merged.changes.keys() | changes.keys():
            if path not in clashes and merged.changes.get(path, _AS_OURS) != changes.get(path, _AS_OURS):
                base, ours, theirs = (tree.find(path) if tree else None for tree in trees)
                clashes[path] = Clash(path, "edit/edit", base, ours, theirs)
    apart = tuple(f"{path}/" for path, one in clashes.items() if one.kind == "file/folder")
    kept = {path: one for path, one in clashes.items() if not path.startswith(apart)}
    left = {path: one for path, one in changes.items() if path not in kept and not path.startswith(apart)}
    return Merged(left, tuple(kept[path] for path in sorted(kept)))


def settle(
    blobs: Reads, roots: Roots, clash: Clash, choice: Choice, file: Entry | None = None
) -> dict[str, Entry | None]:
    """Give what a choice for a clash does to ours, in the form that `edit` takes; `file` is what a choice of a file means."""
    if choice == "ours":
        return {}
    if clash.kind != "file/folder":
        chosen = {"theirs": clash.theirs, "base": clash.base, "file": file}[choice]
        return {clash.path: chosen if isinstance(chosen, Entry) else None}
    there = {"theirs": roots.theirs, "base": roots.base, "file": None}[choice]
    below = {one.path: one.new for one in diff(blobs, roots.ours, _tree(there), f"{clash.path}/")}
    at = Tree(blobs, there).find(clash.path) if there else file
    return {clash.path: at, **below}


def _tree(root: Digest | None) -> Digest:
    return EMPTY if root is None else root


def _together(blobs: Reads, roots: Roots) -> Iterator[tuple[str, Entry | None, Entry | None, Entry | None]]:
    """Give each path that a side has changed, with what it was and what it is on both."""
    base = _tree(roots.base)
    left, right = diff(blobs, base, roots.ours), diff(blobs, base, _tree(roots.theirs))
    mine, yours = next(left, None), next(right, None)
    while mine or yours:
        if mine is None or (yours and yours.path < mine.path):
            assert yours is not None  # noqa: S101 - one of the two is there
            yield yours.path, yours.old, yours.old, yours.new
            yours = next(right, None)
        elif yours is None or mine.path < yours.path:
            yield mine.path, mine.old, mine.new, mine.old
            mine = next(left, None)
        else:
            yield mine.path, mine.old, mine.new, yours.new
            mine, yours = next(left, None), next(right, None)


def _weigh(found: _Found, path: str, base: Entry | None, ours: Entry | None, theirs: Entry | None) -> None:
    if theirs is None and ours not in (None, base):
        found.ours.add(path)
    if ours is None and theirs not in (None, base):
        found.theirs.add(path)
    kind, result = outcome(base, ours, theirs)
    if kind is not None:
        found.clashes[path] = Clash(path, kind, base, ours, theirs)
    elif result != ours:
        found.changes[path] = result


def outcome(base: Entry | None, ours: Entry | None, theirs: Entry | None) -> tuple[ClashKind | None, Entry | None]:
    """Say what becomes of one path, or how it clashes. Content and mode of a file that all three have are merged apart."""
    if theirs in (ours, base):
        return None, ours
    if ours == base:
        return None, theirs
    if base is None and ours and theirs:
        return ("mode" if ours.digest == theirs.digest else "add/add"), None
    if base is None or ours is None or theirs is None:
        return "edit/delete", None
    if ours.digest != theirs.digest and base.digest not in (ours.digest, theirs.digest):
        return "edit/edit", None
    content = theirs if ours.digest == base.digest else ours
    mode = theirs.mode if ours.mode == base.mode else ours.mode
    return None, Entry(ours.path, content.digest, content.size, mode)


def _folders(files: Collection[str], inside: Collection[str]) -> set[str]:
    """Give those of `files` that others lie inside of, as if they were folders."""
    if not files or not inside:
        return set()
    seen: set[str] = set()
    found: set[str] = set()
    for path in inside:
        folder = path.rpartition("/")[0]
        while folder and folder not in seen:
            seen.add(folder)
            if folder in files:
                found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _set_apart(blobs: Reads, roots: Roots, found: _Found, regions: set[str]) -> None:
    """Make one clash of each path that is a file here and a folder there, in place of whatever was found at and below it."""
    within: dict[str, bool] = {"": False}

    def apart(path: str) -> bool:
        known = within.get(path)
        if known is None:
            known = within[path] = path in regions or apart(path.rpartition("/")[0])
        return known

    found.changes = {path: one for path, one in found.changes.items() if not apart(path)}
    found.clashes = {path: one for path, one in found.clashes.items() if not apart(path)}
    trees = [Tree(blobs, root) if root else None for root in (roots.base, roots.ours, roots.theirs)]
    for path in regions:
        base, ours, theirs = (_what(tree, path) if tree else None for tree in trees)
        found.clashes[path] = Clash(path, "file/folder", base, ours, theirs)


def _what(tree: Tree, path: str) -> Entry | Folder | None:
    file = tree.find(path)
    if file is not None:
        return file
    count, total = tree.measure(f"{path}/")
    return Folder(f"{path}/", count, total) if count else None

"""standing: how a folder differs from a tree. One that is as it was read costs a look at each file, and loads nothing else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.datasets.ignore import read_rules
from loopline.datasets.index import Index
from loopline.datasets.parts import WHOLE, Parts
from loopline.datasets.path import are_paths
from loopline.datasets.scan import open_root, scan, scan_parts
from loopline.errors import NotFound, Unavailable
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Difference, Entry
from loopline.nouns.progress import Progress, Report

if TYPE_CHECKING:
    from loopline.datasets.blocks import Found
    from loopline.datasets.hashing import Files
    from loopline.datasets.nodes import Reads


def quiet(progress: Progress) -> None:
    """Report nothing."""


def status(
    blobs: Reads, root: Digest, folder: Path, index: Index, *, parts: Parts = WHOLE,
    others: Collection[str] | None = None, report: Report = quiet,
) -> Iterator[Difference]:  # fmt: skip
    """Give what became of the tree `root` in `folder`, in the order of paths: what adding it, or parts of it, would change.

    Nothing is stored. What was hashed is noted in `index` where that can be written, so that the next call is quick. With
    `others`, somebody who watches the folder has seen no path change but these since the index was in step with it.
    """
    unread, files = scan_parts(folder, index, parts) if parts else _look(folder, index, others)
    if unread or files:
        from loopline.datasets.build import Reading

        reading = Reading(folder, index, None, report)
        reading.read(unread)
        reading.read_files(files)
    if parts:
        found = changed(blobs, root, index, parts)
        with contextlib.suppress(Unavailable):
            index.save()
        yield from found
        return
    follow(blobs, root, index)
    with contextlib.suppress(Unavailable):
        index.save()
    for path in sorted(index.drift):
        yield Difference(path, index.drift[path], index.entry(path))


def _look(folder: Path, index: Index, others: Collection[str] | None) -> tuple[Files, list[Found]]:
    """Look at all files, or only at those that may be other ones, and at links, whose files may be."""
    if others is None or read_rules(open_root(folder)).name != index.rules:
        return scan(folder, index), []
    named = [path for path in {*others, *index.links()} if _is_path(path)]
    if len(named) < len({*others, *index.links()}):  # a tree cannot hold it: a scan says so, if it is still there
        return scan(folder, index), []
    return scan_parts(folder, index, Parts(named))


def _is_path(path: str) -> bool:
    return are_paths([os.fsencode(path)])


def changed(blobs: Reads, root: Digest, index: Index, parts: Parts) -> list[Difference]:
    """Give how parts of a folder, as last read, differ from the tree `root`, in the order of paths."""
    if index.tree is not None:
        follow(blobs, root, index)
        return [Difference(path, index.drift[path], index.entry(path)) for path in sorted(index.drift) if path in parts]
    from loopline.datasets.tree import Tree

    tree, found = Tree(blobs, root), list[Difference]()
    for part in parts.paths:
        alone = tree.find(part)
        known = [] if alone is None else [alone]
        found += compare([*known, *tree.iter(part + "/")], sorted(index.below(part), key=lambda one: one.path))
    return found


def follow(blobs: Reads, root: Digest, index: Index) -> None:
    """Have an index tell how its folder, as last read, differs from the tree `root`: by what differs where it knows a tree."""
    if index.tree == root:
        return
    from loopline.datasets.tree import Tree

    if index.tree is not None:
        from loopline.datasets.diff import diff

        try:
            paths = {one.path: one.old for one in diff(blobs, root, index.tree)}
        except NotFound:
            pass  # the tree that it knows is gone: compare all files
        else:
            there = {path: paths.get(path, index.drift.get(path)) for path in paths.keys() | index.drift.keys()}
            index.rebase(root, {path: old for path, old in there.items() if index.entry(path) != old})
            return
    found = compare(Tree(blobs, root).iter(), index.entries())
    index.rebase(root, {one.path: one.old for one in found})


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

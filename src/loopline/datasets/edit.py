"""edit: a tree made from another one by some changes, at the cost of the changes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from operator import itemgetter

from loopline.datasets.nodes import LEAST, Item, Keeps, Node, Reader, chunks, closes, encode, to_digest
from loopline.datasets.path import check_path
from loopline.datasets.tree import build, file_is_folder, to_item
from loopline.errors import Invalid
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry

_Changes = list[tuple[bytes, Item | None]]
_key = itemgetter(0)


def edit(blobs: Keeps, root: Digest, changes: Mapping[str, Entry | None]) -> Digest:
    """Write the tree that `root` becomes when each path gets its entry (None: is removed).

    The result equals `build` of the resulting entries. Removing what is not there changes nothing. New nodes are written in
    one `put_all`, O(changes x height) of them, and none where a change is refused. Raise Invalid as `build` does.
    """
    asked: _Changes = sorted((check_path(path), _asked(path, entry)) for path, entry in changes.items())
    reader = Reader(blobs, root)
    if not asked:
        return root
    if not reader.root.keys:
        return build(blobs, (entry for _, entry in sorted(changes.items(), key=_key) if entry is not None))
    made = _Made(reader)
    after = made.rewrite(asked)
    _refuse_folders(after, made.added)
    fresh = [data for node, data in made.nodes.values() if node.level <= after.root.level]
    if fresh:
        blobs.put_all(fresh)
    return to_digest(after.name[1])


def _asked(path: str, entry: Entry | None) -> Item | None:
    if entry is None:
        return None
    if entry.path != path:
        raise Invalid(
            f"the change of {path!r} holds the entry of {entry.path!r}",
            kind="bad-entry",
            hint="give each entry under its own path",
            path=path,
            found=entry.path,
        )
    return to_item(entry)


class _Made:
    """The nodes that an edit makes, before any is written."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.nodes: dict[bytes, tuple[Node, bytes]] = {}
        self.added: list[bytes] = []
        """Keys that were not in the tree before, in order."""

    def rewrite(self, changes: _Changes) -> Reader:
        """Change one level after the other: what happens to its nodes are the changes of the level above."""
        old = self.reader
        level = 0
        while changes and level <= old.root.level:
            changes = self._level(level, changes)
            level += 1
        if not changes:
            return old
        items = _merge([old.name[0]], [old.name], changes, None)
        while len(items) > 1:
            items = [self._make(level, chunk) for chunk in chunks(level, items)]
            level += 1
        top = items[0] if items else self._make(0, [])
        known = {raw: node for raw, (node, _) in self.nodes.items()}
        while True:  # an inner node with one child is no root: the child is
            after = Reader(old.blobs, to_digest(top[1]), known)
            if after.root.level == 0 or len(after.root.keys) > 1:
                return after
            top = after.root.items()[0]

    def _level(self, level: int, changes: _Changes) -> _Changes:
        """Cut again from the first changed node until a new boundary meets an old one, then go on to the next change."""
        gone: dict[bytes, Item] = {}
        come: dict[bytes, Item] = {}
        added = None if level else self.added
        at = 0
        while at < len(changes):
            chunk: list[Item] = []
            for name, node, last in self.reader.walk(level, changes[at][0]):
                gone[name[0]] = name
                stop = len(changes) if last else bisect_right(changes, node.last, at, key=_key)
                merged = _merge(node.keys, node.items(), changes[at:stop], added)
                if not chunk and len(merged) == len(node.keys) and all(map(_is_named, merged, node.keys)):
                    come[name[0]] = self._make(level, merged)  # a cut depends on keys alone: it is as it was
                    at = stop
                    break
                for item in merged:
                    chunk.append(item)
                    if len(chunk) >= LEAST and closes(level, item[0], len(chunk)):
                        come[item[0]] = self._make(level, chunk)
                        chunk = []
                at = stop
                if not chunk:
                    break
            if chunk:
                come[chunk[-1][0]] = self._make(level, chunk)
        for name in gone.values():
            self.nodes.pop(name[1], None)  # cut again as it was: already in the store
        return [(key, come.get(key)) for key in sorted(gone.keys() | come.keys()) if gone.get(key) != come.get(key)]

    def _make(self, level: int, items: list[Item]) -> Item:
        name, data = encode(level, items)
        keys, ids, firsts, seconds = map(list, zip(*items, strict=True)) if items else ([], [], [], [])
        self.nodes[name[1]] = (Node(level, keys, b"".join(ids), firsts, seconds), data)
        return name


def _merge(keys: list[bytes], items: list[Item], changes: _Changes, added: list[bytes] | None) -> list[Item]:
    """Put changes into items, both sorted; append keys that were not there to `added`."""
    merged: list[Item] = []
    start = 0
    for key, item in changes:
        at = bisect_left(keys, key, start)
        merged += items[start:at]
        start = at + (at < len(keys) and keys[at] == key)
        if item is not None:
            merged.append(item)
            if added is not None and start == at:
                added.append(key)
    merged += items[start:]
    return merged


def _is_named(item: Item, key: bytes) -> bool:
    return item[0] == key


def _refuse_folders(after: Reader, added: Iterable[bytes]) -> None:
    """Look whether a new path is a folder of another, or another a folder of it."""
    folders: set[bytes] = set()
    leaf: list[bytes] = []
    for key in added:
        inside = key + b"/"
        if leaf and leaf[0] < inside <= leaf[-1]:
            first = leaf[bisect_left(leaf, inside)]
        else:
            found = after.leaf(inside)
            leaf = found[0].keys if found else []
            first = leaf[found[1]] if found else b""
        if first.startswith(inside):
            raise file_is_folder(key, first)
        folder = key.rpartition(b"/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            above = after.leaf(folder)
            if above and above[0].keys[above[1]] == folder:
                raise file_is_folder(folder, key)
            folder = folder.rpartition(b"/")[0]

"""diff: what became of each path between two trees, reading only the nodes in which they differ."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from loopline.datasets.nodes import Item, Node, Reader, Reads
from loopline.datasets.path import after_prefix
from loopline.datasets.tree import to_entry
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Difference


def diff(blobs: Reads, a: Digest, b: Digest, prefix: str = "") -> Iterator[Difference]:
    """Give what is added, removed or changed on the way from `a` to `b`, in the order of paths.

    `prefix` is plain text, as in `Tree.iter`. Subtrees that both have are never read, so the cost follows the differences
    and not the size. Raise what reading a tree raises.
    """
    if a == b:
        return
    left, right = _Side(Reader(blobs, a), prefix), _Side(Reader(blobs, b), prefix)
    while True:
        old, new = left.head(), right.head()
        if old is None and new is None:
            return
        if old == new and left.height == right.height:  # the same entry, or the same node with all that is below it
            run = _alike(left.frames[-1], right.frames[-1])
            left.skip(run)
            right.skip(run)
        elif left.height > 0 or right.height > 0:
            _open(left, right, old, new)
        else:
            yield _difference(left, right, old, new)


def _alike(left: tuple[Node, int], right: tuple[Node, int]) -> int:
    """Count how many items two nodes have alike from where they are; the first ones are. Whole slices are compared, not items."""
    (node, at), (other, to) = left, right
    least, most = 1, min(len(node.keys) - at, len(other.keys) - to)
    while least < most:
        middle = (least + most + 1) // 2
        here, there = slice(at + least, at + middle), slice(to + least, to + middle)
        if (
            node.ids[32 * here.start : 32 * here.stop] == other.ids[32 * there.start : 32 * there.stop]
            and node.keys[here] == other.keys[there]
            and node.firsts[here] == other.firsts[there]
            and node.seconds[here] == other.seconds[there]
        ):
            least = middle
        else:
            most = middle - 1
    return least


def _open(left: _Side, right: _Side, old: Item | None, new: Item | None) -> None:
    """Look inside the higher of two nodes; of equals, inside the one that ends first, as the other may be met again."""
    first = left.height - right.height
    if first == 0 and old is not None and new is not None:
        first = (old[0] < new[0]) - (old[0] > new[0])
    if first >= 0:
        left.open()
    if first <= 0:
        right.open()


def _difference(left: _Side, right: _Side, old: Item | None, new: Item | None) -> Difference:
    if new is None or (old is not None and old[0] < new[0]):
        new = None
    elif old is None or new[0] < old[0]:
        old = None
    before = to_entry(old) if old else None
    after = to_entry(new) if new else None
    if old:
        left.skip()
    if new:
        right.skip()
    return Difference((old or new or (b"",))[0].decode(), before, after)


class _Side:
    """One tree from left to right; what comes next is an entry or a node that was not opened yet."""

    def __init__(self, reader: Reader, prefix: str) -> None:
        self.reader = reader
        self.low = prefix.encode()
        self.high = after_prefix(self.low)
        self.frames: list[tuple[Node, int]] = [(reader.root, bisect_left(reader.root.keys, self.low))]

    @property
    def height(self) -> int:
        """Nodes between here and the files: 0 for an entry, -1 at the end."""
        return self.frames[-1][0].level if self.frames else -1

    def head(self) -> Item | None:
        """Give what comes next; None at the end."""
        while self.frames:
            node, at = self.frames[-1]
            if self.high is not None and (
                (at and node.keys[at - 1] >= self.high)
                or (node.level == 0 and at < len(node.keys) and node.keys[at] >= self.high)
            ):
                self.frames.clear()
            elif at == len(node.keys):
                self.frames.pop()
            else:
                return node.keys[at], node.id(at), node.firsts[at], node.seconds[at]
        return None

    def skip(self, many: int = 1) -> None:
        """Pass over it, and over more of the same node."""
        node, at = self.frames[-1]
        self.frames[-1] = node, at + many

    def open(self) -> None:
        """Go into the node that comes next."""
        node, at = self.frames[-1]
        self.frames[-1] = node, at + 1
        child = self.reader.child(node, at)
        self.frames.append((child, bisect_left(child.keys, self.low)))

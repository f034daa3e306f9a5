"""nodes: one node of a tree as bytes, where a node ends, and reading nodes from the store.

The bytes and the rule are frozen; `datasets/tree.py` defines both, `docs/reference/tree-format.md` explains them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from operator import lt
from typing import Final, Protocol

import msgspec
from xxhash import xxh3_64_intdigest

from loopline.datasets.path import are_paths
from loopline.errors import Invalid, Unavailable
from loopline.nouns.digest import Digest
from loopline.store.blobs import bring

MAGIC: Final = b"\x89LLTREE"
VERSION: Final = 1
TARGET: Final = 128
"""Items a node has on average, after a boundary is allowed."""
LEAST: Final = TARGET // 4
MOST: Final = TARGET * 4
DEEPEST: Final = 24
"""No tree of fewer than 2^64 entries is higher."""
BIGGEST: Final = 2**63 - 1
"""The largest size, count or total that a node can hold."""

Item = tuple[bytes, bytes, int, int]
"""(key, 32-byte id, size, executable) in a leaf; (last key, 32-byte id, entries, bytes) in an inner node."""

_Body = tuple[int, list[int], list[bytes], bytes, list[int], list[int], dict[str, object]]
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Body).decode


class Reads(Protocol):
    """What reading a tree needs of a blob store."""

    def read(self, digest: Digest) -> bytes:
        """Give the bytes that `digest` names, verified."""


class Keeps(Reads, Protocol):
    """What writing a tree needs of a blob store."""

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep all of them behind one durability barrier."""


@dataclass(frozen=True, slots=True)
class Node:
    """A decoded node: columns of equal length, `ids` being 32 bytes an item."""

    level: int
    keys: list[bytes]
    ids: bytes
    firsts: list[int]
    """Sizes in a leaf, entry counts in an inner node."""
    seconds: list[int]
    """1 where the file is executable in a leaf, byte totals in an inner node."""
    count: int = field(init=False)
    """Entries below."""
    total: int = field(init=False)
    """Bytes of the files below."""

    def __post_init__(self) -> None:
        """Add up once what each visit holds against the parent."""
        object.__setattr__(self, "count", sum(self.firsts) if self.level else len(self.keys))
        object.__setattr__(self, "total", sum(self.seconds if self.level else self.firsts))

    def id(self, at: int) -> bytes:
        """Give the id of one item."""
        return self.ids[32 * at : 32 * at + 32]

    def items(self) -> list[Item]:
        """Give all items in order."""
        ids = [self.ids[start : start + 32] for start in range(0, len(self.ids), 32)]
        return list(zip(self.keys, ids, self.firsts, self.seconds, strict=True))

    @property
    def last(self) -> bytes:
        """The key that names this node in its parent."""
        return self.keys[-1] if self.keys else b""

    def before(self, at: int) -> tuple[int, int]:
        """Add up entries and bytes below the items in front of one."""
        if self.level:
            return sum(self.firsts[:at]), sum(self.seconds[:at])
        return at, sum(self.firsts[:at])


def closes(level: int, key: bytes, length: int) -> bool:
    """Tell whether a node of `length` items that ends with `key` is finished."""
    return length >= MOST or (length >= LEAST and xxh3_64_intdigest(key, level) % TARGET == 0)


def chunks(level: int, items: Iterable[Item]) -> Iterator[list[Item]]:
    """Cut a whole level into nodes. The cut depends on the keys alone, never on how they got there."""
    chunk: list[Item] = []
    for item in items:
        chunk.append(item)
        if len(chunk) >= LEAST and closes(level, item[0], len(chunk)):
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def encode(level: int, items: list[Item]) -> tuple[Item, bytes]:
    """Write one node: how its parent names it, and its bytes."""
    keys, ids, firsts, seconds = map(list, zip(*items, strict=True)) if items else ([], [], [], [])
    if level:
        count, total, column = sum(firsts), sum(seconds), seconds
    else:
        count, total, column = len(keys), sum(firsts), [at for at, flag in enumerate(seconds) if flag]
    if total > BIGGEST:
        raise Invalid("the files are more than 2^63 bytes", kind="too-large", hint="check the sizes", bytes=total)
    shared, suffixes = _front_code(keys)
    data = MAGIC + bytes([VERSION]) + _pack((level, shared, suffixes, b"".join(ids), firsts, column, {}))
    return (keys[-1] if keys else b"", sha256(data).digest(), count, total), data


def _front_code(keys: list[bytes]) -> tuple[list[int], list[bytes]]:
    """Give how many bytes each key shares with the one before, and what follows them."""
    if not keys:
        return [], []
    base = _shared(keys[0], keys[-1])  # keys are sorted: what the outer two share, all share
    shared, suffixes = [0], [keys[0]]
    before = keys[0][base:]
    number = int.from_bytes
    for key in islice(keys, 1, None):
        tail = key[base:]
        most = min(len(before), len(tail))
        apart = number(before[:most]) ^ number(tail[:most])
        same = most - ((apart.bit_length() + 7) >> 3)
        shared.append(base + same)
        suffixes.append(tail[same:])
        before = tail
    return shared, suffixes


def _shared(a: bytes, b: bytes) -> int:
    most = min(len(a), len(b))
    apart = int.from_bytes(a[:most]) ^ int.from_bytes(b[:most])
    return most - ((apart.bit_length() + 7) >> 3)


def decode(data: bytes, digest: Digest) -> Node:
    """Read one node. Raise Invalid for what is no tree, Unavailable kind="tree-corrupt" for a broken one."""
    if not data.startswith(MAGIC) or len(data) <= len(MAGIC):
        raise Invalid(f"{digest} is not a tree", kind="not-a-tree", hint="name a dataset, not a file", digest=digest)
    version = data[len(MAGIC)]
    if version != VERSION:
        raise Unavailable(
            f"{digest} is a tree of format {version}, newer than this Loopline",
            kind="tree-newer",
            hint="install a newer Loopline",
            digest=digest,
            version=version,
        )
    try:
        level, shared, suffixes, ids, firsts, column, extensions = _unpack(data[len(MAGIC) + 1 :])
    except (msgspec.DecodeError, OverflowError, RecursionError) as error:
        raise _corrupt(digest, str(error)) from None
    if extensions:
        raise Unavailable(
            f"{digest} has entries with {', '.join(sorted(extensions))}, which this Loopline does not know",
            kind="tree-newer",
            hint="install a newer Loopline",
            digest=digest,
            extensions=sorted(extensions),
        )
    keys = _keys(shared, suffixes, digest)
    if len(keys) > MOST or not 0 <= level <= DEEPEST or len(firsts) != len(keys) or len(ids) != 32 * len(keys):
        raise _corrupt(digest, "columns differ in length")
    seconds = column if level else _flags(column, len(keys), digest)
    numbers = firsts + seconds
    if len(seconds) != len(keys) or (numbers and not 0 <= min(numbers) <= max(numbers) <= BIGGEST):
        raise _corrupt(digest, "a number is out of range")
    if level and not keys:
        raise _corrupt(digest, "an inner node is empty")
    if not all(map(lt, keys, islice(keys, 1, None))) or not are_paths(keys):
        raise _corrupt(digest, "keys are not sorted paths")
    return Node(level, keys, ids, firsts, seconds)


def _keys(shared: list[int], suffixes: list[bytes], digest: Digest) -> list[bytes]:
    if len(shared) != len(suffixes):
        raise _corrupt(digest, "columns differ in length")
    keys = []
    before = b""
    for same, suffix in zip(shared, suffixes, strict=True):
        if not 0 <= same <= len(before):
            raise _corrupt(digest, "a key shares more than there is")
        before = before[:same] + suffix
        keys.append(before)
    return keys


def _flags(positions: list[int], length: int, digest: Digest) -> list[int]:
    flags = [0] * length
    if positions and (
        not all(map(lt, positions, islice(positions, 1, None))) or positions[0] < 0 or positions[-1] >= length
    ):
        raise _corrupt(digest, "a flag is out of range")
    for at in positions:
        flags[at] = 1
    return flags


def _corrupt(digest: Digest, why: str) -> Unavailable:
    return Unavailable(
        f"tree node {digest} is malformed: {why}",
        kind="tree-corrupt",
        hint="run `loopline verify` to see what it affects",
        digest=digest,
        why=why,
    )


_NOTHING: Final = Node(0, [], b"", [], [])
_EMPTY: Final = encode(0, [])[0][1]
"""The id of the tree without entries: whoever never built one has no bytes of it, and needs none."""


def to_digest(raw: bytes) -> Digest:
    """Name the blob whose sha256 is `raw`."""
    return Digest("sha256:" + raw.hex())


class Reader:
    """Reads the nodes below one root, keeping decoded ones at hand. For one thread at a time."""

    KEPT: Final = 1024
    """Decoded nodes kept: the upper levels of any tree up to some ten million entries."""

    AHEAD: Final = 64
    """Nodes that are brought near together, where the store is far away."""

    def __init__(self, blobs: Reads, root: Digest, known: Mapping[bytes, Node] | None = None) -> None:
        self.blobs = blobs
        self._known = known or {}  # nodes that may not be in the store yet
        self._kept: dict[bytes, Node] = {}
        raw = bytes.fromhex(root.removeprefix("sha256:"))
        node = self._known.get(raw) or (_NOTHING if raw == _EMPTY else decode(blobs.read(root), root))
        self.root = node
        self.name: Item = (node.last, raw, node.count, node.total)

    def child(self, node: Node, at: int) -> Node:
        """Read what item `at` of an inner node names. Raise Unavailable where it is not what the parent says."""
        raw = node.id(at)
        found = self._kept.get(raw) or self._known.get(raw)
        if found is None:
            digest = to_digest(raw)
            found = decode(self.blobs.read(digest), digest)
            if len(self._kept) >= self.KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[raw] = found
        said = (node.keys[at], node.firsts[at], node.seconds[at])
        if found.level != node.level - 1 or (found.last, found.count, found.total) != said:
            raise _corrupt(to_digest(raw), "its parent says otherwise")
        return found

    def walk(self, level: int, start: bytes) -> Iterator[tuple[Item, Node, bool]]:
        """Give the nodes of one level in order, from the one that `start` belongs to; the flag marks the last."""
        if level > self.root.level:
            return
        frames: list[tuple[Node, int]] = []
        node, name = self.root, self.name
        while True:
            while node.level > level:
                at = min(bisect_left(node.keys, start), len(node.keys) - 1)
                frames.append((node, at))
                name = (node.keys[at], node.id(at), node.firsts[at], node.seconds[at])
                node = self._ahead(node, at, first=True)
            yield name, node, all(at == len(up.keys) - 1 for up, at in frames)
            while frames and frames[-1][1] == len(frames[-1][0].keys) - 1:
                frames.pop()
            if not frames:
                return
            node, at = frames.pop()
            at += 1
            frames.append((node, at))
            name = (node.keys[at], node.id(at), node.firsts[at], node.seconds[at])
            node = self._ahead(node, at)

    def _ahead(self, node: Node, at: int, *, first: bool = False) -> Node:
        """Read a child, and bring its next siblings near: they are read next."""
        if at + 1 < len(node.keys) and (first or at % self.AHEAD == 0):
            some = range(at, min(len(node.keys), (at // self.AHEAD + 1) * self.AHEAD))
            bring(self.blobs, [to_digest(node.id(one)) for one in some if node.id(one) not in self._known])
        return self.child(node, at)

    def leaf(self, key: bytes) -> tuple[Node, int] | None:
        """Find the first entry at or above `key`; None where there is none."""
        node = self.root
        while True:
            at = bisect_left(node.keys, key)
            if at == len(node.keys):
                return None
            if node.level == 0:
                return node, at
            node = self.child(node, at)

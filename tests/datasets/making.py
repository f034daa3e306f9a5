"""Entries and trees for the tests, and the tree format once more, written naively from its description."""

from __future__ import annotations

import hashlib
import struct
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xxhash import xxh3_64_intdigest

from loopline.datasets.blocks import Found
from loopline.datasets.index import Index
from loopline.datasets.merge import outcome
from loopline.datasets.scan import scan
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Difference, Entry


def entry(path: str, content: int = 0, mode: int = 0o644) -> Entry:
    """Make an entry whose digest and size follow from `content`."""
    return Entry(path, digest_of(b"%d" % content), content * 7 % 1_000_003, mode)


def entries(count: int, form: str = "images/train/{:06d}.jpg") -> list[Entry]:
    """Make sorted entries with numbered names."""
    return [entry(form.format(number), number) for number in range(count)]


def naive_difference(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> list[Difference]:
    """Compare two dictionaries."""
    paths = sorted(old.keys() | new.keys(), key=str.encode)
    return [Difference(path, old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)]


def naive_merge(
    base: Mapping[str, Entry], ours: Mapping[str, Entry], theirs: Mapping[str, Entry]
) -> tuple[dict[str, Entry], dict[str, str]]:
    """Merge three dictionaries the slow way: what comes of ours where nothing clashes, and what does, by path."""
    paths = sorted({*base, *ours, *theirs})
    clashes: dict[str, str] = {}
    for path in paths:
        for here, there in ((ours, theirs), (theirs, ours)):
            changed = path in here and here[path] != base.get(path)
            below = (one for one in there if one.startswith(f"{path}/") and there[one] != base.get(one))
            if changed and path not in there and any(below):
                clashes[path] = "file/folder"
    apart = [path for path in paths if any(path == one or path.startswith(f"{one}/") for one in clashes)]
    result = dict(ours)
    for path in paths:
        if path in apart:
            continue
        kind, one = outcome(base.get(path), ours.get(path), theirs.get(path))
        if kind:
            clashes[path] = kind
        elif one is None:
            result.pop(path, None)
        else:
            result[path] = one
    return result, clashes


def naive_root(content: Iterable[Entry]) -> bytes:
    """Give the bytes of the root node, following docs/reference/tree-format.md and nothing else."""
    level = 0
    items = [
        (e.path.encode(), bytes.fromhex(e.digest[7:]), e.size, int(e.mode == 0o755))
        for e in sorted(content, key=lambda e: e.path.encode())
    ]
    while True:
        groups: list[list[tuple[bytes, bytes, int, int]]] = [[]]
        for item in items:
            groups[-1].append(item)
            length = len(groups[-1])
            if length == 512 or (length >= 32 and xxh3_64_intdigest(item[0], seed=level) % 128 == 0):
                groups.append([])
        groups = [group for group in groups if group] or [[]]
        nodes = [naive_node(level, group) for group in groups]
        if len(nodes) == 1:
            return nodes[0]
        items = [
            (
                group[-1][0],
                hashlib.sha256(node).digest(),
                sum(item[2] for item in group) if level else len(group),
                sum(item[3] if level else item[2] for item in group),
            )
            for group, node in zip(groups, nodes, strict=True)
        ]
        level += 1


def naive_node(level: int, group: list[tuple[bytes, bytes, int, int]]) -> bytes:
    """Write one node."""
    keys = [item[0] for item in group]
    shared = [common(a, b) for a, b in zip([b"", *keys], keys, strict=False)]
    seconds = [item[3] for item in group] if level else [at for at, item in enumerate(group) if item[3]]
    return b"\x89LLTREE\x01" + array([
        number(level),
        array([number(n) for n in shared]),
        array([binary(key[n:]) for key, n in zip(keys, shared, strict=True)]),
        binary(b"".join(item[1] for item in group)),
        array([number(item[2]) for item in group]),
        array([number(n) for n in seconds]),
        b"\x80",
    ])


def common(a: bytes, b: bytes) -> int:
    """Count the leading bytes that both have."""
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return length


def number(value: int) -> bytes:
    """Write an unsigned number in MessagePack's shortest form."""
    if value < 128:
        return bytes([value])
    for tag, form, most in ((0xCC, ">B", 8), (0xCD, ">H", 16), (0xCE, ">I", 32), (0xCF, ">Q", 64)):
        if value < 1 << most:
            return bytes([tag]) + struct.pack(form, value)
    raise OverflowError(value)


def binary(value: bytes) -> bytes:
    """Write a bin in MessagePack's shortest form."""
    if len(value) < 256:
        return b"\xc4" + struct.pack(">B", len(value)) + value
    return (
        b"\xc5" + struct.pack(">H", len(value)) if len(value) < 65536 else b"\xc6" + struct.pack(">I", len(value))
    ) + value


def array(values: list[bytes]) -> bytes:
    """Write an array in MessagePack's shortest form."""
    head = bytes([0x90 + len(values)]) if len(values) < 16 else b"\xdc" + struct.pack(">H", len(values))
    return head + b"".join(values)


def digest_of_root(content: Iterable[Entry]) -> Digest:
    """Name the naive root."""
    return digest_of(naive_root(content))


def scanned(folder: Path) -> list[Found]:
    """All files of a folder in the order of a tree, as they are seen by an index that knows none of them."""
    with tempfile.TemporaryDirectory() as place:
        return sorted(scan(folder, Index(Path(place) / "index")), key=lambda one: one.path.encode())


def parquet(path: Path, kinds: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a table with these types of DuckDB."""
    import duckdb

    cells = ", ".join(f"CAST(CAST(? AS VARCHAR) AS {kind}) AS {c}" for c, kind in kinds.items())
    query = " UNION ALL ".join([f"SELECT {cells}"] * len(rows)) or f"SELECT {cells} LIMIT 0"
    values = [None if one is None else str(one) for row in rows or [{}] for one in map(row.get, kinds)]
    duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)", values)
    return path

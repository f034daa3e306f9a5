from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.datasets.nodes import MAGIC, MOST, Reader, chunks, decode, encode, to_digest
from loopline.datasets.tree import Tree, build
from loopline.errors import Invalid, LooplineError, NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.store.memory import MemoryBlobs
from tests.datasets.making import entries

HEAD = MAGIC + b"\x01"
A = b"\xaa" * 32
LEAF: tuple[Any, ...] = (0, [0, 1], [b"ab", b"c"], A * 2, [1, 2], [1], {})
INNER: tuple[Any, ...] = (1, [0, 1], [b"ab", b"c"], A * 2, [1, 2], [10, 20], {})


def written(*body: object) -> bytes:
    """Write a node with any body."""
    return HEAD + msgspec.msgpack.encode(body)


@pytest.mark.parametrize("body", [LEAF, INNER])
def test_a_node_survives_writing_and_reading(body: tuple[int, object]) -> None:
    """What is decoded encodes to the same bytes again."""
    data = written(*body)
    node = decode(data, digest_of(data))
    name, again = encode(node.level, node.items())
    assert again == data
    assert name == (node.last, bytes.fromhex(digest_of(data)[7:]), node.count, node.total)
    assert node.keys == [b"ab", b"ac"]


def bad(at: int, value: object, body: tuple[object, ...] = LEAF) -> tuple[object, ...]:
    """Replace one value of a body."""
    return (*body[:at], value, *body[at + 1 :])


@pytest.mark.parametrize(
    "body",
    [
        bad(0, -1),
        bad(0, 99, INNER),
        bad(0, "0"),
        bad(1, [0]),
        bad(1, [0, 3]),
        bad(1, [0, -1]),
        bad(2, [b"ab", b"b"]),
        bad(2, [b"ab", b"a"]),
        bad(2, [b"/b", b"c"]),
        bad(2, [b"a\xff", b"c"]),
        bad(2, [b"a\0", b"c"]),
        bad(2, [b"", b"c"]),
        bad(2, ["ab", "c"]),
        bad(3, A),
        bad(3, A * 3),
        bad(4, [1]),
        bad(4, [1, -2]),
        bad(4, [1, 2**63]),
        bad(5, [2]),
        bad(5, [1, 1]),
        bad(5, [-1]),
        bad(5, [1], INNER),
        (1, [], [], b"", [], [], {}),
        (
            0,
            [0, *[3] * MOST],
            [b"%04d" % 0, *(b"%d" % (n % 10) for n in range(MOST))],
            A * (MOST + 1),
            [0] * (MOST + 1),
            [],
            {},
        ),
        LEAF[:-1],
        (*LEAF, 0),
        (),
    ],
)
def test_a_malformed_node_is_named_and_refused(body: tuple[object, ...]) -> None:
    """Each rule of the format that bytes can break is noticed, as damage and not as a crash."""
    data = written(*body)
    with pytest.raises(Unavailable) as caught:
        decode(data, digest_of(data))
    assert (caught.value.kind, caught.value.facts["digest"]) == ("tree-corrupt", digest_of(data))


@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 255))
def test_no_bytes_crash_the_reader(junk: bytes, at: int, flip: int) -> None:
    """Random bytes, and a real node with a byte changed or cut off, are read or refused with an error of ours."""
    real = bytearray(written(*LEAF))
    real[at % len(real)] ^= flip
    for data in (junk, HEAD + junk, bytes(real), bytes(real[: at % len(real)])):
        try:
            node = decode(data, digest_of(data))
        except (Invalid, Unavailable):
            continue
        assert len(node.items()) == len(node.keys)


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", MAGIC[:-1], MAGIC])
def test_a_file_is_no_tree(data: bytes) -> None:
    """The digest of something else is the caller's mistake, not damage."""
    with pytest.raises(Invalid) as caught:
        decode(data, digest_of(data))
    assert caught.value.kind == "not-a-tree"


@pytest.mark.parametrize("data", [MAGIC + b"\x02rest", written(*bad(6, {"metadata": [1]}))])
def test_what_is_newer_is_refused(data: bytes) -> None:
    """A newer version or an unknown extension is never read as if it were not there."""
    with pytest.raises(Unavailable) as caught:
        decode(data, digest_of(data))
    assert caught.value.kind == "tree-newer"


def test_the_cut_is_of_the_whole_level() -> None:
    """Chunks joined are the items, each within the bounds, only the last may be short."""
    items = [(b"%06d" % n, A, 1, 0) for n in range(20_000)]
    cut = list(chunks(0, iter(items)))
    assert [item for chunk in cut for item in chunk] == items
    assert all(32 <= len(chunk) <= 512 for chunk in cut[:-1])
    assert 100 < len(items) / len(cut) < 220


class Torn(MemoryBlobs):
    """A store in which nodes say something else than their names."""

    def read(self, digest: Digest) -> bytes:
        """Give bytes without verifying them."""
        return self.held[digest]


def test_a_child_that_is_not_what_its_parent_says_is_refused() -> None:
    """A well-formed node in the place of another one does not pass."""
    blobs = Torn()
    tree = Tree(blobs, build(blobs, entries(3000)))
    _, first, second, *_ = tree.nodes()
    blobs.held[first] = blobs.held[second]
    with pytest.raises(Unavailable) as caught:
        list(Tree(blobs, tree.root).iter())
    assert (caught.value.kind, caught.value.facts["digest"]) == ("tree-corrupt", first)


def test_a_missing_or_damaged_node_is_named() -> None:
    """Reading past a lost or flipped node raises the store's error with its digest."""
    blobs = MemoryBlobs()
    root = build(blobs, entries(3000))
    second = list(Tree(blobs, root).nodes())[2]
    kept = blobs.held.pop(second)
    with pytest.raises(NotFound) as missing:
        list(Tree(blobs, root).iter())
    blobs.held[second] = kept[:-1] + b"\x00"
    with pytest.raises(Unavailable) as corrupt:
        list(Tree(blobs, root).iter())
    assert missing.value.facts["digest"] == corrupt.value.facts["digest"] == second
    assert corrupt.value.kind == "blob-corrupt"


def test_verify_notices_another_cut() -> None:
    """A tree whose nodes are sound but cut elsewhere is not the tree of its entries."""
    blobs = MemoryBlobs()
    items = [(e.path.encode(), bytes.fromhex(e.digest[7:]), e.size, 0) for e in entries(600)]
    halves = [encode(0, items[:300]), encode(0, items[300:])]
    top, data = encode(1, [name for name, _ in halves])
    blobs.put_all([*(bytes_ for _, bytes_ in halves), data])
    tree = Tree(blobs, to_digest(top[1]))
    assert len(list(tree.iter())) == 600
    with pytest.raises(Unavailable) as caught:
        tree.verify()
    assert caught.value.kind == "tree-corrupt"


def test_a_reader_forgets_old_nodes_and_still_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room for two nodes, every entry is still found."""
    monkeypatch.setattr(Reader, "KEPT", 2)
    blobs = MemoryBlobs()
    tree = Tree(blobs, build(blobs, entries(2000)))
    assert all(tree.find(e.path) == e for e in entries(2000)[::50])
    assert len(list(tree.iter())) == 2000


def test_errors_of_trees_are_ours() -> None:
    """What a tree raises is a LooplineError with a next step."""
    with pytest.raises(LooplineError) as caught:
        decode(b"x", digest_of(b"x"))
    assert caught.value.hint

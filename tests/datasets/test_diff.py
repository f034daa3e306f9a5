from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.datasets.diff import _Side, diff
from loopline.datasets.edit import edit
from loopline.datasets.tree import EMPTY, build
from loopline.errors import Unavailable
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.store.memory import MemoryBlobs
from tests.datasets.making import entries, entry, naive_difference


class Counting(MemoryBlobs):
    """Counts what is read."""

    reads = 0

    def read(self, digest: Digest) -> bytes:
        """Count, and read."""
        self.reads += 1
        return super().read(digest)


def kept(blobs: MemoryBlobs, content: Iterable[Entry]) -> Digest:
    """Build from entries in any order."""
    return build(blobs, sorted(content, key=lambda e: e.path.encode()))


CONTENTS = st.tuples(st.integers(0, 3000), st.integers(1, 5), st.integers(0, 7), st.integers(0, 4000))


@settings(max_examples=60)
@given(CONTENTS, CONTENTS, st.sampled_from(["", "d/0", "d/00", "d/01999", "e", "d/", "x"]))
def test_a_difference_is_that_of_two_dictionaries(
    a: tuple[int, int, int, int], b: tuple[int, int, int, int], prefix: str
) -> None:
    """Two trees of any two contents differ as their entries do, below any prefix."""

    def content(size: int, step: int, change: int, start: int) -> dict[str, Entry]:
        numbers = range(start, start + size, step)
        return {f"d/{n:05d}": entry(f"d/{n:05d}", change if n % 501 == 7 else n) for n in numbers}

    old, new = content(*a), content(*b)
    blobs = MemoryBlobs()
    found = list(diff(blobs, kept(blobs, old.values()), kept(blobs, new.values()), prefix))
    assert found == [d for d in naive_difference(old, new) if d.path.startswith(prefix)]


def test_equal_trees_differ_in_nothing_and_are_not_read() -> None:
    """The same digest twice answers at once, even where the tree is gone."""
    assert list(diff(MemoryBlobs(), EMPTY, EMPTY)) == []


def test_everything_is_added_to_the_empty_tree() -> None:
    """From nothing, each entry is added; to nothing, each is removed."""
    blobs = MemoryBlobs()
    some = entries(700)
    root, nothing = build(blobs, some), build(blobs, [])
    assert [(d.word, d.new) for d in diff(blobs, nothing, root)] == [("added", e) for e in some]
    assert [(d.word, d.old) for d in diff(blobs, root, nothing)] == [("removed", e) for e in some]


def test_a_mode_alone_is_a_change() -> None:
    """Making a file executable changes its entry."""
    blobs = MemoryBlobs()
    found = list(diff(blobs, build(blobs, [entry("a")]), build(blobs, [entry("a", mode=0o755)])))
    assert [(d.word, d.path) for d in found] == [("changed", "a")]


@pytest.mark.parametrize("where", [0, 25_000, 49_999])
def test_what_both_have_is_not_read(where: int) -> None:
    """One change among fifty thousand entries reads the two paths to it and little more."""
    blobs = Counting()
    some = entries(50_000)
    root = build(blobs, some)
    path = some[where].path
    changed = edit(blobs, root, {path: entry(path, 1_234_567)})
    removed = edit(blobs, root, {path: None})
    for other in (changed, removed):
        blobs.reads = 0
        assert [d.path for d in diff(blobs, root, other)] == [path]
        assert blobs.reads <= 10


def test_a_prefix_keeps_the_rest_unread() -> None:
    """Below a prefix, differences elsewhere cost nothing."""
    blobs = Counting()
    some = entries(30_000)
    a = build(blobs, some)
    b = build(blobs, [entry(e.path, n + 1) for n, e in enumerate(some)])
    blobs.reads = 0
    assert len(list(diff(blobs, a, b, "images/train/0150"))) == 100
    assert blobs.reads <= 12


def test_a_difference_is_lazy() -> None:
    """The first differences come without reading all of both trees."""
    blobs = Counting()
    a = build(blobs, entries(30_000))
    b = build(blobs, entries(30_000, "images/test/{:06d}.jpg"))
    blobs.reads = 0
    assert next(diff(blobs, a, b)).word == "added"
    assert blobs.reads < 12


def test_a_broken_node_stops_the_difference() -> None:
    """Damage on the way is raised, not skipped."""
    blobs = MemoryBlobs()
    a = build(blobs, entries(3000))
    held = set(blobs.held)
    b = edit(blobs, a, {e.path: entry(e.path, 3) for e in entries(3000)[::200]})
    for digest in set(blobs.held) - held - {b}:
        blobs.held[digest] = b"\x00"
    with pytest.raises(Unavailable) as caught:
        list(diff(blobs, a, b))
    assert caught.value.kind == "blob-corrupt"


def test_what_two_nodes_have_alike_is_passed_over_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One change in thousands of files takes some dozen looks, not one for each neighbour of what differs."""
    blobs = MemoryBlobs()
    root = build(blobs, entries(20_000))
    path = "images/train/007000.jpg"
    other = edit(blobs, root, {path: entry(path, 1)})
    looks, head = [], _Side.head

    def counted(side: _Side) -> object:
        looks.append(side)
        return head(side)

    monkeypatch.setattr(_Side, "head", counted)
    assert [one.path for one in diff(blobs, root, other)] == [path]
    assert len(looks) < 40

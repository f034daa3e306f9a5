"""Small files of a tree come together, where the store is far away."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from loopline.datasets import near
from loopline.datasets.near import ahead
from loopline.datasets.tree import Tree, build
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.store.memory import MemoryBlobs


class Far(MemoryBlobs):
    """A store that notes what was brought."""

    def __init__(self) -> None:
        super().__init__()
        self.brought: list[list[Digest]] = []

    def bring(self, digests: Iterable[Digest]) -> None:
        self.brought.append(list(digests))


def entries(count: int, size: int = 10) -> list[Entry]:
    return [Entry(f"{number:05}", digest_of(str(number).encode()), size, 0o644) for number in range(count)]


@pytest.mark.parametrize(("count", "groups"), [(0, []), (4, [4]), (10, [4, 4, 2])])
def test_every_entry_comes_in_its_order(monkeypatch: pytest.MonkeyPatch, count: int, groups: list[int]) -> None:
    """Groups lose nothing and change no order, and each is brought before its first entry is given."""
    monkeypatch.setattr(near, "MANY", 4)
    blobs, wanted = Far(), entries(count)
    seen = []
    for number, entry in enumerate(ahead(blobs, wanted)):
        assert entry.digest in {one for group in blobs.brought for one in group}
        assert len(blobs.brought) == number // 4 + 1
        seen.append(entry)
    assert seen == wanted
    assert [len(group) for group in blobs.brought] == groups


def test_large_files_and_lonely_ones_are_not_brought() -> None:
    """What is large, or alone, is read as it is."""
    blobs = Far()
    list(ahead(blobs, [*entries(1), *entries(3, near.SMALL + 1)]))
    assert blobs.brought == []


def test_a_group_is_no_larger_than_memory_allows() -> None:
    """Many files near the limit of smallness are brought in several groups."""
    blobs = Far()
    list(ahead(blobs, entries(400, near.SMALL)))
    assert max(len(group) for group in blobs.brought) * near.SMALL <= near.MOST
    assert sum(len(group) for group in blobs.brought) == 400


def test_a_store_at_hand_is_asked_nothing() -> None:
    """A store without `bring` is no worse for it."""
    wanted = entries(5)
    assert list(ahead(MemoryBlobs(), wanted)) == wanted


def test_the_nodes_of_a_tree_come_together() -> None:
    """Walking a large tree brings each node once, many at a time, before it is read."""
    blobs = Far()
    root = build(blobs, entries(20_000))
    blobs.brought.clear()
    assert sum(1 for _ in Tree(blobs, root).iter()) == 20_000
    nodes = [one for group in blobs.brought for one in group]
    assert len(nodes) == len(set(nodes))
    assert set(nodes) >= set(Tree(blobs, root).nodes()) - {root}
    assert len(blobs.brought) <= len(nodes) / 20

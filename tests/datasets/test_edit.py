from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from loopline.datasets.diff import diff
from loopline.datasets.edit import edit
from loopline.datasets.tree import EMPTY, Tree, build
from loopline.errors import Invalid
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.store.memory import MemoryBlobs
from tests.datasets.making import digest_of_root, entries, entry, naive_difference

Content = dict[str, Entry]


def rebuilt(content: Content) -> Digest:
    """Build from nothing."""
    return build(MemoryBlobs(), [content[path] for path in sorted(content)])


def applied(content: Content, changes: dict[str, Entry | None]) -> Content:
    """Do to a dictionary what edit does to a tree."""
    return {path: e for path, e in {**content, **changes}.items() if e is not None}


def borders(blobs: MemoryBlobs, root: Digest) -> list[int]:
    """Give the positions at which the leaves end."""
    ends = [0]
    for _, node, _ in Tree(blobs, root).reader.walk(0, b""):
        ends.append(ends[-1] + len(node.keys))
    return ends


PLACES = st.integers(0, 2**32)
STEP = st.tuples(
    st.sampled_from(["scatter", "run", "border", "drop", "tail", "head", "clear"]),
    st.integers(0, 2**32),
    st.sampled_from([1, 2, 31, 130, 700]),
    st.sampled_from(["put", "remove", "mix"]),
)


def one_step(
    blobs: MemoryBlobs, root: Digest, content: Content, step: tuple[str, int, int, str]
) -> dict[str, Entry | None]:
    """Choose the changes of one step: where they fall is what makes an edit hard."""
    where, seed, size, what = step
    chance = random.Random(seed)
    paths = sorted(content)
    if where == "clear":
        kept = set(chance.sample(paths, min(len(paths), size % 33)))
        return {path: None for path in paths if path not in kept}
    if where in ("border", "drop"):
        end = chance.choice(borders(blobs, root))
        start = max(0, end - (size // 2 if where == "border" else 1))
        near = paths[start : start + size]
    elif where == "scatter":
        near = chance.sample(paths, min(len(paths), size))
    else:
        start = {"head": 0, "tail": max(0, len(paths) - size)}.get(where, chance.randrange(len(paths) + 1))
        near = paths[start : start + size]
    changes: dict[str, Entry | None] = {}
    for path in near or ["m"]:
        remove = {"put": False, "remove": True, "mix": chance.random() < 0.5}[what]
        if remove:
            changes[path] = None
        elif chance.random() < 0.3:
            changes[path] = entry(path, chance.randrange(10**6))
        else:
            new = f"{path.partition('~')[0]}~{chance.randrange(10**6)}"
            changes[new] = entry(new, chance.randrange(10**6))
    if where == "tail" and what == "put":
        changes.update((f"z{n:07d}", entry(f"z{n:07d}", n)) for n in range(size))
    return changes


@settings(max_examples=25)
@given(st.sampled_from([0, 1, 33, 900, 5000]), st.lists(STEP, min_size=1, max_size=8))
def test_an_edit_equals_a_rebuild(count: int, steps: list[tuple[str, int, int, str]]) -> None:
    """After any history of edits the root is that of building the same entries from nothing."""
    blobs = MemoryBlobs()
    content = {e.path: e for e in entries(count, "d/{:05d}")}
    root = build(blobs, content.values())
    for step in steps:
        changes = one_step(blobs, root, content, step)
        before, was = root, content
        root, content = edit(blobs, root, changes), applied(content, changes)
        assert root == rebuilt(content)
        assert list(diff(blobs, before, root)) == naive_difference(was, content)
    Tree(blobs, root).verify()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 4))])
def test_a_long_history_leaves_no_trace(seed: int) -> None:
    """Over hundreds of edits of thousands of entries, no step differs from a rebuild."""
    chance = random.Random(seed)
    blobs = MemoryBlobs()
    content = {e.path: e for e in entries(6000, "{:05d}/x")}
    root = build(blobs, content.values())
    for _ in range(80 if seed else 40):
        step = (
            chance.choice(["scatter", "run", "border", "border", "drop", "tail", "head"]),
            chance.randrange(2**32),
            chance.choice([1, 1, 3, 40, 400]),
            chance.choice(["put", "remove", "mix"]),
        )
        changes = one_step(blobs, root, content, step)
        root, content = edit(blobs, root, changes), applied(content, changes)
        assert root == rebuilt(content)


def chosen(count: int, *, boundary: bool) -> list[str]:
    """Names that all close a leaf, or never do."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        name = f"{number:08d}"
        if (xxh3_64_intdigest(name.encode(), seed=0) % 128 == 0) == boundary:
            found.append(name)
        number += 1
    return found


@pytest.mark.parametrize("boundary", [True, False])
def test_names_chosen_against_the_rule_are_edited_right(boundary: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Where the least or the largest node decides each boundary, an edit at the front still equals a rebuild."""
    blobs = MemoryBlobs()
    content = {path: entry(path) for path in chosen(1500, boundary=boundary)}
    root = build(blobs, content.values())
    first = min(content)
    steps: list[dict[str, Entry | None]] = [{first: None}, {"!": entry("!")}, {first: entry(first, 9), "!": None}]
    for changes in steps:
        root, content = edit(blobs, root, changes), applied(content, changes)
        assert root == rebuilt(content) == digest_of_root(content.values())


@pytest.mark.parametrize("count", [1, 40, 3000])
def test_removing_everything_gives_the_empty_tree(count: int) -> None:
    """A tree that loses all its entries is EMPTY, and grows from there."""
    blobs = MemoryBlobs()
    root = build(blobs, entries(count))
    assert edit(blobs, root, {e.path: None for e in entries(count)}) == EMPTY
    assert edit(blobs, EMPTY, {e.path: e for e in entries(count)}) == root


def test_an_edit_that_changes_nothing_writes_nothing() -> None:
    """Putting what is there and removing what is not gives the same root and no new blob."""
    blobs = MemoryBlobs()
    root = build(blobs, entries(1000))
    held = dict(blobs.held)
    some = entries(1000)[500]
    assert edit(blobs, root, {}) == root
    assert edit(blobs, root, {some.path: some, "not/there": None}) == root
    assert blobs.held == held


def test_one_change_writes_one_node_a_level() -> None:
    """A change of one file among many writes the path to it and nothing else."""
    blobs = MemoryBlobs()
    root = build(blobs, entries(30_000))
    held = len(blobs.held)
    height = Tree(blobs, root).reader.root.level + 1
    some = entries(30_000)[15_000]
    edit(blobs, root, {some.path: entry(some.path, -1 % 97)})
    assert len(blobs.held) - held == height == 3


def test_all_new_nodes_come_in_one_put() -> None:
    """However many nodes an edit makes, the store is asked once."""

    class Counting(MemoryBlobs):
        puts = 0

        def put_all(self, items: object) -> list[Digest]:
            self.puts += 1
            return super().put_all(items)  # type: ignore[arg-type]

    blobs = Counting()
    root = build(blobs, entries(5000))
    edit(blobs, root, {e.path: entry(e.path, 1) for e in entries(5000)[::100]})
    assert blobs.puts == 2


def test_no_node_is_written_that_the_tree_does_not_need() -> None:
    """When a tree loses height, what was cut above the new root is not kept."""
    blobs = MemoryBlobs()
    root = build(blobs, entries(20_000))
    before = set(blobs.held)
    smaller = edit(blobs, root, {e.path: None for e in entries(20_000)[:-20]})
    assert set(blobs.held) - before <= set(Tree(blobs, smaller).nodes())
    assert Tree(blobs, smaller).reader.root.level == 0


BASE = ["a/b", "a/c", "f", "f.x", "g/h/i"]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"a": 1}, "file-is-folder"),
        ({"f/x": 1}, "file-is-folder"),
        ({"f/x/y": 1}, "file-is-folder"),
        ({"g/h": 1}, "file-is-folder"),
        ({"n": 1, "n/m": 1}, "file-is-folder"),
        ({"n/m": 1, "n": 1, "n!": 1}, "file-is-folder"),
        ({"a": 1, "a/b": None}, "file-is-folder"),
        ({"../x": 1}, "bad-path"),
        ({"x//y": None}, "bad-path"),
        ({"\udcff": 1}, "bad-path"),
        ({"a": 1, "a/b": None, "a/c": None}, ""),
        ({"f/x": 1, "f": None}, ""),
        ({"a/b.c": 1, "fx": 1, "f!/x": 1}, ""),
    ],
)
@pytest.mark.parametrize("padding", [0, 2000])
def test_a_file_and_a_folder_cannot_share_a_path(changes: dict[str, int | None], kind: str, padding: int) -> None:
    """A conflict with what stays is refused and nothing is written; with what is removed in the same edit it is none."""
    blobs = MemoryBlobs()
    content = {path: entry(path) for path in [*BASE, *(f"a/{n:04d}" for n in range(padding) if "a" not in changes)]}
    root = build(blobs, [content[path] for path in sorted(content)])
    held = dict(blobs.held)
    asked = {path: None if value is None else entry(path, value) for path, value in changes.items()}
    if not kind:
        assert edit(blobs, root, asked) == rebuilt(applied(content, asked))
        return
    with pytest.raises(Invalid) as caught:
        edit(blobs, root, asked)
    assert caught.value.kind == kind
    assert blobs.held == held


def test_an_entry_under_another_path_is_refused() -> None:
    """The path of a change and that of its entry are one."""
    blobs = MemoryBlobs()
    with pytest.raises(Invalid) as caught:
        edit(blobs, build(blobs, entries(3)), {"a": entry("b")})
    assert caught.value.kind == "bad-entry"

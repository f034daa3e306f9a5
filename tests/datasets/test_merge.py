from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.datasets.edit import edit
from loopline.datasets.merge import Roots, merge, merge_crosswise, outcome, settle
from loopline.datasets.tree import EMPTY, Tree, build
from loopline.nouns.entry import Entry, Folder
from loopline.store.memory import MemoryBlobs
from tests.datasets.making import entries, entry, naive_merge

if TYPE_CHECKING:
    from loopline.nouns.digest import Digest
    from loopline.nouns.merge import Choice

Content = dict[str, Entry]
NAMES = ("a", "a/b", "a/b/c", "a/d", "a-", "a.x", "b", "b/c", "c", "d/e")
CONTENT = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(st.integers(0, 2), st.sampled_from([0o644, 0o755])), max_size=7
)


class Counting(MemoryBlobs):
    """Counts what is read."""

    reads = 0

    def read(self, digest: Digest) -> bytes:
        """Count, and read."""
        self.reads += 1
        return super().read(digest)


def content(drawn: dict[str, tuple[int, int]]) -> Content:
    """Make entries of which none is a folder of another."""
    found: Content = {}
    for path in sorted(drawn):
        if not any(path.startswith(f"{other}/") for other in found):
            found[path] = entry(path, *drawn[path])
    return found


def kept(blobs: MemoryBlobs, files: Content) -> Digest:
    """Build a tree."""
    return build(blobs, [files[path] for path in sorted(files)])


def files_of(blobs: MemoryBlobs, root: Digest) -> Content:
    """Read a tree whole."""
    return {one.path: one for one in Tree(blobs, root).iter()}


@settings(max_examples=80)
@given(CONTENT, CONTENT, CONTENT, st.sampled_from(["ours", "theirs", "base", "file"]))
def test_a_merge_is_that_of_three_dictionaries(
    a: dict[str, tuple[int, int]], b: dict[str, tuple[int, int]], c: dict[str, tuple[int, int]], choice: Choice
) -> None:
    """What is clean, what clashes and how, and what any choice makes of it are as for dictionaries, and always a tree."""
    base, ours, theirs = content(a), content(b), content(c)
    blobs = MemoryBlobs()
    roots = Roots(kept(blobs, base) if base else None, kept(blobs, ours), kept(blobs, theirs) if theirs else None)
    merged = merge(blobs, roots)
    clean, clashes = naive_merge(base, ours, theirs)
    assert {one.path: one.kind for one in merged.clashes} == clashes
    assert [one.path for one in merged.clashes] == sorted(clashes)
    assert files_of(blobs, edit(blobs, roots.ours, merged.changes)) == clean
    changes = dict(merged.changes)
    for clash in merged.clashes:
        changes |= settle(blobs, roots, clash, choice, entry(clash.path, 9) if choice == "file" else None)
    taken: Content = {"ours": ours, "theirs": theirs, "base": base, "file": {}}[choice]
    for path, kind in clashes.items():
        inside = f"{path}/" if kind == "file/folder" else "\0"
        clean = {one: e for one, e in clean.items() if one != path and not one.startswith(inside)}
        clean |= {one: e for one, e in taken.items() if one == path or one.startswith(inside)}
        if choice == "file":
            clean[path] = entry(path, 9)
    assert edit(blobs, roots.ours, changes) == kept(blobs, clean)


@settings(max_examples=40)
@given(CONTENT, CONTENT, CONTENT)
def test_sides_that_change_places_merge_to_the_same_tree(
    a: dict[str, tuple[int, int]], b: dict[str, tuple[int, int]], c: dict[str, tuple[int, int]]
) -> None:
    """Where nothing clashes it does not matter which side is ours, so the order of merges leaves no trace."""
    blobs = MemoryBlobs()
    base, ours, theirs = (kept(blobs, content(one)) for one in (a, b, c))
    there, back = merge(blobs, Roots(base, ours, theirs)), merge(blobs, Roots(base, theirs, ours))
    assert [(one.path, one.kind) for one in there.clashes] == [(one.path, one.kind) for one in back.clashes]
    if not there.clashes:
        assert edit(blobs, ours, there.changes) == edit(blobs, theirs, back.changes)


@settings(max_examples=40)
@given(CONTENT, CONTENT)
def test_a_side_that_has_not_changed_takes_the_other(
    a: dict[str, tuple[int, int]], x: dict[str, tuple[int, int]]
) -> None:
    """merge(a, a, x) and merge(a, x, a) are x, and merge(a, x, x) is x."""
    blobs = MemoryBlobs()
    base, other = kept(blobs, content(a)), kept(blobs, content(x))
    for roots in (Roots(base, base, other), Roots(base, other, base), Roots(base, other, other)):
        merged = merge(blobs, roots)
        assert merged.clashes == ()
        assert edit(blobs, roots.ours, merged.changes) == other


def test_both_sides_of_a_large_tree_are_merged_whatever_lies_between() -> None:
    """Scattered edits, additions and removals of two sides give the tree that is built from their union."""
    chance = random.Random(7)
    blobs, base = MemoryBlobs(), {one.path: one for one in entries(8_000, "d/{:06d}")}
    root = kept(blobs, base)
    picked = chance.sample(sorted(base), 600)
    sides: list[dict[str, Entry | None]] = [
        {path: None if n % 3 == 0 else entry(path, 10**6 + n) for n, path in enumerate(part)}
        for part in (picked[:300], picked[300:])
    ]
    sides[0]["a"], sides[1]["z/z"] = entry("a", 1), entry("z/z", 2)
    ours, theirs = (edit(blobs, root, side) for side in sides)
    merged = merge(blobs, Roots(root, ours, theirs))
    union = {path: one for path, one in {**base, **sides[0], **sides[1]}.items() if one is not None}
    assert merged.clashes == ()
    assert edit(blobs, ours, merged.changes) == kept(blobs, union)


def test_a_merge_reads_what_differs_and_nothing_else() -> None:
    """In a tree of 20,000 files the nodes that are read grow with the changes, not with the tree."""
    blobs = Counting()
    files = {one.path: one for one in entries(20_000, "d/{:06d}")}
    root = kept(blobs, files)
    nodes = len(set(Tree(blobs, root).nodes()))
    reads = []
    for many in (1, 4):
        ours, theirs = (
            edit(
                blobs, root, {f"d/{n:06d}": entry(f"d/{n:06d}", side + n) for n in range(side, 20_000, 20_000 // many)}
            )
            for side in (10, 2_500)
        )
        blobs.reads = 0
        merged = merge(blobs, Roots(root, ours, theirs))
        edit(blobs, ours, merged.changes)
        reads.append(blobs.reads)
        assert len(merged.changes) == many
    assert nodes > 100
    assert reads[0] <= 20
    assert reads[1] <= 20 * 4


def test_content_and_mode_of_a_file_are_merged_apart() -> None:
    """Who makes a file executable does not clash with who writes it."""
    base, ours, theirs = entry("x", 1), entry("x", 1, 0o755), entry("x", 2)
    assert outcome(base, ours, theirs) == (None, entry("x", 2, 0o755))
    assert outcome(None, entry("x", 1), entry("x", 1, 0o755)) == ("mode", None)


def test_a_folder_in_the_place_of_a_file_is_told_with_what_it_holds() -> None:
    """What a person chooses between is a file on one side and so many files of so many bytes on the other."""
    blobs = MemoryBlobs()
    ours, theirs = {"x": entry("x", 1)}, {"x/a": entry("x/a", 2), "x/b": entry("x/b", 3), "x-": entry("x-", 4)}
    merged = merge(blobs, Roots(None, kept(blobs, ours), kept(blobs, theirs)))
    (clash,) = merged.clashes
    assert (clash.base, clash.ours, clash.theirs) == (None, ours["x"], Folder("x/", 2, 35))
    assert merged.changes == {"x-": theirs["x-"]}


def test_a_tree_without_files_needs_no_bytes() -> None:
    """Two lines that have nothing in common begin at the empty tree, which nobody has ever stored."""
    blobs = MemoryBlobs()
    ours = kept(blobs, {"a": entry("a")})
    assert EMPTY not in blobs.held
    merged = merge(blobs, Roots(None, ours, kept(blobs, {"b": entry("b")})))
    assert merged.changes == {"b": entry("b")}
    assert list(Tree(blobs, EMPTY).iter()) == []


@settings(max_examples=60)
@given(CONTENT, CONTENT, CONTENT, CONTENT)
def test_a_path_on_which_bases_do_not_agree_clashes(
    a: dict[str, tuple[int, int]],
    b: dict[str, tuple[int, int]],
    c: dict[str, tuple[int, int]],
    d: dict[str, tuple[int, int]],
) -> None:
    """What all bases make the same of is done; the rest clashes, from whichever side one looks, and always leaves a tree."""
    blobs = MemoryBlobs()
    base, other, ours, theirs = (kept(blobs, content(one)) for one in (a, b, c, d))
    merged = merge_crosswise(blobs, Roots(base, ours, theirs), [other])
    clashes = {one.path for one in merged.clashes}
    inside = tuple(f"{one.path}/" for one in merged.clashes if one.kind == "file/folder")
    singles = [naive_merge(content(one), content(c), content(d)) for one in (a, b)]
    for path in content(c).keys() | content(d).keys():
        if path in clashes or path.startswith(inside):
            continue
        assert [path in bad for _, bad in singles] == [False, False]
        found = merged.changes.get(path, content(c).get(path))
        assert [clean.get(path) for clean, _ in singles] == [found, found]
    assert clashes == {one.path for one in merge_crosswise(blobs, Roots(base, theirs, ours), [other]).clashes}
    assert merge_crosswise(blobs, Roots(base, ours, theirs), []) == merge(blobs, Roots(base, ours, theirs))
    edit(blobs, ours, merged.changes)

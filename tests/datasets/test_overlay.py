from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.datasets.overlay import LONGEST, NOTHING, Overlay, changes, fold, marker, note_key, noted_path
from loopline.datasets.tree import EMPTY, build
from loopline.errors import Invalid
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.staged import Staged
from loopline.store.memory import MemoryBlobs

PARTS = st.sampled_from(["a", "b", "a-", "a0", "é", "\U0001f6eb", "!"])
FOLDERS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
FILES = FOLDERS.map(lambda text: f"{text}.csv")
ROWS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), FILES, st.sampled_from(["", '{"type":"x"}', '{"type":"y"}'])),
        st.tuples(st.just("mark"), FOLDERS.map(lambda text: f"{text}/"), st.just("")),
        st.tuples(st.just("gone"), FILES | FOLDERS.map(lambda text: f"{text}/"), st.just("")),
        st.tuples(st.just("cut"), st.sampled_from(["a", "a/", "b/", "é", "zz"]), st.just("")),
    ),
    max_size=12,
)


class Twin:
    """The same in a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.staged: list[Staged] = []

    def say(self, word: str, path: str, notes: str) -> None:
        """Do one thing to both."""
        if word == "cut":
            self.files = {name: one for name, one in self.files.items() if not name.startswith(path)}
            self.staged = [one for one in self.staged if not one.path.startswith(path)] + [
                Staged(path, None, whole=True)
            ]
            return
        self.staged = [one for one in self.staged if one.path != path or one.whole]
        if word == "gone":
            self.files.pop(path, None)
            self.staged.append(Staged(path, None))
        else:
            self.files[path] = notes
            self.staged.append(Staged(path, marker(path) if word == "mark" else Entry(path, NOTHING, 0), notes))


def _all(over: Overlay, prefix: str = "", start: str = "") -> dict[str, str]:
    return {found.path: over.notes(found).replace("{}", "") for found in over.iter(prefix, start)}


@given(
    st.lists(ROWS, max_size=4), st.sampled_from(["", "a", "a/", "a/b", "é/"]), st.sampled_from(["", "a-", "a/", "b/a"])
)
def test_an_overlay_equals_a_dictionary(rounds: list[list[tuple[str, str, str]]], prefix: str, start: str) -> None:
    """Whatever is staged in however many rounds with folds between them, every path is found and listed as the last word says."""
    blobs, twin = MemoryBlobs(), Twin()
    root: Digest | None = None
    notes: Digest | None = None
    for rows in rounds:
        for row in rows:
            twin.say(*row)
        over = Overlay(blobs, root, notes, twin.staged)
        assert _all(over) == dict(sorted(twin.files.items()))
        assert list(_all(over)) == sorted(twin.files)
        wanted = {name: one for name, one in twin.files.items() if name.startswith(prefix) and name >= start}
        assert _all(over, prefix, start) == wanted
        for path in (*twin.files, "zz.csv", "a/"):
            assert (over.find(path) is not None) == (path in twin.files)
        root, notes = fold(blobs, root, notes, twin.staged)
        twin.staged = []
        assert _all(Overlay(blobs, root, notes, ())) == twin.files
    if rounds:
        files = sorted(Entry(name, NOTHING, 0) for name in twin.files if not name.endswith("/"))
        assert root == build(blobs, files)


@given(st.lists(FOLDERS.map(lambda text: f"{text}/"), unique=True))
def test_markers_sort_among_notes_as_among_files(paths: list[str]) -> None:
    """The place of a marker in the tree of notes keeps the order of paths, and leads back to its path."""
    keys = [note_key(path) for path in sorted(paths)]
    assert keys == sorted(keys)
    assert [noted_path(key) for key in keys] == sorted(paths)
    build(MemoryBlobs(), [Entry(key, NOTHING, 0) for key in keys])


def test_a_path_that_is_a_folder_clashes() -> None:
    """A file below a file, a file above one, and a marker that is a file are found wherever the other is, staged or not."""
    blobs = MemoryBlobs()
    root = build(blobs, [Entry("a/b.csv", NOTHING, 0), Entry("c", NOTHING, 0)])
    over = Overlay(blobs, root, None, [Staged("d", Entry("d", NOTHING, 0)), Staged("c", None)])
    assert over.clash("a") == ("a", "a/b.csv")
    assert over.clash("a/b.csv/x/y") == ("a/b.csv", "a/b.csv/x/y")
    assert over.clash("d/") == ("d", "d/")
    assert over.clash("c/x") is None
    with pytest.raises(Invalid):
        marker("a//")


def test_changes_know_a_tree_that_nobody_built() -> None:
    """From nothing to a tree everything is added, and back removed, though the empty tree is in no store."""
    blobs = MemoryBlobs()
    entry = Entry("a.csv", NOTHING, 0)
    root = build(blobs, [entry])
    blobs.delete(EMPTY)
    assert [(one.word, one.path) for one in changes(blobs, None, root)] == [("added", "a.csv")]
    assert [(one.word, one.old) for one in changes(blobs, root, EMPTY)] == [("removed", entry)]
    assert list(changes(blobs, None, EMPTY)) == []


def test_notes_of_somebodys_own_making_are_text_of_some_length() -> None:
    """What is no UTF-8 is read as far as it goes, and what is very long is not read at all."""
    blobs = MemoryBlobs()
    long, odd, file = blobs.put(b"x" * (LONGEST + 1)), blobs.put(b"a\xff"), blobs.put(b"1")
    root = build(blobs, [Entry("a", file, 1), Entry("b", file, 1)])
    notes = build(blobs, [Entry("f/a", long, 1), Entry("f/b", odd, 1)])
    over = Overlay(blobs, root, notes, (), weigh=blobs.size)
    assert [over.notes(found) for found in over.iter()] == ["", "a\ufffd"]

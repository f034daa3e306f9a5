from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from loopline.datasets.index import Index
from loopline.datasets.only import EVERYTHING, Only
from loopline.datasets.planning import Folder, Plan, Planner
from loopline.datasets.standing import quiet
from loopline.datasets.tree import Tree, build
from loopline.errors import Conflict, Invalid
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry
from loopline.store.memory import MemoryBlobs


def tree_of(blobs: MemoryBlobs, files: dict[str, str]) -> Tree:
    """Write a tree of files with these texts."""
    content = [Entry(path, blobs.put(text.encode()), len(text)) for path, text in sorted(files.items())]
    return Tree(blobs, build(blobs, content))


def planned(
    root: Path,
    *,
    old: dict[str, str],
    here: dict[str, str],
    new: dict[str, str],
    force: bool = False,
    only: Sequence[str] = (),
) -> Plan:
    """Plan the way from `old`, with `here` in the folder, to `new`."""
    blobs = MemoryBlobs()
    for path, text in here.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    before, after = tree_of(blobs, old), tree_of(blobs, new)
    index = Index(root.parent / "index")
    return Planner(blobs, [before], Folder(str(root)), force=force).plan(after, Only(only), index, quiet)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty folder."""
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def test_what_was_put_there_may_go(root: Path) -> None:
    """Unedited files are rewritten or removed, equal ones kept, new ones written, strangers left alone."""
    old = {"same": "1", "edit": "1", "drop": "1", "gone": "1"}
    here = {"same": "1", "edit": "1", "drop": "1", "stranger": "?"}
    found = planned(root, old=old, here=here, new={"same": "1", "edit": "2", "add/x": "1"})
    assert (found.removes, [e.path for e in found.writes], found.kept) == ({"drop"}, ["add/x", "edit"], 1)


@pytest.mark.parametrize(
    ("old", "here", "new", "clashes"),
    [
        ({"a": "1"}, {"a": "mine"}, {"a": "2"}, ["a"]),
        ({"a": "1"}, {"a": "mine"}, {}, ["a"]),
        ({}, {"a": "mine"}, {"a": "2"}, ["a"]),
        ({}, {"a": "mine"}, {"a/b": "2"}, ["a"]),
        ({"a": "1"}, {"a": "mine"}, {"a/b": "2", "a/c": "2"}, ["a"]),
        ({"a": "1", "b": "1"}, {"a": "mine", "b": "mine"}, {"a": "2", "b": "2"}, ["a", "b"]),
    ],
)
def test_somebodys_work_stops_everything_without_force(
    root: Path, old: dict[str, str], here: dict[str, str], new: dict[str, str], clashes: list[str]
) -> None:
    """Each file that no tree put there is named, and with force it goes."""
    with pytest.raises(Conflict) as caught:
        planned(root, old=old, here=here, new=new)
    assert (caught.value.kind, caught.value.facts["paths"]) == ("local-changes", clashes)
    found = planned(root, old=old, here=here, new=new, force=True)
    assert [e.path for e in found.writes] == sorted(new)


@pytest.mark.parametrize(
    ("old", "here", "new"),
    [
        ({"a": "1"}, {"a": "2"}, {"a": "2"}),
        ({"a": "1"}, {}, {"a": "2"}),
        ({"a": "1"}, {}, {}),
        ({"a": "1"}, {"a": "1"}, {"a/b": "2"}),
        ({"a/b": "1", "a/c/d": "1"}, {"a/b": "1", "a/c/d": "1"}, {"a": "2"}),
        ({"a": "1"}, {"a/b": "mine"}, {}),
    ],
)
def test_what_nobody_loses_is_no_clash(
    root: Path, old: dict[str, str], here: dict[str, str], new: dict[str, str]
) -> None:
    """A file that is already as wanted or gone, and a file that becomes a folder or the reverse, go through."""
    planned(root, old=old, here=here, new=new)


def test_a_folder_with_a_strangers_file_is_never_taken_away(root: Path) -> None:
    """Where a file is needed and a folder holds something unknown, not even force helps."""
    for force in (False, True):
        with pytest.raises(Conflict) as caught:
            planned(root, old={"a/b": "1"}, here={"a/b": "1", "a/x/mine": "?"}, new={"a": "2"}, force=force)
        assert caught.value.facts["paths"] == ["a/x/mine"]


def test_a_linked_folder_is_never_written_through(root: Path, tmp_path: Path) -> None:
    """A link in the place of a folder is named, with force too, and so is one in the place of a file without it."""
    (tmp_path / "out").mkdir()
    (root / "a").symlink_to(tmp_path / "out")
    (root / "f").symlink_to(tmp_path / "out")
    for force in (False, True):
        with pytest.raises(Conflict) as caught:
            planned(root, old={}, here={}, new={"a/b/c": "1"}, force=force)
        assert caught.value.facts["paths"] == ["a"]
    with pytest.raises(Conflict):
        planned(root, old={}, here={}, new={"f": "1"})
    assert [e.path for e in planned(root, old={}, here={}, new={"f": "1"}, force=True).writes] == ["f"]


@pytest.mark.parametrize("path", [".git/hooks/post-checkout", "a/.GIT/config", ".loopline/ledger.db", ".loopline~/1"])
def test_a_tree_cannot_steer_git_or_us(root: Path, path: str) -> None:
    """A tree from elsewhere that holds such a path is refused as a whole."""
    with pytest.raises(Invalid) as caught:
        planned(root, old={}, here={}, new={"a.txt": "1", path: "1"}, force=True)
    assert (caught.value.kind, caught.value.facts["path"]) == ("unsafe-path", path)


def test_a_prefix_leaves_the_rest_alone(root: Path) -> None:
    """Nothing outside of the prefix is looked at, compared or removed."""
    old = {"a/1": "1", "a/2": "1", "b/1": "1", "b/2": "1"}
    here = {**old, "b/1": "mine"}
    found = planned(root, old=old, here=here, new={"a/1": "2", "b/1": "2"}, only=["/a/"])
    assert (found.removes, [e.path for e in found.writes]) == ({"a/2"}, ["a/1"])


def test_a_file_in_step_with_any_base_is_ours(root: Path) -> None:
    """After a checkout that was cut short, files of both trees may be overwritten."""
    blobs = MemoryBlobs()
    bases = [tree_of(blobs, {"a": "1", "b": "1"}), tree_of(blobs, {"a": "2", "b": "2"})]
    (root / "a").write_text("2")
    (root / "b").write_text("1")
    planner = Planner(blobs, bases, Folder(str(root)), force=False)
    found = planner.plan(tree_of(blobs, {"a": "3"}), EVERYTHING, Index(root.parent / "index"), quiet)
    assert (found.removes, [e.digest for e in found.writes]) == ({"b"}, [digest_of(b"3")])

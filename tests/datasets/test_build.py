from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.datasets.build import build_folder, build_listed, build_parts
from loopline.datasets.checkout import checkout
from loopline.datasets.index import Index
from loopline.datasets.only import EVERYTHING
from loopline.datasets.parts import Parts
from loopline.datasets.scan import look
from loopline.datasets.standing import status
from loopline.datasets.tree import EMPTY, Tree
from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.digest import digest_of
from loopline.store.memory import MemoryBlobs


def test_a_folder_becomes_the_tree_of_its_files(folder: Path, blobs: MemoryBlobs, index: Index) -> None:
    """Every file is in the tree with its digest, size and mode, and its bytes are in the store."""
    (folder / "0" / "00.csv").chmod(0o755)
    built = build_folder(blobs, folder, index)
    tree = Tree(blobs, built.root)
    assert (built.files, built.stored, tree.count) == (20, 20, 20)
    assert (built.bytes, built.stored_bytes) == (tree.bytes, tree.bytes)
    for entry in tree.iter():
        assert blobs.read(entry.digest) == (folder / entry.path).read_bytes()
    assert [entry.path for entry in tree.iter() if entry.mode == 0o755] == ["0/00.csv"]


def test_only_what_changed_is_read_again(folder: Path, blobs: MemoryBlobs, index: Index) -> None:
    """A second build reads changed and new files only, also in another process."""
    first = build_folder(blobs, folder, index)
    assert build_folder(blobs, folder, index) == type(first)(first.root, 20, first.bytes, 0, 0)
    (folder / "1" / "01.csv").write_text("n\n1\nmore\n")
    (folder / "new").write_text("new")
    (folder / "2" / "02.csv").unlink()
    second = build_folder(blobs, folder, Index(index.file))
    assert (second.files, second.stored) == (20, 2)
    assert second.root == build_folder(MemoryBlobs(), folder, Index(folder.parent / "other")).root


def test_a_change_that_keeps_the_size_is_seen(folder: Path, blobs: MemoryBlobs, index: Index) -> None:
    """A file rewritten right after the build, in place and with as many bytes, is read again."""
    for turn in range(20):
        root = build_folder(blobs, folder, index).root
        (folder / "0" / "00.csv").write_text(f"n\n{turn % 10}\n")
        assert build_folder(blobs, folder, index).root != root or turn == 0


def test_what_the_store_has_lost_is_stored_again(folder: Path, blobs: MemoryBlobs, index: Index) -> None:
    """All is read and kept once more where that is asked for, and where the store lost the tree itself, what is gone is."""
    root = build_folder(blobs, folder, index).root
    blobs.delete(digest_of(b"n\n7\n"))
    assert build_folder(blobs, folder, index).stored == 0
    assert build_folder(blobs, folder, index, anew=True).stored == 20
    assert digest_of(b"n\n7\n") in blobs.held
    blobs.delete(digest_of(b"n\n7\n"))
    blobs.delete(root)
    built = build_folder(blobs, folder, Index(index.file))
    assert (built.stored, built.root) == (1, root)
    assert {root, digest_of(b"n\n7\n")} <= blobs.held.keys()


def test_rules_that_come_later_count(folder: Path, blobs: MemoryBlobs, index: Index) -> None:
    """What is left out from now on is removed, also from a folder in which nothing else has changed; and it comes back."""
    root = build_folder(blobs, folder, index).root
    (folder / ".looplineignore").write_text("01.csv\n/3/\n")
    found = [(one.word, one.path) for one in status(blobs, root, folder, Index(index.file))]
    gone = [f"3/{number:02d}.csv" for number in range(3, 20, 4)]
    assert found == [("added", ".looplineignore"), ("removed", "1/01.csv"), *(("removed", path) for path in gone)]
    built = build_folder(blobs, folder, index)
    assert (built.files, built.stored) == (15, 1)
    (folder / ".looplineignore").unlink()
    assert build_folder(blobs, folder, index).root == root


def test_listed_files_are_all_that_is_taken(folder: Path, blobs: MemoryBlobs, index: Index) -> None:
    """A caller's list decides, and what the index knows of other files stays."""
    build_folder(blobs, folder, index)
    built = build_listed(blobs, folder, index, look(folder, ["1/01.csv", "0/04.csv", "gone"]))
    assert [entry.path for entry in Tree(blobs, built.root).iter()] == ["0/04.csv", "1/01.csv"]
    assert len(index) == 20


def test_an_empty_folder_is_the_empty_tree(tmp_path: Path, blobs: MemoryBlobs, index: Index) -> None:
    """No files make EMPTY."""
    (tmp_path / "none" / "below").mkdir(parents=True)
    assert build_folder(blobs, tmp_path / "none", index).root == EMPTY


def test_a_build_that_fails_keeps_what_it_learned(folder: Path, blobs: MemoryBlobs, index: Index) -> None:
    """After an unusable file is removed, nothing that was stored before is read twice."""
    build_folder(blobs, folder, index)
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(Invalid) as caught:
        build_folder(blobs, folder, index)
    assert caught.value.facts["paths"] == ["link"]
    (folder / "link").unlink()
    assert build_folder(blobs, folder, Index(index.file)).stored == 0


NAMES = st.sampled_from(["a", "b", "x", "d/a", "d/b", "d/e/a", "d/e/x", "f/a", "f/g/h/a"])
STEPS = st.one_of(
    st.tuples(st.just("write"), NAMES, st.integers(0, 3)),
    st.tuples(st.sampled_from(["remove", "chmod", "link", "touch"]), NAMES, st.just(0)),
    st.tuples(st.just("drop"), st.sampled_from(["d", "d/e", "f", "f/g"]), st.just(0)),
    st.tuples(st.just("part"), NAMES | st.sampled_from(["d", "d/e", "f"]), st.integers(0, 5)),
    st.tuples(st.just("ignore"), st.sampled_from(["x", "d/e/", "*.none", ""]), st.just(0)),
    st.tuples(st.sampled_from(["add", "status", "back", "reload", "checkout", "lose"]), st.just(""), st.integers(0, 5)),
)


def work(root: Path, what: str, path: str, number: int) -> None:
    """Do to a folder what people do."""
    file = root / path
    if what in ("write", "link"):
        for above in list(file.relative_to(root).parents)[:-1]:
            if (root / above).is_file() or (root / above).is_symlink():
                (root / above).unlink()
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir() and not file.is_symlink():
            return
        file.unlink(missing_ok=True)
    if what == "write":
        file.write_text("same" if number == 0 else "x" * number)
        if number == 1:
            os.utime(file, (10**9, 10**9))
    elif what == "link":
        (root / "there").write_text("there")
        file.symlink_to(os.path.relpath(root / "there", file.parent))
    elif what == "ignore":
        (root / ".looplineignore").write_text(path + "\n")
    elif what == "drop":
        shutil.rmtree(file, ignore_errors=True)
    elif file.is_file() and what == "remove":
        file.unlink()
    elif file.is_file() and what == "chmod":
        file.chmod(file.stat().st_mode ^ 0o100)
    elif file.is_file() and what == "touch":
        os.utime(file)


@settings(max_examples=120, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_an_index_never_forgets_and_never_invents(steps: list[tuple[str, str, int]]) -> None:
    """After any changes, lookings, publishings, checkouts and losses, status and tree are those of a first look."""
    with tempfile.TemporaryDirectory() as place:
        top, root, blobs = Path(place), Path(place) / "data", MemoryBlobs()
        root.mkdir()
        index = Index(top / "index")
        trees = [build_folder(blobs, root, Index(top / "none")).root]
        for what, path, number in steps:
            tree = trees[number % len(trees)]
            if what == "add":
                trees.append(build_folder(blobs, root, index).root)
                assert trees[-1] == build_folder(MemoryBlobs(), root, Index(top / "other" / f"{len(trees)}")).root
                assert not list(status(blobs, trees[-1], root, index))
            elif what == "status":
                found = list(status(blobs, tree, root, index))
                assert found == list(status(blobs, tree, root, Index(top / "none")))
            elif what == "part":
                parts = Parts([path, path.partition("/")[0]] if number % 2 else [path])
                whole = Tree(blobs, build_folder(blobs, root, Index(top / "none")).root)
                there = {entry.path: entry for entry in whole.iter() if entry.path in parts}
                other = {entry.path: entry for entry in Tree(blobs, tree).iter() if entry.path not in parts}
                found = list(status(blobs, tree, root, index, parts=parts))
                (top / "none").unlink()
                first = status(blobs, tree, root, Index(top / "none"), parts=parts)
                assert found == [one for one in first if one.path in parts]
                if not there and len(other) == Tree(blobs, tree).count:
                    with pytest.raises(NotFound):
                        build_parts(blobs, root, index, parts, tree, only=EVERYTHING)
                    continue
                trees.append(build_parts(blobs, root, index, parts, tree, only=EVERYTHING).root)
                assert {entry.path: entry for entry in Tree(blobs, trees[-1]).iter()} == there | other
                assert not blobs.missing({entry.digest for entry in there.values()})
            elif what == "reload":
                index.save()
                index = Index(top / "index")
            elif what == "checkout":
                try:
                    checkout(blobs, tree, root, index, force=True)
                except Conflict:
                    continue
            elif what == "lose" and index.tree is not None and len(trees) > 1:
                blobs.delete(index.tree)
                trees = [one for one in trees if one != index.tree] or [build_folder(blobs, root, index).root]
            elif what != "back":
                work(root, what, path, number)
            (top / "none").unlink(missing_ok=True)
        final = build_folder(blobs, root, index)
        assert final.root == build_folder(MemoryBlobs(), root, Index(top / "last")).root
        assert not blobs.missing([final.root])

"""What an index says of a folder after any history, beside what a look at every byte says."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.datasets.build import build_folder, status
from loopline.datasets.checkout import checkout
from loopline.datasets.index import Index
from loopline.errors import Conflict
from loopline.store.memory import MemoryBlobs

PATHS = st.sampled_from(["a", "b", "x", "d/a", "d/b", "d/e/a", "d/e/x", "f/a", "f/g/h/a"])
STEPS = st.one_of(
    st.tuples(st.just("write"), PATHS, st.integers(0, 3)),
    st.tuples(st.sampled_from(["remove", "chmod", "link", "touch"]), PATHS, st.just(0)),
    st.tuples(st.just("drop"), st.sampled_from(["d", "d/e", "f", "f/g"]), st.just(0)),
    st.tuples(st.just("ignore"), st.sampled_from(["x", "d/e/", "*.none", ""]), st.just(0)),
    st.tuples(st.sampled_from(["add", "status", "back", "reload", "checkout", "lose"]), st.just(""), st.integers(0, 5)),
)


def change(root: Path, what: str, path: str, number: int) -> None:
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
                change(root, what, path, number)
            (top / "none").unlink(missing_ok=True)
        final = build_folder(blobs, root, index)
        assert final.root == build_folder(MemoryBlobs(), root, Index(top / "last")).root
        assert not blobs.missing([final.root])

"""What a repository of DVC keeps, and which files say so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loopline.errors import Invalid, NotFound, Unavailable
from loopline.sdk.dvcrepo import Repository
from tests.sdk.dvcmade import Made
from tests.sdk.test_adopting import alone, made

__all__ = ["alone", "made"]


def paths(root: Path) -> list[str]:
    """Give the paths of all outs."""
    return sorted(Repository.around(root).outs())


@pytest.mark.parametrize("git", [False, True])
def test_files_are_found_below_the_root(made: Made, git: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """But for those that are ignored, in another repository inside, or part of the data."""
    made.add("raw", b"1")
    made.add("deep/er/raw", b"1")
    made.add("old/raw", b"1")
    made.write(".dvcignore", b"/old\n")
    made.add("deep/raw/inside", b"1")
    made.add("deep/raw", {"inside.dvc": b"1"})
    inner = Made(made.root / "inner")
    inner.add("raw", b"1")
    if git:
        made.commit("all")
    assert paths(made.root) == ["deep/er/raw", "deep/raw", "raw"]
    assert paths(made.root / "deep" / "er") == paths(made.root)
    assert paths(inner.root) == ["raw"]
    if git:
        assert sorted(Repository(made.root).outs_at("HEAD")) == paths(made.root)


def test_a_folder_without_dvc(tmp_path: Path) -> None:
    """The error says what to name."""
    with pytest.raises(NotFound) as caught:
        Repository.around(tmp_path)
    assert caught.value.kind == "no-dvc-repository"


def test_commits_of_a_repository_that_is_a_part(made: Made) -> None:
    """DVC may live in a folder of a repository of Git: paths are from there, and other commits do not count."""
    top = Made(made.root.parent / "top")
    sub = Made(top.root / "sub")
    sub.add("a\u00e4 b", b"1")
    top.commit("one")
    top.add("x", b"1")
    top.commit("two")
    found = Repository(sub.root)
    assert [one.message for one in found.commits()] == ["one"]
    assert list(found.outs_at(found.commits()[0].id)) == ["a\u00e4 b"]
    out = found.outs()["a\u00e4 b"]
    assert found.last(out) == found.commits()[0].id
    sub.add("a\u00e4 b", b"2")
    assert found.last(out) == ""


def test_a_merge_counts_as_one_commit(made: Made) -> None:
    """The line is that of first parents, so what a branch brought came with the merge."""
    made.commit("begin")
    made.git("checkout", "-q", "-b", "side")
    made.add("raw", b"1")
    made.commit("side 1")
    made.add("raw", b"2")
    made.commit("side 2")
    made.git("checkout", "-q", "main")
    made.git("merge", "-q", "--no-ff", "-m", "merged", "side")
    found = Repository(made.root)
    assert [one.message for one in found.commits()] == ["merged"]
    assert found.last(found.outs()["raw"]) == found.commits()[0].id


def test_where_it_comes_from_holds_no_secret(made: Made) -> None:
    """As Git knows it, without user and password."""
    made.commit("begin")
    assert Repository(made.root).address == ""
    made.git("remote", "add", "origin", "https://ann:secret@git.example.org/x.git")
    assert Repository(made.root).address == "https://git.example.org/x.git"


def test_what_is_no_file_is_not_waited_for(made: Made) -> None:
    """A pipe that is called like a file of DVC, or a link to a device, is an error."""
    for make in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        file = made.root / "raw.dvc"
        make(file)
        with pytest.raises(Unavailable) as caught:
            Repository(made.root).outs()
        assert caught.value.kind == "file-unreadable"
        file.unlink()


def test_a_line_that_is_no_pattern_is_told(made: Made) -> None:
    """A `.dvcignore` that cannot be read is named; at a commit that is past it counts as not there."""
    made.add("raw", b"1")
    made.write(".dvcignore", b"!\n")
    made.commit("all")
    with pytest.raises(Invalid) as caught:
        Repository(made.root).outs()
    assert (caught.value.kind, caught.value.facts["path"]) == ("bad-dvc-file", ".dvcignore")
    past = Repository(made.root)
    assert list(past.outs_at("HEAD")) == ["raw"]
    assert list(past.broken) == [".dvcignore"]

"""A project's source is what git would commit, or every decent file where there is no git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from loopline.errors import Invalid
from loopline.sdk import source
from loopline.sdk.source import find_source


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a commit, ignored files and a data folder."""
    git(tmp_path, "init", "-q")
    write(tmp_path, "train.py", "pkg/a.py", "ignored.log", "data/big.csv")
    (tmp_path / ".gitignore").write_text("*.log\n")
    git(tmp_path, "add", "train.py", "pkg", ".gitignore")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_tracked_and_new_files(repository: Path) -> None:
    """What git tracks and what is new belongs to it; ignored files, data folders and the loop's own do not."""
    write(repository, "new.py", ".loopline/ledger.db")
    found = find_source(repository, without=(repository / "data", repository / ".loopline"))
    assert found.files == (".gitignore", "new.py", "pkg/a.py", "train.py")
    assert found.commit is not None
    assert found.commit.endswith("+dirty")


def test_data_do_not_make_it_dirty(repository: Path) -> None:
    """Files of a data folder are no edits of the source."""
    found = find_source(repository, without=(repository / "data",))
    assert found.commit is not None
    assert len(found.commit) == 40


@pytest.mark.parametrize("edit", ["change", "delete", "rename", "add"])
def test_edits_are_told(repository: Path, edit: str) -> None:
    """Whatever differs from the commit marks it."""
    match edit:
        case "change":
            write(repository, "pkg/b.py")
        case "delete":
            (repository / "train.py").unlink()
        case "rename":
            git(repository, "mv", "train.py", "data.py")
        case _:
            write(repository, "pkg/new.py")
            git(repository, "add", "pkg/new.py")
    found = find_source(repository, without=(repository / "data",))
    assert found.commit is not None
    assert found.commit.endswith("+dirty")
    assert "train.py" not in found.files or edit in {"change", "add"}


def test_a_project_below_the_top_of_its_repository(repository: Path) -> None:
    """Only files below the project's root belong to it, named relative to it; edits elsewhere are none of its own."""
    write(repository, "elsewhere.py", "pkg/data/x.csv")
    found = find_source(repository / "pkg", without=(repository / "pkg" / "data",))
    assert found.files == ("a.py",)
    assert found.commit is not None
    assert not found.commit.endswith("+dirty")


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    """New files are source before the first commit."""
    git(tmp_path, "init", "-q")
    write(tmp_path, "a.py")
    assert (find_source(tmp_path).files, find_source(tmp_path).commit) == (("a.py",), None)


def test_odd_names(repository: Path) -> None:
    """Names with spaces, line breaks and letters of any alphabet are taken as they are; undecodable ones are left out."""
    write(repository, "a b.py", "line\nbreak.py", "ünï.py")
    Path(os.fsdecode(os.fsencode(repository) + b"/bad\xff.py")).write_text("x")
    found = find_source(repository, without=(repository / "data",)).files
    assert {"a b.py", "line\nbreak.py", "ünï.py"} < set(found)
    assert not [name for name in found if "bad" in name]
    assert list(found) == sorted(found, key=str.encode)


def test_links(repository: Path) -> None:
    """A link to a file inside stands for it; links to folders, outside or to nothing are left out."""
    for name, target in {"in": "train.py", "out": "/etc/hostname", "dir": "pkg", "lost": "nowhere"}.items():
        (repository / f"{name}.py").symlink_to(target)
    found = find_source(repository, without=(repository / "data",)).files
    assert [name for name in found if name in {"in.py", "out.py", "dir.py", "lost.py"}] == ["in.py"]


def test_large_files(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file counts only if git tracks it."""
    monkeypatch.setattr(source, "LARGE", 10)
    write(repository, "a-new-large-file.bin")
    (repository / "train.py").write_text("x" * 100)
    found = find_source(repository, without=(repository / "data",))
    assert "train.py" in found.files
    assert found.left_out == ("a-new-large-file.bin",)


def test_without_git(tmp_path: Path) -> None:
    """Every file but secrets and those of dot folders, caches, virtual environments and data folders."""
    write(
        tmp_path, ".flags", "a.py", "pkg/b.py", ".env", "pkg/.env.local", ".cache/c.py",
        "pkg/__pycache__/b.pyc", "venv/pyvenv.cfg", "venv/lib/d.py", "data/e.csv",
        "node_modules/f.js",
    )  # fmt: skip
    found = find_source(tmp_path, without=(tmp_path / "data",))
    assert (found.files, found.commit) == ((".flags", "a.py", "pkg/b.py"), None)


def test_a_home_folder_is_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many files without git are refused before they are read."""
    monkeypatch.setattr(source, "MOST", 3)
    write(tmp_path, *(f"{number}.txt" for number in range(5)))
    with pytest.raises(Invalid) as caught:
        find_source(tmp_path)
    assert caught.value.kind == "source-too-large"


def test_git_is_not_installed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git the files are found by walking."""
    monkeypatch.setenv("PATH", "")
    found = find_source(repository, without=(repository / "data",))
    assert (found.files, found.commit) == ((".gitignore", "ignored.log", "pkg/a.py", "train.py"), None)

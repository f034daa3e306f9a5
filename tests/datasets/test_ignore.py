from __future__ import annotations

import os
from pathlib import Path

import pytest

from loopline.datasets.ignore import RULES, read_rules
from loopline.errors import Invalid, Unavailable


def test_git_and_our_own_folders_are_never_data(tmp_path: Path) -> None:
    """Without any rules, .git, .loopline and a checkout's scratch folder are left out at any depth."""
    ignore = read_rules(str(tmp_path))
    assert all(ignore(path, folder=True) for path in (".git", "a/.git", ".loopline", "a/b/.loopline~"))
    assert not any(ignore(path, folder=False) for path in ("git", ".gitignore", RULES, "a/loopline"))


def test_rules_are_those_of_git(tmp_path: Path) -> None:
    """Globs, anchors, folders, negations and comments mean what they mean in a .gitignore."""
    (tmp_path / RULES).write_text("# cache\n*.tmp\n!keep.tmp\n/build/\na/**/z\n\\#x\n")
    ignore = read_rules(str(tmp_path))
    assert [path for path in ("x.tmp", "d/x.tmp", "keep.tmp", "a/b/c/z", "#x", "x") if ignore(path, folder=False)] == [
        "x.tmp",
        "d/x.tmp",
        "a/b/c/z",
        "#x",
    ]
    assert ignore("build", folder=True)
    assert not ignore("build", folder=False)
    assert not ignore("d/build", folder=True)


@pytest.mark.parametrize("line", ["!", "[z-a]", "\\"])
def test_a_line_that_is_no_pattern_is_named(tmp_path: Path, line: str) -> None:
    """A broken rule is told with file and line instead of being passed over."""
    (tmp_path / RULES).write_text(f"*.tmp\n\n{line}\n")
    with pytest.raises(Invalid) as caught:
        read_rules(str(tmp_path))
    assert (caught.value.kind, caught.value.facts["line"]) == ("bad-ignore", 3)


def test_rules_that_cannot_be_read_are_no_empty_rules(tmp_path: Path) -> None:
    """Bytes that are no text, and a folder in the place of the file, stop the scan."""
    (tmp_path / RULES).write_bytes(b"\xff\xfe")
    with pytest.raises(Invalid):
        read_rules(str(tmp_path))
    (tmp_path / RULES).unlink()
    (tmp_path / RULES).mkdir()
    with pytest.raises(Unavailable) as caught:
        read_rules(str(tmp_path))
    assert caught.value.kind == "file-unreadable"


def test_a_mark_at_the_beginning_is_no_part_of_the_first_pattern(tmp_path: Path) -> None:
    """Editors of Windows write one before the text; git passes over it, too."""
    (tmp_path / RULES).write_bytes(b"\xef\xbb\xbfsecret\r\n")
    assert read_rules(str(tmp_path))("secret", folder=False)


def test_rules_that_are_no_file_are_not_waited_for(tmp_path: Path) -> None:
    """A pipe of that name is an error; who opened it would wait for ever."""
    os.mkfifo(tmp_path / RULES)
    with pytest.raises(Unavailable) as caught:
        read_rules(str(tmp_path))
    assert caught.value.kind == "file-unreadable"

"""A command asks before bytes are lost that nothing else holds, and at no other time."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said

Run = Callable[..., Said]
LOOPLINE = (sys.executable, "-c", "import sys; from loopline.cli.entry import main; sys.exit(main())")


@pytest.fixture
def edited(run: Run, tmp_path: Path) -> Path:
    """A working folder with an edit that was never added, and a file that no version holds."""
    file = tmp_path / "data" / "flights" / "jan.csv"
    file.parent.mkdir(parents=True)
    file.write_text("1\n")
    assert run("add", "data/flights").code == 0
    file.write_text("mine\n")
    (tmp_path / "out").write_text("mine\n")
    return file


def typed(answer: str, *words: str) -> tuple[int, str]:
    """Type a command on a terminal, and what it is answered; give its exit code and what the terminal showed."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([*LOOPLINE, *words], stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, answer.encode())
        shown = b""
        while True:
            try:
                some = os.read(ours, 4096)
            except OSError:  # how a terminal whose other end is gone tells that there is no more
                break
            if not some:
                break
            shown += some
        code = process.wait(60)
    os.close(ours)
    return code, shown.decode()


CASES = {
    "checkout": (["checkout", "data/flights@1", "--force"], "data/flights/jan.csv", "would be lost: jan.csv"),
    "get": (["get", "data/flights", "out", "--force"], "out", "would be replaced: out"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_terminal_is_asked_before_bytes_are_lost(edited: Path, tmp_path: Path, name: str) -> None:
    """It shows what would be lost; anything but yes leaves all as it was and is the error of a command without --force."""
    words, path, told = CASES[name]
    for answer in ("\n", "n\n"):
        code, shown = typed(answer, *words)
        assert code == 5, shown
        assert told in shown
        assert "[y/N]" in shown
        assert (tmp_path / path).read_text() == "mine\n"
    code, shown = typed("y\n", *words)
    assert code == 0, shown
    assert (tmp_path / path).is_dir() or (tmp_path / path).read_text() == "1\n"


@pytest.mark.parametrize("name", CASES)
def test_without_a_terminal_yes_has_to_be_written(edited: Path, tmp_path: Path, run: Run, name: str) -> None:
    """Nobody can answer: the command stops with kind needs-yes and touches nothing, until --yes is there."""
    words, path, told = CASES[name]
    said = run(*words, "--json")
    assert (said.code, said.fault["kind"]) == (2, "needs-yes")
    assert told in said.err
    assert (tmp_path / path).read_text() == "mine\n"
    assert run(*words, "--yes").code == 0


def test_where_nothing_is_lost_nobody_is_asked(edited: Path, run: Run) -> None:
    """--force over a clean folder or a free name, and what the ledger takes back: delete and rollback print their undo."""
    assert run("add", "data/flights").code == 0
    assert run("checkout", "data/flights@1", "--force").code == 0
    assert run("get", "data/flights", "free", "--force").code == 0
    for words in (["rollback", "data/flights@main", "--why", "wrong"], ["delete", "data/flights@2"]):
        code, shown = typed("", *words)
        assert code == 0, shown
        assert "[y/N]" not in shown
        assert "undo:" in shown

"""What is expected of data, tried at a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said

Run = Callable[..., Said]
RULES = """
[project]
name = "flights"

[data."data/flights"]
folder = "flights"
key = ["day", "flight"]

[checks."flights/rows"]
refs = ["data/flights@main"]
expect = [{ column = "delay", type = "whole" }, { change = { min = 0 } }, { column = "delay", refers = "data/flights@main" }]
"""


@pytest.fixture
def tested(run: Run, tmp_path: Path) -> Run:
    """Run commands where main has a good month and its folder a broken one."""
    (tmp_path / "loopline.toml").write_text(RULES)
    folder = tmp_path / "flights"
    folder.mkdir()
    (folder / "july.csv").write_text("day,flight,delay\n1,7,3\n1,8,4\n")
    assert run("add", "data/flights").code == 0
    (folder / "july.csv").write_text("day,flight,delay\n1,7,0.5\n1,8,4\n")
    (folder / "ignored.csv").write_text("no,table\n1\n")
    (folder / ".looplineignore").write_text("ignored.csv\n")
    return run


def test_a_folder_is_held_against_what_its_project_expects(tested: Run, tmp_path: Path) -> None:
    """Before anything is added: exit code 1, with rows by place and key, and compared with where its branch stands."""
    said = tested("expect", "data/flights")
    assert said.code == 1
    assert "delay is a whole number: 1 of 2 rows are not" in said.out
    assert "july.csv, row 1  1 7  delay=0.5" in said.out
    assert "2 → 2 rows" in said.out
    assert [one["holds"] for one in tested("expect", "data/flights", "--json").result["observations"]] == [
        False,
        True,
        False,
    ]
    (tmp_path / "flights" / "july.csv").write_text("day,flight,delay\n1,7,3\n1,8,4\n")
    good = tested("expect", "data/flights", "--folder", "flights")
    assert (good.code, "flights, against data/flights@1: 3 of 3 expectations hold" in good.out) == (0, True)


def test_a_version_is_held_against_the_checks_in_force(tested: Run) -> None:
    """A revision behind the name means that version, whatever is in the folder."""
    said = tested("expect", "data/flights@main")
    assert (said.code, "data/flights@1: 3 of 3 expectations hold" in said.out) == (0, True)
    assert tested("expect", "data/flights", "--only", "flights/rwos", "--json").fault["kind"] == "no-check"


def test_a_failing_check_shows_its_rows(tested: Run, tmp_path: Path) -> None:
    """The change as the command that checks it draws it names what fails, and the branch stays where it is."""
    rules = '[[policies]]\nname = "flights"\nrefs = ["data/flights@main"]\nchecks = ["flights/rows"]\n'
    (tmp_path / "loopline.toml").write_text(RULES + rules)
    assert tested("policy", "--push", "--why", "tested").code == 0
    assert "loopline check" in tested("add", "data/flights").out
    said = tested("check", "data/flights@main")
    assert (said.code, "july.csv, row 1  1 7  delay=0.5" in said.out) == (1, True)
    assert tested("apply", "data/flights@main").code == 1
    assert tested("expect", "data/flights@main").code == 0
    assert tested("expect", "data/flights@2").code == 1

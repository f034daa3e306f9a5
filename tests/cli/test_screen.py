"""The terminal gets pages and colours, a file gets everything plainly."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pytest

from loopline.cli.argv import Options
from loopline.cli.screen import Screen
from tests.cli.conftest import Terminal

LONG = [f"line {index}" for index in range(500)]


@pytest.fixture
def pager(tmp_path: Path) -> Path:
    """A pager that keeps what it was given."""
    script = tmp_path / "pager"
    script.write_text(f"#!/bin/sh\ncat > {tmp_path}/paged\n", encoding="utf-8")
    script.chmod(0o755)
    return script


def test_long_output_goes_through_the_pager(pager: Path) -> None:
    """On a terminal, what does not fit goes to $PAGER and nowhere else."""
    out = Terminal()
    Screen(out, io.StringIO(), environ={**os.environ, "PAGER": str(pager)}).show(LONG)
    assert out.getvalue() == ""
    assert (pager.parent / "paged").read_text(encoding="utf-8").splitlines() == LONG


@pytest.mark.parametrize("setting", ["", "cat", "no-such-pager-here"])
def test_without_a_pager_output_is_just_printed(setting: str) -> None:
    """No pager, `cat`, or one that is missing: the lines are printed, without a word about it."""
    out, err = Terminal(), io.StringIO()
    Screen(out, err, environ={**os.environ, "PAGER": setting}).show(LONG)
    assert out.getvalue().splitlines() == LONG
    assert err.getvalue() == ""


def test_short_output_and_files_are_never_paged(pager: Path) -> None:
    """A few lines, and anything that is no terminal, are printed."""
    environ = {**os.environ, "PAGER": str(pager)}
    for out, lines in ((Terminal(), ["one"]), (io.StringIO(), LONG)):
        Screen(out, io.StringIO(), environ=environ).show(lines)
        assert out.getvalue().splitlines() == lines
    assert not (pager.parent / "paged").exists()


def test_a_status_has_a_word_and_a_sign_beside_its_colour() -> None:
    """Without colour a status is told by its sign and word; with colour they stay."""
    plain, coloured = (
        Screen(io.StringIO(), io.StringIO(), environ={}),
        Screen(io.StringIO(), io.StringIO(), environ={"FORCE_COLOR": "1"}),
    )
    assert plain.mark("bad", "failed") == "✗ failed"
    assert coloured.mark("bad", "failed") == "\x1b[31m✗ failed\x1b[0m"


def test_the_flag_wins_over_the_environment() -> None:
    """`--color` beats NO_COLOR and FORCE_COLOR."""
    screen = Screen(Terminal(), io.StringIO(), environ={"NO_COLOR": "1"})
    options = Options()
    options.color = "always"
    screen.adopt(options)
    assert screen.out_color
    options.color = "never"
    screen.adopt(options)
    assert not screen.out_color


def test_nothing_is_cut_off_in_a_file() -> None:
    """Lines are shortened for a terminal only."""
    assert Screen(io.StringIO(), io.StringIO(), environ={}).width > 1000
    assert Screen(Terminal(), io.StringIO(), environ={}).width == shutil.get_terminal_size().columns

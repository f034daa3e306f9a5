"""gc as somebody types it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import Said

Run = Callable[..., Said]


def test_without_apply_nothing_is_changed(models: Run, run: Run) -> None:
    """It tells what is dead; with --dry-run beside --apply as well."""
    assert models is not None
    for words in ((), ("--apply", "--dry-run")):
        said = run("gc", *words, "--json")
        assert (said.code, said.result["state"], said.result["number"]) == (0, "dry", None)
    assert "are in use" in run("gc").out


def test_a_reclaim_is_made_taken_back_and_emptied(models: Run, run: Run) -> None:
    """All of it by command; what is in use stays."""
    assert models is not None
    run("delete", "model/delay@1")
    now = ("--keep", "0", "--after", "0", "--json")
    assert run("gc", "--apply", *now).result["state"] == "noted"
    moved = run("gc", "--yes", *now).result
    assert (moved["state"], moved["number"]) == ("trashed", 2)
    assert moved["moved"] >= 1
    assert run("gc", "--restore", "2", "--json").result["moved"] == moved["moved"]
    assert run("gc", "--restore", "2", "--json").fault["kind"] == "no-reclaim"
    run("gc", "--apply", *now)
    run("gc", "--apply", *now)
    emptied = run("gc", "--empty-trash", "--trash", "0", "--keep", "0", "--json").result
    assert (emptied["state"], emptied["moved"]) == ("emptied", moved["moved"])
    assert run("verify", "--json").code == 0


@pytest.mark.parametrize(
    "words", [("--keep", "-1"), ("--restore", "1", "--apply"), ("--restore", "0", "--empty-trash")]
)
def test_what_makes_no_sense_is_refused(run: Run, words: tuple[str, ...]) -> None:
    """A time before now, and two things at once."""
    assert run("gc", *words).code == 2

"""Merging, as somebody at a terminal does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Said

Run = Callable[..., Said]


@pytest.fixture
def forked(run: Run, tmp_path: Path) -> Run:
    """Run commands where main and fix have both changed jan/a.csv and b.csv, and each has more."""
    folder = tmp_path / "flights"
    (folder / "jan").mkdir(parents=True)
    for branch, text in (("", "1"), ("fix", "fix"), ("main", "main")):
        (folder / "jan" / "a.csv").write_text(text)
        (folder / "b.csv").write_text(text)
        (folder / "fix.csv").unlink(missing_ok=True)
        if branch:
            (folder / f"{branch}.csv").write_text(text)
        assert run("add", "data/flights", str(folder), "--branch", branch or "main").code == 0
        if not branch:
            run("branch", "data/flights", "fix")
    return run


def test_paths_that_clash_are_chosen_at_the_terminal(forked: Run, tmp_path: Path) -> None:
    """Exit code 5 while some are left, 8 when all are chosen, 0 when the ref has moved; each answer names the next step."""
    begun = forked("merge", "data/flights@fix", "data/flights@main")
    assert begun.code == 5
    assert "2 paths clash, 2 left" in begun.out
    assert "loopline merges data/flights@main" in begun.out
    assert "undo: loopline merge --abandon data/flights@main" in begun.err
    listed = forked("merges", "data/flights@main")
    assert listed.code == 0
    assert "edit/edit" in listed.out
    assert forked("merges", "data/flights@main", "--json").result[1]["path"] == "jan/a.csv"
    assert "2 of 2 paths left" in forked("merges").out
    some = forked("merge", "--take", "theirs", "jan/")
    assert (some.code, "1 left" in some.out) == (5, True)
    own = tmp_path / "own.csv"
    own.write_text("both")
    every = forked("merge", "--take", str(own), "b.csv", "--into", "data/flights@main")
    assert (every.code, "merge --continue data/flights@main" in every.out) == (8, True)
    assert "a file" in forked("merges", "data/flights@main").out
    done = forked("merge", "--continue", "data/flights@main")
    assert (done.code, "data/flights@4" in done.out) == (0, True)
    for file, text in (("b.csv", "both"), ("jan/a.csv", "fix"), ("main.csv", "main"), ("fix.csv", "fix")):
        assert forked("cat", "data/flights@main", file).out == text
    again = forked("merge", "data/flights@fix")
    assert (again.code, "in it already" in again.out) == (0, True)


def test_a_merge_is_given_up(forked: Run) -> None:
    """The ref is where it was."""
    forked("merge", "data/flights@fix")
    assert "abandoned" in forked("merge", "--abandon").out
    assert forked("merges", "--json").result == []


def test_a_version_is_undone_picked_and_named(forked: Run) -> None:
    """Each tells what was made, and how it is taken back."""
    assert "@3  →  @4" in forked("revert", "data/flights@3").out
    forked("branch", "data/flights", "old", "--at", "1")
    forked("branch", "data/flights", "new", "--at", "1")
    assert "has nothing of its own" in forked("merge", "data/flights@2", "data/flights@new").out
    forked("cherry-pick", "data/flights@2", "data/flights@old")
    assert "fix.csv" in forked("ls", "data/flights@old").out
    assert "would change nothing there" in forked("revert", "data/flights@3").out
    assert "fixed" in forked("tag", "v1", "data/flights@3").out
    refused = forked("propose", "data/flights@v1", "--to", "1", "--why", "x", "--json")
    assert (refused.code, refused.fault["kind"]) == (1, "ref-fixed")


def test_words_that_make_no_sense_are_told(forked: Run) -> None:
    """One too many, a side that is none, a ref that is none."""
    for words, kind in (
        (("data/flights@fix", "data/flights@main", "more"), "extra-word"),
        (("--take", "mine", "b.csv"), "bad-choice"),
        (("--continue", "data/flights@1"), "not-a-ref"),
        ((), "missing-parameter"),
    ):
        said = forked("merge", *words, "--json")
        assert (said.code, said.fault["kind"]) == (2, kind)

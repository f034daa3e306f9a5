"""A store says which trees it has whole, and stops saying so before it is no longer true."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.nouns.digest import digest_of
from loopline.store.local import LocalBlobs
from loopline.store.marks import first_marked, mark, marked, marks, unmark
from loopline.store.named import LocalNamed

A, B, C = (digest_of(name) for name in (b"a", b"b", b"c"))


@pytest.fixture
def named(tmp_path: Path) -> LocalNamed:
    """Give an empty store."""
    return LocalNamed(LocalBlobs(tmp_path))


def test_a_mark_is_of_one_root(named: LocalNamed) -> None:
    """What is marked is said to be whole, and nothing else."""
    mark(named, A)
    assert (marked(named, A), marked(named, B)) == (True, False)
    assert list(marks(named)) == [A]


def test_a_mark_that_was_cut_does_not_count(named: LocalNamed, tmp_path: Path) -> None:
    """A file of the right name that says something else marks nothing."""
    (tmp_path / "roots").mkdir()
    (tmp_path / "roots" / A[7:]).touch()
    assert not marked(named, A)
    assert first_marked(named, [A]) is None


def test_the_nearest_is_found(named: LocalNamed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several roots the first that is marked is given, also where there are too many marks to list."""
    mark(named, B)
    mark(named, C)
    assert first_marked(named, [A, B, C]) == B
    assert first_marked(named, []) is None
    monkeypatch.setattr("loopline.store.marks._LISTED", 1)
    assert first_marked(named, [A, C, B]) == C


def test_marks_fall(named: LocalNamed) -> None:
    """All fall but those that are to be kept."""
    for one in (A, B, C):
        mark(named, one)
    assert unmark(named, keep={B}) == 2
    assert list(marks(named)) == [B]
    assert unmark(named) == 1

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid

from .conftest import BOB, CHAMPION, DATA, MODEL

if TYPE_CHECKING:
    from .conftest import World


def test_what_is_called_so_comes_first(guarded: World) -> None:
    """An exact name stands before everything that only mentions the words, and nothing is told twice."""
    change = guarded.propose(1)
    guarded.do("apply", guarded.do("approve", change.id, by=BOB).id)
    guarded.data(champion_csv=b"2")
    found = guarded.do("search", "champion")
    assert [(hit.kind, hit.key) for hit in found if hit.exact] == [("ref", str(CHAMPION))]
    assert (found[0].exact, {hit.kind for hit in found}) == (True, {"ref", "file"})
    assert len({(hit.kind, hit.key) for hit in found}) == len(found)
    (jump, *_) = guarded.do("search", change.id)
    assert (jump.kind, jump.key, jump.exact) == ("change", change.id, True)


def test_a_kind_and_a_limit_narrow(guarded: World) -> None:
    """Only what was asked for, and no more of it."""
    for kind in ("asset", "ref", "version", "run", "change", "event", "person", "file"):
        assert {hit.kind for hit in guarded.do("search", "a", kind=kind)} <= {kind}
    assert len(guarded.do("search", "train", kind="run", limit=1)) == 1


def test_files_are_found_by_their_path(world: World) -> None:
    """A file of the newest version is a hit; one that only an older version had is none."""
    world.data(deep_csv=b"2")
    (hit,) = world.do("search", "DEEP csv", kind="file")
    assert (hit.key, hit.title) == (f"{DATA}@2/deep.csv", "deep.csv")
    assert world.do("search", "a.csv", kind="file") == ()


def test_words_that_mean_nothing_are_refused(world: World) -> None:
    """No words, too many, a zero byte, a limit of nothing."""
    for words in ("", "  ", "x" * 201, "a\0b"):
        with pytest.raises(Invalid):
            world.do("search", words)
    with pytest.raises(Invalid):
        world.do("search", "a", limit=0)


def test_another_project_is_not_searched(guarded: World) -> None:
    """Words that are everywhere here find nothing from another project."""
    guarded.propose(1)
    for words in ("delay", "because", "train", "champion", "a.csv"):
        assert guarded.abroad().do("search", words) == ()
    assert {str(MODEL), str(CHAMPION.asset)} == {hit.key for hit in guarded.do("search", "delay", kind="asset")}

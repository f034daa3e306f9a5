from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid
from loopline.verbs.paging import next_of

from .conftest import BOB, CHAMPION, DATA, MODEL
from .test_paging import pages

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


def test_pages_of_a_kind_join_to_the_whole(world: World) -> None:
    """Behind the last thing of a page comes the next one, each once, whatever is found in several ways or added meanwhile."""
    for number in range(7):
        run = world.do("start", f"train {number}", params={"lr": f"train{number % 2}"}, commit=f"{number:07d}")
        world.do("finish", run.id)
    files: dict[str, Any] = {f"train{n}_csv": b"%d" % n for n in range(6)}
    world.data(**files)
    for kind in ("run", "event", "file", "asset", "version", "ref", "change", "person"):
        words = {"event": "run", "asset": "a", "version": "more", "ref": "main"}.get(kind, "train")
        whole = list(world.do("search", words, kind=kind, limit=1000))
        for limit in (1, 2, 3):
            assert list(pages(world.do, "search", words=words, kind=kind, limit=limit)) == whole, (kind, limit)
    whole = [hit.key for hit in world.do("search", "train", kind="run", limit=1000)]
    fresh = pages(world.do, "search", lambda: world.do("start", "train again"), words="train", kind="run", limit=2)
    assert [hit.key for hit in fresh if hit.key in whole] == whole
    assert len(whole) == 7


def test_a_place_says_of_which_kind_it_is(world: World) -> None:
    """Going on needs no kind; one that is not the place's, and a place where nothing stands, are refused."""
    for number in range(3):
        world.do("start", f"train {number}")
    first = world.do("search", "train", limit=2)
    assert next_of("search", {"words": "train", "limit": 2}, first) is None
    place = f"run:{[hit for hit in first if hit.kind == 'run'][-1].key}"
    (last,) = world.do("search", "train", after=place)
    assert (last.kind, last.title.partition(",")[0]) == ("run", "train 0")
    for after, kind in ((place, "ref"), ("run:" + "0" * 32, None), ("run:", None), ("x", None)):
        with pytest.raises(Invalid) as caught:
            world.do("search", "train", after=after, kind=kind)
        assert caught.value.kind == "bad-cursor"

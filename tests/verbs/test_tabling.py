from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Unavailable
from loopline.nouns.caller import Caller
from loopline.nouns.name import Numbered, Pointer
from loopline.verbs import tabling

from .conftest import ANN, DATA

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import World


@pytest.fixture
def here(world: World, tmp_path: Path) -> World:
    """Give a world whose cache is this test's own, with two versions of a table."""
    world.loop = replace(world.loop, work=tmp_path / "work")
    world.data(t_csv=b"id,x\n1,1\n2,2\n")
    world.data(t_csv=b"id,x\n1,1\n2,3\n4,4\n")
    return world


def diff(world: World, old: int = 2, new: int = 3, **asked: Any) -> Any:
    """Compare two versions row by row."""
    pointers = (Pointer(DATA, Numbered(number)) for number in (old, new))
    return world.do("diff", *pointers, **asked or {"rows": True}).rows[0]


def test_a_difference_is_computed_once_for_its_bytes(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time no table is opened, by whatever name the bytes go; what is damaged in the cache is made again."""
    first = diff(here)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert diff(here) == first
    monkeypatch.undo()
    for kept in (here.loop.work / "differences").glob("*.json"):
        kept.write_bytes(b"{")
    assert diff(here) == first
    for kept in (here.loop.work / "differences").glob("*.parquet"):
        kept.unlink()
    assert [one.word for one in diff(here, table="*.csv").samples] == ["changed", "added"]


def test_columns_are_summarised_once_for_their_bytes(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a preview has summarised, a comparison does not summarise again, and the other way round."""
    from loopline.datasets import profile, rows

    diff(here)
    seen: list[str] = []
    real = profile.profile_of

    def watched(db: Any, side: str, **asked: Any) -> dict[str, Any]:
        seen.append(side)
        return real(db, side, **asked)

    monkeypatch.setattr(rows, "profile_of", watched)
    monkeypatch.setattr(profile, "profile", None)
    here.do("preview", Pointer(DATA, Numbered(3)), "t.csv")
    here.data(t_csv=b"id,x\n7,7\n")
    diff(here, 3, 4)
    assert seen == ["new"]


def test_a_server_reads_tables_in_a_process_of_its_own(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same comes out, and errors arrive as they are, though this process cannot open tables."""
    at_home = diff(here)
    here.loop = replace(here.loop, caller=Caller(ANN), work=here.loop.work.with_name("elsewhere"))
    monkeypatch.setitem(sys.modules, "duckdb", None)
    sides = [one for number in (2, 3) for one in _entries(here, number)]
    told = tabling.difference(here.loop, sides[:1], sides[1:], ())
    assert (told.answer["changed"], told.answer["added"], told.answer["key"]) == (1, 1, list(at_home.key))
    assert told.new["rows"] == 3


def test_differences_do_not_fill_the_disk(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that nobody has asked for longest go, with their rows; the one that is asked for stays."""
    diff(here)
    folder = here.loop.work / "differences"
    (first,) = folder.glob("*.json")
    os.utime(first, (1, 1))
    monkeypatch.setattr(tabling, "MOST", 1)
    diff(here, 3, 2)
    (left,) = folder.glob("*.json")
    assert left != first
    assert [one.stem for one in folder.glob("*.parquet")] == [left.stem]
    assert len(list(folder.iterdir())) == 2


def test_a_server_compares_no_tables_that_are_too_large(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks is told before anything is read; at home all is compared."""
    monkeypatch.setattr(tabling, "LARGEST", 10)
    here.loop = replace(here.loop, caller=Caller(ANN))
    sides = [one for number in (2, 3) for one in _entries(here, number)]
    with pytest.raises(Unavailable) as caught:
        tabling.difference(here.loop, sides[:1], sides[1:], ())
    assert caught.value.kind == "tables-too-slow"
    here.loop = replace(here.loop, caller=None)
    assert tabling.difference(here.loop, sides[:1], sides[1:], ()).answer["changed"] == 1


def _entries(world: World, number: int) -> list[Any]:
    from loopline.datasets.tree import Tree

    with world.loop.ledger.read() as tx:
        return list(Tree(world.loop.blobs, tx.versions.get(DATA, number).artifact.digest).iter())

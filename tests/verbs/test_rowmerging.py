from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.datasets import tablemerge
from loopline.nouns.caller import Caller
from loopline.nouns.entry import Entry
from loopline.verbs import comparing
from loopline.verbs.rowmerging import key_of, merge_rows

from .conftest import ANN, DATA

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import World

BASE = b"id,x,y\n1,a,b\n2,a,b\n"


def entry(world: World, body: bytes, path: str = "t.csv") -> Entry:
    """Store a file."""
    return Entry(path, world.loop.blobs.put(body), len(body))


@pytest.mark.parametrize("caller", [None, Caller(ANN)])
def test_a_file_is_merged_from_its_three_entries(world: World, tmp_path: Path, caller: Caller | None) -> None:
    """Bytes, conflicts and reasons are the same in this process and, on a server, in one of its own."""
    world.loop = replace(world.loop, work=tmp_path / "work", caller=caller)
    base, ours = entry(world, BASE), entry(world, BASE.replace(b"1,a,b", b"1,o,b"))
    theirs = entry(world, BASE.replace(b"1,a,b", b"1,a,t"))
    assert merge_rows(world.loop, base, ours, theirs, key=("id",)).body == b"id,x,y\n1,o,t\n2,a,b\n"
    clash = merge_rows(world.loop, None, ours, theirs, key=("id",))
    assert [(one.key, one.column, one.ours, one.theirs) for one in clash.conflicts] == [
        (("1",), "x", "o", "a"),
        (("1",), "y", "b", "t"),
    ]
    assert (clash.body, clash.count) == (None, 2)
    assert merge_rows(world.loop, base, ours, theirs, key=("z",)).why


def test_without_a_key_nothing_is_merged_by_rows(world: World) -> None:
    """A key is declared, never guessed, where something is written by it; what is no table is not read."""
    sides = [entry(world, body, path="t.bin") for body in (b"1", b"2", b"3")]
    assert merge_rows(world.loop, *sides, key=("id",)).why
    assert merge_rows(world.loop, *(replace(one, path="t.csv") for one in sides), key=()).why
    version = world.do("add", DATA, tree=world.tree(a_csv=b"x"), metadata={"key": "id"}).version
    assert key_of(version) == ("id",)


@pytest.mark.parametrize("key", [5, [1, None], {"a": 1}, None, True])
def test_a_key_that_is_no_names_is_none(world: World, key: object) -> None:
    """Metadata are anybody's: who says something else by `key` has declared none."""
    version = world.do("add", DATA, tree=world.tree(a_csv=b"x"), metadata={"key": key}).version
    assert key_of(version) == ()


def test_a_tree_that_says_less_than_there_is_does_no_harm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a file is the store says, before any of it is read into memory."""
    monkeypatch.setattr(tablemerge, "MOST", 10)
    monkeypatch.setattr(comparing, "on_disk", None)
    sides = [replace(entry(world, BASE + line), size=1) for line in (b"", b"3,c,d\n", b"4,e,f\n")]
    assert "MiB" in merge_rows(world.loop, *sides, key=("id",)).why

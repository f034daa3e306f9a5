"""What is read of a place, and what is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loopline.errors import Refused
from loopline.nouns.progress import Progress
from loopline.store.foreign import foreign_of
from loopline.store.sidecars import Sidecars
from loopline.verbs.registering import Reading, allowed
from tests.store.test_foreign import in_folder

from .conftest import World


def known(world: World) -> Sidecars:
    """Give what the store knows."""
    found = foreign_of(world.loop.blobs)
    assert found is not None
    return found


def test_what_a_reclaim_condemned_is_kept_by_who_needs_it_again(world: World, tmp_path: Path) -> None:
    """A file that is recognised is taken off the list of what is to be forgotten; progress counts bytes, to the last."""
    source = tmp_path / "source"
    source.mkdir()
    for name in "abc":
        (source / name).write_bytes(name.encode())
    told: list[Progress] = []
    here = World(replace(world.loop, blobs=in_folder(tmp_path / "store"), work=tmp_path, report=told.append))
    reading = Reading(here.loop, str(source))
    reading.look()
    reading.read()
    assert (told[-1].done, told[-1].total, reading.unread) == (3, 3, [])
    digests = list(here.loop.blobs.iter())
    known(here).condemn(1, {bytes.fromhex(one[7:]) for one in digests})
    (source / "c").unlink()
    again = Reading(here.loop, str(source))
    again.look()
    assert again.unread == []
    known(here).forget(1)
    assert sorted(here.loop.blobs.iter()) == sorted(again.digest(at) for at in range(2))


def test_a_store_that_keeps_its_own_bytes_only(world: World, tmp_path: Path) -> None:
    """It refuses; an owner may name any folder."""
    (tmp_path / "x").write_bytes(b"1")
    with pytest.raises(Refused) as caught:
        Reading(world.loop, allowed(world.loop, str(tmp_path))).look()
    assert caught.value.kind == "no-foreign"

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.digest import digest_of
from loopline.nouns.name import RefName
from loopline.verbs.staging import gone, look, stage, written

from .conftest import DATA

if TYPE_CHECKING:
    from .conftest import World

MAIN = RefName(DATA, "main")


def test_a_prefix_goes_back_to_the_version(world: World) -> None:
    """What is staged elsewhere stays; the answer and one event tell what was forgotten."""
    before = len(world.events())
    for path in ("tmp/1", "tmp/2", "keep", "tmp/folder/"):
        stage(world.loop, MAIN, written(path, digest_of(b"x"), 1))
    stage(world.loop, MAIN, gone("a.csv"))
    assert [one.path for one in world.do("discard", MAIN, prefix="tmp/")] == ["tmp/1", "tmp/2", "tmp/folder/"]
    assert [one.path for one in look(world.loop, MAIN).overlay(world.loop).iter()] == ["keep"]
    assert [one.path for one in world.do("discard", MAIN)] == ["a.csv", "keep"]
    assert [one.path for one in look(world.loop, MAIN).overlay(world.loop).iter()] == ["a.csv"]
    assert [event.kind for event in world.events(before)] == ["staging.discarded"] * 2
    assert world.do("discard", MAIN) == ()

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.nouns.trigger import Do, OnTime, Trigger

from .conftest import OTHER
from .triggered import arm, fired

if TYPE_CHECKING:
    from .conftest import World

PAGE = Trigger("page", OnTime("0 6 * * *"), Do(incident="Look"))


def test_a_trigger_fires_when_somebody_asks(world: World) -> None:
    """As often as they ask, by the trigger's own name, with who asked and why."""
    arm(world, PAGE)
    world.do("fire", "page")
    one = world.do("fire", "page", why="to try it")
    assert (one.state, one.why) == ("done", "person:ann asked for it: to try it")
    assert len({each.cause for each in fired(world)}) == 2
    assert world.events()[-1].actor == "person:ann"
    assert {each.opened_by for each in world.do("find", "incidents")} == {"trigger:page"}


def test_a_rehearsal_tells_what_would_follow(world: World) -> None:
    """The same answer, and nothing is kept."""
    arm(world, PAGE)
    assert world.rehearsing().do("fire", "page").incident
    assert fired(world) == []
    assert world.do("find", "incidents") == ()


def test_a_trigger_that_is_not_there_is_told_by_the_nearest(world: World) -> None:
    """A word that is nearly right is told by the right one."""
    arm(world, PAGE)
    for word, hint in (("pge", "did you mean page?"), ("x", "loopline triggers")):
        with pytest.raises(NotFound) as caught:
            world.do("fire", word)
        assert (caught.value.kind, caught.value.hint) == ("no-trigger", hint)


def test_the_triggers_of_a_file_are_those_of_its_own_project(world: World) -> None:
    """On a server with a project file, nobody sees or fires its triggers in another project."""
    world.loop = replace(world.loop, triggers=(PAGE,))
    assert [one.name for one in world.do("triggers")] == ["page"]
    world.loop = replace(world.loop, project=OTHER)
    assert world.do("triggers") == ()
    with pytest.raises(NotFound):
        world.do("fire", "page")

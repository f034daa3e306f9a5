from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, Refused
from loopline.nouns.caller import Caller
from loopline.verbs.founding import Project, close_project, describe_project, found_project, project, projects
from loopline.verbs.grant import grant
from loopline.verbs.start import start

from .conftest import BOB, PROJECT

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.token import Role

    from .conftest import World


def asked(world: World, role: Role, *, project: str = PROJECT, everywhere: bool = False) -> Loop:
    """Give the loop as Bob has it who asks through a server, in a role."""
    grant(world.loop, "bob", f"role/{role}", everywhere=everywhere)
    roles: dict[str, Role] = {"*" if everywhere else PROJECT: role}
    return replace(world.loop, project=project, actor=BOB, caller=Caller(BOB, roles))


def test_a_project_is_founded_described_and_listed(world: World) -> None:
    """With an event in its own feed, beside the loop's own, which needs no founding."""
    found_project(world.loop, "team-a", "flights")
    assert projects(world.loop) == (Project(PROJECT), Project("team-a", "flights"))
    there = replace(world.loop, project="team-a")
    describe_project(there, "delays")
    assert project(there) == Project("team-a", "delays")
    with world.loop.ledger.read() as tx:
        assert [one.kind for one in tx.feed.list("team-a")] == ["project.created", "project.described"]


def test_what_cannot_be_founded_is_refused(world: World) -> None:
    """A name that is taken or is none, and more words than are kept."""
    found_project(world.loop, "team-a")
    with pytest.raises(Conflict) as taken:
        found_project(world.loop, "team-a")
    assert taken.value.kind == "project-exists"
    for name, text in (("Team A", ""), ("b", "x" * 1_001)):
        with pytest.raises(Invalid):
            found_project(world.loop, name, text)


def test_only_a_project_in_which_nothing_was_goes(world: World) -> None:
    """Roles in it are no reason to stay, and one that comes back is empty."""
    found_project(world.loop, "team-a", "old")
    there = replace(world.loop, project="team-a")
    grant(there, "bob", "role/viewer")
    close_project(there)
    assert projects(world.loop) == (Project(PROJECT),)
    found_project(world.loop, "team-a")
    start(there, "train")
    with pytest.raises(Conflict) as used:
        close_project(there)
    assert used.value.kind == "project-in-use"


def test_only_an_admin_founds_and_closes(world: World) -> None:
    """Whatever else somebody may do."""
    found_project(world.loop, "team-a")
    loop = asked(world, "maintainer", everywhere=True)
    with pytest.raises(Refused):
        found_project(loop, "more")
    with pytest.raises(Refused):
        close_project(replace(loop, project="team-a"))

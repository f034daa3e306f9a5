from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, Refused
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.verbs.grant import grant
from loopline.verbs.teaming import bands, describe_team, dissolve, everybody

from .conftest import BOB, PROJECT

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.token import Role
    from loopline.verbs.teaming import Band

    from .conftest import World


def asked(world: World, role: Role, *, project: str = PROJECT, everywhere: bool = False) -> Loop:
    """Give the loop as Bob has it who asks through a server, in a role."""
    grant(world.loop, "bob", f"role/{role}", everywhere=everywhere)
    roles: dict[str, Role] = {"*" if everywhere else PROJECT: role}
    return replace(world.loop, project=project, actor=BOB, caller=Caller(BOB, roles))


def team(world: World, name: str = "team/ml") -> Band | None:
    return next((one for one in bands(world.loop, (PROJECT,)) if one.name == name), None)


def test_a_team_is_there_once_something_is_said_of_it(world: World) -> None:
    """Before anybody is in it; and who is in it, and what it carries, is told."""
    describe_team(world.loop, PROJECT, "team/ml", "who decides", new=True)
    here = team(world)
    assert here is not None
    assert (here.description, here.carries, here.members, here.fixed) == ("who decides", (), (), False)
    world.do("grant", "bob", "team/ml")
    world.do("grant", "team/ml", "role/approver")
    here = team(world)
    assert here is not None
    assert (here.carries, here.members) == (("approver",), ("person:bob",))
    assert [one.name for one in bands(world.loop, (PROJECT,)) if one.fixed] == [
        "role/viewer", "role/contributor", "role/approver", "role/maintainer", "role/admin",
    ]  # fmt: skip


def test_a_team_that_is_there_cannot_be_new(world: World) -> None:
    """Whether somebody is in it, it has a role, or something is said of it."""
    world.do("grant", "bob", "team/a")
    world.do("grant", "team/b", "role/viewer")
    describe_team(world.loop, PROJECT, "team/c", "")
    for name in ("team/a", "team/b", "team/c"):
        with pytest.raises(Conflict):
            describe_team(world.loop, PROJECT, name, "", new=True)
    for name in ("team/", "team/ x", "team/a\nb", "team/" + "x" * 101):
        with pytest.raises(Invalid):
            describe_team(world.loop, PROJECT, name, "")


def test_a_team_dissolves(world: World) -> None:
    """Nobody is in it, it carries nothing, and nothing is said of it."""
    world.do("grant", "bob", "team/ml")
    world.do("grant", "team/ml", "role/approver")
    describe_team(world.loop, PROJECT, "team/ml", "x")
    here = team(world)
    assert here is not None
    dissolve(world.loop, here)
    assert team(world) is None


def test_everybody_is_who_signed_in_has_a_role_or_a_token(world: World) -> None:
    """But not who is shut out, and only those whom the caller may know."""
    world.do("grant", "bob", "team/ml")
    world.do("issue", "ci", actor=Actor("token", "ci"))
    world.do("grant", "gone", "role/viewer")
    world.do("revoke", "person:gone")
    assert everybody(world.loop) == ("person:bob", "token:ci")
    assert everybody(asked(world, "viewer")) == ("person:bob",)


def test_who_does_not_manage_a_project_says_nothing_of_teams(world: World) -> None:
    """Nor of those of every project who manages one."""
    with pytest.raises(Refused):
        describe_team(asked(world, "contributor"), PROJECT, "team/x", "")
    with pytest.raises(Refused):
        describe_team(asked(world, "maintainer"), "*", "team/x", "")

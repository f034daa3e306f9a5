from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.verbs.whoami import whoami

from .conftest import ANN, BOB
from .test_issue import give, over_the_wire

if TYPE_CHECKING:
    from .conftest import World


def test_the_owner_of_an_embedded_loop_may_do_everything(world: World) -> None:
    """Nobody vouches for the name, and nobody needs to."""
    here = world.do("whoami")
    assert (here.actor, here.verified, here.role, here.embedded) == (str(ANN), False, "admin", True)


def test_somebody_with_a_token_is_told_what_it_covers(world: World) -> None:
    """Role in this project, roles elsewhere, scopes and the token's id."""
    give(world, BOB, "approver")
    here = whoami(over_the_wire(world, BOB, "read:flights"))
    assert (here.role, here.roles, here.token, here.verified) == ("approver", {"flights": "approver"}, "t", True)
    assert [scope.project for scope in here.scopes] == ["flights"]


def test_somebody_without_a_role_is_told_so(world: World) -> None:
    """To be known is not to be allowed."""
    assert whoami(over_the_wire(world, BOB)).role is None

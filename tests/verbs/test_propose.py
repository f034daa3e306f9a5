from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid, NotFound, Refused
from loopline.nouns.change import ChangeState
from loopline.nouns.name import Numbered

from .conftest import ANN, CHAMPION, TRIGGER

if TYPE_CHECKING:
    from .conftest import World


def test_a_free_ref_moves_at_once(world: World) -> None:
    """Where no policy speaks of a ref, proposing moves it in the same transaction."""
    world.train()
    change = world.propose(1)
    assert change.state is ChangeState.APPLIED
    assert world.target() == 1


def test_a_guarded_ref_waits(guarded: World) -> None:
    """Where a policy speaks of it, the change is written down with what is missing, and nothing moves."""
    change = guarded.propose(1)
    assert change.state is ChangeState.PROPOSED
    assert guarded.target() is None
    assert change.decision is not None
    assert not change.decision.passed
    assert change.decision.phase == "propose"


def test_several_refs_move_all_or_none(world: World) -> None:
    """One ref that cannot move keeps all of them where they are."""
    world.train()
    with pytest.raises(NotFound):
        world.propose(1, also={"data/flights@live": "9"})
    assert world.target() is None
    change = world.propose(1, also={"data/flights@live": "main"})
    assert [str(m.ref) for m in change.moves] == ["data/flights@live", "model/delay@champion"]


def test_a_target_must_be_named(world: World) -> None:
    """Neither nothing nor both of --to and --delete is a question back, not a guess."""
    world.train()
    wrong: tuple[dict[str, Any], ...] = ({}, {"to": Numbered(1), "delete": True})
    for asked in wrong:
        with pytest.raises(Invalid):
            world.do("propose", CHAMPION, why="w", **asked)


def test_a_ref_can_be_proposed_to_go(world: World) -> None:
    """Deleting is a change with a reason."""
    world.train()
    world.propose(1)
    assert world.do("propose", CHAMPION, delete=True, why="unused").moves[0].new is None
    assert world.target() is None


def test_only_people_lift_a_quarantine(world: World) -> None:
    """No automation moves to what a rollback marked; a person may, and says so."""
    world.train()
    world.propose(1)
    world.do("rollback", CHAMPION, why="bad")
    for actor in (ANN, TRIGGER):
        with pytest.raises(Refused) as caught:
            world.propose(1, by=actor)
        assert caught.value.kind == "quarantined"
    with pytest.raises(Refused) as caught:
        world.propose(1, by=TRIGGER, lift=True)
    assert caught.value.kind == "lift-needs-person"
    assert world.propose(1, lift=True).lifts == ("model/delay@1",)
    assert world.target() == 1


def test_a_further_ref_points_into_its_own_asset(guarded: World) -> None:
    """A version of another asset is not read as a number of this one."""
    with pytest.raises(Invalid) as caught:
        guarded.propose(1, also={"data/flights@champion": "model/delay@1"})
    assert caught.value.kind == "other-asset"


def test_a_ref_of_another_project_does_not_move(guarded: World) -> None:
    """Its policy would not be asked."""
    with pytest.raises(Invalid) as caught:
        guarded.abroad().propose(1)
    assert caught.value.kind == "other-project"
    assert guarded.target() is None


def test_what_goes_takes_nothing_with_it(world: World) -> None:
    """Flags that mean nothing for a deletion are refused, not ignored."""
    world.propose(world.train().number)
    wrong: tuple[dict[str, Any], ...] = ({"together": True}, {"lift": True}, {"tier": "production"})
    for asked in wrong:
        with pytest.raises(Invalid):
            world.do("propose", CHAMPION, delete=True, why="w", **asked)
    assert world.target() == 1

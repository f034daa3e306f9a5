"""Changes that roll: how they begin, wait and end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound, Refused
from loopline.nouns.change import ChangeState
from loopline.nouns.name import Numbered, Pointer
from loopline.nouns.rollout import Judged, Plan, Step

from .conftest import BOB, MODEL
from .test_deploy import DECLARED, DELAY, PROD, champion, train

if TYPE_CHECKING:
    from loopline.nouns.change import Change
    from loopline.nouns.rolling import Rollout

    from .conftest import World

PLAN = Plan("canary", (Step(0.1), Step(0.5)), (Judged("errors", "events", 0.01),))
ROLLING = replace(DECLARED, rollout=PLAN)


def rolling(world: World) -> Change:
    """A second version of the service begins to roll."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=ROLLING)
    train(world, b"better")
    champion(world, 2)
    change: Change = world.do("deploy", PROD, declared=ROLLING)
    return change


def the(world: World) -> Rollout:
    """The one rollout that there is."""
    (one,) = world.do("rollouts")
    assert one == world.do("rollouts", one.change)[0] == world.do("rollouts", str(PROD))[0]
    return one


def test_a_change_rolls_where_the_new_version_says_how(world: World) -> None:
    """The first version has nothing to be compared with and moves at once; with the second the ref stays and a rollout begins."""
    change = rolling(world)
    assert change.state is ChangeState.ROLLING
    one = the(world)
    assert (one.change, one.ref, one.old, one.new, one.progress.state, one.progress.weight) == (
        change.id, str(PROD), 1, 2, "waiting", 0.0,
    )  # fmt: skip
    with world.loop.ledger.read() as tx:
        assert tx.refs.get(PROD).target == 1
    assert world.events()[-1].kind == "rollout.started"


def test_nobody_moves_the_ref_meanwhile(world: World) -> None:
    """Another change of the ref, and a second yes to this one, are refused with what is to be done."""
    change = rolling(world)
    train(world, b"third")
    with pytest.raises(Conflict) as caught:
        world.do("deploy", PROD, model=Pointer(MODEL, Numbered(3)))
    assert (caught.value.kind, caught.value.facts["change"]) == ("rolling", change.id)
    with pytest.raises(Conflict) as caught:
        world.do("apply", change.id)
    assert "loopline abort" in caught.value.hint


def test_it_is_held_and_let_on(world: World) -> None:
    """A rollout is paused once and resumed once, by its deployment or by its change, and each is an event."""
    change = rolling(world)
    assert world.do("pause", str(PROD), why="storm").progress.reason == "storm"
    with pytest.raises(Conflict) as caught:
        world.do("pause", change.id)
    assert caught.value.kind == "rollout-paused"
    assert world.do("resume", change.id, by=BOB).progress.state == "rolling"
    with pytest.raises(Conflict) as caught:
        world.do("resume", change.id)
    assert caught.value.kind == "rollout-not-paused"
    assert [one.kind for one in world.events()[-2:]] == ["rollout.paused", "rollout.resumed"]


def test_it_is_ended_and_nothing_has_moved(world: World) -> None:
    """Aborting stops the change and lets the next one in; it is over then, for whoever comes late."""
    change = rolling(world)
    assert world.do("abort", str(PROD), why="no").state is ChangeState.STOPPED
    assert the(world).progress.state == "stopped"
    with world.loop.ledger.read() as tx:
        assert tx.refs.get(PROD).target == 1
        assert tx.versions.quarantined(DELAY, 2) is None
        assert tx.incidents.list(PROD.asset.project) == []
    for verb in ("pause", "resume"):
        with pytest.raises(Conflict) as caught:
            world.do(verb, change.id)
        assert caught.value.kind == "rollout-over"
    assert world.do("deploy", PROD, declared=ROLLING).state is ChangeState.ROLLING


def test_what_was_bad_is_marked(world: World) -> None:
    """With a quarantine the service's version and its new model are marked, the old model is not, and an incident is open."""
    change = rolling(world)
    world.do("abort", change.id, why="complaints", quarantine=True)
    with world.loop.ledger.read() as tx:
        assert tx.versions.quarantined(DELAY, 2) == tx.versions.quarantined(MODEL, 2) == "complaints"
        assert tx.versions.quarantined(MODEL, 1) is None
        (incident,) = tx.incidents.list(PROD.asset.project)
        assert [(one.relation, one.change) for one in incident.blames] == [("caused_by", change.id)]
    with pytest.raises(Refused):
        world.do("deploy", PROD, to=Numbered(2))


def test_what_cannot_be_compared_does_not_begin(world: World) -> None:
    """A version that names units otherwise cannot be judged against the old one; the change stays as it was."""
    rolling(world)
    world.do("abort", str(PROD), why="no")
    with pytest.raises(Invalid) as caught:
        world.do("deploy", PROD, declared=replace(ROLLING, unit=()))
    assert caught.value.kind == "not-comparable"
    with world.loop.ledger.read() as tx:
        assert tx.refs.get(PROD).target == 1


def test_what_does_not_roll_is_told(world: World) -> None:
    """A change that moved at once has no rollout, and a deployment where nothing rolls says so."""
    train(world)
    champion(world, 1)
    change = world.do("deploy", PROD, declared=ROLLING)
    with pytest.raises(NotFound):
        world.do("abort", change.id, why="x")
    with pytest.raises(Conflict) as caught:
        world.do("abort", str(PROD), why="x")
    assert caught.value.kind == "rollout-over"
    assert world.do("rollouts") == ()

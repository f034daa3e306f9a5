"""Rollouts that somebody ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Refused
from loopline.nouns.change import ChangeState
from loopline.nouns.name import Numbered

from .conftest import MODEL
from .rolled import ROLLING, rolling, the
from .test_deploy import DELAY, PROD

if TYPE_CHECKING:
    from .conftest import World


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

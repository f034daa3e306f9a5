"""What a training loop sends for one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.verbs.delete import delete
from loopline.verbs.gathering import gather
from loopline.verbs.start import start

if TYPE_CHECKING:
    from .conftest import World


def test_points_are_no_event_and_may_be_sent_twice(world: World) -> None:
    """The feed does not grow with a training loop, and a client that tries again changes nothing."""
    run = start(world.loop, "train").id
    with world.loop.ledger.read() as tx:
        before = tx.feed.events()
    for _ in range(2):
        assert gather(world.loop, run, {"loss": [(1, 5, 0.5)], "auc": [(1, 5, None)]}) == run
    with world.loop.ledger.read() as tx:
        assert tx.feed.events() == before
        assert tx.metrics.rows(run, "loss", limit=9) == [(1, 5, 0, 0.5)]


def test_params_and_tags_are_told(world: World) -> None:
    """With params or tags it is one event, which says them; another value of a param undoes all of it."""
    run = start(world.loop, "train").id
    gather(world.loop, run, {"loss": [(1, 5, 0.5)]}, params={"depth": "8"}, tags={"team": "red"})
    with pytest.raises(Conflict) as caught:
        gather(world.loop, run, {"loss": [(2, 6, 0.25)]}, params={"depth": "9"}, tags={"team": "blue"})
    assert caught.value.kind == "param-exists"
    with world.loop.ledger.read() as tx:
        found = tx.runs.get(run)
        assert (found.params, found.tags, found.metrics) == ({"depth": "8"}, {"team": "red"}, {"loss": 0.5})
        (event,) = (one for one in tx.feed.list(world.loop.project) if one.kind == "run.logged")
        assert (event.payload or {})["params"] == {"depth": "8"}


def test_nothing_is_added_to_a_run_that_is_not_there_or_was_deleted(world: World) -> None:
    """The first digits of an id are no name here, and a run of another project is not there."""
    run = start(world.loop, "train").id
    for name in ("f" * 32, run[:12]):
        with pytest.raises(NotFound):
            gather(world.loop, name, {"loss": [(1, 5, 0.5)]})
    delete(world.loop, run)
    with pytest.raises(Conflict) as caught:
        gather(world.loop, run, {"loss": [(1, 5, 0.5)]})
    assert caught.value.kind == "run-deleted"
    with pytest.raises(Invalid):
        gather(world.loop, run, {}, tags={"log": "x"})

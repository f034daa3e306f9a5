"""A service while a version of it rolls out, as an assistant sees and steers it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.verbs.conftest import World as Verbs
from tests.verbs.rolled import rolling

from .conftest import World

PROD = "service/delay@prod"


@pytest.fixture
def change(world: World) -> str:
    """The second version of a service rolls."""
    return rolling(Verbs(world.loop)).id


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Serve an empty project."""
    made = World(tmp_path, empty=True)
    yield made
    made.close()


def test_how_a_service_does_is_one_answer(world: World, change: str) -> None:
    """What is deployed, what rolls, open alerts, and why there is no quality, by the tool's schema."""
    found = world.result("inspect_service", service=PROD)
    assert (found["deployments"][0]["ref"], found["deployments"][0]["number"]) == (PROD, 1)
    assert (found["rollouts"][0]["change"], found["alerts"]) == (change, [])
    assert found["quality"] is not None or found["quality_missing"]
    assert [one["ref"] for one in world.result("inspect_service")["deployments"]] == [PROD]
    assert world.result("show_record", what=PROD)["kind"] == "deployment"
    assert world.result("show_record", what=change)["record"]["change"]["state"] == "rolling"


def test_a_rollout_is_paused_let_on_and_aborted(world: World, change: str) -> None:
    """Each is recorded as the assistant's with its reason, and after an abort no ref has moved."""
    paused = world.result("steer_rollout", action="pause", change=change, why="a storm")
    assert paused["rollout"]["progress"]["state"] == "paused"
    assert world.error("steer_rollout", action="pause", change=change, why="again")["kind"] == "rollout-paused"
    assert world.result("steer_rollout", action="resume", change=PROD, why="over")["rollout"]["ref"] == PROD
    ended = world.result("steer_rollout", action="abort", change=change, why="too slow")
    assert (ended["change"]["state"], ended["rollout"]) == ("stopped", None)
    with world.loop.ledger.read() as tx:
        kinds = [(one.kind, str(one.actor)) for one in tx.feed.iter(world.loop.project)]
    assert [kind for kind, actor in kinds if actor == "assistant:ann"][:2] == ["rollout.paused", "rollout.resumed"]
    assert world.result("show_record", what=PROD)["record"]["number"] == 1

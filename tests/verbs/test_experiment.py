from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.verbs.experiment import alter

if TYPE_CHECKING:
    from .conftest import World


def test_an_experiment_begins_once(world: World) -> None:
    """Saying more about it is one event; with `new` there must be none yet."""
    made = world.do("experiment", "delays", tags={"team": "ops"})
    again = world.do("experiment", "delays", untag=("team",), rename="late")
    assert (again.id, again.name, again.tags) == (made.id, "late", {})
    with world.loop.ledger.read() as tx:
        kinds = [event.kind for event in tx.feed.list(world.loop.project)][-2:]
    assert kinds == ["experiment.created", "experiment.changed"]
    with pytest.raises(Conflict):
        world.do("experiment", "late", new=True)
    assert [one.name for one in world.do("find", "experiments")] == ["late"]


def test_an_experiment_is_altered_by_its_number(world: World) -> None:
    """Whatever it is called by now: who tags one that was renamed begins no other one of its old name."""
    made = world.do("experiment", "delays")
    world.do("experiment", "delays", rename="late")
    done = alter(world.loop, made.id, tags={"team": "ops"}, rename="later")
    assert (done.id, done.name, done.tags) == (made.id, "later", {"team": "ops"})
    assert [one.name for one in world.do("find", "experiments")] == ["later"]
    event = world.events()[-1]
    assert (event.kind, event.subject) == ("experiment.changed", "later")
    with pytest.raises(NotFound):
        alter(world.loop, 99, tags={"a": "b"})
    world.do("delete", "experiment/later")
    with pytest.raises(Invalid) as gone:
        alter(world.loop, made.id, tags={"a": "b"})
    assert gone.value.kind == "experiment-deleted"


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 501])
def test_what_is_no_name_is_refused(world: World, name: str) -> None:
    """Neither to begin with nor as a new one."""
    with pytest.raises(Invalid):
        world.do("experiment", name)
    world.do("experiment", "fine")
    if name:
        with pytest.raises(Invalid):
            world.do("experiment", "fine", rename=name)


def test_an_experiment_goes_with_its_runs(world: World) -> None:
    """And comes back with those that went with it."""
    run = world.do("start", "train", experiment="delays").id
    world.do("delete", "experiment/delays")
    assert not world.do("find", "runs", f"id = '{run}'")
    assert not world.do("find", "experiments")
    world.do("delete", "experiment/delays", restore=True)
    assert world.do("find", "runs", f"id = '{run}'")
    with pytest.raises(Conflict):
        world.do("delete", "experiment/delays", restore=True)

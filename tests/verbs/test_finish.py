from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.run import RunState

if TYPE_CHECKING:
    from .conftest import World


def test_the_first_end_counts(world: World) -> None:
    """A run that is over stays as it is, and the feed does not tell of a second end."""
    run = world.do("start", "train")
    failed = world.do("finish", run.id, state=RunState.FAILED, error="boom")
    assert (failed.state, failed.error) == (RunState.FAILED, "boom")
    again = world.do("finish", run.id)
    assert (again.state, again.error, again.ended_at) == (RunState.FAILED, "boom", failed.ended_at)
    assert [event.kind for event in world.events()][-2:] == ["run.finished", "run.unchanged"]


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.PENDING])
def test_only_an_end_ends(world: World, state: RunState) -> None:
    """A state in which a run goes on is refused."""
    run = world.do("start", "train")
    with pytest.raises(Invalid):
        world.do("finish", run.id, state=state)


def test_another_project_cannot_finish(world: World) -> None:
    """A run of another project is as if it were not there."""
    run = world.do("start", "train")
    with pytest.raises(NotFound):
        world.abroad().do("finish", run.id)
    assert world.do("show", run.id).state is RunState.RUNNING

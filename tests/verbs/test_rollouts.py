"""What rolls, and what has rolled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Invalid, NotFound

from .rolled import ROLLING, rolling
from .test_deploy import PROD

if TYPE_CHECKING:
    from .conftest import World


def test_the_newest_come_first_page_by_page(world: World) -> None:
    """All of a project, of one deployment, or one; what is over stays on the list."""
    first = rolling(world)
    world.do("abort", str(PROD), why="no")
    second = world.do("deploy", PROD, declared=ROLLING)
    assert [one.change for one in world.do("rollouts")] == [second.id, first.id]
    assert [one.change for one in world.do("rollouts", str(PROD), limit=1)] == [second.id]
    assert [one.change for one in world.do("rollouts", after=second.id)] == [first.id]
    assert world.do("rollouts", "service/other@prod") == ()
    assert world.abroad().do("rollouts") == ()


def test_what_is_none_is_told(world: World) -> None:
    """A change that nobody knows, and a limit that is no limit, are refused."""
    with pytest.raises(NotFound):
        world.do("rollouts", "ffff")
    with pytest.raises(Invalid):
        world.do("rollouts", limit=0)


def test_another_projects_deployment_is_not_taken_for_ours(world: World) -> None:
    """A name of another project is refused, by the list and by what ends a rollout; nothing of ours is touched."""
    rolling(world)
    for verb in ("rollouts", "resume", "pause"):
        with pytest.raises(Invalid) as caught:
            world.do(verb, f"other:{PROD}")
        assert caught.value.kind == "other-project"
    with pytest.raises(Invalid):
        world.do("abort", f"other:{PROD}", why="no")
    assert world.do("rollouts")[0].progress.state == "waiting"

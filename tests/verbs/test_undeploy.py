from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.nouns.change import ChangeState
from loopline.nouns.name import Numbered

from .test_deploy import DECLARED, PROD, champion, train

if TYPE_CHECKING:
    from .conftest import World


def test_the_ref_goes_by_a_change_and_comes_back(world: World) -> None:
    """What was undeployed is listed no more, and its version can be deployed again."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    change = world.do("undeploy", PROD, why="the trial is over")
    assert (change.state, change.moves[0].new) == (ChangeState.APPLIED, None)
    assert world.do("services") == ()
    with pytest.raises(NotFound):
        world.do("undeploy", PROD)
    world.do("deploy", PROD, to=Numbered(1))
    assert world.target(PROD) == 1

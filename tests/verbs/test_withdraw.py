from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound
from loopline.nouns.change import ChangeState

from .conftest import CHAMPION

if TYPE_CHECKING:
    from .conftest import World


def test_a_withdrawn_change_moves_nothing_more(guarded: World) -> None:
    """What was taken back can neither be applied nor taken back again."""
    change = guarded.propose(1)
    assert guarded.do("withdraw", str(CHAMPION)).state is ChangeState.WITHDRAWN
    for verb in ("apply", "withdraw"):
        with pytest.raises(Conflict):
            guarded.do(verb, change.id)
    with pytest.raises(NotFound):
        guarded.do("apply", str(CHAMPION))

"""Changes whose policy holds: at once, or step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict
from loopline.nouns.change import ChangeState
from loopline.nouns.name import Numbered, Pointer

from .conftest import MODEL
from .rolled import rolling, the
from .test_deploy import PROD, train

if TYPE_CHECKING:
    from .conftest import World


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

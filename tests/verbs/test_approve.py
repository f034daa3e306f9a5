from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.change import ChangeState

from .conftest import BOB, CHAMPION

if TYPE_CHECKING:
    from .conftest import World


def test_enough_approvals_approve(guarded: World) -> None:
    """With the last thing that was missing, the change becomes approved; it still has to be applied."""
    guarded.propose(1)
    change = guarded.do("approve", str(CHAMPION), by=BOB, comment="fine")
    assert change.state is ChangeState.APPROVED
    assert guarded.target() is None
    assert change.approvals[0].comment == "fine"
    assert not change.approvals[0].verified


def test_the_authors_own_yes_does_not_count(guarded: World) -> None:
    """Whoever proposes cannot be the one who agrees."""
    change = guarded.propose(1)
    assert guarded.do("approve", change.id).state is ChangeState.PROPOSED


def test_a_later_no_takes_the_approval_back(guarded: World) -> None:
    """Who changes their mind before the move is heard."""
    change = guarded.propose(1)
    guarded.do("approve", change.id, by=BOB)
    assert guarded.do("approve", change.id, by=BOB, reject=True).state is ChangeState.PROPOSED

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.change import ChangeState
from loopline.verbs.blaming import blamable, named, reasoned, source_of, sure, titled

from .conftest import ANN, CHAMPION, TRIGGER

if TYPE_CHECKING:
    from .conftest import World


def test_words_are_kept_without_what_stands_around_them() -> None:
    """A title is a line, a reason says something, a confidence lies above 0 and up to 1."""
    assert (titled(" late "), reasoned("\nseen\nthere "), sure(1.0)) == ("late", "seen\nthere", 1.0)
    for wrong in ("", "a\tb", "x" * 201):
        with pytest.raises(Invalid):
            titled(wrong)
    for silent in (" ", "a\0"):
        with pytest.raises(Invalid):
            reasoned(silent)
    for no in (0.0, 1.01, float("nan"), float("inf")):
        with pytest.raises(Invalid):
            sure(no)


def test_a_person_is_told_from_a_trigger() -> None:
    """An edge carries whose word it is."""
    assert (source_of(ANN), source_of(TRIGGER)) == ("human", "monitor")


def test_a_ref_stands_for_the_change_in_force(world: World) -> None:
    """Also after a rollback, which is the change that brought it back; a ref that no change moved blames nobody."""
    world.train(b"one")
    world.train(b"two")
    world.propose(1)
    second = world.propose(2)
    with world.loop.ledger.read() as tx:
        assert named(tx, world.loop, str(CHAMPION)).id == second.id
    back = world.do("rollback", CHAMPION, why="late")
    with world.loop.ledger.read() as tx:
        assert named(tx, world.loop, str(CHAMPION)).id == back.id
        with pytest.raises(NotFound):
            named(tx, world.loop, "model/delay@other")


def test_what_was_stopped_while_it_rolled_may_be_the_cause_and_never_the_fix(guarded: World) -> None:
    """It had traffic; but what was only proposed had none."""
    change = guarded.propose(1)
    with guarded.loop.ledger.write(guarded.loop.project, ANN) as tx:
        with pytest.raises(Conflict):
            blamable(change, "caused_by")
        rolling = tx.changes.move(change, ChangeState.ROLLING)
        assert blamable(rolling, "caused_by") == rolling
        stopped = tx.changes.move(rolling, ChangeState.STOPPED)
        assert blamable(stopped, "caused_by") == stopped
        for one in (rolling, stopped):
            with pytest.raises(Conflict):
                blamable(one, "fixes")
        tx.say("test", change.id)

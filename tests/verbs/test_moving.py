from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound, Refused
from loopline.nouns.name import Numbered
from loopline.verbs.moving import aim, carry_out, case_of, find_open, judge, policies_of

from .conftest import CHAMPION

if TYPE_CHECKING:
    from .conftest import World


def test_a_refused_dry_run_and_a_kept_one_leave_the_ref(guarded: World) -> None:
    """Judging writes a decision; only carrying out moves."""
    change = guarded.propose(1)
    with guarded.loop.ledger.write("flights", guarded.loop.actor) as tx:
        tx.say("test", "x")
        decision = judge(tx, guarded.loop, change, phase="apply")
    assert decision is not None
    assert not decision.passed
    assert guarded.target() is None


def test_same_facts_give_the_same_decision(guarded: World) -> None:
    """A decision can be replayed: its inputs have one digest, and the results follow from them."""
    change = guarded.propose(1)
    with guarded.loop.ledger.write("flights", guarded.loop.actor) as tx:
        tx.say("test", "x")
        first, second = (judge(tx, guarded.loop, change, phase="apply") for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.inputs, first.results) == (second.inputs, second.results)


def test_a_version_marked_after_the_approval_does_not_move(guarded: World) -> None:
    """Quarantine counts at the moment of the move, whatever was approved before."""
    change = guarded.propose(1)
    with guarded.loop.ledger.write("flights", guarded.loop.actor) as tx:
        tx.versions.quarantine(CHAMPION.asset, 1, reason="found out")
        tx.say("test", "x")
    with pytest.raises(Refused), guarded.loop.ledger.write("flights", guarded.loop.actor) as tx:
        carry_out(tx, change)
    assert guarded.target() is None


def test_a_case_holds_what_is_recorded(guarded: World) -> None:
    """Where the refs stand, who is in which team, where the version stands already."""
    guarded.do("propose", replace(CHAMPION, ref="staging"), to=Numbered(1), why="try")
    change = guarded.propose(1)
    with guarded.loop.ledger.read() as tx:
        case = case_of(tx, guarded.loop, change)
        assert case.current == {"model/delay@champion": None}
        assert [stand.ref for stand in case.stands] == ["model/delay@staging"]
        assert [policy.name for policy in policies_of(tx, change)[0]] == ["champion"]
        assert aim(tx, CHAMPION, Numbered(2)).old is None
        assert find_open(tx, str(CHAMPION), guarded.loop).id == change.id
        with pytest.raises(NotFound):
            find_open(tx, "data/flights@main", guarded.loop)

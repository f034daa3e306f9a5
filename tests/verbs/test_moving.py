from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound, Refused
from loopline.nouns.alert import Alert, Silence
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.name import Numbered
from loopline.nouns.policy import Policy, Soak
from loopline.nouns.verdict import Result
from loopline.verbs.carrying import carry_out
from loopline.verbs.moving import aim, case_of, find_open, judge, policies_of

from .conftest import CHAMPION, PROJECT

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


def test_incidents_are_the_alerts_of_what_stands_somewhere(guarded: World) -> None:
    """Counted are those that blame the change which brought it there, since then; that it was let through by override is none."""
    staging = replace(CHAMPION, ref="staging")
    first = guarded.do("propose", staging, to=Numbered(1), why="try")
    moved = guarded.loop.clock.now()
    guarded.loop.clock.advance(seconds=60)  # type: ignore[attr-defined]
    other = guarded.propose(2)
    champion = guarded.propose(1)

    def alerts() -> int:
        with guarded.loop.ledger.read() as tx:
            (stand,) = case_of(tx, guarded.loop, champion).stands
        assert stand.since == moved
        return stand.alerts

    def incident(*blames: Blame) -> None:
        with guarded.loop.ledger.write(PROJECT, guarded.loop.actor) as tx:
            tx.incidents.open(
                Incident(guarded.loop.ids.new(), PROJECT, "slow", "high", "person:ann", tx.now, blames=blames)
            )
            tx.say("test", "x")

    incident(Blame("fixes", first.id, "human"))
    incident(Blame("caused_by", other.id, "monitor"))
    incident(Blame("caused_by", first.id, "override"))
    assert alerts() == 0
    incident(Blame("caused_by", first.id, "monitor"), Blame("caused_by", other.id, "human"))
    incident(Blame("caused_by", first.id, "human"))
    assert alerts() == 2
    guarded.policy(
        Policy("champion", ("model/*@champion",), soak=Soak("model/*@staging", timedelta(seconds=30), max_alerts=1))
    )
    (need,) = guarded.do("review", champion.id).requirements
    assert need.result is Result.FAIL
    assert "incidents" in need.observed
    guarded.policy(
        Policy("champion", ("model/*@champion",), soak=Soak("model/*@staging", timedelta(seconds=30), max_alerts=2))
    )
    (need,) = guarded.do("review", champion.id).requirements
    assert need.result is Result.PASS


def test_alerts_of_monitors_count_while_the_change_is_in_force(guarded: World) -> None:
    """A soak counts what monitors saw since the ref stands there, silenced or not, and nothing of another change."""
    staging = replace(CHAMPION, ref="staging")
    first = guarded.do("propose", staging, to=Numbered(1), why="try")
    champion = guarded.propose(1)
    for at, (change, monitor) in enumerate([(first.id, "drift"), (first.id, "latency"), ("other", "nulls")]):
        with guarded.loop.ledger.write(PROJECT, guarded.loop.actor) as tx:
            tx.alerts.silence(
                Silence("s", PROJECT, "*/latency", tx.now + 1000, "known", "person:ann", 0)
            ) if at == 1 else None
            opened = tx.alerts.open(
                Alert(f"{at}" * 32, PROJECT, "service/delay@staging", monitor, "drift", "low", "moved", 0, 0, change)
            )
            assert opened.silenced is (monitor == "latency")
            tx.say("test", "x")
    with guarded.loop.ledger.read() as tx:
        assert [stand.alerts for stand in case_of(tx, guarded.loop, champion).stands] == [2]


def test_what_was_blamed_before_it_came_here_again_is_over(guarded: World) -> None:
    """A ref that went away and came back is judged from its last move on."""
    staging = replace(CHAMPION, ref="staging")
    first = guarded.do("propose", staging, to=Numbered(1), why="try")
    with guarded.loop.ledger.write(PROJECT, guarded.loop.actor) as tx:
        blame = Blame("caused_by", first.id, "monitor")
        tx.incidents.open(Incident("1" * 32, PROJECT, "slow", "high", "person:ann", tx.now, blames=(blame,)))
        tx.say("test", "x")
    for number in (2, 1):
        guarded.do("propose", staging, to=Numbered(number), why="again")
    champion = guarded.propose(1)
    with guarded.loop.ledger.read() as tx:
        assert [stand.alerts for stand in case_of(tx, guarded.loop, champion).stands] == [0]


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

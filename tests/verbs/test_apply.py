from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.checks.case import Case, decision_inputs
from loopline.errors import Conflict, Refused
from loopline.nouns.change import ChangeState
from loopline.nouns.policy import Approvals, Policy
from loopline.verbs import moving

from .conftest import APPROVED, BOB, CHAMPION, SRE

if TYPE_CHECKING:
    from .conftest import World


def test_an_approved_change_moves(guarded: World) -> None:
    """With the policy satisfied at this moment, the ref moves."""
    guarded.propose(1)
    guarded.do("approve", str(CHAMPION), by=BOB)
    assert guarded.do("apply", str(CHAMPION)).state is ChangeState.APPLIED
    assert guarded.target() == 1


def test_a_refusal_names_what_is_missing_and_is_written_down(guarded: World) -> None:
    """The error carries the requirements; the decision stays in the ledger; nothing moves."""
    change = guarded.propose(1)
    with pytest.raises(Refused) as caught:
        guarded.do("apply", change.id)
    assert caught.value.kind == "policy"
    assert len(caught.value.facts["requirements"]) == 1
    with guarded.loop.ledger.read() as tx:
        assert [d.phase for d in tx.changes.decisions(change.id)] == ["propose", "apply"]
        assert tx.feed.list("flights", after=0, limit=1000)[-1].kind == "change.refused"
    assert guarded.target() is None


def test_a_policy_that_became_stricter_is_the_one_that_counts(guarded: World) -> None:
    """An approval under the old policy does not carry a change past the new one."""
    guarded.propose(1)
    guarded.do("approve", str(CHAMPION), by=BOB)
    guarded.policy(replace(APPROVED, approvals=Approvals(count=2)))
    with pytest.raises(Refused):
        guarded.do("apply", str(CHAMPION))


def test_a_ref_that_moved_meanwhile_is_a_conflict(guarded: World) -> None:
    """Of two approved changes from one base only the first moves."""
    first, second = guarded.propose(1), guarded.propose(2)
    for change in (first, second):
        guarded.do("approve", change.id, by=BOB)
    guarded.do("apply", first.id)
    with pytest.raises(Conflict) as caught:
        guarded.do("apply", second.id)
    assert caught.value.kind == "ref-moved"
    assert guarded.target() == 1


def test_an_override_passes_once_with_a_reason(guarded: World) -> None:
    """Who the policy names may let a change through; the reason and an incident stay behind."""
    guarded.do("grant", str(SRE), "team/sre")
    change = guarded.propose(1)
    with pytest.raises(Refused) as caught:
        guarded.do("apply", change.id, override="I want it")
    assert caught.value.kind == "override-not-allowed"
    with pytest.raises(Refused) as caught:
        guarded.do("apply", change.id, override="  ", by=SRE)
    assert caught.value.kind == "override-reason"
    applied = guarded.do("apply", change.id, override="the old one crashes", by=SRE)
    assert applied.override.reason == "the old one crashes"
    assert guarded.target() == 1
    (incident,) = guarded.do("find", "incidents")
    assert incident.blames[0].source == "override"


def test_an_override_that_is_not_needed_is_none(guarded: World) -> None:
    """A change whose policy holds moves like any other: nothing is overridden, and there is no incident to count."""
    change = guarded.propose(1)
    guarded.do("approve", change.id, by=BOB)
    with pytest.raises(Refused):
        guarded.do("apply", change.id, override=" ")
    applied = guarded.do("apply", change.id, override="to be sure")
    assert (applied.state, applied.override, guarded.target()) == (ChangeState.APPLIED, None, 1)
    assert guarded.do("find", "incidents") == ()


def test_an_unverified_yes_does_not_satisfy_a_policy_that_wants_verified_ones(guarded: World) -> None:
    """Embedded identities are what somebody typed; a policy may ask for more."""
    guarded.policy(Policy("champion", ("model/*@champion",), approvals=Approvals(count=1, verified=True)))
    guarded.propose(1)
    guarded.do("approve", str(CHAMPION), by=BOB)
    with pytest.raises(Refused):
        guarded.do("apply", str(CHAMPION))
    guarded.do("approve", str(CHAMPION), by=replace(BOB, verified=True))
    guarded.do("apply", str(CHAMPION))


def test_a_pickle_is_refused_where_the_policy_forbids_it(guarded: World) -> None:
    """A model that can only be unpickled does not pass, one that was looked at and is clean does."""
    guarded.policy(Policy("champion", ("model/*@champion",), forbid_pickle=True))
    guarded.train(b"three", pickle=True)
    guarded.train(b"four", pickle=False)
    bad = guarded.propose(3)
    with pytest.raises(Refused):
        guarded.do("apply", bad.id)
    good = guarded.propose(4)
    guarded.do("apply", good.id)
    assert guarded.target() == 4


@pytest.mark.parametrize("needed", [True, False])
def test_an_override_is_judged_once(guarded: World, monkeypatch: pytest.MonkeyPatch, *, needed: bool) -> None:
    """Whether it is needed and whether the change passes comes of one look at the facts, and is one decision, which passes."""
    guarded.do("grant", str(SRE), "team/sre")
    change = guarded.propose(1)
    if not needed:
        guarded.do("approve", change.id, by=BOB)
    looked, whole = [], moving.case_of

    def counting(*facts: Any) -> Any:
        looked.append(1)
        return whole(*facts)

    monkeypatch.setattr(moving, "case_of", counting)
    applied = guarded.do("apply", change.id, override="the old one crashes", by=SRE)
    assert len(looked) == 1
    with guarded.loop.ledger.read() as tx:
        told = [one for one in tx.changes.decisions(change.id) if one.phase == "apply"]
    assert [one.passed for one in told] == [True]
    assert (applied.override is not None) is needed
    if needed:
        facts = Case(applied, applied.closed_at, {str(CHAMPION): None}, {"team/sre": frozenset({str(SRE)})})
        assert told[0].inputs == decision_inputs(facts), "the override is part of what was judged"

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.checks.document import Document, dump_document
from loopline.errors import Conflict, Invalid, NotFound, Refused
from loopline.nouns.caller import Caller
from loopline.nouns.change import ChangeState
from loopline.nouns.incident import Blame, Incident
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.token import Scope

from .conftest import APPROVED, BOB, CHAMPION, DATA, PROJECT, TRIGGER
from .rolled import ROLLING
from .test_deploy import PROD, champion, deployed, train

if TYPE_CHECKING:
    from .conftest import World


def test_everything_that_moved_together_returns_together(world: World) -> None:
    """Model and data return in one change, both bad versions are marked, and no automation moves there again."""
    world.train(b"good")
    world.propose(1, together=True)
    world.data(branch="units", b_csv=b"seconds")
    world.train(b"bad", data=2)
    bad = world.propose(2, together=True)
    assert len(bad.moves) == 2
    back = world.do("rollback", CHAMPION, why="seconds")
    assert (back.kind, back.undoes, back.state) == ("rollback", bad.id, ChangeState.APPLIED)
    assert world.target() == 1
    assert world.target(RefName(DATA, "champion")) == 1
    assert back.quarantines == world.do("show", back.id).change.quarantines == ("data/flights@2", "model/delay@2")
    with world.loop.ledger.read() as tx:
        assert tx.versions.quarantined(DATA, 2) == "seconds"
    with pytest.raises(Refused):
        world.propose(2, by=TRIGGER, together=True)


def test_a_rollback_needs_no_approval_but_is_judged(guarded: World) -> None:
    """The way back is open at three in the morning; what the policy would have said is written down."""
    for number in (1, 2):
        change = guarded.propose(number)
        guarded.do("approve", change.id, by=BOB)
        guarded.do("apply", change.id)
    back = guarded.do("rollback", CHAMPION, why="slow")
    assert guarded.target() == 1
    assert back.decision is not None
    assert not back.decision.passed


def test_a_guarded_policy_is_not_rolled_back_alone(world: World) -> None:
    """Who could take the rules back without an approval could then move anything."""
    guard = Policy("rules", ("policy/*@main",), approvals=Approvals(count=1))
    world.policy(guard)
    stricter = dump_document(Document((guard, APPROVED), ())).decode()
    change = world.do("policy", document=stricter, why="more")
    world.do("approve", change.id, by=BOB)
    world.do("apply", change.id)
    with pytest.raises(Refused) as caught:
        world.do("rollback", RefName(AssetName("flights", "policy", "flights"), "main"), why="loosen", by=BOB)
    assert caught.value.kind == "policy"
    assert len(world.do("policy")) == 2


def test_a_rollback_opens_and_closes_an_incident(world: World) -> None:
    """What it undid caused it, what it did fixes it: both are stored edges."""
    world.train()
    change = world.propose(1)
    back = world.do("rollback", CHAMPION, why="wrong")
    (incident,) = world.do("find", "incidents")
    assert {(b.relation, b.change) for b in incident.blames} == {("caused_by", change.id), ("fixes", back.id)}
    assert incident.resolved_at is not None


def test_rolling_back_twice_does_not_go_forward(world: World) -> None:
    """The second rollback takes back the change before, never the first rollback."""
    for body in (b"1", b"2", b"3"):
        world.propose(world.train(body).number)
    world.do("rollback", CHAMPION, why="a")
    world.do("rollback", CHAMPION, why="b")
    assert world.target() == 1


def test_what_has_moved_on_is_a_conflict(world: World) -> None:
    """Taking an older change back does not overwrite what came after it."""
    first = world.propose(world.train(b"1").number)
    world.propose(world.train(b"2").number)
    with pytest.raises(Conflict):
        world.do("rollback", CHAMPION, why="w", change=first.id)
    assert world.target() == 2


def test_nothing_to_undo_is_said(world: World) -> None:
    """A ref that is not there cannot be rolled back."""
    world.train()
    with pytest.raises(NotFound):
        world.do("rollback", CHAMPION, why="w")


def test_quarantine_can_be_left_out(world: World) -> None:
    """A rollback for another reason than the version itself leaves it usable."""
    world.propose(world.train().number)
    world.do("rollback", CHAMPION, why="not now", quarantine=False)
    world.propose(1)


def test_a_ref_that_was_deleted_comes_back(world: World) -> None:
    """Deleting a ref is a change that can be taken back, too."""
    world.propose(world.train().number)
    world.do("propose", CHAMPION, delete=True, why="by mistake")
    assert world.target() is None
    world.do("rollback", CHAMPION, why="it was needed")
    assert world.target() == 1


def test_only_what_moved_the_ref_is_taken_back(guarded: World) -> None:
    """A change that was never applied, or moved another ref, is no change to take back."""
    waiting = guarded.propose(1)
    branch = guarded.do("branch", DATA, "x")
    for ref, change in ((CHAMPION, waiting), (CHAMPION, branch), (RefName(DATA, "x"), waiting)):
        with pytest.raises(Conflict) as caught:
            guarded.do("rollback", ref, why="w", change=change.id)
        assert caught.value.kind == "did-not-move"


def test_a_way_back_is_gone_as_it_was_seen_or_not_at_all(world: World) -> None:
    """Where a ref has moved between the look and the deed, nothing moves, and one is told to look again."""
    for body in (b"1", b"2", b"3"):
        world.propose(world.train(body).number)
    seen = world.do("retrace", CHAMPION)
    world.propose(2)
    for expect in (seen.digest, "0" * 12, ""):
        with pytest.raises(Conflict) as caught:
            world.do("rollback", CHAMPION, why="w", expect=expect)
        assert caught.value.kind == "way-changed"
    assert world.target() == 2
    again = world.do("retrace", CHAMPION)
    assert world.do("rollback", CHAMPION, why="w", expect=again.digest).moves == tuple(one.move for one in again.moves)


def test_a_rehearsal_gives_the_way_back(world: World) -> None:
    """Rehearsed, it tells what it would do, without a reason, and leaves nothing; in earnest it wants one."""
    for body in (b"1", b"2"):
        world.propose(world.train(body).number)
    before = world.events()
    assert world.rehearsing().do("rollback", CHAMPION) == world.do("retrace", CHAMPION)
    with pytest.raises(Invalid) as caught:
        world.do("rollback", CHAMPION, why=" ")
    assert (caught.value.kind, world.events()) == ("missing-parameter", before)


def test_one_incident_blames_all_that_was_taken_back(world: World) -> None:
    """Going back over several, the newest is the one it undoes; each has caused the one incident, and all are marked."""
    changes = [world.propose(world.train(body).number) for body in (b"1", b"2", b"3")]
    back = world.do("rollback", CHAMPION, to="1", why="both bad")
    assert (back.undoes, back.quarantines) == (changes[2].id, ("model/delay@2", "model/delay@3"))
    (incident,) = world.do("find", "incidents")
    causes = {("caused_by", one.id) for one in changes[1:]}
    assert {(b.relation, b.change) for b in incident.blames} == causes | {("fixes", back.id)}
    assert (world.events()[-1].payload or {})["takes_back"] == [changes[2].id, changes[1].id]


def test_what_a_bad_mend_was_for_stays_open(world: World) -> None:
    """Taking back a change that was to fix an incident ends that incident not: the mend was what was wrong."""
    broken, mend = (world.propose(world.train(body).number) for body in (b"1", b"2"))
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        edges = (Blame("caused_by", broken.id, "human"), Blame("fixes", mend.id, "human"))
        before = tx.incidents.open(Incident("01a2" * 8, PROJECT, "late", "high", "ann", tx.now, blames=edges))
        tx.say("test", "x")
    world.do("rollback", CHAMPION, why="worse")
    with world.loop.ledger.read() as tx:
        assert tx.incidents.get(before.id) == before
    assert len(world.do("find", "incidents")) == 2


def test_what_somebody_has_blamed_keeps_its_source(world: World) -> None:
    """An incident that a person has opened about a change is closed by its rollback, and goes on saying who said so."""
    world.propose(world.train(b"1").number)
    bad = world.propose(world.train(b"2").number)
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        said = Blame("caused_by", bad.id, "human", 0.6)
        known = tx.incidents.open(Incident("01a2" * 8, PROJECT, "late", "high", "ann", tx.now, blames=(said,)))
        tx.say("test", "x")
    back = world.do("rollback", CHAMPION, why="worse")
    (incident,) = world.do("find", "incidents")
    assert (incident.id, incident.resolved_at is None) == (known.id, False)
    edges = {(one.relation, one.change, one.source, one.confidence) for one in incident.blames}
    assert edges == {("caused_by", bad.id, "human", 0.6), ("fixes", back.id, "rollback", 1.0)}


def test_a_rollback_can_be_taken_back(world: World) -> None:
    """Everything goes forward again and leaves the quarantine that this rollback had put it in; the next goes back as ever."""
    world.train(b"good")
    world.propose(1, together=True)
    world.data(branch="units", b_csv=b"seconds")
    world.train(b"bad", data=2)
    bad = world.propose(2, together=True)
    back = world.do("rollback", CHAMPION, why="seconds")
    way = world.do("retrace", CHAMPION, change=back.id)
    assert (way.forward, way.lifts, way.quarantines) == (True, ("data/flights@2", "model/delay@2"), ())
    with pytest.raises(Refused) as caught:
        world.do("rollback", CHAMPION, why="by night", change=back.id, by=TRIGGER)
    assert caught.value.kind == "lift-needs-person"
    forth = world.do("rollback", CHAMPION, why="it was the gate", change=back.id)
    assert (forth.kind, forth.undoes, forth.state) == ("planned", back.id, ChangeState.APPLIED)
    assert {(move.ref, move.new) for move in forth.moves} == {(move.ref, move.new) for move in bad.moves}
    with world.loop.ledger.read() as tx:
        assert tx.versions.quarantined(DATA, 2) is None
    assert world.do("retrace", CHAMPION).moves[0].move.new == 1


def test_going_forward_again_waits_for_its_policy(guarded: World) -> None:
    """Two rollbacks in a row are no way around an approval."""
    for number in (1, 2):
        change = guarded.propose(number)
        guarded.do("approve", change.id, by=BOB)
        guarded.do("apply", change.id)
    back = guarded.do("rollback", CHAMPION, why="slow")
    forth = guarded.do("rollback", CHAMPION, why="not so slow", change=back.id)
    assert (forth.state, forth.lifts, guarded.target()) == (ChangeState.PROPOSED, ("model/delay@2",), 1)
    guarded.do("approve", forth.id, by=BOB)
    guarded.do("apply", forth.id)
    assert guarded.target() == 2
    with guarded.loop.ledger.read() as tx:
        assert tx.versions.quarantined(CHAMPION.asset, 2) is None


def test_what_somebody_else_has_marked_stays_so(world: World) -> None:
    """Taking a rollback back lifts its own quarantine alone."""
    for body in (b"1", b"2"):
        world.propose(world.train(body).number)
    back = world.do("rollback", CHAMPION, why="slow", quarantine=False)
    with world.loop.ledger.write("flights", world.loop.actor) as tx:
        tx.versions.quarantine(CHAMPION.asset, 2, reason="leaks")
        tx.say("test", "x")
    with pytest.raises(Refused) as caught:
        world.do("rollback", CHAMPION, why="fast enough", change=back.id)
    assert caught.value.kind == "quarantined"


def test_who_may_not_end_a_rollout_goes_back_over_none(world: World) -> None:
    """A token for rollbacks alone ends nothing that rolls: nothing moves, and the rollout goes on."""
    deployed(world, b"0", b"1")
    train(world, b"2")
    champion(world, 3)
    world.do("deploy", PROD, declared=ROLLING)
    kept = type(world)(
        replace(world.loop, caller=Caller(BOB, {"flights": "contributor"}, (Scope(("rollback", "read"), "flights"),)))
    )
    with pytest.raises(Refused) as caught:
        kept.do("rollback", PROD, why="slow", abort=True)
    assert (caught.value.kind, caught.value.facts["verb"]) == ("not-allowed", "abort")
    assert (world.target(PROD), world.do("rollouts")[0].progress.state) == (2, "waiting")


def test_a_rollout_that_it_ends_tells_so_itself(world: World) -> None:
    """The ended change has its own event, before that of the rollback; where the rollback fails, it rolls on."""
    deployed(world, b"0", b"1")
    train(world, b"2")
    champion(world, 3)
    rolling = world.do("deploy", PROD, declared=ROLLING)
    before = world.events()[-1].seq
    with pytest.raises(Conflict):
        world.do("rollback", PROD, why="slow", abort=True, expect="0" * 12)
    assert (world.events()[-1].seq, world.do("rollouts")[0].over) == (before, False)
    back = world.do("rollback", PROD, why="slow", abort=True)
    ended, went = world.events(after=before)
    assert (ended.kind, ended.subject, went.kind, went.subject) == (
        "rollout.stopped", rolling.id, "change.applied", back.id,
    )  # fmt: skip
    assert {"state", "weight", "service"}.isdisjoint(went.payload or {})


def test_a_bad_model_that_goes_on_being_served_is_told(world: World) -> None:
    """Whoever takes a model's alias back without a look before learns at once which service still serves what it left."""
    deployed(world, b"1", b"2")
    back = world.do("rollback", CHAMPION, why="slow")
    assert back.stays == ("service/delay@prod goes on serving model/delay@2: loopline retrace service/delay@prod",)

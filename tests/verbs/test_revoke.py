from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.access.secrets import hash_of
from loopline.errors import Conflict, Invalid, NotFound, Refused
from loopline.nouns.task import TaskState
from loopline.verbs.asking import ask
from loopline.verbs.issue import issue
from loopline.verbs.permitting import roles_of
from loopline.verbs.revoke import revoke

from .conftest import ANN, BOB, SRE
from .test_issue import give, over_the_wire

if TYPE_CHECKING:
    from .conftest import World


def test_a_revoked_token_and_its_browsers_are_out_at_once(world: World) -> None:
    """Revoking twice is harmless; another token of the same person lives on."""
    made, other = world.do("issue", "a"), world.do("issue", "b")
    with world.loop.ledger.telemetry() as tx:
        tx.sessions.begin("s", str(ANN), csrf="c", token=made.token.id)
    assert world.do("revoke", made.token.id).revoked_at is not None
    world.do("revoke", made.token.id)
    with world.loop.ledger.read() as tx:
        assert tx.tokens.find(hash_of(made.secret)) is None
        assert tx.sessions.find("s") is None
        assert tx.tokens.find(hash_of(other.secret)) is not None
    with pytest.raises(NotFound):
        world.do("revoke", "never")


def test_a_token_is_revoked_by_its_own_or_by_who_could_give_it(world: World) -> None:
    """A contributor ends their own and no other; a maintainer ends those of the project, not an admin's."""
    give(world, BOB, "contributor")
    mine = issue(over_the_wire(world, BOB), "mine")
    admins = world.do("issue", "root", actor=ANN, role="admin", everywhere=True)
    with pytest.raises(NotFound):
        revoke(over_the_wire(world, BOB), admins.token.id)
    assert revoke(over_the_wire(world, BOB), mine.token.id).revoked_at is not None  # type: ignore[union-attr]
    give(world, BOB, "maintainer")
    with pytest.raises(NotFound):
        revoke(over_the_wire(world, BOB), admins.token.id)


def test_an_admin_shuts_somebody_out_and_lets_them_in_again(world: World) -> None:
    """Tokens and sessions are worth nothing at once; let in again, tokens are what they were, browsers sign in anew."""
    give(world, ANN, "admin", everywhere=True)
    made = world.do("issue", "bob's", actor=BOB)
    with world.loop.ledger.telemetry() as tx:
        tx.sessions.begin(hash_of("s"), str(BOB), csrf="c")
    asker = over_the_wire(world, ANN)
    give(world, BOB, "viewer")
    assert revoke(asker, "person:bob").disabled_at is not None  # type: ignore[union-attr]
    with world.loop.ledger.read() as tx:
        assert (roles_of(tx, str(BOB)), tx.sessions.find(hash_of("s"))) == ({}, None)
    assert revoke(asker, "person:bob", back=True).disabled_at is None  # type: ignore[union-attr]
    with world.loop.ledger.read() as tx:
        assert roles_of(tx, str(BOB)) == {"flights": "viewer"}
        assert tx.tokens.find(hash_of(made.secret)) is not None
    assert [one.kind for one in world.events()][-2:] == ["person.shut-out", "person.let-in"]


def test_nobody_else_shuts_anybody_out(world: World) -> None:
    """Not a maintainer, not an admin's token that is kept to one project, and nobody themself; a token stays dead."""
    give(world, ANN, "admin", everywhere=True)
    give(world, BOB, "maintainer")
    for asker in (over_the_wire(world, BOB), over_the_wire(world, ANN, "revoke:flights")):
        with pytest.raises(Refused):
            revoke(asker, "person:sre")
    with pytest.raises(Conflict):
        revoke(over_the_wire(world, ANN), "person:ann")
    with pytest.raises(Invalid):
        world.do("revoke", world.do("issue", "x").token.id, back=True)


def test_what_somebody_asked_for_is_cancelled_with_them(world: World) -> None:
    """Shut out, nothing that waits on their behalf is done, in any project; each says so, and others' work waits on."""
    give(world, ANN, "admin", everywhere=True)
    mine = [ask(replace(one.loop, actor=BOB), "verify", {}) for one in (world, world.abroad())]
    other = ask(replace(world.loop, actor=SRE), "verify", {})
    with world.loop.ledger.telemetry() as tx:
        begun = tx.tasks.claim("default", "w", lasting=10**9)
    revoke(over_the_wire(world, ANN), "person:bob")
    with world.loop.ledger.read() as tx:
        states = [tx.tasks.get(one.id).state for one in (*mine, other)]
        event = tx.feed.list("secret")[-1]
        assert tx.feed.verify("flights") is tx.feed.verify("secret") is None
    assert begun is not None
    assert (begun.id, states) == (mine[0].id, [TaskState.RUNNING, TaskState.CANCELLED, TaskState.QUEUED])
    assert (event.kind, event.subject, event.actor) == ("task.ended", mine[1].id, str(ANN))


def test_work_that_is_taken_meanwhile_is_asked_to_stop(world: World) -> None:
    """Between the look at what waits and its end a worker may begin or end it: its end is told once, and no sooner."""
    give(world, ANN, "admin", everywhere=True)
    first, taken, ended = (ask(replace(world.loop, actor=BOB), "verify", {}, queue=queue) for queue in "abc")
    asker = over_the_wire(world, ANN)

    def meanwhile(_project: str) -> None:
        with world.loop.ledger.telemetry() as tx:
            if tx.tasks.get(first.id).state.over and tx.tasks.claim("b", "w", lasting=10**9):
                done = tx.tasks.claim("c", "w", lasting=10**9)
                assert done is not None
                tx.tasks.end(done.id, done.fence, TaskState.DONE)

    asker.ledger.listeners.append(meanwhile)
    revoke(asker, "person:bob")
    with world.loop.ledger.read() as tx:
        assert [tx.tasks.get(one.id).state for one in (first, taken, ended)] == ["cancelled", "running", "done"]
        assert tx.tasks.asked_to_stop(taken.id)
    told = [
        (one.kind, one.subject) for one in world.events() if one.kind.startswith("task.") and one.kind != "task.queued"
    ]
    assert told == [("task.ended", first.id), ("task.cancelled", taken.id), ("task.cancelled", ended.id)]


def test_letting_somebody_in_cancels_nothing(world: World) -> None:
    """What they ask for later waits on when they are let in once more."""
    give(world, ANN, "admin", everywhere=True)
    task = ask(replace(world.loop, actor=BOB), "verify", {})
    revoke(over_the_wire(world, ANN), "person:bob", back=True)
    with world.loop.ledger.read() as tx:
        assert tx.tasks.get(task.id).state is TaskState.QUEUED

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound
from loopline.nouns.subscription import Subscription

from .conftest import PROJECT

if TYPE_CHECKING:
    from .conftest import Hand

SECOND = 1_000_000


def made(hand: Hand, name: str = "chat", **fields: object) -> Subscription:
    """Subscribe from the first event on."""
    with hand.write() as tx:
        one = Subscription(hand.ids.new(), PROJECT, name, "https://chat.example.org/hook")
        return tx.subscriptions.add(replace(one, **fields))  # type: ignore[arg-type]


def names(hand: Hand) -> list[str]:
    """Name those that have something to be told."""
    with hand.read() as tx:
        return [one.name for one in tx.subscriptions.due()]


def test_a_name_is_given_once_in_a_project(hand: Hand) -> None:
    """A second one of that name is a conflict, until the first is gone."""
    first = made(hand, kinds=("ref.*", "change.applied"), secret="env:HOOK", created_by="person:ann")
    with hand.read() as tx:
        assert tx.subscriptions.get(PROJECT, "chat") == first
        assert tx.subscriptions.find("other", "chat") is None
    with pytest.raises(Conflict):
        made(hand)
    with hand.write() as tx:
        tx.subscriptions.remove(first)
    with hand.read() as tx, pytest.raises(NotFound):
        tx.subscriptions.get(PROJECT, "chat")
    assert made(hand).id != first.id


def test_what_is_due_waits_behind_its_position(hand: Hand) -> None:
    """One that has been told everything, is paused, or failed a moment ago has nothing to be told."""
    one = made(hand)
    assert names(hand) == ["chat"]
    with hand.ledger.telemetry() as tx:
        head = tx.feed.head(PROJECT).seq
        one = tx.subscriptions.advance(one, head, status=204)
    assert names(hand) == []
    made(hand, "other", position=head + 1)
    assert names(hand) == ["chat"]
    with hand.ledger.telemetry() as tx:
        one = tx.subscriptions.fail(one, head + 1, status=500, error="500", next_at=tx.now + 5 * SECOND)
        assert tx.subscriptions.next_at() == one.next_at
    assert names(hand) == []
    hand.clock.advance(seconds=5)
    assert names(hand) == ["chat"]
    with hand.ledger.telemetry() as tx:
        tx.subscriptions.pause(one, "410 Gone")
    assert names(hand) == []


def test_only_one_of_two_gets_on(hand: Hand) -> None:
    """Whoever saw an older position or an older failure is refused, and nothing of theirs is kept."""
    one = made(hand)
    with hand.ledger.telemetry() as tx:
        tx.subscriptions.advance(one, 1, status=200)
    for act in ("advance", "fail", "give_up"):
        with hand.ledger.telemetry() as tx, pytest.raises(Conflict):
            if act == "advance":
                tx.subscriptions.advance(one, 1, status=200)
            elif act == "fail":
                tx.subscriptions.fail(one, 1, status=500, error="500", next_at=0)
            else:
                tx.subscriptions.give_up(one, 1, status=500, error="500")
    with hand.read() as tx:
        assert [d.state for d in tx.subscriptions.deliveries(PROJECT)] == ["delivered"]


def test_tries_are_counted_until_one_arrives(hand: Hand) -> None:
    """Failures of one event add up, each try is kept, and a success begins anew."""
    one = made(hand)
    with hand.ledger.telemetry() as tx:
        for _ in range(2):
            one = tx.subscriptions.fail(one, 1, status=503, error="503", next_at=0)
        one = tx.subscriptions.advance(one, 1, status=200)
        assert (one.failures, one.error, one.position) == (0, "", 1)
        assert tx.subscriptions.by_id(one.id) == one
    with hand.read() as tx:
        tries = [(d.attempt, d.status, d.state) for d in tx.subscriptions.deliveries(PROJECT)]
        assert tries == [(3, 200, "delivered"), (2, 503, "failed"), (1, 503, "failed")]
        assert one.delivered_at == tx.subscriptions.deliveries(PROJECT)[0].at


def test_the_newest_failed_try_is_known_until_it_is_behind(hand: Hand) -> None:
    """It tells how far the try went that failed last; what is done counts no longer."""
    one = made(hand)
    with hand.write() as tx:
        assert tx.subscriptions.tried(one) == 0
        for upto in (3, 5):
            one = tx.subscriptions.fail(one, upto, status=451, error="later", next_at=0)
        assert tx.subscriptions.tried(one) == 5
        assert tx.subscriptions.tried(tx.subscriptions.give_up(one, 5, status=451, error="later")) == 0


def test_a_dead_event_can_be_asked_for_again(hand: Hand) -> None:
    """Giving up goes on behind the event; another try leaves it dead or delivered, and is answered once."""
    one = made(hand)
    with hand.ledger.telemetry() as tx:
        for seq in (1, 2):
            one = tx.subscriptions.give_up(one, seq, status=0, error="nobody answers")
        assert tx.subscriptions.asked(one) is None
        assert tx.subscriptions.again(one, 2) == 1
        assert tx.subscriptions.again(one) == 1
        asked = tx.subscriptions.asked(one)
        assert asked is not None
        assert asked.seq == 1
        tx.subscriptions.answer(one, asked, status=500, error="500")
        with pytest.raises(Conflict):
            tx.subscriptions.answer(one, asked, status=200)
        asked = tx.subscriptions.asked(one)
        assert asked is not None
        tx.subscriptions.answer(one, asked, status=200)
        assert tx.subscriptions.asked(one) is None
    with hand.read() as tx:
        (listed,) = tx.subscriptions.list(PROJECT)
        assert (listed.position, listed.dead, listed.lag) == (2, 1, 0)
        dead = tx.subscriptions.deliveries(PROJECT, open_only=True)
        assert [(d.seq, d.attempt, d.subscription) for d in dead] == [(1, 2, "chat")]


def test_listing_tells_how_far_behind_each_is(hand: Hand) -> None:
    """Newest first, a page at a time, with the number of events that each has not been told."""
    for name in ("a", "b", "c"):
        made(hand, name)
    with hand.write() as tx:
        tx.subscriptions.pause(tx.subscriptions.get(PROJECT, "b"), "gone")
    with hand.read() as tx:
        first = tx.subscriptions.list(PROJECT, limit=2)
        assert [one.name for one in first] == ["c", "b"]
        assert [one.name for one in tx.subscriptions.list(PROJECT, after=first[-1].id)] == ["a"]
        assert {one.lag for one in first} == {tx.feed.head(PROJECT).seq}
        assert [one.name for one in tx.subscriptions.list(PROJECT, open_only=True)] == ["c", "a"]
        assert tx.subscriptions.list("other") == []


def test_resuming_begins_at_once(hand: Hand) -> None:
    """A paused one goes on where it was, without waiting for a time that was set before."""
    one = made(hand)
    with hand.ledger.telemetry() as tx:
        one = tx.subscriptions.fail(one, 1, status=410, error="410", next_at=tx.now + 3600 * SECOND)
        tx.subscriptions.pause(one, "410 Gone")
        assert tx.subscriptions.resume(one)
        assert not tx.subscriptions.resume(one)
    assert names(hand) == ["chat"]


def test_old_tries_are_forgotten_but_no_dead_one(hand: Hand) -> None:
    """Sweeping leaves what somebody may still ask for."""
    one = made(hand)
    with hand.ledger.telemetry() as tx:
        one = tx.subscriptions.advance(one, 1, status=200)
        one = tx.subscriptions.give_up(one, 2, status=0, error="")
        assert tx.subscriptions.sweep(tx.now + 1) == 1
        assert [d.state for d in tx.subscriptions.deliveries(PROJECT)] == ["dead"]


def test_one_is_changed_and_keeps_its_place(hand: Hand) -> None:
    """Under another name, told elsewhere and of other kinds, it goes on where it was; a name that is taken is refused."""
    one, other = made(hand), made(hand, "other", format="mlflow")
    with hand.write() as tx:
        changed = tx.subscriptions.change(
            one, name="new", url="https://new.example.org/", kinds=("run.*",), secret="env:NEW"
        )
        assert tx.subscriptions.by_id(one.id) == changed
        assert (changed.name, changed.kinds, changed.secret, changed.position) == (
            "new",
            ("run.*",),
            "env:NEW",
            one.position,
        )
        assert tx.subscriptions.change(changed, name="new", url=one.url, kinds=one.kinds, secret="").url == one.url
        with pytest.raises(Conflict) as caught:
            tx.subscriptions.change(changed, name=other.name, url=one.url, kinds=one.kinds, secret="")
    assert caught.value.kind == "subscription-exists"
    with hand.read() as tx:
        assert [found.name for found in tx.subscriptions.list(PROJECT, form="mlflow")] == ["other"]

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.nouns.person import Person

if TYPE_CHECKING:
    from .conftest import Hand

ANN = Person("person:ann", "Ann", "ann@example.com", "https://id.example.com", "s-1")


def test_a_login_writes_somebody_down(hand: Hand) -> None:
    """The next login brings a new name and address, and keeps who it is."""
    with hand.write() as tx:
        first = tx.people.see(ANN)
    hand.clock.advance(seconds=1)
    with hand.write() as tx:
        again = tx.people.see(Person("person:ann", "Ann B.", "ann@example.org"))
        assert tx.people.by_subject("https://id.example.com", "s-1") == again
        assert tx.people.by_subject("https://id.example.com", "s-2") is None
    assert (again.title, again.email, again.subject, again.created_at) == (
        "Ann B.",
        "ann@example.org",
        "s-1",
        first.created_at,
    )
    assert (again.seen_at or 0) > (first.seen_at or 0)


def test_whoever_is_shut_out_stays_out(hand: Hand) -> None:
    """A new login does not let somebody in again, an admin does; a service that never signed in can be shut out, too."""
    with hand.write() as tx:
        tx.people.see(ANN)
        tx.people.disable("person:ann")
        tx.people.see(ANN)
        assert tx.people.disabled("person:ann")
        tx.people.disable("token:ci")
        assert tx.people.disabled("token:ci")
        tx.people.disable("person:ann", back=True)
        assert not tx.people.disabled("person:ann")
        assert [one.actor for one in tx.people.list()] == ["person:ann", "token:ci"]

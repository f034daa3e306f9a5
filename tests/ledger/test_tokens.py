from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.nouns.token import Scope, Token

if TYPE_CHECKING:
    from .conftest import Hand


def token(name: str = "one", *, actor: str = "person:ann", until: int | None = None) -> Token:
    return Token(name, actor, "laptop", (Scope(("read",), "flights"),), "person:root", 0, until)


def test_a_token_is_found_by_the_hash_of_its_secret(hand: Hand) -> None:
    """What was kept comes back, with its scopes, and nothing of the secret."""
    with hand.write() as tx:
        kept = tx.tokens.add(token(), hashed="h1")
    with hand.read() as tx:
        assert tx.tokens.find("h1") == kept == tx.tokens.get("one")
        assert tx.tokens.find("h2") is None
    assert kept.scopes == (Scope(("read",), "flights"),)


def test_a_dead_token_is_not_found(hand: Hand) -> None:
    """Revoking and expiring end it at once; its row stays to be listed."""
    with hand.write() as tx:
        tx.tokens.add(token("gone"), hashed="h1")
        assert tx.tokens.revoke("gone")
        assert not tx.tokens.any_of(["person:ann"])
        tx.tokens.add(token("late", until=tx.now + 1_000_000), hashed="h2")
        assert not tx.tokens.revoke("gone")
        assert tx.tokens.find("h1") is None
        assert tx.tokens.find("h2") is not None
    hand.clock.advance(seconds=1)
    with hand.read() as tx:
        assert tx.tokens.find("h2") is None
        assert {one.id for one in tx.tokens.list()} == {"late", "gone"}
        assert tx.tokens.any_of(["person:ann"])
        with pytest.raises(NotFound):
            tx.tokens.get("never")


def test_use_is_written_down_to_the_minute(hand: Hand) -> None:
    """A busy token does not write with every request."""
    with hand.write() as tx:
        kept = tx.tokens.add(token(), hashed="h1")
        tx.tokens.use(kept)
        first = tx.tokens.get("one").used_at
    hand.clock.advance(seconds=30)
    with hand.write() as tx:
        tx.tokens.use(kept)
        assert tx.tokens.get("one").used_at == first
    hand.clock.advance(seconds=40)
    with hand.write() as tx:
        tx.tokens.use(kept)
        assert (tx.tokens.get("one").used_at or 0) > (first or 0)


def test_tokens_are_listed_by_actor(hand: Hand) -> None:
    """One actor's tokens do not show those of another."""
    with hand.write() as tx:
        tx.tokens.add(token("a"), hashed="h1")
        tx.tokens.add(token("b", actor="token:ci"), hashed="h2")
        assert [one.id for one in tx.tokens.list("token:ci")] == ["b"]
        assert tx.tokens.any_of(["token:ci", "person:eve"])
        assert not tx.tokens.any_of([])


def test_actors_are_those_whose_tokens_still_let_them_in(hand: Hand) -> None:
    """Once each; a token that was revoked or has ended is none."""
    with hand.write() as tx:
        for number, actor in enumerate(("person:ann", "person:ann", "token:ci", "token:old")):
            tx.tokens.add(token(f"t{number}", actor=actor), hashed=f"h{number}")
        tx.tokens.add(replace(token("t9", actor="token:late"), expires_at=tx.now - 1), hashed="h9")
        tx.tokens.revoke("t3")
        assert tx.tokens.actors() == ["person:ann", "token:ci"]

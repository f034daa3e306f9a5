from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.ledger.sessions import LASTING, LONGEST, WAITING

if TYPE_CHECKING:
    from .conftest import Hand


def test_a_session_lasts_while_it_is_used(hand: Hand) -> None:
    """Unused it ends after hours, used after days."""
    with hand.write() as tx:
        tx.sessions.begin("h", "person:ann", csrf="c")
        begun = tx.now
    for _ in range(LONGEST // LASTING + 4):
        hand.clock.advance(microseconds=LASTING // 2)
        with hand.write() as tx:
            if tx.now - begun < LONGEST:
                assert tx.sessions.find("h") is not None
                tx.sessions.slide("h")
    hand.clock.advance(microseconds=LONGEST // 2)
    with hand.read() as tx:
        assert tx.sessions.find("h") is None


def test_sessions_end_by_browser_actor_and_token(hand: Hand) -> None:
    """Each way ends those it names and no others."""
    with hand.write() as tx:
        for name, actor, token in (("a", "person:ann", None), ("b", "person:ann", "t"), ("c", "person:bob", "t")):
            tx.sessions.begin(name, actor, csrf="c", token=token)
        tx.sessions.end("a")
        assert tx.sessions.find("a") is None
        assert tx.sessions.end_all(token="t") == 2
        tx.sessions.begin("d", "person:bob", csrf="c")
        assert tx.sessions.end_all(actor="person:bob") == 1


def test_a_device_is_let_in_once(hand: Hand) -> None:
    """Somebody allows it, it learns so once, and a second question finds it used."""
    with hand.write() as tx:
        tx.sessions.wait("h", "BCDF-GHJK", "loopline on laptop")
        assert tx.sessions.device("BCDF-GHJK") is not None
        tx.sessions.answer("BCDF-GHJK", "person:ann", allow=True, token="t")
        assert tx.sessions.device("BCDF-GHJK") is None
        with pytest.raises(NotFound):
            tx.sessions.answer("BCDF-GHJK", "person:eve", allow=True)
        found, hasty = tx.sessions.ask("h")
        assert found
        assert (found.state, found.actor, found.token, hasty) == ("allowed", "person:ann", "t", False)
    hand.clock.advance(seconds=6)
    with hand.write() as tx:
        found, hasty = tx.sessions.ask("h")
        assert (found and found.state, hasty) == ("used", False)


def test_a_hasty_device_learns_nothing(hand: Hand) -> None:
    """Who asks again at once is told to slow down, and is not let in by that question."""
    with hand.write() as tx:
        tx.sessions.wait("h", "BCDF-GHJK", "x")
        assert tx.sessions.ask("h")[1] is False
        tx.sessions.answer("BCDF-GHJK", "person:ann", allow=True)
        assert tx.sessions.ask("h")[1] is True
    hand.clock.advance(seconds=6)
    with hand.write() as tx:
        found, hasty = tx.sessions.ask("h")
        assert (found and found.state, hasty) == ("allowed", False)


def test_what_is_over_is_swept(hand: Hand) -> None:
    """Devices and sessions that ended are forgotten, others stay."""
    with hand.write() as tx:
        tx.sessions.wait("h", "BCDF-GHJK", "x")
        tx.sessions.begin("s", "person:ann", csrf="c")
        assert tx.sessions.sweep() == 0
    hand.clock.advance(microseconds=WAITING + 1)
    with hand.write() as tx:
        assert tx.sessions.device("BCDF-GHJK") is None
        assert tx.sessions.sweep() == 1
        assert tx.sessions.ask("h") == (None, False)
        assert tx.sessions.find("s") is not None

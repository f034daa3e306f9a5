"""A process that is written down while it stores bytes."""

from __future__ import annotations

import os
import time

import pytest

from loopline.errors import Conflict
from loopline.ledger.attending import Attendance
from loopline.ledger.ledger import Ledger

from .conftest import Hand


def attending(hand: Hand, *, every: float | None = None) -> Attendance:
    """Let the ledger of a test be attended."""
    hand.ledger.attendance = Attendance(hand.ledger, hand.ids.new, "here 1", every=every)
    return hand.ledger.attendance


def beats(hand: Hand) -> list[int]:
    """Give the beats of all writers."""
    with hand.read() as tx:
        return [one.beat for one in tx.writers.before(1000)]


def test_it_is_written_down_once_and_struck_off_at_the_end(hand: Hand) -> None:
    """Each commit counts as a beat."""
    attendance = attending(hand)
    hand.publish(b"one")
    assert beats(hand) == []
    attendance.hold()
    attendance.hold()
    assert beats(hand) == [0]
    hand.publish(b"two")
    attendance.tend()
    assert beats(hand) == [2]
    attendance.end()
    assert beats(hand) == []


def test_who_was_given_up_is_refused_once(hand: Hand) -> None:
    """The commit changes nothing; what is stored afterwards counts again."""
    attendance = attending(hand)
    attendance.hold()
    with hand.ledger.telemetry() as tables:
        tables.writers.give_up(tables.writers.before(1000))
    with pytest.raises(Conflict) as caught:
        hand.publish(b"one")
    assert caught.value.kind == "writer-lapsed"
    with hand.read() as tx:
        assert tx.feed.head("flights").seq == 0
    attendance.hold()
    hand.publish(b"one")
    assert beats(hand) == [1]


def test_inside_a_write_and_in_a_rehearsal_nobody_is_written_down(hand: Hand) -> None:
    """A row of a transaction that is undone would be missed later."""
    attendance = attending(hand)
    with pytest.raises(ZeroDivisionError), hand.write():
        attendance.hold()
        raise ZeroDivisionError
    dry = Ledger(hand.database, clock=hand.clock, dry=True)
    Attendance(dry, hand.ids.new, "").hold()
    hand.publish(b"one")
    assert beats(hand) == []


def test_it_beats_by_itself(hand: Hand) -> None:
    """A thread does, until the end."""
    attendance = attending(hand, every=0.01)
    attendance.hold()
    end = time.monotonic() + 20
    while sum(beats(hand)) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    assert sum(beats(hand)) >= 2
    attendance.end()
    assert beats(hand) == []


def test_who_never_ends_is_written_down_anew(hand: Hand) -> None:
    """The old row goes when the new one is as old as what may have begun under the old one."""
    attendance = attending(hand)
    attendance.lasting = 0.0
    attendance.hold()
    with hand.ledger.telemetry() as tables:
        tables.reclaims.open("")

    def began() -> list[int]:
        with hand.read() as tx:
            return [one.began for one in tx.writers.before(1000)]

    attendance.tend()
    assert began() == [0, 1]
    attendance.tend()
    assert 0 not in began()


def test_a_fork_attends_by_itself(hand: Hand) -> None:
    """A child neither speaks for its parent nor strikes it off."""
    if hand.database.dialect != "sqlite":
        return
    attendance = attending(hand)
    attendance.hold()
    child = os.fork()
    if not child:
        attendance.end()
        os._exit(0)
    os.waitpid(child, 0)
    assert beats(hand) == [0]

"""The ticker with a clock that a test moves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from loopline.errors import Unavailable
from loopline.loop import Loop
from loopline.server import ticker
from loopline.server.ticker import LASTING, NAME, SECOND, Duty, Ticker, duties
from loopline.testing.clock import FakeClock
from loopline.testing.loop import loop as new_loop


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands still."""
    return FakeClock()


@pytest.fixture
def loop(clock: FakeClock) -> Loop:
    """Give an empty loop."""
    return new_loop(clock=clock)


def noted(done: list[str], name: str, every: int = SECOND, after: Callable[[], object] = lambda: None) -> Duty:
    """Give a duty that writes its name down."""

    def do(_: Loop) -> None:
        done.append(name)
        after()

    return Duty(name, every, do)


def test_each_duty_is_done_at_its_own_pace(loop: Loop, clock: FakeClock) -> None:
    """At the first tick everything, afterwards only what is due."""
    done: list[str] = []
    one = Ticker(loop, listed=(noted(done, "fast"), noted(done, "slow", 10 * SECOND)))
    for _ in range(21):
        one.tick()
        clock.advance(seconds=1)
    assert (done.count("fast"), done.count("slow")) == (21, 3)


def test_a_duty_that_fails_does_not_stop_the_others(
    loop: Loop, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of ours and a defect are logged, the rest is done, and the next time they are tried again."""
    done: list[str] = []

    def unavailable() -> None:
        raise Unavailable("full", kind="disk-full")

    def defect() -> None:
        raise ZeroDivisionError

    one = Ticker(loop, listed=(noted(done, "a", after=unavailable), noted(done, "b", after=defect), noted(done, "c")))
    assert one.tick() == ("c",)
    clock.advance(seconds=1)
    assert one.tick() == ("c",)
    assert done == ["a", "b", "c"] * 2
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"] * 2


def test_of_two_servers_one_ticks(loop: Loop, clock: FakeClock) -> None:
    """The second does nothing while the first lives, and everything soon after it is gone."""
    done: list[str] = []
    first, second = Ticker(loop, listed=(noted(done, "1"),)), Ticker(loop, listed=(noted(done, "2"),))
    for _ in range(60):
        first.tick()
        second.tick()
        clock.advance(seconds=1)
    assert set(done) == {"1"}
    clock.advance(microseconds=LASTING)
    assert second.tick() == ("2",)
    assert first.tick() == ()


def test_a_ticker_that_was_paused_does_nothing_more(loop: Loop, clock: FakeClock) -> None:
    """Paused in the middle of a tick, it finds its lease gone in front of the next duty."""
    done: list[str] = []
    second = Ticker(loop, listed=(noted(done, "theirs"),))

    def pause() -> None:
        clock.advance(microseconds=LASTING + 1)
        second.tick()

    first = Ticker(loop, listed=(noted(done, "a", after=pause), noted(done, "b")))
    assert first.tick() == ("a",)
    assert done == ["a", "theirs"]
    assert first.tick() == ()


def test_a_ticker_that_leaves_lets_another_go_on_at_once(loop: Loop) -> None:
    """When it is stopped in order it gives the lease back."""
    done: list[str] = []
    first, second = Ticker(loop, listed=(noted(done, "1"),)), Ticker(loop, listed=(noted(done, "2"),))
    first.tick()
    assert second.tick() == ()
    stop = threading.Event()
    stop.set()
    first.run(stop)
    assert second.tick() == ("2",)


def test_a_database_that_is_away_is_waited_for(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the ledger does not answer the thread goes on, and ticks again when it does."""
    monkeypatch.setattr(ticker, "EVERY_S", 0.001)
    done: list[str] = []
    stop, away = threading.Event(), [3]
    one = Ticker(loop, listed=(noted(done, "x", every=0, after=stop.set),))
    real = one._hold

    def hold() -> bool:
        if away[0]:
            away[0] -= 1
            raise Unavailable("away", kind="ledger-unreachable")
        return real()

    monkeypatch.setattr(one, "_hold", hold)
    one.run(stop)
    assert done
    with loop.ledger.read() as tx:
        (until,) = tx.rows.one("SELECT until FROM leases WHERE name = ?", NAME) or (None,)
    assert until == 0


def test_all_duties_find_nothing_to_do_in_an_empty_ledger(loop: Loop) -> None:
    """Each of them runs on a ledger where nothing has happened, writes no event, and is named once."""
    one = Ticker(replace(loop, work=loop.work / "none"))
    assert one.tick() == tuple(duty.name for duty in duties())
    assert len({duty.name for duty in duties()}) == len(duties())
    with loop.ledger.read() as tx:
        assert not tx.feed.list("flights")

"""Short writes of many requests on one thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Unavailable
from loopline.faces import lane as lanes
from loopline.faces.lane import Lane
from loopline.nouns.actor import Actor
from loopline.testing.loop import loop as new_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loopline.loop import Loop

ANN = Actor("person", "ann")


@pytest.fixture
def loop() -> Iterator[Loop]:
    """Give a loop in memory."""
    loop = new_loop()
    yield loop
    loop.ledger.close()


def saying(loop: Loop, subject: str) -> Callable[[], str]:
    """Make the work of writing one event."""

    def work() -> str:
        with loop.ledger.write(loop.project, ANN) as tx:
            tx.say("test", subject)
        return subject

    return work


def said(loop: Loop) -> list[str]:
    """Give the events' subjects."""
    with loop.ledger.read() as tx:
        return [event.subject for event in tx.feed.list(loop.project)]


def failing() -> str:
    """Raise."""
    raise ValueError


def held(lane: Lane, *works: Callable[[], str]) -> list[str | BaseException]:
    """Have works done together: all wait until a first one ends."""

    async def main() -> list[str | BaseException]:
        go = threading.Event()
        first = asyncio.ensure_future(lane.do(go.wait))
        rest = [asyncio.ensure_future(lane.do(work)) for work in works]
        await asyncio.sleep(0.05)
        go.set()
        await first
        return await asyncio.gather(*rest, return_exceptions=True)

    done = asyncio.run(main())
    lane.end()
    return done


def test_each_gets_what_its_own_work_gives(loop: Loop) -> None:
    """Works that share a transaction give or raise each by itself; what was raised in is undone."""

    def wrong() -> str:
        with loop.ledger.write(loop.project, ANN) as tx:
            tx.say("test", "never")
            raise KeyError

    first, second, third, fourth = held(Lane(loop.ledger), saying(loop, "a"), failing, wrong, saying(loop, "b"))
    assert (first, fourth) == ("a", "b")
    assert isinstance(second, ValueError)
    assert isinstance(third, KeyError)
    assert said(loop) == ["a", "b"]


def test_listeners_are_told_when_it_is_durable(loop: Loop) -> None:
    """Whoever is told of a write finds it: once for a project, however many works wrote there."""
    told: list[tuple[str, int]] = []
    loop.ledger.listeners.append(lambda project: told.append((project, len(said(loop)))))
    held(Lane(loop.ledger), saying(loop, "a"), saying(loop, "b"))
    assert told == [(loop.project, 2)]


def test_a_commit_that_fails_fails_for_each(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is answered as if their work was durable."""
    full = Unavailable("full", kind="disk-full", hint="free some")

    def broken() -> None:
        raise full

    monkeypatch.setattr(loop.ledger.database, "write", broken)
    assert held(Lane(loop.ledger), lambda: "a", lambda: "b") == [full, full]


def test_who_has_gone_keeps_nobody_from_being_answered(loop: Loop) -> None:
    """A request that was cancelled meanwhile is written, and the next one answered."""
    lane = Lane(loop.ledger)

    async def main() -> str:
        go = threading.Event()
        first = asyncio.ensure_future(lane.do(go.wait))
        gone, here = (asyncio.ensure_future(lane.do(saying(loop, name))) for name in "ab")
        await asyncio.sleep(0.05)
        gone.cancel()
        go.set()
        await first
        return await here

    assert asyncio.run(main()) == "b"
    assert said(loop) == ["a", "b"]
    lane.end()


def test_the_thread_ends_when_nothing_comes_and_comes_back(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle server has no thread for it, and the next work finds one."""
    monkeypatch.setattr(lanes, "IDLE_S", 0.02)
    lane = Lane(loop.ledger)

    async def main() -> list[str]:
        done = [await lane.do(saying(loop, "a"))]
        thread = lane._thread
        assert thread is not None
        await asyncio.to_thread(thread.join, 10)
        return [*done, await lane.do(saying(loop, "b"))]

    assert asyncio.run(main()) == ["a", "b"]
    lane.end()
    lane.end()


def test_more_works_than_fit_into_one_transaction(loop: Loop) -> None:
    """All are done, in the order in which they came."""
    names = [str(number) for number in range(2 * lanes.MOST + 3)]
    assert held(Lane(loop.ledger), *(saying(loop, name) for name in names)) == names
    with loop.ledger.read() as tx:
        assert [event.subject for event in tx.feed.list(loop.project, limit=1000)] == names


def test_the_end_waits_for_what_waits_and_no_longer(loop: Loop) -> None:
    """A server that stops under load writes what it has taken, and is not held up by a thread that waits for more."""
    lane, go = Lane(loop.ledger), threading.Event()

    async def main() -> str:
        first = asyncio.ensure_future(lane.do(go.wait))
        last = asyncio.ensure_future(lane.do(saying(loop, "a")))
        await asyncio.sleep(0.05)
        ending = asyncio.get_running_loop().run_in_executor(None, lane.end)
        await asyncio.sleep(0.05)
        go.set()
        await first
        said_last = await last
        await asyncio.wait_for(ending, lanes.IDLE_S / 2)
        return said_last

    assert asyncio.run(main()) == "a"
    assert lane._thread is None


def test_a_listener_that_fails_stops_nobody_else(loop: Loop) -> None:
    """Those whose writes it was told of are answered with that, and the next ones are written."""
    lane = Lane(loop.ledger)

    def deaf(project: str) -> None:
        raise OSError(project)

    async def two() -> list[str | BaseException]:
        go = threading.Event()
        first = asyncio.ensure_future(lane.do(go.wait))
        both = [asyncio.ensure_future(lane.do(saying(loop, name))) for name in "ab"]
        await asyncio.sleep(0.05)
        go.set()
        await first
        return await asyncio.wait_for(asyncio.gather(*both, return_exceptions=True), 5)

    loop.ledger.listeners.append(deaf)
    assert [type(one) for one in asyncio.run(two())] == [OSError, OSError]
    loop.ledger.listeners.clear()
    assert asyncio.run(two()) == ["a", "b"]
    lane.end()


def test_those_who_were_there_before_are_waited_for(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two who ask again and again share each transaction, once it is known that they are two; one alone waits for nobody."""
    monkeypatch.setattr(lanes, "PATIENCE_S", 20.0)
    sizes: list[int] = []
    together = loop.ledger.together

    def counting(works: Sequence[Callable[[], object]]) -> Sequence[object]:
        sizes.append(len(works))
        return together(works)

    monkeypatch.setattr(loop.ledger, "together", counting)
    lane, begun, go = Lane(loop.ledger), threading.Event(), threading.Event()

    def hold() -> bool:
        begun.set()
        return go.wait(10)

    async def main() -> None:
        for n in range(3):
            await lane.do(saying(loop, f"alone {n}"))
        first = asyncio.ensure_future(lane.do(hold))
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.ensure_future(lane.do(saying(loop, "second")))
        await asyncio.sleep(0)  # it stands in the queue now
        go.set()
        await first
        again = asyncio.ensure_future(lane.do(saying(loop, "first again")))
        await asyncio.wait_for(asyncio.gather(second, again), 10)
        monkeypatch.setattr(lanes, "PATIENCE_S", 0.001)
        await lane.do(saying(loop, "alone again"))
        monkeypatch.setattr(lanes, "PATIENCE_S", 20.0)
        await asyncio.wait_for(lane.do(saying(loop, "alone still")), 10)

    asyncio.run(main())
    lane.end()
    assert sizes == [1, 1, 1, 1, 2, 1, 1]

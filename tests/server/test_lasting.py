"""A request ends when its caller is let in no longer, however long it would have gone on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from loopline.errors import Unavailable
from loopline.server.lasting import EVERY_S, UNSURE_S, Lasting, ShutOut

Message = dict[str, Any]
START: Message = {"type": "http.response.start", "status": 200, "headers": []}
PIECE: Message = {"type": "http.response.body", "body": b"x", "more_body": True}
MORE: Message = {"type": "http.request", "body": b"x", "more_body": True}


class World:
    """A client, a clock, and somebody who may be shut out."""

    def __init__(self) -> None:
        self.at = 100.0
        self.sent: list[Message] = []
        self.asked = 0
        self.answer: bool | Exception = True
        self.lasting = Lasting(self._receive, self._send, self._still, clock=lambda: self.at)

    async def _receive(self) -> Message:
        return MORE

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    async def _still(self) -> bool:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def played(story: Callable[[World], Awaitable[None]]) -> World:
    """Play a story to its end."""
    world = World()
    asyncio.run(story(world))  # type: ignore[arg-type]
    return world


def test_a_short_request_asks_nothing() -> None:
    """What is over at once costs no look into the ledger."""

    async def story(world: World) -> None:
        world.answer = False
        await world.lasting.receive()
        await world.lasting.send(START)
        await world.lasting.send(PIECE)

    world = played(story)
    assert (world.asked, len(world.sent), world.lasting.over) == (0, 2, False)


def test_a_stream_ends_before_the_next_thing_is_told() -> None:
    """Whoever was shut out gets nothing that happened more than the pause later, and the stream is closed in order."""

    async def story(world: World) -> None:
        await world.lasting.send(START)
        await world.lasting.send(PIECE)
        world.answer = False
        world.at += EVERY_S
        for _ in range(2):
            with pytest.raises(ShutOut):
                await world.lasting.send(PIECE)
        await world.lasting.end()

    world = played(story)
    assert world.sent == [START, PIECE, {"type": "http.response.body", "body": b"", "more_body": False}]
    assert world.asked == 1


def test_a_download_of_a_promised_length_stays_cut() -> None:
    """An end in order would say that all of it has come."""

    async def story(world: World) -> None:
        await world.lasting.send({**START, "headers": [(b"Content-Length", b"9")]})
        world.answer = False
        world.at += EVERY_S
        with pytest.raises(ShutOut):
            await world.lasting.send(PIECE)
        await world.lasting.end()

    assert len(played(story).sent) == 1


def test_an_upload_ends_as_if_the_client_had_gone() -> None:
    """The face is told of a disconnect in place of the next piece, and of nothing else from then on."""
    heard = []

    async def story(world: World) -> None:
        heard.append(await world.lasting.receive())
        world.answer = False
        world.at += EVERY_S
        heard.append(await world.lasting.receive())
        heard.append(await world.lasting.receive())

    world = played(story)
    assert [one["type"] for one in heard] == ["http.request", "http.disconnect", "http.disconnect"]
    assert not world.lasting.started


def test_who_stays_is_asked_about_once_a_pause() -> None:
    """A stream of a thousand pieces in a second looks into the ledger once in a pause, no matter how it is cut."""

    async def story(world: World) -> None:
        await world.lasting.send(START)
        for _ in range(1000):
            world.at += EVERY_S / 100
            await world.lasting.send(PIECE)

    world = played(story)
    assert len(world.sent) == 1001
    assert 9 <= world.asked <= 10


def test_a_ledger_that_cannot_say_is_borne_for_a_while() -> None:
    """A database that restarts ends no upload; one that stays away lets nobody go on for ever."""

    async def story(world: World) -> None:
        await world.lasting.send(START)
        world.answer = Unavailable("it restarts", kind="ledger-unreachable")
        while world.at < 100.0 + UNSURE_S:
            world.at += EVERY_S
            await world.lasting.send(PIECE)
        world.at += EVERY_S
        with pytest.raises(ShutOut):
            await world.lasting.send(PIECE)

    assert played(story).lasting.over

"""A proxy that speaks TLS to clients and hands everything on to a server, as one does in front of a real one."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Queue


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()


@contextmanager
def encrypted(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """Listen with TLS on a free port of loopback in front of another one."""
    found: Queue[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Queue()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        both = [asyncio.ensure_future(_pump(reader, outer)), asyncio.ensure_future(_pump(inner, writer))]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            for end in (outer, writer):
                end.transport.abort()

    async def main() -> None:
        over = asyncio.Event()
        server = await asyncio.start_server(met, "127.0.0.1", 0, ssl=context)
        found.put((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), over))
        await over.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.05)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    number, loop, over = found.get(timeout=10)
    try:
        yield number
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)

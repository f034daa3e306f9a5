"""Send requests over kept connections, each sending the next one when it has its answer; say how long all took.

Stdin is JSON: port, connections, count, and requests (method, path, headers, body), which are sent in turns. `@N@` is replaced by
the number of the request and `@CHANCE@` by something of this process alone, so that no two writes are the same. An answer that is
not a 2xx ends it with an error: a server that refuses is not fast.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
import time
import uuid
from typing import Any

CHANCE = uuid.uuid4().hex


class Client(asyncio.Protocol):
    """One kept connection."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport: Any = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.next()

    def next(self) -> None:
        """Send the next request, or leave."""
        self.sent = time.perf_counter()
        request = self.load.next()
        if request is None:
            self.transport.close()
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take an answer, which may come in parts."""
        self.held += data
        head, there, rest = self.held.partition(b"\r\n\r\n")
        if not there:
            return
        lower = head.lower()
        at = lower.find(b"content-length:")
        if at >= 0 and not head.startswith(b"HTTP/1.1 2") and not rest:
            return
        if at < 0 or not head.startswith(b"HTTP/1.1 2"):
            self.load.fail(self.held[:1500].decode(errors="replace"))
            self.transport.close()
            return
        end = lower.find(b"\r\n", at)
        if len(rest) >= int(lower[at + 15 : end if end > 0 else None]):
            self.held = b""
            self.load.took.append(time.perf_counter() - self.sent)
            self.next()

    def connection_lost(self, error: Exception | None) -> None:
        """Say so."""
        self.load.lost(error)


class Load:
    """What is left to send."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.count, self.connections = asked["count"], asked["connections"]
        self.requests = [_spelled(one, asked["port"]) for one in asked["requests"]]
        self.number = 0
        self.took: list[float] = []
        self.wrong = ""
        self.open = self.connections
        self.done = asyncio.Event()

    def next(self) -> bytes | None:
        """Give the next request, None where enough were sent."""
        if self.number >= self.count or self.wrong:
            return None
        head, body = self.requests[self.number % len(self.requests)]
        self.number += 1
        mark = f"{self.number:08d}".encode()
        body = body.replace(b"@N@", mark)
        return head.replace(b"@N@", mark).replace(b"@LENGTH@", str(len(body)).encode()) + body

    def fail(self, why: str) -> None:
        """Keep the first thing that went wrong."""
        self.wrong = self.wrong or why

    def lost(self, error: Exception | None) -> None:
        """Count down to the last connection."""
        if error:
            self.fail(str(error))
        self.open -= 1
        if not self.open:
            self.done.set()


def _spelled(one: dict[str, Any], port: int) -> tuple[bytes, bytes]:
    body = one.get("body")
    raw = b"" if body is None else json.dumps(body).encode()
    headers = {"Host": f"127.0.0.1:{port}", **one.get("headers", {})}
    if body is not None:
        headers |= {"Content-Type": "application/json", "Content-Length": "@LENGTH@"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{one['method']} {one['path']} HTTP/1.1\r\n{lines}\r\n".replace("@CHANCE@", CHANCE)
    return head.encode(), raw


async def main() -> None:
    asked = json.load(sys.stdin)
    load = Load(asked)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for _ in range(load.connections):
        await loop.create_connection(lambda: Client(load), "127.0.0.1", asked["port"])
    await load.done.wait()
    wall = time.perf_counter() - began
    if load.wrong or len(load.took) != load.count:
        sys.exit(load.wrong or f"{len(load.took)} answers to {load.count} requests")
    took = sorted(load.took)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps({
            "wall": wall,
            "median": took[len(took) // 2],
            "p99": took[len(took) * 99 // 100],
            "worst": took[-1],
            "cpu": used.ru_utime + used.ru_stime,
        })
    )


if __name__ == "__main__":
    asyncio.run(main())

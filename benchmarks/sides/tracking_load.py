"""Send requests from several processes, one kept connection each, the next when the last is answered; say how long all took.

Stdin is JSON: port, and for each process its requests (method, path, body). `"@N@"` in a body is the number of the request;
digits between the last sign and the quote stand behind that number. What is sent is written before the clock starts, over plain
sockets: the generator shares the cores with the server. An answer that is not a 2xx ends it with an error: a server that refuses
is not fast.
"""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import sys
import time
from typing import Any

NUMBER = re.compile(r'"@N@(\d*)"')


class Connection:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> None:
        """Send a request and read all of its answer."""
        self.socket.sendall(request)
        held = self._more(b"")
        while (end := held.find(b"\r\n\r\n")) < 0:
            held = self._more(held)
        head = held[:end].lower()
        if not head.startswith(b"http/1.1 2"):
            sys.exit(held[:1500].decode(errors="replace"))
        at = head.find(b"content-length:")
        if at >= 0:
            stop = head.find(b"\r\n", at)
            left = int(head[at + 15 : stop if stop > 0 else None]) - (len(held) - end - 4)
            while left > 0:
                left -= len(self._more(b""))
        else:
            tail = held[-7:]
            while not tail.endswith(b"\r\n0\r\n\r\n"):
                tail = (tail + self._more(b""))[-7:]

    def _more(self, held: bytes) -> bytes:
        piece = self.socket.recv(1 << 20)
        if not piece:
            sys.exit("the server has closed the connection")
        return held + piece


def spelled(one: dict[str, Any], number: int, port: int) -> bytes:
    """Write a request."""
    body = one.get("body")
    raw = b"" if body is None else NUMBER.sub(lambda found: str(int(f"{number}{found[1]}")), json.dumps(body)).encode()
    kind = f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n" if raw else ""
    return f"{one['method']} {one['path']} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{kind}\r\n".encode() + raw


def work(port: int, one: dict[str, Any], go: int, ready: int, out: int) -> None:
    """Be one process: connect, wait for the start, send, and tell how long each took."""
    requests = [spelled(one, number, port) for number in range(one["first"], one["first"] + one["count"])]
    connection, took = Connection(port), []
    os.write(ready, b"r")
    os.read(go, 1)
    for request in requests:
        began = time.perf_counter()
        connection.ask(request)
        took.append(time.perf_counter() - began)
    with os.fdopen(out, "w") as told:
        json.dump(took, told)


def main() -> None:
    asked = json.load(sys.stdin)
    ready_in, ready_out = os.pipe()
    go_in, go_out = os.pipe()
    outs, children = [], []
    for one in asked["processes"]:
        out_in, out_out = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go_out)
            work(asked["port"], one, go_in, ready_out, out_out)
            os._exit(0)
        os.close(out_out)
        outs.append(out_in)
        children.append(child)
    os.close(ready_out)
    for _ in children:
        if not os.read(ready_in, 1):
            sys.exit("a process has not begun")
    began = time.perf_counter()
    os.close(go_out)
    took: list[float] = []
    for out in outs:
        with os.fdopen(out) as told:
            took += json.loads(told.read() or "[]")
    wall = time.perf_counter() - began
    if any(os.waitpid(child, 0)[1] for child in children):
        sys.exit("a process has failed")
    took.sort()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        json.dumps({
            "wall": wall,
            "median": took[len(took) // 2],
            "p99": took[len(took) * 99 // 100],
            "cpu": used.ru_utime + used.ru_stime,
        })
    )


if __name__ == "__main__":
    main()

"""Send a file to a tracking server by MLflow's API, or fetch it: words: up|down, port, path of the address, file.

Plain sockets, so that what is measured is the server: a file goes from the disk to the socket without passing through here, and
what comes is counted and let go.
"""

from __future__ import annotations

import json
import resource
import socket
import sys
import time
from pathlib import Path


def main(way: str, port: str, path: str, name: str) -> None:
    file = Path(name)
    size = file.stat().st_size
    began, before = time.perf_counter(), _cpu()
    with socket.create_connection(("127.0.0.1", int(port))) as line:
        if way == "up":
            head = (
                f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
            )
            line.sendall(head.encode())
            with file.open("rb") as source:
                line.sendfile(source)
        else:
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        answered = _answer(line)
    wall, cpu = time.perf_counter() - began, _cpu() - before
    if way == "down" and answered != size:
        sys.exit(f"{answered} bytes came, not {size}")
    print(json.dumps({way: [cpu * 1000, wall * 1000, 1]}))


def _answer(line: socket.socket) -> int:
    """Read an answer to its end, and give how many bytes its body had."""
    room = bytearray(1 << 20)
    head = b""
    while b"\r\n\r\n" not in head:
        more = line.recv(65536)
        if not more:
            sys.exit("the server has ended the connection")
        head += more
    first, _, rest = head.partition(b"\r\n\r\n")
    if b" 200 " not in first.partition(b"\r\n")[0]:
        sys.exit(f"refused: {head[:500]!r}")
    count = len(rest)
    while came := line.recv_into(room):
        count += came
    return count


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])

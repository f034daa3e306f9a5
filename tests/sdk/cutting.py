"""A way to a server on which answers get lost: requests arrive whole, and some connections are cut when the answer comes."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Cutting:
    """Passes bytes on. Of the answers, it cuts a share, some of them in the middle."""

    def __init__(self, url: str, share: float, seed: int) -> None:
        parts = urlsplit(url)
        self._there = (parts.hostname or "", parts.port or 80)
        self._share = share
        self._chance = random.Random(seed)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.cuts = 0
        self._passing: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for one in [self._accepting, *self._passing]:
            one.join(5)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
                far = socket.create_connection(self._there)
            except OSError:
                return
            one = threading.Thread(target=self._pass, args=(near, far), daemon=True)
            one.start()
            self._passing.append(one)

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        with near, far:
            up = threading.Thread(target=self._up, args=(near, far), daemon=True)
            up.start()
            self._down(near, far)
            up.join()

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(1 << 16):
                far.sendall(data)
        _end(near, far)

    def _down(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(1 << 16):
                if self._chance.random() < self._share:
                    self.cuts += 1
                    near.sendall(data[: self._chance.randrange(len(data))])
                    break
                near.sendall(data)
        _end(near, far)


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting(url: str, *, share: float, seed: int) -> Iterator[Cutting]:
    """Put one in front of a server for a block."""
    way = Cutting(url, share, seed)
    try:
        yield way
    finally:
        way.close()

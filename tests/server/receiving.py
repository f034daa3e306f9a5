"""A receiver of webhooks on loopback that does as it is told, and remembers what it was sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loopline.server.relay import Relay

Reply = int | tuple[int, dict[str, str]] | str
"""A status; a status with headers; or `cut` (close after reading), `hang` (never answer), `drip` (a byte now and then)."""


@dataclass(frozen=True)
class Letter:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def seq(self) -> int:
        """Number of the event."""
        return int(json.loads(self.body)["data"]["seq"])


@dataclass
class Receiver:
    """What came in, and what is answered next."""

    answer: Callable[[Letter], Reply] = field(default=lambda _: 204)
    letters: list[Letter] = field(default_factory=list)
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def seqs(self) -> list[int]:
        """Numbers of the events as they came in, repetitions and all."""
        return [letter.seq for letter in list(self.letters)]

    def wait(self, done: Callable[[], bool], *, seconds: float = 20.0) -> None:
        """Wait until something is so, or fail."""
        until = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < until, f"never so; {len(self.letters)} came in: {self.seqs()[-20:]}"
            time.sleep(0.01)


@contextmanager
def receiving(answer: Callable[[Letter], Reply] | None = None) -> Iterator[Receiver]:
    """Run a receiver."""
    here = Receiver()
    if answer is not None:
        here.answer = answer
    server = _Server(("127.0.0.1", 0), _Handler)
    server.here = here
    here.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield here
    finally:
        here.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def verified(letter: Letter, secret: str, *, now: float | None = None) -> bool:
    """Tell whether a request was signed with a secret: written from the specification's words, not from our code.

    "The content to be signed is `{msg_id}.{timestamp}.{payload}`"; the secret is base64 behind `whsec_`; the header is a
    space delimited list; a timestamp that is too old is a replay.
    """
    names = {name.lower(): value for name, value in letter.headers.items()}
    content = b".".join([names["webhook-id"].encode(), names["webhook-timestamp"].encode(), letter.body])
    expected = base64.b64encode(
        hmac.new(base64.b64decode(secret.split("_", 1)[1]), content, hashlib.sha256).digest()
    ).decode()
    fresh = abs((now or time.time()) - int(names["webhook-timestamp"])) < 300
    return fresh and any(
        version == "v1" and hmac.compare_digest(sign, expected)
        for version, _, sign in (one.partition(",") for one in names["webhook-signature"].split(" "))
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    here: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: being cut off is what these tests do."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read everything, remember it, answer as told."""
        here: Receiver = self.server.here  # type: ignore[attr-defined]
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the sender was killed behind the head: nothing has come in
            self.close_connection = True
            return
        letter = Letter(self.path, dict(self.headers), body, time.monotonic())
        here.letters.append(letter)
        reply = here.answer(letter)
        if reply == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif reply in ("hang", "drip"):
            if reply == "drip":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not here.over.wait(0.05):
                if reply == "drip":
                    self.wfile.write(b"x")
            self.close_connection = True
        else:
            status, headers = reply if isinstance(reply, tuple) else (int(reply), {})
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's word)
        """Say nothing."""


@contextmanager
def running(relay: Relay) -> Iterator[Relay]:
    """Run a relay in a thread; it must stop soon when told."""
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield relay
    finally:
        stop.set()
        thread.join(timeout=10)
        assert not thread.is_alive()

"""One request over TLS, and connections that are kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from loopline.errors import Refused
from loopline.server.hosts import LOOPBACK, Hosts
from loopline.server.posting import Answer, Line

from .certificates import certificate
from .receiving import receiving


@contextmanager
def secure(folder: Path, name: str) -> Iterator[int]:
    """Run a receiver over TLS whose certificate is for `name`, and give its port."""
    context, _ = certificate(folder, name, "10.9.9.9")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200 if self.headers["Host"].startswith("localhost") else 421)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Server(HTTPServer):
        def handle_error(self, *args: object) -> None:
            """Say nothing: a client that does not trust us ends the handshake."""

    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def posted(url: str, *, timeout: float = 5.0) -> Answer:
    """Send one request."""
    line = Line(url, Hosts(LOOPBACK), timeout=timeout)
    try:
        return line.post(b"{}", {}, now=time.time())
    finally:
        line.close()


def test_a_receiver_proves_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate must be trusted and be for the name in the address, though the connection goes to a number."""
    with secure(tmp_path, "localhost") as port:
        refused = posted(f"https://localhost:{port}/")
        assert (refused.status, "TLS" in refused.error) == (0, True)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        assert posted(f"https://localhost:{port}/").error == ""
    with secure(tmp_path, "elsewhere.example") as port:
        refused = posted(f"https://localhost:{port}/")
        assert (refused.status, "TLS" in refused.error) == (0, True)


def test_a_connection_is_used_again_and_made_anew() -> None:
    """Requests go over one connection; where the other side has closed it meanwhile, the next makes another at once."""
    with receiving() as receiver:
        line = Line(receiver.url, Hosts(LOOPBACK), timeout=5)
        for index in range(3):
            if index == 2:
                line.cut()
            assert line.post(b"%d" % index, {}, now=0).error == ""
        line.close()
    assert [letter.body for letter in receiver.letters] == [b"0", b"1", b"2"]


def test_a_body_that_never_ends_is_not_read_for_ever() -> None:
    """What answered 2xx has taken the event, however much it goes on to say."""
    with receiving(lambda _: (200, {"Content-Length": str(1 << 40)})) as receiver:
        began = time.monotonic()
        assert posted(receiver.url, timeout=0.3).error == ""
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("url", "said"),
    [("http://127.0.0.1:1/", "nobody answers"), ("http://unknown.invalid/", "has no address")],
)
def test_who_does_not_answer_is_told_apart(url: str, said: str) -> None:
    """A closed port and a name that nobody knows say so in a line."""
    line = Line(url, Hosts(("*", *LOOPBACK)), timeout=5)
    answer = line.post(b"{}", {}, now=0)
    assert answer.status == 0
    assert said in answer.error


def test_nothing_is_sent_where_nothing_may_be() -> None:
    """A host that is not allowed is refused before a connection is made."""
    with receiving() as receiver:
        line = Line(receiver.url, Hosts(("chat.example.org",)), timeout=1)
        with pytest.raises(Refused):
            line.post(b"{}", {}, now=0)
        assert receiver.letters == []


@pytest.mark.parametrize(
    ("said", "wait"), [("7", 7.0), ("Thu, 01 Jan 1970 00:01:40 GMT", 60.0), ("soon", None), ("-5", None)]
)
def test_retry_after_is_seconds_or_a_date(said: str, wait: float | None) -> None:
    """Both forms of RFC 9110 are read, and anything else is no wish."""
    with receiving(lambda _: (503, {"Retry-After": said})) as receiver:
        line = Line(receiver.url, Hosts(LOOPBACK), timeout=5)
        assert line.post(b"{}", {}, now=40.0) == Answer(503, "503 Service Unavailable: failed there", wait)
        line.close()

"""A token that is revoked while its request goes on, on a real socket."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from loopline.nouns.digest import digest_of
from loopline.server.lasting import EVERY_S
from loopline.verbs.issue import issue
from loopline.verbs.revoke import revoke

from .live import Live, live
from .serving import Served

pytestmark = pytest.mark.slow


@pytest.fixture
def server(served: Served) -> Iterator[Live]:
    """Serve the app on a socket; Ann has an admin's token, so nobody gets in without one."""
    served.token("ann", "admin", everywhere=True)
    with live(served.app) as made:
        yield made


def say(connection: socket.socket, method: str, path: str, token: str, *headers: str) -> None:
    """Send the head of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", *headers, "", ""]
    connection.sendall("\r\n".join(lines).encode())


def heard(connection: socket.socket, until: bytes) -> bytes:
    """Read until some bytes have come, or the connection ends."""
    got = b""
    while until not in got and (piece := connection.recv(65_536)):
        got += piece
    return got


def test_a_stream_of_events_ends_and_tells_nothing_more(served: Served, server: Live) -> None:
    """What happens after the revocation, and the pause between two looks, does not reach who has lost the token."""
    made = served.token("bob", "viewer")
    with server.connect() as connection:
        say(connection, "GET", "/api/v1/feed/events?project=flights", made.secret)
        assert b"200 OK" in heard(connection, b": hello\n\n")
        issue(served.loop, "before")
        assert b"token.issued" in heard(connection, b"token.issued")
        revoke(served.loop, made.token.id)
        time.sleep(EVERY_S + 0.2)
        issue(replace(served.loop), "a canary after it")
        connection.settimeout(10)
        rest = heard(connection, b"0\r\n\r\n")
    assert rest.endswith(b"0\r\n\r\n"), "the stream ends in order, so that the reader asks again and learns why"
    assert b"canary" not in rest


def test_an_upload_ends_and_keeps_nothing(served: Served, server: Live) -> None:
    """The rest of the bytes is not taken, the answer says why, and the blob is not there."""
    made = served.token("bob", "contributor")
    piece = b"x" * 65_536
    whole = piece * 64
    digest = digest_of(whole)
    with server.connect() as connection:
        say(connection, "PUT", f"/api/v1/blobs/{digest}?project=flights", made.secret, f"Content-Length: {len(whole)}")
        connection.sendall(piece * 4)
        time.sleep(0.2)
        revoke(served.loop, made.token.id)
        time.sleep(EVERY_S + 0.2)
        try:
            for _ in range(60):
                connection.sendall(piece)
        except OSError:
            pass  # it was closed while we spoke, which is as good
        connection.settimeout(10)
        try:
            answer = heard(connection, b"\r\n\r\n")
        except ConnectionResetError:
            answer = b""
    assert answer == b"" or b" 401 " in answer.splitlines()[0]
    assert served.loop.blobs.size(digest) is None


def test_a_stream_of_who_stays_goes_on(served: Served, server: Live) -> None:
    """Somebody else's revocation ends nobody's stream."""
    made, other = served.token("bob", "viewer"), served.token("bob", "viewer")
    with server.connect() as connection:
        say(connection, "GET", "/api/v1/feed/events?project=flights", made.secret)
        heard(connection, b"\r\n\r\n")
        revoke(served.loop, other.token.id)
        time.sleep(EVERY_S + 0.2)
        issue(served.loop, "after it")
        assert b"after it" in heard(connection, b"after it")

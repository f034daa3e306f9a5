"""The socket that all processes of a server share."""

from __future__ import annotations

import os
import socket

import pytest

from loopline.errors import Invalid, Unavailable
from loopline.server.listening import address_of, listen, taker_of, url_of
from tests.conftest import cannot


def test_what_is_accepted_sends_at_once() -> None:
    """The socket says that it is TCP, and a connection that it accepts has TCP_NODELAY, in a process that inherits it as well."""
    made = listen("127.0.0.1", 0)
    again = socket.socket(fileno=os.dup(made.fileno()))
    client = socket.create_connection(address_of(made))
    again.settimeout(10)
    accepted, _ = again.accept()
    assert made.proto == again.proto == accepted.proto == socket.IPPROTO_TCP
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    for one in (accepted, client, again, made):
        one.close()


def test_a_port_that_is_taken_names_who_has_it() -> None:
    """The process and another port to try are in the error; a port that was just let go can be taken at once."""
    made = listen("127.0.0.1", 0)
    port = address_of(made)[1]
    assert str(os.getpid()) in taker_of(port)
    with pytest.raises(Unavailable) as caught:
        listen("127.0.0.1", port)
    assert (caught.value.kind, str(os.getpid()) in caught.value.facts["taker"]) == ("port-taken", True)
    made.close()
    listen("127.0.0.1", port).close()
    assert taker_of(port) == ""


def test_an_address_is_written_as_a_browser_takes_it() -> None:
    """IPv6 is put in brackets; a socket on every address is named by this machine."""
    for host, wanted in (
        ("127.0.0.1", "http://127.0.0.1:"),
        ("::1", "http://[::1]:"),
        ("0.0.0.0", f"http://{socket.gethostname()}:"),
    ):
        try:
            made = listen(host, 0)
        except Invalid:
            cannot("this machine has no IPv6")
        assert url_of(made).startswith(wanted)
        made.close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a b"])
def test_what_is_no_address_here_is_refused(host: str) -> None:
    """A name that nobody knows, an address of somebody else, and no name at all."""
    with pytest.raises(Invalid) as caught:
        listen(host, 0)
    assert caught.value.kind == "bad-host"

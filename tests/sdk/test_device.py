from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from loopline.errors import Refused, Unavailable
from loopline.sdk import device
from loopline.sdk.wire import Pace, Wire
from tests.sdk.scripted import Say, problem, scripted

FAST = Pace(tries=2, pause=0.01, patience=1.0, connect=1.0, read=1.0)
CODE: dict[str, Any] = {
    "device_code": "s3cret", "user_code": "BCDF-GHJK", "verification_uri": "http://localhost:4040/device",
    "verification_uri_complete": "http://localhost:4040/device?code=BCDF-GHJK", "expires_in": 600, "interval": 5,
}  # fmt: skip


def said(status: int = 200, **body: Any) -> Say:
    return Say(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def waiting(lasting: float = 60.0) -> device.Waiting:
    return device.Waiting(
        "BCDF-GHJK", "http://x/device", "http://x/device", pause=5.0, lasting=lasting, secret="s3cret"
    )


class Watch:
    """A clock that runs while somebody sleeps."""

    def __init__(self) -> None:
        self.at = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.slept.append(seconds)

    def now(self) -> float:
        return self.at


def confirmed(url: str, lasting: float = 60.0) -> tuple[str, list[float]]:
    watch = Watch()
    return device.wait(Wire(url, pace=FAST), waiting(lasting), sleep=watch.sleep, clock=watch.now), watch.slept


def test_a_login_begins_with_a_code() -> None:
    """The server is told what the page shows of this machine, and gives a code, a page and a secret that nobody sees."""
    with scripted(said(**CODE)) as server:
        found = device.begin(Wire(server.url, pace=FAST), "loopline on thinkpad")
        assert (found.user_code, found.direct, found.pause, found.lasting) == (
            "BCDF-GHJK", CODE["verification_uri_complete"], 5.0, 600.0,
        )  # fmt: skip
        assert "s3cret" not in repr(found)
        assert (server.heard[0].path, parse_qs(server.heard[0].body.decode())) == (
            "/api/v1/login/device", {"client_id": ["loopline"], "client": ["loopline on thinkpad"]},
        )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_code": "\x1b]0;owned\x07"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri_complete": "ftp://example.com"},
        {"device_code": None, "expires_in": "soon"},
        {"user_code": 7},
    ],
)
def test_nothing_strange_reaches_the_terminal(wrong: dict[str, Any]) -> None:
    """A code or an address that would do something in a terminal, or is none, is refused."""
    with scripted(said(**CODE | wrong)) as server, pytest.raises(Unavailable) as refused:
        device.begin(Wire(server.url, pace=FAST), "x")
    assert refused.value.kind == "not-a-loopline"


def test_what_the_server_says_no_with_is_raised() -> None:
    """A server that does not let devices in says so in its own words."""
    with scripted(problem("Refused", 403, "login-off")) as server, pytest.raises(Refused) as refused:
        device.begin(Wire(server.url, pace=FAST), "x")
    assert refused.value.kind == "login-off"


def test_a_token_comes_once_somebody_has_confirmed() -> None:
    """The question is asked at the pace that the server named, until it is answered with a token."""
    pending = said(400, error="authorization_pending")
    with scripted(pending, pending, said(access_token="ll_x", token_type="Bearer")) as server:
        assert confirmed(server.url) == ("ll_x", [5.0, 5.0, 5.0])
        asked = parse_qs(server.heard[0].body.decode())
        assert (asked["grant_type"], asked["device_code"]) == ([device.GRANT], ["s3cret"])


def test_a_server_that_finds_it_too_fast_is_asked_more_slowly() -> None:
    """Each `slow_down` adds five seconds to every pause after it (RFC 8628, 3.5)."""
    slow, pending = said(400, error="slow_down"), said(400, error="authorization_pending")
    with scripted(slow, slow, pending, said(access_token="ll_x")) as server:
        assert confirmed(server.url, lasting=300.0)[1] == [5.0, 10.0, 15.0, 15.0]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said(400, error="access_denied"), "login-denied"),
        (said(400, error="expired_token"), "login-expired"),
        (said(400, error="authorization_pending"), "login-expired"),
        (problem("Refused", 403, "login-off"), "login-off"),
    ],
)
def test_a_login_that_comes_to_nothing_says_why(answer: Say, kind: str) -> None:
    """No, too late by the server's clock, too late by ours, and any other refusal are told apart."""
    with scripted(answer) as server, pytest.raises(Refused) as refused:
        confirmed(server.url)
    assert refused.value.kind == kind


@pytest.mark.parametrize(
    "bad", [Say(cut=-1), Say(503, b"", {"Content-Type": "text/html"}), problem("Unavailable", 503, "server-busy")]
)
def test_a_server_that_is_away_for_a_moment_is_asked_again(bad: Say) -> None:
    """A login outlives a restart of the server, asking half as often after each failure."""
    with scripted(bad, bad, said(access_token="ll_x")) as server:
        assert confirmed(server.url) == ("ll_x", [5.0, 10.0, 20.0])


def test_a_server_that_stays_away_is_named() -> None:
    """Who was not reached at the end did not refuse: the error is that of a server that does not answer."""
    with scripted(Say(cut=-1)) as server, pytest.raises(Unavailable) as lost:
        confirmed(server.url)
    assert lost.value.kind == "server-unreachable"


@pytest.mark.parametrize("token", ["", "ll_\nx", 5, None])
def test_a_token_that_is_none_is_refused(token: Any) -> None:
    """What could not stand in a header is not taken for a token."""
    with scripted(said(access_token=token)) as server, pytest.raises(Unavailable) as refused:
        confirmed(server.url)
    assert refused.value.kind == "not-a-loopline"

"""Signing in with a token, and letting a device in."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from loopline.access.scopes import parse_scope
from loopline.nouns.actor import parse_actor
from loopline.verbs.issue import issue
from loopline.verbs.revoke import revoke
from tests.faces.login.test_provider import cookies_of
from tests.server.serving import HOME, Served

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def admin(served: Served) -> str:
    """The text of an admin's token."""
    return served.token("ann", "admin", everywhere=True).secret


def signed(served: Served, token: str) -> tuple[dict[str, str], str]:
    """Sign a browser in, and give its headers and what its forms must hold."""
    answer = served.ask("POST", "/login", data={"token": token, "next": "/p/flights"})
    assert answer.status_code == 303, answer.text
    headers = {"Cookie": f"loopline_session={cookies_of(answer)['loopline_session']}", "Origin": HOME}
    page = served.ask("GET", "/login", headers=headers).text
    found = re.search(r'name="csrf" value="([0-9a-f]{128})"', page)
    assert found
    return headers, found[1]


def device(served: Served, **more: Any) -> dict[str, Any]:
    """Begin a device's login."""
    found: dict[str, Any] = served.ask(
        "POST", "/api/v1/login/device", json={"client": "loopline on <b>laptop", **more}
    ).json()
    return found


def asks(served: Served, code: str) -> dict[str, Any]:
    """Ask how a device's login stands."""
    served.loop.clock.advance(seconds=6)  # type: ignore[attr-defined]
    found: dict[str, Any] = served.ask(
        "POST", "/api/v1/login/token", data={"grant_type": GRANT, "device_code": code}
    ).json()
    return found


def test_a_token_signs_a_browser_in_and_out(served: Served, admin: str) -> None:
    """Where it wanted to go is where it comes; signed out, the cookie is worth nothing."""
    headers, csrf = signed(served, admin)
    assert served.ask("GET", "/p/flights", headers=headers).status_code == 200
    assert served.ask("POST", "/logout", headers=headers, data={"csrf": "wrong"}).status_code == 403
    assert served.ask("POST", "/logout", headers=headers, data={"csrf": csrf}).status_code == 303
    assert served.ask("GET", "/p/flights", headers=headers).status_code == 303


def test_a_stranger_is_led_to_the_login_and_back(served: Served, admin: str) -> None:
    """The page that was asked for is where the login ends."""
    assert admin
    answer = served.ask("GET", "/p/flights?a=1", client="10.0.0.1")
    assert answer.headers["location"] == "/login?next=%2Fp%2Fflights%3Fa%3D1"


@pytest.mark.parametrize("token", ["", "x", "ll_aaaaaaaaaaaa_" + "0" * 43, "<script>alert(1)</script>"])
def test_a_wrong_token_signs_nobody_in(served: Served, admin: str, token: str) -> None:
    """It is told so, and what was typed is not shown."""
    assert admin
    answer = served.ask("POST", "/login", data={"token": token})
    assert answer.status_code == 401
    assert cookies_of(answer) == {}
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    "back", ["//evil.example.com", "/\\evil.example.com", "https://evil.example.com", "javascript:x", "/a\nb"]
)
def test_a_login_leads_nowhere_else(served: Served, admin: str, back: str) -> None:
    """A link to our login does not end on another site."""
    answer = served.ask("POST", "/login", data={"token": admin, "next": back})
    assert answer.headers["location"] == "/"


def test_a_device_comes_in_when_somebody_allows_it(served: Served, admin: str) -> None:
    """It waits, somebody sees its name and code and allows it, and it gets a token of theirs, once."""
    begun = device(served)
    assert asks(served, begun["device_code"]) == {"error": "authorization_pending"}
    headers, csrf = signed(served, admin)
    page = served.ask("GET", f"/device?code={begun['user_code']}", headers=headers).text
    assert "loopline on &lt;b&gt;laptop" in page
    answer = {"csrf": csrf, "code": begun["user_code"].lower().replace("-", " "), "answer": "allow"}
    assert served.ask("POST", "/device", headers=headers, data=answer).status_code == 200
    came = asks(served, begun["device_code"])
    assert served.ask("GET", "/api/v1/whoami", token=came["access_token"]).json()["result"]["actor"] == "person:ann"
    assert asks(served, begun["device_code"]) == {"error": "expired_token"}


def test_a_device_that_is_denied_or_late_stays_out(served: Served, admin: str) -> None:
    """So does one that asks too often, and one that nobody knows."""
    headers, csrf = signed(served, admin)
    denied, late = device(served), device(served)
    data = {"csrf": csrf, "code": denied["user_code"], "answer": "deny"}
    assert served.ask("POST", "/device", headers=headers, data=data).status_code == 200
    assert asks(served, denied["device_code"]) == {"error": "access_denied"}
    body = {"grant_type": GRANT, "device_code": late["device_code"]}
    assert asks(served, late["device_code"]) == {"error": "authorization_pending"}
    assert served.ask("POST", "/api/v1/login/token", data=body).json() == {"error": "slow_down"}
    served.loop.clock.advance(seconds=700)  # type: ignore[attr-defined]
    assert asks(served, late["device_code"]) == {"error": "expired_token"}
    assert asks(served, "never") == {"error": "expired_token"}
    assert (
        served.ask("POST", "/api/v1/login/token", data={"grant_type": "password"}).json()["error"]
        == "unsupported_grant_type"
    )


def test_a_device_gets_no_more_than_who_let_it_in(served: Served, admin: str) -> None:
    """A browser that was signed in with a token for a little, for a day, hands on that little until that day."""
    made = issue(
        served.loop,
        "reader",
        actor=parse_actor("ann"),
        scopes=(parse_scope("read:flights"),),
        expires=timedelta(days=1),
    )
    headers, csrf = signed(served, made.secret)
    begun = device(served)
    data = {"csrf": csrf, "code": begun["user_code"], "answer": "allow"}
    assert served.ask("POST", "/device", headers=headers, data=data).status_code == 200
    came = asks(served, begun["device_code"])
    found = served.ask("GET", "/api/v1/whoami", token=came["access_token"]).json()["result"]
    assert found["scopes"] == [{"verbs": ["read"], "project": "flights", "assets": "*"}]
    assert 0 < came["expires_in"] <= 86_400
    assert served.ask("POST", "/api/v1/start", json={"name": "x"}, token=came["access_token"]).status_code == 403


def test_a_token_that_died_lets_no_device_in(served: Served, admin: str) -> None:
    """Revoked between the answer and the device's next question, it is worth nothing to the device either."""
    made = served.token("ann")
    headers, csrf = signed(served, made.secret)
    begun = device(served)
    data = {"csrf": csrf, "code": begun["user_code"], "answer": "allow"}
    assert served.ask("POST", "/device", headers=headers, data=data).status_code == 200
    revoke(served.loop, made.token.id)
    assert asks(served, begun["device_code"]) == {"error": "access_denied"}


def test_who_is_shut_out_lets_no_device_in(served: Served, admin: str) -> None:
    """An answer of somebody who was disabled since is none, and the feed says so."""
    headers, csrf = signed(served, served.token("bob", "viewer").secret)
    begun = device(served)
    data = {"csrf": csrf, "code": begun["user_code"], "answer": "allow"}
    assert served.ask("POST", "/device", headers=headers, data=data).status_code == 200
    with served.loop.ledger.telemetry() as tx:
        tx.people.disable("person:bob")
    assert asks(served, begun["device_code"]) == {"error": "access_denied"}
    with served.loop.ledger.read() as tx:
        assert [one.kind for one in tx.feed.iter(served.loop.project)][-1] == "device.denied"


def test_nobody_lets_a_device_in_without_being_signed_in(served: Served, admin: str) -> None:
    """Neither a stranger nor a form of another session."""
    assert admin
    begun = device(served)
    data = {"code": begun["user_code"], "answer": "allow"}
    assert served.ask("POST", "/device", data=data, client="10.0.0.1").status_code == 303
    headers, _ = signed(served, admin)
    assert served.ask("POST", "/device", headers=headers, data={**data, "csrf": "x"}).status_code == 403
    assert asks(served, begun["device_code"]) == {"error": "authorization_pending"}


@pytest.mark.parametrize("body", [b"\xff", b"[1]", b"x" * 20_000, b"{" * 5000, b""])
def test_nonsense_begins_nothing_strange(served: Served, body: bytes) -> None:
    """Whatever is sent is a device without a name, or no answer to one."""
    for path in ("/api/v1/login/device", "/api/v1/login/token"):
        for kind in ("application/json", "application/x-www-form-urlencoded"):
            assert served.ask("POST", path, content=body, headers={"Content-Type": kind}).status_code < 500

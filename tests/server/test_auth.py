"""Who asks, and what no face should see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loopline.access.secrets import hash_of
from loopline.errors import Unavailable
from loopline.ledger.ledger import Ledger
from loopline.server.app import make_app
from loopline.settings.server import Oidc, ServerSettings
from loopline.verbs.revoke import revoke

from .serving import HOME, Served

if TYPE_CHECKING:
    from loopline.store.database import Database

WHO = "/api/v1/whoami"


def test_loopback_is_open_until_an_admin_has_a_token(served: Served) -> None:
    """Anybody on this machine gets in under the name they type, until the first admin's token exists."""
    answer = served.ask("GET", WHO, headers={"Loopline-Actor": "eve"}).json()["result"]
    assert (answer["actor"], answer["verified"]) == ("person:eve", False)
    served.token("bob", "viewer")
    assert served.ask("GET", WHO).status_code == 200
    admin = served.token("ann", "admin", everywhere=True)
    served.app.middleware_stack = (
        served.app.build_middleware_stack()
    )  # a second later, that it was open is not believed
    assert served.ask("GET", WHO).status_code == 401
    assert served.ask("GET", WHO, token=admin.secret).json()["result"]["actor"] == "person:ann"
    revoke(served.loop, admin.token.id)
    assert served.ask("GET", WHO).status_code == 200


@pytest.mark.parametrize("client", ["10.0.0.7", "2001:db8::1", "testclient"])
def test_nobody_else_gets_in_without_a_token(served: Served, client: str) -> None:
    """An open server is open for its own machine."""
    assert served.ask("GET", WHO, client=client).status_code == 401


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"])
def test_who_comes_through_a_proxy_is_not_this_machine(served: Served, name: str) -> None:
    """Its connection comes from loopback, whoever is behind it."""
    assert served.ask("GET", WHO, headers={name: "127.0.0.1"}).status_code == 401


@pytest.mark.parametrize(
    "settings",
    [
        ServerSettings(oidc=Oidc("https://id.example.com", "loopline")),
        ServerSettings(address="https://loopline.example.com"),
        ServerSettings(hosts=("loopline.example.com",)),
        ServerSettings(host="10.1.2.3"),
    ],
)
def test_a_server_that_others_reach_is_never_open(tmp_path: Path, settings: ServerSettings) -> None:
    """Behind a proxy everybody comes from loopback: a public name, like a provider, closes it."""
    served = Served(tmp_path, settings)
    assert served.ask("GET", WHO).status_code == 401
    served.close()


def test_a_token_lets_in_until_it_is_revoked(served: Served) -> None:
    """The very next request after the revocation is refused; its use was written down."""
    made = served.token("bob", "viewer")
    assert served.ask("GET", WHO, token=made.secret).json()["result"]["verified"] is True
    with served.loop.ledger.read() as tx:
        assert tx.tokens.get(made.token.id).used_at is not None
    revoke(served.loop, made.token.id)
    assert served.ask("GET", WHO, token=made.secret).status_code == 401


@pytest.mark.parametrize("said", ["Basic abc", "Bearer", "Bearer ", "Bearer x", "bearer ll_aaaaaaaaaaaa_" + "0" * 43])
def test_a_wrong_token_is_no_token_not_even_on_an_open_server(served: Served, said: str) -> None:
    """Who shows something wrong is told so, in place of getting in as anybody."""
    answer = served.ask("GET", WHO, headers={"Authorization": said})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1.evil.example.com", "", "a b", "127.0.0.1:x", "[::1"])
def test_a_name_that_is_not_ours_is_refused(served: Served, host: str) -> None:
    """A page of another site whose name now leads here gets nothing (DNS rebinding)."""
    assert served.ask("GET", "/p/flights", headers={"Host": host}).status_code == 400
    assert served.ask("GET", WHO, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost:4040", "127.0.0.1", "[::1]:4040", "LOCALHOST"])
def test_this_machines_names_are_ours(served: Served, host: str) -> None:
    """However loopback is spelled."""
    assert served.ask("GET", WHO, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_changes_nothing(served: Served, headers: dict[str, str]) -> None:
    """Not on an open server, where no token is needed, and not with the cookie of somebody who is signed in."""
    body = {"name": "train", "run": "0" * 32}
    assert served.ask("POST", "/api/v1/start", json=body, headers=headers).status_code == 403
    with served.loop.ledger.telemetry() as tx:
        tx.sessions.begin(hash_of("s"), "person:bob", csrf="c")
    signed = {**headers, "Cookie": "loopline_session=s"}
    assert served.ask("POST", "/api/v1/start", json=body, headers=signed).status_code == 403
    with served.loop.ledger.read() as tx:
        assert tx.rows.one("SELECT COUNT(*) FROM runs") == (0,)


SHOWN = [{"Origin": HOME}, {"Sec-Fetch-Site": "same-origin"}, {"X-Loopline-Csrf": "c"}]


def test_a_session_changes_nothing_unless_its_request_is_shown_to_come_from_here(served: Served) -> None:
    """With a cookie and nothing else, or another session's value, a POST is refused; with any proof, or a token, it is not."""
    token = served.token("bob", "contributor").secret
    with served.loop.ledger.telemetry() as tx:
        tx.sessions.begin(hash_of("s"), "person:bob", csrf="c")
    cookie = {"Cookie": "loopline_session=s"}

    def start(**more: str) -> tuple[int, str]:
        answer = served.ask("POST", "/api/v1/start", json={"name": "train"}, headers={**cookie, **more})
        return answer.status_code, answer.json().get("kind", "")

    for more in ({}, {"Sec-Fetch-Site": "none"}, {"X-Loopline-Csrf": "d"}, {"X-Loopline-Csrf": ""}):
        assert start(**more) == (403, "cross-site"), more
    assert start(**{"Origin": "https://evil.example.com", "X-Loopline-Csrf": "c"}) == (403, "cross-site")
    for shown in SHOWN:
        assert start(**shown) == (200, ""), shown
    assert start(Authorization=f"Bearer {token}") == (200, "")
    assert served.ask("GET", WHO, headers=cookie).status_code == 200


def test_our_own_pages_change_things(served: Served) -> None:
    """The same request from this origin goes through."""
    answer = served.ask(
        "POST", "/api/v1/start", json={"name": "train"}, headers={"Origin": HOME, "Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 200


def test_a_session_ends_with_its_token(served: Served) -> None:
    """A browser that was signed in with a token is out when that is revoked; another stays in."""
    made = served.token("bob", "viewer")
    with served.loop.ledger.telemetry() as tx:
        tx.sessions.begin(hash_of("one"), "person:bob", csrf="c", token=made.token.id)
        tx.sessions.begin(hash_of("two"), "person:bob", csrf="c")
    for name in ("one", "two"):
        assert served.ask("GET", WHO, headers={"Cookie": f"loopline_session={name}"}).status_code == 200
    revoke(served.loop, made.token.id)
    assert served.ask("GET", WHO, headers={"Cookie": "loopline_session=one"}).status_code == 401
    assert served.ask("GET", WHO, headers={"Cookie": "loopline_session=two"}).status_code == 200


def test_whoever_is_shut_out_is_out_with_everything(served: Served) -> None:
    """Token and session end together, without being revoked one by one."""
    made = served.token("bob", "viewer")
    with served.loop.ledger.telemetry() as tx:
        tx.sessions.begin(hash_of("one"), "person:bob", csrf="c")
        tx.people.disable("person:bob")
    assert served.ask("GET", WHO, token=made.secret).status_code == 401
    assert served.ask("GET", WHO, headers={"Cookie": "loopline_session=one"}).status_code == 401


def test_each_answer_tells_browsers_what_not_to_do(served: Served) -> None:
    """Pages, JSON and problems alike: no guessing of types, no frames, nothing from elsewhere."""
    for path in ("/p/flights", WHO, "/api/v1/nothing", "/login"):
        headers = served.ask("GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


class Full:
    """A database whose disk is full: it can be read."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        """Be the other in everything else."""
        return getattr(self._inner, name)

    def write(self) -> Any:
        """Refuse."""
        raise Unavailable("the disk is full", kind="disk-full", hint="free some space")


def test_a_full_disk_keeps_no_token_from_reading(served: Served) -> None:
    """That a token was used is written down where it can be; where it cannot, whoever reads goes on reading."""
    reader, writer = (served.token(*who).secret for who in (("bob", "viewer"), ("cy", "contributor")))
    full = Full(served.loop.ledger.database)
    served.desk = replace(served.desk, loop=replace(served.loop, ledger=Ledger(full, clock=served.loop.clock)))
    served.app = make_app(served.desk)
    assert served.ask("GET", "/api/v1/about", token=reader).status_code == 200
    answer = served.ask("POST", "/api/v1/start", token=writer, json={"name": "train"})
    assert (answer.status_code, answer.json()["kind"]) == (507, "disk-full")

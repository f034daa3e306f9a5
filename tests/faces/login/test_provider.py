"""Signing in at an OpenID provider."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from loopline.errors import Refused, Unavailable
from loopline.faces.login.provider import Attempt, Provider
from loopline.settings.server import Oidc
from tests.server.serving import HOME, Served

ATTEMPT = Attempt("s" * 32, "n" * 32, "v" * 64, "/p/flights")
BACK = f"{HOME}/login/callback"


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    """Give what a browser would keep."""
    jar = SimpleCookie()
    for line in answer.headers.get_list("set-cookie"):
        jar.load(line)
    return {name: one.value for name, one in jar.items() if one.value}


def authorize(where: str, who: str) -> str:
    """Click through the provider's page as somebody, and give where it leads back to."""
    answer = httpx.post(where, data={"sub": who}, follow_redirects=False)
    assert answer.status_code in (302, 303), answer.text
    return answer.headers["location"]


def sign_in(served: Served, who: str, back: str = "/p/flights") -> httpx.Response:
    """Do what a browser does, from the login page to the end."""
    begun = served.ask("GET", f"/login/provider?next={back}")
    assert begun.status_code == 303, begun.text
    there = urlsplit(authorize(begun.headers["location"], who))
    assert f"{there.scheme}://{there.netloc}{there.path}" == BACK
    jar = "; ".join(f"{name}={value}" for name, value in cookies_of(begun).items())
    return served.ask("GET", f"{there.path}?{there.query}", headers={"Cookie": jar})


def who(served: Served, answer: httpx.Response) -> dict[str, object]:
    """Ask who a browser is after its login."""
    jar = "; ".join(f"{name}={value}" for name, value in cookies_of(answer).items())
    found: dict[str, object] = served.ask("GET", "/api/v1/whoami", headers={"Cookie": jar}).json()["result"]
    return found


def test_a_login_makes_a_session_with_teams_and_role(guarded: Served) -> None:
    """Somebody comes back signed in, by a verified address, in the teams of their groups, an admin where the settings say so."""
    answer = sign_in(guarded, "ann")
    assert (answer.status_code, answer.headers["location"]) == (303, "/p/flights")
    here = who(guarded, answer)
    assert (here["actor"], here["verified"], here["role"]) == ("person:ann@example.com", True, "admin")
    with guarded.loop.ledger.read() as tx:
        teams = tx.teams.all("flights")
        assert tx.people.find("person:ann@example.com") is not None
    assert teams["team/ml-leads"] == {"person:ann@example.com"}
    kept = answer.headers["set-cookie"]
    assert "HttpOnly" in kept
    assert "SameSite=lax" in kept


def test_a_name_that_one_gives_oneself_is_nobodys(guarded: Served) -> None:
    """Neither a chosen user name nor an unverified address makes somebody Ann; without a role nothing may be done."""
    here = who(guarded, sign_in(guarded, "bob"))
    assert (here["actor"], here["role"]) == ("person:oidc/bob", None)


def test_two_subjects_never_share_a_name(guarded: Served) -> None:
    """Another account with the same address, verified or not, is not let into the first one's name."""
    sign_in(guarded, "ann")
    assert sign_in(guarded, "eve").status_code == 403


def test_teams_follow_the_provider_and_what_people_gave_stays(guarded: Served) -> None:
    """A group that somebody has left is taken back at the next login; a team that a colleague gave is not."""
    with guarded.loop.ledger.telemetry() as tx:
        tx.teams.add("*", "team/old", "person:ann@example.com", by="trigger:login")
        tx.teams.add("*", "team/given", "person:ann@example.com", by="person:root")
    sign_in(guarded, "ann")
    with guarded.loop.ledger.read() as tx:
        assert {team for team, who_ in tx.teams.all("flights").items() if "person:ann@example.com" in who_} == {
            "team/given",
            "team/ml-leads",
            "team/ops",
        }


def test_whoever_is_shut_out_does_not_come_back_by_a_login(guarded: Served) -> None:
    """The provider vouches for the name, not for the right."""
    with guarded.loop.ledger.telemetry() as tx:
        tx.people.disable("person:ann@example.com")
    answer = sign_in(guarded, "ann")
    assert answer.status_code == 403
    assert cookies_of(answer) == {}


@pytest.mark.parametrize("broken", ["state", "cookie", "nothing", "other"])
def test_a_login_that_began_elsewhere_ends_here(guarded: Served, broken: str) -> None:
    """A link that somebody else's login made signs nobody in."""
    begun = guarded.ask("GET", "/login/provider")
    there = urlsplit(authorize(begun.headers["location"], "ann"))
    query, cookie = there.query, f"loopline_login={cookies_of(begun)['loopline_login']}"
    match broken:
        case "state":
            query = query.replace("state=", "state=x")
        case "cookie":
            cookie = "loopline_login=" + json.dumps([1, 2, 3, 4]).encode().hex()
        case "nothing":
            cookie = ""
        case _:
            cookie = f"loopline_login={cookies_of(guarded.ask('GET', '/login/provider'))['loopline_login']}"
    answer = guarded.ask("GET", f"{there.path}?{query}", headers={"Cookie": cookie} if cookie else {})
    assert answer.status_code == 403
    assert "loopline_session" not in cookies_of(answer)


def test_a_code_is_good_once_and_for_its_login(client: Callable[..., Oidc]) -> None:
    """A code that was used, and one whose token carries the nonce of another login, sign nobody in."""
    provider = Provider(client())

    def code() -> str:
        where = authorize(provider.address(ATTEMPT, callback=BACK), "ann")
        return parse_qs(urlsplit(where).query)["code"][0]

    assert provider.claims(ATTEMPT, code(), callback=BACK)["sub"] == "ann"
    with pytest.raises(Refused) as caught:
        provider.claims(replace(ATTEMPT, nonce="m" * 32), code(), callback=BACK)
    assert caught.value.kind == "login-failed"
    used = code()
    provider.claims(ATTEMPT, used, callback=BACK)
    with pytest.raises(Refused):
        provider.claims(ATTEMPT, used, callback=BACK)


def test_a_token_for_somebody_else_is_refused(issuer: str, client: Callable[..., Oidc]) -> None:
    """The audience must be this client, and the signature must be the provider's."""
    provider = Provider(client())
    where = authorize(Provider(client("another")).address(ATTEMPT, callback=BACK), "ann")
    answer = httpx.post(
        f"{issuer}/oauth2/token",
        data={"grant_type": "authorization_code", "code": parse_qs(urlsplit(where).query)["code"][0], "redirect_uri": BACK,
              "client_id": "another",
            "client_secret": "hush", "code_verifier": ATTEMPT.verifier},
    )  # fmt: skip
    token = answer.json()["id_token"]
    with pytest.raises(Refused):
        provider._verified(token, ATTEMPT.nonce)
    head, body, signature = token.split(".")
    own = Provider(client("another"))
    assert own._verified(token, ATTEMPT.nonce)["sub"] == "ann"
    for forged in (f"{head}.{body}.{signature[:-8]}AAAAAAAA", f"eyJhbGciOiJub25lIn0.{body}."):
        with pytest.raises(Refused):
            own._verified(forged, ATTEMPT.nonce)


@pytest.mark.parametrize("issuer_", ["http://127.0.0.1:1", "http://localhost:{port}/elsewhere"])
def test_a_provider_that_cannot_be_used_is_said(issuer: str, issuer_: str) -> None:
    """One that does not answer, or is not who it was taken for, is Unavailable and signs nobody in."""
    where = issuer_.format(port=urlsplit(issuer).port)
    with pytest.raises(Unavailable) as caught:
        Provider(Oidc(where, "loopline")).address(ATTEMPT, callback=BACK)
    assert caught.value.kind == "provider-unavailable"

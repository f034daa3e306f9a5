"""What a login at a provider makes of somebody."""

from __future__ import annotations

from typing import Any

import pytest

from loopline.errors import Refused
from loopline.faces.login.people import welcome
from loopline.settings.server import Oidc
from loopline.testing.loop import loop

ISSUER = "https://id.example.com"


def claims(sub: str = "1", **more: Any) -> dict[str, Any]:
    return {"sub": sub, "email": "ann@example.com", "email_verified": True, **more}


@pytest.mark.parametrize(
    "said",
    [
        {"email": "ann@other.org"},
        {"email": "ann@evil-example.com"},
        {"email": "ann@example.com@other.org"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": ""},
    ],
)
def test_only_owners_of_addresses_that_are_let_in_sign_in(said: dict[str, Any]) -> None:
    """Another domain, one that only looks alike, and an address that the provider has not verified stay outside."""
    here, settings = loop(), Oidc(ISSUER, "loopline", domains=("example.com",))
    with pytest.raises(Refused) as caught:
        welcome(here, settings, claims(**said))
    assert caught.value.kind == "domain-not-allowed"
    with here.ledger.read() as tx:
        assert tx.people.list() == []
    assert welcome(here, settings, claims(email="Ann@Example.COM")).actor == "person:ann@example.com"


def test_a_new_provider_does_not_speak_for_people_of_the_old_one() -> None:
    """The same subject, or the same address, at another issuer is not taken for the same person."""
    here = loop()
    welcome(here, Oidc(ISSUER, "loopline"), claims("7", email_verified=False))
    welcome(here, Oidc(ISSUER, "loopline"), claims("8"))
    for said in (claims("7", email_verified=False), claims("9")):
        with pytest.raises(Refused) as caught:
            welcome(here, Oidc("https://new.example.com", "loopline"), said)
        assert caught.value.kind == "name-taken"


def test_an_address_that_nobody_verified_makes_no_admin() -> None:
    """The settings name an admin's address; to type it in at the provider is not to own it."""
    here, settings = loop(), Oidc(ISSUER, "loopline", admins=("ann@example.com",))
    person = welcome(here, settings, claims("7", email_verified=False))
    with here.ledger.read() as tx:
        assert tx.teams.standing(person.actor) == []
    person = welcome(here, settings, claims("8"))
    with here.ledger.read() as tx:
        assert tx.teams.standing(person.actor) == [("*", "role/admin")]

"""What a login at a provider makes of somebody."""

from __future__ import annotations

from typing import Any

import pytest

from loopline.errors import Refused
from loopline.faces.login.people import welcome
from loopline.nouns.actor import parse_actor
from loopline.settings.server import Oidc
from loopline.testing.loop import loop
from loopline.verbs.issue import issue

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


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("name", ["ann", "ann@example.com"])
def test_a_login_never_becomes_a_person_of_the_servers_own(name: str, *, verified: bool) -> None:
    """Who may choose their subject, or an address that nobody verified, comes without what a local name has."""
    here, settings = loop(), Oidc(ISSUER, "loopline")
    issue(here, "laptop", actor=parse_actor(name), role="admin", everywhere=True)
    person = welcome(here, settings, {"sub": name, "email": "ann", "email_verified": verified})
    assert person.actor == f"person:oidc/{name}"
    with here.ledger.read() as tx:
        assert tx.teams.standing(person.actor) == []


def test_an_address_cannot_be_written_as_a_subject() -> None:
    """An address that begins as names of subjects do is not taken for one: its owner is named by their own subject."""
    here, settings = loop(), Oidc(ISSUER, "loopline")
    person = welcome(here, settings, claims("7", email="OIDC/ann@example.com"))
    assert person.actor == "person:oidc/7"
    assert welcome(here, settings, {"sub": "ann@example.com"}).actor == "person:oidc/ann@example.com"


def test_what_was_granted_to_an_address_awaits_its_owner() -> None:
    """An admin names somebody by their address before they come, and the login that owns it has what was granted."""
    here, settings = loop(), Oidc(ISSUER, "loopline")
    issue(here, "laptop", actor=parse_actor("ann@example.com"), role="viewer")
    assert welcome(here, settings, claims("8")).actor == "person:ann@example.com"


def test_a_subject_that_is_written_as_an_address_makes_no_admin() -> None:
    """The settings name an address, and a subject of the same letters owns none; a subject that they name is held to it."""
    here, settings = loop(), Oidc(ISSUER, "loopline", admins=("boss@x.org", "Root"))
    for said, roles in (
        ({"sub": "boss@x.org"}, []),
        ({"sub": "boss@x.org", "email": "boss@x.org", "email_verified": False}, []),
        ({"sub": "root"}, []),
        ({"sub": "5", "email": "root@x.org", "email_verified": True}, []),
        ({"sub": "Root"}, [("*", "role/admin")]),
        ({"sub": "6", "email": "Boss@X.org", "email_verified": True}, [("*", "role/admin")]),
    ):
        person = welcome(here, settings, said)
        with here.ledger.read() as tx:
            assert tx.teams.standing(person.actor) == roles, said


def test_who_was_let_in_again_before_their_first_login_keeps_their_name() -> None:
    """A person's row that a login did not make belongs to the first login, and to no other account with the same address."""
    here, settings = loop(), Oidc(ISSUER, "loopline")
    with here.ledger.telemetry() as tx:
        tx.people.disable("person:ann@example.com")
        tx.people.disable("person:ann@example.com", back=True)
    assert welcome(here, settings, claims("8")).subject == "8"
    assert welcome(here, settings, claims("8", email="other@example.com")).actor == "person:ann@example.com"
    with pytest.raises(Refused) as caught:
        welcome(here, settings, claims("9"))
    assert caught.value.kind == "name-taken"

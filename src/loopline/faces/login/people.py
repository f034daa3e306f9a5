"""people: what a login at the provider makes of somebody in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from loopline.access.roles import EVERYWHERE
from loopline.errors import Refused
from loopline.nouns.actor import Actor
from loopline.nouns.person import Person

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.settings.server import Oidc

GIVEN: Final = "trigger:login"
"""Who is written down as giving what a provider says: what it no longer says is taken back, what people gave is not."""
MOST_GROUPS: Final = 200
APART: Final = "oidc/"
"""What the name of somebody without a verified address begins with: `person:oidc/SUBJECT` is nobody of this server's own."""


def welcome(loop: Loop, settings: Oidc, claims: Mapping[str, Any]) -> Person:
    """Write down who has come, with their teams, and give them. Raise Refused kind="disabled" for who is shut out.

    A person is named by an address that the provider has verified, else by the provider's own name for them: what people may
    choose for themselves (`preferred_username`) could be somebody else's name tomorrow (OpenID Connect Core 1.0, 5.7). That
    own name may be one that somebody has here, or look like an address, so it stands apart, behind `oidc/`.
    """
    subject, email = str(claims["sub"]), str(claims.get("email", ""))
    address = email.lower() if claims.get("email_verified") is True and _is_address(email) else ""
    if settings.domains and address.rpartition("@")[2] not in settings.domains:
        raise Refused(
            "people with your address do not sign in here",
            kind="domain-not-allowed",
            hint="ask an admin of this server",
        )
    with loop.ledger.write(loop.project, Actor("trigger", "login")) as tx:
        known = tx.people.by_subject(settings.issuer, subject)
        actor = known.actor if known else f"person:{address or APART + subject}"
        taken = None if known else tx.people.find(actor)
        if not _plain(actor) or (taken and taken.subject):  # a name stays with whom it was given to first
            raise Refused(
                "somebody else has this name here",
                kind="name-taken",
                hint="an admin gives this account an address of its own, at the provider",
                actor=actor,
            )
        if tx.people.disabled(actor):
            raise Refused("you are shut out of this server", kind="disabled", hint="ask an admin of this server")
        person = tx.people.see(Person(actor, str(claims.get("name", ""))[:200], email[:200], settings.issuer, subject))
        groups = claims.get(settings.groups_claim)
        teams = {f"team/{one}" for one in (groups if isinstance(groups, list) else [])[:MOST_GROUPS] if _plain(one)}
        before = tx.teams.given(EVERYWHERE, actor, by=GIVEN)
        for team in sorted(before - teams):
            tx.teams.remove(EVERYWHERE, team, actor)
        for team in sorted(teams - before):
            tx.teams.add(EVERYWHERE, team, actor, by=GIVEN)
        if any(address == one.lower() if "@" in one else subject == one for one in settings.admins):
            tx.teams.add(EVERYWHERE, "role/admin", actor, by="person:settings")
        tx.say("person.signed-in", actor, teams=sorted(teams))
    return person


def _is_address(text: str) -> bool:
    return _plain(text) and "@" in text and not text.lower().startswith(APART)


def _plain(text: Any) -> bool:
    return isinstance(text, str) and 0 < len(text) <= 190 and text.isprintable() and text == text.strip()

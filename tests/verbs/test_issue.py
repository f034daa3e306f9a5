"""Tokens, and that nobody makes one that can do more than themself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from loopline.access.scopes import parse_scope
from loopline.access.secrets import hash_of, id_of, signing_secret
from loopline.errors import Invalid, Refused, Unavailable
from loopline.nouns.actor import Actor
from loopline.nouns.caller import Caller
from loopline.nouns.token import Issued
from loopline.verbs.issue import issue
from loopline.verbs.permitting import roles_of

from .conftest import ANN, BOB

if TYPE_CHECKING:
    from loopline.loop import Loop

    from .conftest import World

CI = Actor("token", "ci")


def over_the_wire(world: World, who: Actor, *scopes: str) -> Loop:
    """Give the loop as a server gives it to somebody."""
    with world.loop.ledger.read() as tx:
        roles = roles_of(tx, str(who))
    caller = Caller(replace(who, verified=True), roles, tuple(map(parse_scope, scopes or ("*",))), token="t")
    return replace(world.loop, actor=caller.actor, caller=caller)


def give(world: World, who: Actor, role: str, **more: Any) -> None:
    world.do("grant", str(who), f"role/{role}", **more)


def test_the_secret_is_given_once_and_not_kept(world: World) -> None:
    """The ledger finds the token by the hash of its text; neither rows nor feed hold the text."""
    made: Issued = world.do("issue", "laptop")
    assert id_of(made.secret) == made.token.id
    with world.loop.ledger.read() as tx:
        assert tx.tokens.find(hash_of(made.secret)) == made.token
        kept = str(tx.rows.all("SELECT * FROM tokens")) + str(tx.rows.all("SELECT payload FROM events"))
    assert made.secret not in kept
    assert made.secret.rpartition("_")[2] not in kept


def test_a_rehearsal_gives_no_secret(world: World) -> None:
    """With --dry-run nothing is shown that looks like a key and opens nothing."""
    made: Issued = world.rehearsing().do("issue", "laptop")
    assert (made.secret, made.token.name) == ("", "laptop")
    assert world.do("find", "tokens") == ()


def test_a_role_comes_with_the_token(world: World) -> None:
    """The owner of an embedded loop makes the first admin."""
    world.do("issue", "admin", actor=ANN, role="admin", everywhere=True)
    with world.loop.ledger.read() as tx:
        assert roles_of(tx, str(ANN)) == {"*": "admin"}


def test_a_token_ends_when_it_says(world: World) -> None:
    """Ninety days where nothing is said; for ever only where that is asked for."""
    day = 86_400 * 1_000_000
    short, lasting = world.do("issue", "a").token, world.do("issue", "b", expires=timedelta(0)).token
    assert short.expires_at - short.created_at == 90 * day
    assert lasting.expires_at is None


@pytest.mark.parametrize(
    "asked",
    [
        {"name": " "},
        {"name": "two\nlines"},
        {"name": "x", "expires": timedelta(days=-1)},
        {"name": "x", "expires": timedelta(days=4000)},
        {"name": "x", "everywhere": True},
    ],
)
def test_what_makes_no_sense_is_refused(world: World, asked: dict[str, Any]) -> None:
    """A token without a name, with a past or an absurd end, or with a reach and no role, is not made."""
    with pytest.raises(Invalid):
        world.do("issue", **asked)


def test_anybody_issues_tokens_for_themself(world: World) -> None:
    """A viewer's token is a viewer's: the role is the actor's, not the token's."""
    give(world, BOB, "viewer")
    made = issue(over_the_wire(world, BOB), "mine", scopes=(parse_scope("read"),))
    assert made.token.actor == str(BOB)


def test_a_token_makes_none_that_covers_more(world: World) -> None:
    """A leaked token that may only read cannot become one that writes; left out, scopes are those of the asker."""
    give(world, BOB, "maintainer")
    asker = over_the_wire(world, BOB, "read:flights", "issue")
    for scope in ("*", "log:flights", "read", "read:other"):
        with pytest.raises(Refused) as caught:
            issue(asker, "more", scopes=(parse_scope(scope),))
        assert caught.value.kind == "beyond-your-scope"
    assert issue(asker, "same").token.scopes == asker.caller.scopes  # type: ignore[union-attr]
    assert issue(asker, "less", scopes=(parse_scope("why:flights"),)).token.scopes == (parse_scope("why:flights"),)


def test_nobody_borrows_somebody_elses_rights(world: World) -> None:
    """A maintainer makes tokens for services of the project, not for an admin, and not with a role beyond their own."""
    give(world, BOB, "maintainer")
    give(world, ANN, "admin", everywhere=True)
    asker = over_the_wire(world, BOB)
    assert issue(asker, "ci", actor=CI, role="contributor").token.actor == "token:ci"
    for asked in ({"actor": ANN}, {"actor": CI, "role": "admin"}, {"role": "maintainer", "everywhere": True}):
        with pytest.raises(Refused) as caught:
            issue(asker, "more", **asked)
        assert caught.value.kind == "beyond-your-role"
    give(world, CI, "admin", everywhere=True)
    with pytest.raises(Refused):
        issue(asker, "ci", actor=CI)


def test_nobody_but_an_admin_speaks_for_other_people(world: World) -> None:
    """A maintainer who could make a token for a colleague, or for somebody they made up, could approve their own change."""
    give(world, BOB, "maintainer")
    give(world, ANN, "approver")
    for who in (ANN, Actor("person", "never-seen")):
        with pytest.raises(Refused) as caught:
            issue(over_the_wire(world, BOB), "x", actor=who)
        assert caught.value.kind == "beyond-your-role"
    give(world, BOB, "admin", everywhere=True)
    assert issue(over_the_wire(world, BOB), "x", actor=ANN).token.actor == str(ANN)


def test_a_token_that_ends_does_not_make_itself_last(world: World) -> None:
    """Who found somebody's token of a day has it for that day, whatever they make of it."""
    give(world, BOB, "viewer")
    shown = world.do("issue", "day", actor=BOB, expires=timedelta(days=1)).token
    asker = over_the_wire(world, BOB)
    assert asker.caller
    asker = replace(asker, caller=replace(asker.caller, token=shown.id))
    for expires in (timedelta(days=90), timedelta(0)):
        assert issue(asker, "more", expires=expires).token.expires_at == shown.expires_at
    assert issue(asker, "less", expires=timedelta(hours=1)).token.expires_at < shown.expires_at


def test_a_role_comes_only_with_a_token_that_may_grant(world: World) -> None:
    """A token for issuing alone hands out no roles by the way, and one for a project none that hold everywhere."""
    give(world, BOB, "admin", everywhere=True)
    for scopes, everywhere in (
        (("issue", "revoke"), False),
        (("issue", "grant:other"), False),
        (("issue", "grant:flights"), True),
    ):
        with pytest.raises(Refused) as caught:
            issue(
                over_the_wire(world, BOB, *scopes),
                "x",
                actor=CI,
                role="viewer",
                everywhere=everywhere,
                scopes=(parse_scope("issue"),),
            )
        assert caught.value.kind == "beyond-your-scope"
    issue(
        over_the_wire(world, BOB, "issue", "grant:flights"),
        "x",
        actor=CI,
        role="viewer",
        scopes=(parse_scope("issue"),),
    )


def test_a_contributor_issues_for_nobody_else(world: World) -> None:
    """Not even for somebody who may do less."""
    give(world, BOB, "contributor")
    with pytest.raises(Refused):
        issue(over_the_wire(world, BOB), "x", actor=CI)


def test_whoever_is_shut_out_gets_no_token(world: World) -> None:
    """Neither from an admin nor, with a session that is still open, from themself."""
    give(world, BOB, "viewer")
    with world.loop.ledger.write("flights", ANN) as tx:
        tx.people.disable(str(BOB))
        tx.say("person.disabled", str(BOB))
    with pytest.raises(Refused):
        world.do("issue", "x", actor=BOB)
    with pytest.raises(Refused):
        issue(over_the_wire(world, BOB), "x")


def test_a_token_is_an_access_key_too(world: World) -> None:
    """Its id and a secret made of the server's key are a pair for clients of S3, kept by nobody; without a key there is none."""
    with pytest.raises(Unavailable):
        world.do("issue", "laptop", s3=True)
    keyed = replace(world.loop, key=lambda: b"k" * 32)
    made = issue(keyed, "laptop", s3=True)
    assert (made.access_key, made.secret_key) == (made.token.id, signing_secret(b"k" * 32, made.token.id))
    assert (issue(keyed, "laptop").access_key, issue(keyed, "laptop").secret_key) == ("", "")
    with keyed.ledger.read() as tx:
        kept = str(tx.rows.all("SELECT * FROM tokens")) + str(tx.rows.all("SELECT payload FROM events"))
    assert made.secret_key not in kept

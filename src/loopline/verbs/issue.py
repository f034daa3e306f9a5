"""issue: make a token."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from loopline.access.roles import EVERYWHERE, PREFIX
from loopline.access.scopes import parse_scope, write_scope
from loopline.access.secrets import hash_of, signing_secret, written
from loopline.errors import Invalid, Refused, Unavailable
from loopline.loop import Loop
from loopline.nouns.actor import Actor, holder
from loopline.nouns.token import Issued, Role, Scope, Token
from loopline.verbs.permitting import may_give, may_scope, may_speak_for, may_use

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables

LONGEST = timedelta(days=3650)


def issue(
    loop: Loop,
    name: Annotated[str, "what it is for: laptop, nightly training"],
    *,
    actor: Annotated[Actor | None, "for whom: ann, token:ci, assistant:helper; left out: for you"] = None,
    scopes: Annotated[
        tuple[Annotated[Scope, parse_scope], ...], "what it may be used for: read, log:flights, promote:flights:model/*"
    ] = (),
    expires: Annotated[timedelta, "how long it lasts; 0s: for ever"] = timedelta(days=90),
    role: Annotated[Role | None, "a role that its actor gets in this project with it"] = None,
    everywhere: Annotated[bool, "the role holds in every project"] = False,
    s3: Annotated[bool, "also give it as an access key for clients of S3"] = False,
) -> Issued:
    """Issue a token for a person, a service or an assistant.

    Its secret is shown once and kept by nobody. A token may do what its actor's roles allow, and of that only what its scopes
    cover. Nobody issues a token that can do more than themself, or for themself one that outlasts the token that asks. For other
    people only an admin issues one.

    Example:
        loopline issue "Ann's laptop" --actor ann --role approver
    """
    name = _checked(name, expires, role, everywhere=everywhere)
    whose, given = holder(actor or loop.actor), scopes or (loop.caller.scopes if loop.caller else (Scope(),))
    may_scope(loop, given)
    if role:
        may_use(loop, "grant", EVERYWHERE if everywhere else loop.project)
    identity, text = written(loop.ids.chance(40))
    secret_key = _secret_key(loop, identity) if s3 else ""
    with loop.ledger.write(loop.project, loop.actor) as tx:
        home = EVERYWHERE if everywhere else loop.project
        wanted = {home: role} if role else {}
        if role:
            may_give(loop, tx, wanted)
        if str(whose) != str(loop.actor):
            may_speak_for(loop, tx, whose)
        if tx.people.disabled(str(whose)):
            raise Refused(f"{whose} is shut out", kind="disabled", hint="ask an admin of this server", actor=str(whose))
        if role:
            tx.teams.add(home, PREFIX + role, str(whose), by=str(loop.actor))
        until = tx.now + int(expires.total_seconds() * 1_000_000) if expires else None
        if str(whose) == str(loop.actor):
            until = _no_later(loop, tx, until)
        token = tx.tokens.add(
            Token(identity, str(whose), name, given, str(loop.actor), tx.now, until), hashed=hash_of(text)
        )
        tx.say(
            "token.issued", identity, actor=str(whose), name=name, scopes=[write_scope(one) for one in given],
            expires_at=until, **({"role": role, "project": home} if role else {}),
        )  # fmt: skip
    if loop.ledger.dry:
        return Issued(token, "")
    return Issued(token, text, *((identity, secret_key) if s3 else ()))


def _checked(name: str, expires: timedelta, role: Role | None, *, everywhere: bool) -> str:
    """Give the name as it is kept. Raise Invalid where words do not fit together."""
    name = name.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise Invalid("a token needs a name of one line", kind="bad-token-name", hint="say what it is for", name=name)
    if not timedelta(0) <= expires <= LONGEST:
        raise Invalid(
            f"a token cannot last {expires}",
            kind="bad-expiry",
            hint="write for example 90d; 0s for ever",
            expires=expires,
        )
    if everywhere and role is None:
        raise Invalid("say which role holds everywhere", kind="missing-parameter", hint="add --role", missing=["role"])
    return name


def _secret_key(loop: Loop, identity: str) -> str:
    if loop.key is None:
        raise Unavailable("there is no key to sign with here", kind="secret-missing", hint="ask the server for it")
    return signing_secret(loop.key(), identity)


def _no_later(loop: Loop, tx: Tables, until: int | None) -> int | None:
    """Bound an end by that of the token that the caller was let in with: a token that ends does not make itself last."""
    shown = tx.tokens.find_id(loop.caller.token) if loop.caller and loop.caller.token else None
    ends = shown.expires_at if shown else None
    return until if ends is None else ends if until is None else min(until, ends)

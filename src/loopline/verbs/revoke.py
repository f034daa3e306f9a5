"""revoke: end a token, or shut somebody out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from loopline.access.roles import EVERYWHERE
from loopline.errors import Conflict, Invalid, Refused
from loopline.ledger.tokens import no_token
from loopline.loop import Loop
from loopline.nouns.actor import parse_actor
from loopline.nouns.person import Person
from loopline.nouns.token import Token
from loopline.verbs.asking import stop
from loopline.verbs.permitting import may_reach, may_use, own_roles

if TYPE_CHECKING:
    from loopline.ledger.ledger import Writing


def revoke(
    loop: Loop,
    token: Annotated[
        str, "its id, as `loopline find tokens` lists it; or an actor who is shut out: person:bob, token:ci"
    ],
    *,
    back: Annotated[bool, "let an actor in again who was shut out"] = False,
) -> Token | Person:
    """End a token now, and every browser that was signed in with it; or shut an actor out with everything they have.

    A token of your own, or of somebody whose roles you could give; with a token that is kept to some projects, of somebody who
    has roles in these alone. Only an admin shuts actors out; work that they have asked for and that waits is cancelled with it,
    in every project.

    Example:
        loopline revoke 4fzq7k2mxa3c
    """
    if ":" in token:
        actor = str(parse_actor(token))
        with loop.ledger.write(loop.project, loop.actor) as tx:
            person = _shut_out(loop, tx, actor, back=back)
        if not back:
            _cancel_all(loop, actor)
        return person
    with loop.ledger.write(loop.project, loop.actor) as tx:
        if back:
            raise Invalid("a token does not come back", kind="token-is-dead", hint="loopline issue makes a new one")
        found = tx.tokens.get(token)
        if found.actor != str(loop.actor):
            try:
                may_reach(loop, tx, "revoke", found.actor)
            except Refused:
                raise no_token(token) from None  # that it is there is no business of theirs
        done = tx.tokens.revoke(token)
        tx.sessions.end_all(token=token)
        tx.say("token.revoked" if done else "token.unchanged", token, actor=found.actor, name=found.name)
        return tx.tokens.get(token)


def _shut_out(loop: Loop, tx: Writing, actor: str, *, back: bool) -> Person:
    """Shut an actor out, or let them in again. Nobody shuts themself out, so an admin stays."""
    may_use(loop, "revoke", EVERYWHERE)
    if own_roles(loop, tx).get(EVERYWHERE) != "admin":
        raise Refused("only an admin shuts actors out", kind="beyond-your-role", hint="ask an admin of this server")
    if actor == str(loop.actor) and not back:
        raise Conflict("you would shut yourself out", kind="last-admin", hint="ask another admin", actor=actor)
    tx.people.disable(actor, back=back)
    if not back:
        tx.sessions.end_all(actor=actor)
    tx.say("person.let-in" if back else "person.shut-out", actor)
    return tx.people.find(actor) or Person(actor)


def _cancel_all(loop: Loop, actor: str) -> None:
    """Cancel what waits for a worker on behalf of somebody who was shut out, each in its own project.

    Whatever a worker takes before that, or is asked for meanwhile, the worker refuses: they have no role any more.
    """
    with loop.ledger.read() as tx:
        waiting = tx.tasks.queued_by(actor)
    for task in sorted(waiting, key=lambda one: (one.project, one.id)):
        with loop.ledger.write(task.project, loop.actor) as tx:
            stop(tx, loop, task.id, why=f"{actor} was shut out")

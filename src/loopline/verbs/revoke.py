"""revoke: end a token."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Refused
from loopline.ledger.tokens import no_token
from loopline.loop import Loop
from loopline.nouns.token import Token
from loopline.verbs.permitting import may_give, roles_of


def revoke(
    loop: Loop,
    token: Annotated[str, "its id, as `loopline find tokens` lists it"],
) -> Token:
    """End a token now, and every browser that was signed in with it.

    Your own, or one of somebody whose roles you could give.

    Example:
        loopline revoke 4fzq7k2mxa3c
    """
    with loop.ledger.write(loop.project, loop.actor) as tx:
        found = tx.tokens.get(token)
        if found.actor != str(loop.actor):
            try:
                may_give(loop, tx, {loop.project: "viewer", **roles_of(tx, found.actor)})
            except Refused:
                raise no_token(token) from None  # that it is there is no business of theirs
        done = tx.tokens.revoke(token)
        tx.sessions.end_all(token=token)
        tx.say("token.revoked" if done else "token.unchanged", token, actor=found.actor, name=found.name)
        return tx.tokens.get(token)

"""whoami: who the loop takes the caller for."""

from __future__ import annotations

from loopline.access.roles import role_in
from loopline.loop import Loop
from loopline.nouns.identity import Identity
from loopline.nouns.token import Scope
from loopline.verbs.permitting import own_roles


def whoami(loop: Loop) -> Identity:
    """Tell who you are to this loop, and what you may do.

    Example:
        loopline whoami
    """
    with loop.ledger.read() as tx:
        roles = dict(own_roles(loop, tx))
    caller = loop.caller
    return Identity(
        str(loop.actor), loop.actor.verified, loop.project, role_in(roles, loop.project), roles,
        caller.scopes if caller else (Scope(),), caller.token if caller else "", caller is None,
    )  # fmt: skip

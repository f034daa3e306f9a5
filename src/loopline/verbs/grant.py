"""grant: put somebody into a team."""

from __future__ import annotations

from typing import Annotated

from loopline.errors import Invalid, NotFound
from loopline.loop import Loop
from loopline.nouns.actor import Actor


def grant(
    loop: Loop,
    actor: Annotated[Actor, "ann, token:ci, assistant:helper"],
    role: Annotated[str, "team/NAME"],
    *,
    revoke: Annotated[bool, "take it away again"] = False,
) -> dict[str, tuple[str, ...]]:
    """Make an actor a member of a team that policies can name, and give all teams.

    Example:
        loopline grant ann team/ml-leads
    """
    kind, slash, name = role.partition("/")
    if kind != "team" or not slash or not name:
        raise Invalid(f"{role!r} is no team", kind="bad-role", hint="write for example team/ml-leads", role=role)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        if revoke:
            if not tx.teams.remove(loop.project, role, str(actor)):
                raise NotFound(
                    f"{actor} is not in {role}",
                    kind="no-grant",
                    hint="loopline grant --help",
                    actor=str(actor),
                    role=role,
                )
        else:
            tx.teams.add(loop.project, role, str(actor), by=str(loop.actor))
        tx.say("grant.revoked" if revoke else "grant.given", str(actor), role=role)
        return {team: tuple(sorted(members)) for team, members in tx.teams.all(loop.project).items()}

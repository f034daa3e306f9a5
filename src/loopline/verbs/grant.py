"""grant: put somebody into a team, or give them a role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

from loopline.access.roles import EVERYWHERE, PREFIX, RANKS
from loopline.errors import Conflict, Invalid, NotFound
from loopline.loop import Loop
from loopline.nouns.actor import holder, parse_actor
from loopline.nouns.token import Granted
from loopline.verbs.permitting import may_give, may_use, roles_of

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.token import Role


def grant(
    loop: Loop,
    who: Annotated[str, "ann, token:ci, assistant:helper; for a role also a team: team/ml-leads"],
    role: Annotated[str, "team/NAME, or role/viewer, contributor, approver, maintainer, admin"],
    *,
    revoke: Annotated[bool, "take it away again"] = False,
    everywhere: Annotated[bool, "in every project"] = False,
) -> Granted:
    """Put an actor into a team that policies can name, or give an actor or a team a role.

    The answer is all teams and roles as they are then, and whether that changed them. Each role may do what the one before it
    may. Nobody gives what they do not have, and the last admin stays.

    Example:
        loopline grant ann team/ml-leads
        loopline grant team/ml-leads role/approver
    """
    whom, home = _holder(who, role, revoke=revoke), EVERYWHERE if everywhere else loop.project
    may_use(loop, "grant", home)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        may_give(loop, tx, _carries(tx, home, role))
        if revoke:
            if not whom.startswith("team/"):
                may_give(loop, tx, {home: "viewer", **roles_of(tx, whom)})
            if not tx.teams.remove(home, role, whom):
                raise NotFound(
                    f"{whom} does not have {role}",
                    kind="no-grant",
                    hint="loopline grant --help",
                    actor=whom,
                    role=role,
                )
            _one_admin(tx, loop)
            changed = True
        else:
            changed = tx.teams.add(home, role, whom, by=str(loop.actor))
        tx.say("grant.revoked" if revoke else "grant.given", whom, role=role, everywhere=everywhere)
        members = {team: tuple(sorted(actors)) for team, actors in tx.teams.all(home).items()}
        return Granted(members, changed)


def _holder(who: str, role: str, *, revoke: bool) -> str:
    """Write who is meant as grants keep it. Raise Invalid for what is neither a team nor a role, and for the server itself."""
    kind, slash, name = role.partition("/")
    if kind not in ("team", "role") or not slash or not name or (kind == "role" and name not in RANKS):
        raise Invalid(
            f"{role!r} is neither a team nor a role", kind="bad-role",
            hint=f"write for example team/ml-leads, or role/ and one of {', '.join(RANKS)}", role=role,
        )  # fmt: skip
    if who.startswith("team/") and len(who) > len("team/"):
        if kind == "team":
            raise Invalid("a team is no member of a team", kind="team-in-team", hint="name its members", who=who)
        return who
    actor = parse_actor(who)
    return str(actor if revoke else holder(actor))


def _carries(tx: Tables, home: str, role: str) -> dict[str, Role]:
    """Say which roles come with a team or a role."""
    if role.startswith(PREFIX):
        return {home: cast("Role", role.removeprefix(PREFIX))}
    brought = {project: cast("Role", name.removeprefix(PREFIX)) for project, name in tx.teams.standing(role)}
    reached = {(home if project == EVERYWHERE else project): found for project, found in brought.items()}
    return {home: "maintainer", **reached}


def _one_admin(tx: Tables, loop: Loop) -> None:
    """Keep a server from being locked: whoever asks through one stays able to give rights, or somebody else is."""
    if loop.caller is not None and not loop.caller.open and not tx.teams.holders(EVERYWHERE, "role/admin"):
        raise Conflict("nobody would be an admin any more", kind="last-admin", hint="make somebody else one first")

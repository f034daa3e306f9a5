"""permitting: what an actor may do, and whether one may give it to another; shared by the verbs that give and take rights."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from loopline.access.allow import allowed
from loopline.access.roles import EVERYWHERE, PREFIX, RANKS, at_least, greatest, no_more_than, role_in
from loopline.access.scopes import covers, narrower, write_scope
from loopline.errors import Refused
from loopline.nouns.token import Role, Scope
from loopline.verbs import BY_NAME, VERBS

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.actor import Actor
    from loopline.nouns.name import AssetName

READING: Final = ("get", "run")
"""Verbs of which one must be allowed on what a pipeline reads: to look at it, or to run pipelines on it."""


def roles_of(tx: Tables, actor: str) -> dict[str, Role]:
    """Give an actor's role by project, its own or by a team. `*` is every project. Who is shut out has none."""
    return {} if tx.people.disabled(actor) else roles_in(tx, actor)


def roles_in(tx: Tables, actor: str) -> dict[str, Role]:
    """Give the roles of somebody of whom it is known that they are not shut out."""
    found: dict[str, list[Role]] = {}
    for project, role in tx.teams.standing(actor):
        name = role.removeprefix(PREFIX)
        if name in RANKS:
            found.setdefault(project, []).append(name)
    return {project: best for project, roles in found.items() if (best := greatest(roles))}


def own_roles(loop: Loop, tx: Tables) -> Mapping[str, Role]:
    """Give what the caller may do now, as the ledger says in this transaction. The owner of an embedded loop is its admin."""
    if loop.caller is None or loop.caller.open:
        return {EVERYWHERE: "admin"}
    return roles_of(tx, str(loop.actor))


def seen(loop: Loop, tx: Tables) -> tuple[str, ...]:
    """Give the actors whose tokens and names the caller may list; nobody at all stands for everybody.

    An admin sees everybody, a maintainer who has a right in the project, anybody else themself. An admin's token that is kept
    to some projects makes a maintainer of them.
    """
    if sees_all(loop, tx):
        return ()
    if not at_least(role_in(own_roles(loop, tx), loop.project), "maintainer"):
        return (str(loop.actor),)
    return tuple(sorted({str(loop.actor)}.union(*only(tx.teams.all(loop.project), bearing(tx, loop.project)).values())))


def bearing(tx: Tables, project: str) -> set[str]:
    """Give the teams that have members in a project itself, or a role in it or everywhere."""
    holders = [
        who
        for home in (project, EVERYWHERE)
        for role, held in tx.teams.all(home).items()
        if role.startswith(PREFIX)
        for who in held
    ]
    return {*tx.teams.own(project), *(who for who in holders if who.startswith("team/"))}


def only(held: Mapping[str, Iterable[str]], teams: Container[str]) -> dict[str, tuple[str, ...]]:
    """Leave of roles and teams with their members all roles, and the teams that are named."""
    return {name: tuple(sorted(who)) for name, who in held.items() if name.startswith(PREFIX) or name in teams}


def sees_all(loop: Loop, tx: Tables) -> bool:
    """Tell whether the caller is an admin, with a token that is for every project."""
    return own_roles(loop, tx).get(EVERYWHERE) == "admin" and _covered(loop, "find", EVERYWHERE)


def may_give(loop: Loop, tx: Tables, roles: Mapping[str, Role]) -> None:
    """Raise Refused unless the caller manages those projects and has each of these roles itself."""
    own = own_roles(loop, tx)
    manages = all(at_least(role_in(own, project), "maintainer") for project in roles)
    if not manages or not no_more_than(roles, own):
        raise Refused(
            "you cannot give what you do not have", kind="beyond-your-role", hint="ask an admin of this server",
            roles=dict(roles),
        )  # fmt: skip


def may_speak_for(loop: Loop, tx: Tables, actor: Actor) -> None:
    """Raise Refused unless the caller may make a token for somebody else.

    For another person only an admin: whoever could speak as two people could approve what they have proposed themself.
    """
    if actor.human and not at_least(role_in(own_roles(loop, tx), EVERYWHERE), "admin"):
        raise Refused(
            "only an admin makes tokens for other people", kind="beyond-your-role", hint="ask an admin of this server",
            actor=str(actor),
        )  # fmt: skip
    may_reach(loop, tx, "issue", str(actor))


def may_reach(loop: Loop, tx: Tables, name: str, actor: str) -> None:
    """Raise Refused unless the caller could give all that an actor has, and their token is for every project where that is."""
    roles: dict[str, Role] = {loop.project: "viewer", **roles_of(tx, actor)}
    may_give(loop, tx, roles)
    for project in sorted(roles):
        may_use(loop, name, project)


def may_use(loop: Loop, name: str, project: str) -> None:
    """Raise Refused unless what the caller was let in with covers another verb, in a project or everywhere."""
    if not _covered(loop, name, project):
        raise Refused(
            f"your token does not cover {name}:{project}", kind="beyond-your-scope", hint="loopline whoami tells what it covers",
            scope=f"{name}:{project}",
        )  # fmt: skip


def _covered(loop: Loop, name: str, project: str) -> bool:
    if loop.caller is None or loop.caller.open:
        return True
    return any(covers(scope, BY_NAME[name], project=project) for scope in loop.caller.scopes)


def sees(loop: Loop, name: str, project: str, asset: str = "*") -> bool:
    """Tell whether the caller may ask a verb of an asset (`kind/name`) that it comes upon, or of all that a project has.

    A run is of no asset: whoever is kept to some assets sees none.
    """
    if loop.caller is None:
        return True
    try:
        allowed(loop.caller, BY_NAME[name], project=project, assets=(asset,))
    except Refused:
        return False
    return True


def may_scope(loop: Loop, scopes: Iterable[Scope]) -> None:
    """Raise Refused unless what the caller was let in with covers each of these scopes."""
    if loop.caller is None or loop.caller.open:
        return
    classes = [(verb.name, verb.cls) for verb in VERBS]
    for scope in scopes:
        if not any(narrower(scope, own, classes=classes) for own in loop.caller.scopes):
            raise Refused(
                f"your token does not cover {write_scope(scope)}", kind="beyond-your-scope",
                hint="loopline whoami tells what it covers", scope=write_scope(scope),
            )  # fmt: skip


def may_ask(loop: Loop, name: str, typed: Mapping[str, Any]) -> None:
    """Raise Refused kind="not-allowed" unless the caller may ask a verb now, of every project and asset that its words name."""
    if loop.caller is None or loop.caller.open:
        return
    from loopline.verbs.touching import homes

    for project, assets in homes(loop, name, typed, narrowed=loop.caller.narrowed):
        allowed(loop.caller, BY_NAME[name], project=project, assets=assets)


def may_read(loop: Loop, asset: AssetName) -> None:
    """Raise Refused kind="not-allowed" unless the caller may have an asset read that code names, and not they.

    Who may run the code of a project may have it read that project's assets: only somebody who is kept to some of them is
    looked at further. It is asked before the asset is looked up, so the answer tells nobody what is there.
    """
    caller = loop.caller
    if caller is None or caller.open or (asset.project == loop.project and not caller.narrowed):
        return
    refusals = list[Refused]()
    for name in READING:
        try:
            allowed(caller, BY_NAME[name], project=asset.project, assets=[str(asset)])
        except Refused as error:
            refusals.append(error)
        else:
            return
    raise refusals[0]

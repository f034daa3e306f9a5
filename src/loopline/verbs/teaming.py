"""teaming: who there is, and what roles and teams a project has, with who holds them; what is said of a team.

A *band* is what somebody can be put into: one of the roles of a project, or a team. `*` is the home of those of every project.
A team needs no founding: it is there with its first member. What is said of one is kept as a tag, and keeps it listed while
it is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.access.roles import EVERYWHERE, PREFIX, RANKS
from loopline.errors import Conflict, Invalid
from loopline.verbs.grant import grant
from loopline.verbs.permitting import bearing, may_give, may_use, only, seen, sees_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.token import Role

TEAM: Final = "team/"
LONGEST: Final = 1_000
"""Characters of a description."""
_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class Band:
    """A role of a project, or a team in it."""

    home: str
    """The project; `*` is every project."""
    name: str
    """As grants write it: `role/viewer`, `team/ml-leads`."""
    description: str = ""
    carries: tuple[Role, ...] = ()
    """The roles that its members have there by it."""
    members: tuple[str, ...] = ()

    @property
    def fixed(self) -> bool:
        """Whether it is a role, which nobody makes or changes."""
        return self.name.startswith(PREFIX)


def everybody(loop: Loop) -> tuple[str, ...]:
    """Give the actors that the caller may list: who signed in, has a role or a team, or a token. Not who is shut out."""
    with loop.ledger.read() as tx:
        mine = seen(loop, tx)
        known = {one.actor for one in tx.people.list()} | {*tx.teams.everybody(), *tx.tokens.actors()}
        known = {one for one in known if not tx.people.disabled(one)}
    return tuple(sorted(known & {*mine} if mine else known))


def bands(loop: Loop, homes: Iterable[str]) -> tuple[Band, ...]:
    """Give the roles of some projects and the teams in them, as far as the caller may know those; who may look was asked."""
    found = list[Band]()
    with loop.ledger.read() as tx:
        every = sees_all(loop, tx)
        for home in homes:
            held, said = tx.teams.all(home), tx.taggings.of(_subject(home))
            known = {*held, *said, *_teams_with_roles(held)} if every else bearing(tx, home) | {*said}
            members = only(held, known)
            roles: dict[str, Role] = {f"{PREFIX}{role}": role for role in RANKS}
            found += [Band(home, name, "", (role,), members.get(name, ())) for name, role in roles.items()]
            teams = sorted({one for one in (*members, *said, *_teams_with_roles(held)) if one.startswith(TEAM)} & known)
            for team in teams:
                carries = tuple(role for name, role in roles.items() if team in held.get(name, ()))
                found.append(Band(home, team, said.get(team, ""), carries, members.get(team, ())))
    return tuple(found)


def describe_team(loop: Loop, home: str, team: str, description: str, *, new: bool = False) -> None:
    """Say what a team is for. Raise Conflict where it shall be new and is there."""
    name = team.removeprefix(TEAM)
    if (
        not name.strip()
        or name != name.strip()
        or len(name) > _NAME
        or not name.isprintable()
        or len(description) > LONGEST
    ):
        raise Invalid(
            f"a team has a name of 1 to {_NAME} printable characters, and a description of at most {LONGEST}",
            kind="bad-team", hint="write for example ml-leads", team=name[:_NAME],
        )  # fmt: skip
    may_use(loop, "grant", home)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        may_give(loop, tx, {home: "maintainer"})
        if new and _is_there(tx, home, team):
            raise Conflict(f"there is a team {name} already", kind="team-exists", hint="take another name", team=name)
        tx.taggings.set(_subject(home), {team: description})
        tx.say("team.described", team, everywhere=home == EVERYWHERE, description=description)


def dissolve(loop: Loop, band: Band) -> None:
    """Take a team's roles away, and everybody out of it. Repeating goes on where it was broken off."""
    everywhere = band.home == EVERYWHERE
    for role in band.carries:
        grant(loop, band.name, f"{PREFIX}{role}", revoke=True, everywhere=everywhere)
    for member in band.members:
        grant(loop, member, band.name, revoke=True, everywhere=everywhere)
    may_use(loop, "grant", band.home)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        may_give(loop, tx, {band.home: "maintainer"})
        tx.taggings.drop(_subject(band.home), (band.name,))
        tx.say("team.described", band.name, everywhere=everywhere, description=None)


def _teams_with_roles(held: Mapping[str, Iterable[str]]) -> set[str]:
    return {who for name, whose in held.items() if name.startswith(PREFIX) for who in whose if who.startswith(TEAM)}


def _is_there(tx: Tables, home: str, team: str) -> bool:
    held = tx.teams.all(home)
    return team in held or team in _teams_with_roles(held) or team in tx.taggings.of(_subject(home))


def _subject(home: str) -> str:
    return f"teams/{home}"

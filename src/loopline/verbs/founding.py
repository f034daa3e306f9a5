"""founding: projects as things of their own: which one may see, making one before anything is in it, taking an empty one away.

A project needs no founding: whoever publishes or logs first makes it. Its description is kept as a tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.access.roles import EVERYWHERE
from loopline.errors import Conflict, Invalid, Refused
from loopline.nouns.name import parse_project
from loopline.verbs.permitting import may_use, own_roles, sees

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop

LONGEST: Final = 1_000
"""Characters of a description."""
_DESCRIPTION: Final = "description"
_AROUND: Final = ("project.", "grant.", "token.", "person.", "team.")
"""Kinds of events that say who may do what in a project, and not what is in it."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project, with what somebody has said about it."""

    name: str
    description: str = ""


def projects(loop: Loop) -> tuple[Project, ...]:
    """Give the projects that the caller may look into, by name; the loop's own is one, before anything is in it."""
    with loop.ledger.read() as tx:
        names = [name for name in sorted({*tx.projects.list(), loop.project}) if sees(loop, "find", name)]
        said = tx.taggings.of_all(_subject(name) for name in names)
    return tuple(Project(name, said.get(_subject(name), {}).get(_DESCRIPTION, "")) for name in names)


def project(loop: Loop) -> Project:
    """Give the loop's project."""
    with loop.ledger.read() as tx:
        return Project(loop.project, tx.taggings.of(_subject(loop.project)).get(_DESCRIPTION, ""))


def found_project(loop: Loop, name: str, description: str = "") -> Project:
    """Make a project. Raise Refused for anybody but an admin of the server, Conflict where there is one of that name."""
    parse_project(name)
    _fits(description)
    with loop.ledger.write(name, loop.actor) as tx:
        _by_admin(loop, tx)
        if tx.projects.there(name):
            raise Conflict(
                f"there is a project {name} already", kind="project-exists", hint="take another name", name=name
            )
        tx.projects.ensure(name)
        tx.taggings.set(_subject(name), {_DESCRIPTION: description})
        tx.say("project.created", name, description=description)
    return Project(name, description)


def describe_project(loop: Loop, description: str) -> Project:
    """Say what the loop's project is for."""
    _fits(description)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        tx.taggings.set(_subject(loop.project), {_DESCRIPTION: description})
        tx.say("project.described", loop.project, description=description)
    return Project(loop.project, description)


def close_project(loop: Loop) -> None:
    """Take the loop's project away, in which nothing ever was. Raise Refused for anybody but an admin, Conflict.

    History is only added to: where anything has happened in a project but that people got roles in it, it stays.
    """
    name = loop.project
    with loop.ledger.write(name, loop.actor) as tx:
        _by_admin(loop, tx)
        used = next((one for one in tx.feed.iter(name) if not one.kind.startswith(_AROUND)), None)
        if used is not None:
            raise Conflict(
                f"{name} is not empty: the first of what is in it came with {used.kind}", kind="project-in-use",
                hint="history is only added to; take roles away with loopline grant --revoke instead", name=name,
            )  # fmt: skip
        tx.projects.delete(name)
        tx.taggings.clear(_subject(name))
        tx.say("project.deleted", name)


def _subject(name: str) -> str:
    return f"project/{name}"


def _by_admin(loop: Loop, tx: Tables) -> None:
    may_use(loop, "grant", EVERYWHERE)
    if own_roles(loop, tx).get(EVERYWHERE) != "admin":
        raise Refused(
            "only an admin makes projects and takes them away",
            kind="beyond-your-role",
            hint="ask an admin of this server",
        )


def _fits(description: str) -> None:
    if len(description) > LONGEST:
        raise Invalid(
            f"a description has at most {LONGEST} characters, and this one has {len(description)}", kind="too-long",
            hint="say less", limit=LONGEST,
        )  # fmt: skip

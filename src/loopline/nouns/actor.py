"""actor: who did it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from loopline.errors import Invalid

ACTOR_KINDS: Final = ("person", "token", "trigger", "assistant")
HOLDERS: Final = ("person", "token", "assistant")
"""Kinds that hold tokens, teams and roles. A trigger is the server itself: nobody else speaks as one."""
_OTHER: Final = {"person": "assistant", "assistant": "person"}


@dataclass(frozen=True, slots=True, order=True)
class Actor:
    """A person, a service's token, a trigger or an assistant."""

    kind: str
    name: str
    verified: bool = False
    """Whether somebody else than the actor vouches for the name. Embedded identities are never verified."""

    def __str__(self) -> str:
        """Write it as in the feed: `person:ann`."""
        return f"{self.kind}:{self.name}"

    @property
    def human(self) -> bool:
        """Whether this is a person: an assistant's approval never counts as a person's."""
        return self.kind == "person"


def assistant_of(actor: Actor) -> Actor:
    """Give the assistant that acts for somebody: of the same name, and no person. An assistant is its own."""
    return Actor("assistant", actor.name, actor.verified)


def as_one(actor: str) -> tuple[str, ...]:
    """Give an actor, as it is written, with whoever acts for it or it acts for: `person:ann` and `assistant:ann`."""
    kind, _, name = actor.partition(":")
    return (actor, f"{_OTHER[kind]}:{name}") if kind in _OTHER else (actor,)


def holder(actor: Actor) -> Actor:
    """Give an actor back that may hold tokens, teams and roles. Raise Invalid."""
    if actor.kind not in HOLDERS:
        raise Invalid(
            f"{actor} speaks for the server itself, and holds no tokens and no roles", kind="bad-actor",
            hint=f"name one of the kinds {', '.join(HOLDERS)}", text=str(actor),
        )  # fmt: skip
    return actor


def parse_actor(text: str, *, verified: bool = False) -> Actor:
    """Take `ann` or `person:ann`, `token:ci`, … Raise Invalid."""
    kind, colon, name = text.partition(":")
    if not colon:
        kind, name = "person", text
    if kind not in ACTOR_KINDS or not name or not name.isprintable() or name != name.strip() or len(name) > 200:
        raise Invalid(
            f"{text!r} names no actor",
            kind="bad-actor",
            hint=f"write a name, or KIND:NAME with a kind of {', '.join(ACTOR_KINDS)}",
            text=text,
        )
    return Actor(kind, name, verified)

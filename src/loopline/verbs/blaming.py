"""blaming: which change an incident may be blamed on, how sure somebody may be, and how the feed is told; shared by the verbs.

Every edit is one transaction and one event, with what was there before: an edge is replaced, and nothing is forgotten.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.change import Change, ChangeState
from loopline.nouns.ids import brief
from loopline.nouns.incident import LONGEST, Blame, Incident, Relation, Source
from loopline.nouns.name import parse_ref
from loopline.verbs.moving import at_home

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.actor import Actor

_SOURCES: Final[Mapping[str, Source]] = {
    "person": "human",
    "trigger": "monitor",
    "assistant": "assistant",
    "token": "token",
}
OTHER: Final[Mapping[Relation, Relation]] = {"caused_by": "fixes", "fixes": "caused_by"}


def source_of(actor: Actor) -> Source:
    """Tell as whose word an edge counts that an actor writes."""
    return _SOURCES[actor.kind]


def titled(text: str) -> str:
    """Give a title back. Raise Invalid for what is none."""
    title = text.strip()
    if len(title) > LONGEST or not title or not title.isprintable():
        raise Invalid(
            f"{text[:40]!r} is no title of an incident", kind="bad-title", hint=f"write a line of up to {LONGEST} characters",
            length=len(text),
        )  # fmt: skip
    return title


def reasoned(why: str) -> str:
    """Give a reason back. Raise Invalid where it says nothing: who reads the page later has nothing else."""
    if not why.strip():
        raise Invalid("it needs a reason", kind="no-reason", hint='give --why "what makes you say so"')
    if "\x00" in why:
        raise Invalid("a reason is text", kind="not-text", hint="leave out the zero bytes")
    return why.strip()


def sure(confidence: float) -> float:
    """Give a confidence back. Raise Invalid unless it is above 0 and up to 1; who has none takes the edge away."""
    if not 0 < confidence <= 1:
        raise Invalid(
            f"a confidence of {confidence}", kind="bad-confidence",
            hint="give more than 0 and up to 1; to take the edge away, give --remove", confidence=str(confidence),
        )  # fmt: skip
    return confidence


def named(tx: Tables, loop: Loop, word: str) -> Change:
    """Find a change by its first digits, or by a ref the one that moved it where it stands. Raise NotFound, Conflict."""
    if "/" not in word:
        return tx.changes.resolve(loop.project, word)
    ref = parse_ref(word, project=loop.project)
    at_home(loop, ref.asset)
    here = tx.refs.get(ref)
    found = tx.changes.find(here.change) if here.change else None
    if found is None:
        raise NotFound(f"no change has moved {ref}", kind="no-change", hint=f"loopline history {ref}", ref=str(ref))
    return found


def blamable(change: Change, relation: Relation) -> Change:
    """Give a change back that can have caused, or fixed, something. Raise Conflict kind="never-applied".

    What has rolled had traffic, whatever became of it: it may be the cause. A fix is what was applied.
    """
    rolled = change.state in (ChangeState.ROLLING, ChangeState.STOPPED)
    if change.state is ChangeState.APPLIED or (relation == "caused_by" and rolled):
        return change
    what = "cannot have caused anything" if relation == "caused_by" else "has fixed nothing yet"
    raise Conflict(
        f"change {brief(change.id)} is {change.state}: it {what}", kind="never-applied", hint="loopline find changes",
        change=change.id, found=str(change.state),
    )  # fmt: skip


def assets_of(tx: Tables, incident: Incident) -> set[str]:
    """Give the asset that an incident names, and what the changes move that caused and fixed it; `*` where it names nothing."""
    found = {incident.about} if incident.about else set()
    for blame in incident.blames:
        found |= {str(move.ref.asset) for move in tx.changes.get(blame.change).moves}
    return found or {"*"}


def not_resolved(one: Incident) -> Incident:
    """Give an incident back that is open. Raise Conflict kind="incident-over"."""
    if one.resolved_at is not None:
        raise Conflict(
            f"incident {brief(one.id)} is resolved", kind="incident-over", hint=f"loopline reopen {brief(one.id)} --why …",
            incident=one.id, by=one.resolved_by, at=one.resolved_at,
        )  # fmt: skip
    return one


def edge(blame: Blame | None) -> dict[str, Any] | None:
    """Write an edge for the feed."""
    return None if blame is None else asdict(blame)

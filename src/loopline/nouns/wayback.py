"""wayback: what a rollback would move, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from loopline.nouns.change import Move
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.name import RefName

Why = Literal["moved-on", "guarded", "deleted", "quarantined", "lost", "new", "left"]
"""Why a ref stays: it moved again apart from what goes back, a policy guards it, its version was deleted, is in quarantine or
has lost its bytes, it is a service that was not there then, somebody has said so."""


@dataclass(frozen=True, slots=True)
class Returning:
    """A ref that goes back."""

    move: Move
    why: str
    changes: tuple[str, ...] = ()
    """Those that moved it since, newest first."""


@dataclass(frozen=True, slots=True)
class Staying:
    """A ref that was moved with others that go back, and is left where it is."""

    ref: RefName
    at: int | None
    to: int | None
    """Where it would have gone."""
    kind: Why
    why: str


@dataclass(frozen=True, slots=True)
class Undone:
    """A change that is taken back."""

    change: str
    at: int
    author: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pinned:
    """What comes back with the specification of a service, as text on both sides."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class WayBack:
    """Every ref that a rollback moves with the one that is named, what stays, and why."""

    ref: RefName
    seq: int
    """Number of the event behind which every ref that moves stood where it will stand again."""
    moves: tuple[Returning, ...]
    """That of the named ref first."""
    undoes: tuple[Undone, ...] = ()
    """Newest first."""
    stays: tuple[Staying, ...] = ()
    quarantines: tuple[str, ...] = ()
    """Versions that nothing automatic may move to again, as `kind/name@number`."""
    lifts: tuple[str, ...] = ()
    """Versions that leave their quarantine, where a rollback is taken back."""
    aborts: tuple[str, ...] = ()
    """Changes that roll on these refs, and are ended first."""
    pinned: tuple[Pinned, ...] = ()
    notes: tuple[str, ...] = ()
    forward: bool = False
    """Whether it takes a rollback back: that goes forward again, so policies are asked as of any change."""
    digest: str = ""
    """Over what would be done: whoever has seen one way back can ask for it and no other."""


def digest_of_way(way: WayBack) -> Digest:
    """Name everything that would be done: refs that move and that stay, marks, rollouts that end."""
    rows = [
        [str(way.ref), way.forward],
        [[one.move.ref.key, one.move.old, one.move.new, one.move.tier] for one in way.moves],
        [[one.ref.key, one.kind] for one in way.stays],
        [way.quarantines, way.lifts, way.aborts],
    ]
    return digest_of(json.dumps(rows, separators=(",", ":")).encode())

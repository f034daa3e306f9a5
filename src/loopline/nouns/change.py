"""change: a movement of one ref, or of several all-or-none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from loopline.nouns.actor import as_one
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.name import RefName
from loopline.nouns.verdict import Requirement, Verdict
from loopline.nouns.version import Version

ChangeKind = Literal["planned", "hotfix", "rollback", "config"]
Answer = Literal["approve", "reject"]


class ChangeState(StrEnum):
    """proposed → approved → rolling → applied | stopped | withdrawn."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    ROLLING = "rolling"
    APPLIED = "applied"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"

    @property
    def over(self) -> bool:
        """Whether the change can no longer move anything."""
        return self in (ChangeState.APPLIED, ChangeState.STOPPED, ChangeState.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Move:
    """One ref of a change."""

    ref: RefName
    old: int | None
    """The version the proposer saw; None where the ref did not exist."""
    new: int | None
    """None deletes the ref."""
    tier: str | None = None
    """None keeps the tier that the ref has."""

    def __str__(self) -> str:
        """Write it for people: `model/delay@champion 1 → 2`."""
        return f"{self.ref} {'–' if self.old is None else self.old} → {'–' if self.new is None else self.new}"


@dataclass(frozen=True, slots=True)
class Published:
    """A new version, and the change that makes a ref point at it (applied, or waiting for its policy)."""

    version: Version
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """One actor's answer, bound to what was seen: it counts only while head and evidence are the same."""

    actor: str
    answer: Answer
    head: Digest
    evidence: Digest
    verified: bool
    at: int
    comment: str = ""
    stale: bool = False
    """Whether the head or the evidence has changed since."""


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody let a change through against its policy, once, for a reason."""

    actor: str
    reason: str
    until: int
    at: int
    head: Digest


@dataclass(frozen=True, slots=True)
class Decision:
    """One evaluation of the policy, as it was written down. Same inputs give the same results."""

    at: int
    actor: str
    phase: Literal["propose", "approve", "start", "apply"]
    policy: Digest | None
    inputs: Digest
    """Over head, base, evidence and approvals as read in that transaction."""
    passed: bool
    results: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A movement of refs with its evidence."""

    id: str
    project: str
    author: str
    reason: str
    kind: ChangeKind
    state: ChangeState
    moves: tuple[Move, ...]
    """Sorted by ref."""
    created_at: int
    closed_at: int | None = None
    run: str | None = None
    """The run that proposed it, where one did."""
    undoes: str | None = None
    """For a rollback: the change that it takes back."""
    lifts: tuple[str, ...] = ()
    """Versions whose quarantine this change lifts when it is applied, as `kind/name@number`."""
    quarantines: tuple[str, ...] = ()
    """Versions that this change, a rollback, has put into quarantine and that are in it; told where one change is asked for."""
    stays: tuple[str, ...] = ()
    """Refs that this change, a rollback, has left where they are, and why; told by the rollback itself."""
    approvals: tuple[Approval, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    override: Override | None = None
    decision: Decision | None = None
    """The newest."""
    asker: str = ""
    """Who has fired the trigger that proposed it, where somebody has."""

    @property
    def authors(self) -> tuple[str, ...]:
        """Name those of whom no approval counts where the author's does not.

        What somebody's assistant has proposed they have proposed, and the other way round.
        """
        return (*as_one(self.author), *(as_one(self.asker) if self.asker else ()))

    @property
    def head(self) -> Digest:
        """Name what would become current: approvals and verdicts bind to it."""
        return head_of(self.moves)


@dataclass(frozen=True, slots=True)
class Moved:
    """One move of one ref that happened."""

    change: str
    ref: RefName
    old: int | None
    new: int | None
    at: int
    author: str
    reason: str
    kind: str
    seq: int
    """Number of the event that it was."""


def head_of(moves: Iterable[Move]) -> Digest:
    """Digest over what a change would move, from where, to where: evidence against another base is other evidence."""
    rows = sorted([m.ref.key, m.old, m.new, m.tier] for m in moves)
    return digest_of(json.dumps(rows, separators=(",", ":")).encode())

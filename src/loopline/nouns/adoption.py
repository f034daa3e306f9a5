"""adoption: what became of one file or folder that another tool kept, and of a version that is given back to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loopline.nouns.digest import Digest

State = Literal["adopted", "waiting", "unchanged", "lacking", "skipped", "planned"]


@dataclass(frozen=True, slots=True)
class Adopted:
    """One file or folder of another tool's, as an asset here."""

    asset: str
    path: str
    """What it is there, from the root of the repository."""
    state: State
    """`waiting`: a policy has not let the branch move yet; `lacking`: bytes are nowhere to be found; `planned`: a rehearsal."""
    version: str = ""
    """The newest one that was made of it, or the one that has it already."""
    versions: int = 0
    """How many were made."""
    files: int = 0
    bytes: int = 0
    """Of the files together; of a rehearsal as far as they are known."""
    lacking: tuple[str, ...] = ()
    """Files whose bytes were not found, the first of them."""
    lacks: int = 0
    """How many those are."""
    sources: tuple[tuple[str, int], ...] = ()
    """Of a rehearsal: how many files would come from where; `store` is here already."""
    note: str = ""
    """Why it was left out, or what to do next."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One version, as another tool has it now."""

    version: str
    root: Digest
    path: str
    """The file that says it there."""
    value: str
    """What it is called there."""
    files: int
    bytes: int
    objects: int
    """Objects that were not there before."""
    objects_bytes: int
    dry: bool = False
    """Whether this is only what would be written."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How much there is of one kind in another tool's store, and how much of that is here."""

    what: str
    there: int
    here: int
    same: bool
    """Whether the digests of both sides are equal, too."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was not taken over."""

    what: str
    count: int
    why: str
    names: tuple[str, ...] = ()
    """The first of them."""
    lost: bool = True
    """Whether less is here by it than there; else it is only said."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """A whole store of another tool, and what of it is here."""

    source: str
    state: Literal["adopted", "differs", "planned"]
    tallies: tuple[Tally, ...]
    left: tuple[LeftOut, ...] = ()
    differing: tuple[str, ...] = ()
    """The first of what is not the same on both sides, by name."""


@dataclass(frozen=True, slots=True)
class Handover:
    """The ledger's records, as a store of another tool."""

    target: str
    state: Literal["exported", "differs", "planned"]
    tallies: tuple[Tally, ...]
    left: tuple[LeftOut, ...] = ()
    differing: tuple[str, ...] = ()

"""reclaim: what nothing names any more, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from loopline.nouns.digest import Digest


@dataclass(frozen=True, slots=True)
class Share:
    """Bytes that go with one thing that was deleted."""

    name: str
    """The version or run that held them; empty: nothing ever did."""
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One of the objects, and why it is dead."""

    digest: Digest
    size: int
    why: str


@dataclass(frozen=True, slots=True)
class Reclaim:
    """What one look at the store has found, and what was done about it."""

    state: Literal["dry", "noted", "trashed", "restored", "emptied"]
    """`noted`: a later run may move these; `trashed`: some were moved to the trash."""
    number: int | None = None
    """Of the reclaim, by which it can be taken back."""
    objects: int = 0
    """Dead ones."""
    bytes: int = 0
    kept: int = 0
    """Objects that are in use."""
    moved: int = 0
    """Objects that were moved: to the trash, back, or out of the trash for good."""
    moved_bytes: int = 0
    revived: int = 0
    """Objects in the trash that something names again, and that were taken back."""
    shares: tuple[Share, ...] = ()
    """By what was deleted, the largest first."""
    samples: tuple[Sample, ...] = ()
    note: str = ""
    """Why less was done than could be, or what comes next."""

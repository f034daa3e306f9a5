"""transfer: what went from one store to another."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.digest import Digest


@dataclass(frozen=True, slots=True)
class Transfer:
    """One push, or a pull that was only rehearsed."""

    version: str
    """As the project calls it that it came from: `data/flights@3`."""
    store: str
    """Address of the other store."""
    root: Digest
    blobs: int
    """Files and nodes of the tree that were lacking there, each once."""
    bytes: int
    branch: str = ""
    """The branch there that stands at this version now; empty: none was moved."""
    dry: bool = False
    """Whether this is only what would be sent."""

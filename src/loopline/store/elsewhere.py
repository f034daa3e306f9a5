"""elsewhere: a store that is not the project's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.store.blobs import Blobs
    from loopline.store.layers import Layers
    from loopline.store.named import Named


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Blobs, and what lies under names beside them."""

    address: str
    """As people are told it: without what may be secret."""
    blobs: Blobs
    named: Named


@dataclass(frozen=True, slots=True)
class Artifacts:
    """A repository of a registry of OCI images: what lies under names is a manifest, and its layers are the blobs."""

    address: str
    blobs: Layers
    folder: Path
    """Where this machine remembers what was begun there."""

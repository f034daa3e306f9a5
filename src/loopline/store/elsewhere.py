"""elsewhere: a store that is not the project's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loopline.store.blobs import Blobs
    from loopline.store.named import Named


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Blobs, and what lies under names beside them."""

    address: str
    """As people are told it: without what may be secret."""
    blobs: Blobs
    named: Named

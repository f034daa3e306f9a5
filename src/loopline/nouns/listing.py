"""listing: a line of what there is."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.name import AssetName
from loopline.nouns.ref import Ref
from loopline.nouns.version import Version


@dataclass(frozen=True, slots=True)
class Listed:
    """An asset with its refs."""

    asset: AssetName
    versions: int
    refs: tuple[Ref, ...]
    newest: Version | None

"""listing: a line of what there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
    text: str = ""
    """What it is, in somebody's words; told, as its tags are, where one asset is asked for."""
    tags: Mapping[str, str] = field(default_factory=dict)

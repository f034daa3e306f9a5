"""noting: what people have said of a version since it was published, which never changes it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.nouns.version import Version

TEXT: Final = ""
"""The key under which the description of a version is filed: no tag has it."""


def noted(tx: Tables, version: Version) -> Version:
    """Give a version with the tags and the text that it has now."""
    tags = tx.taggings.of(tx.versions.subject(version))
    text = tags.pop(TEXT, "")
    return replace(version, text=text, tags=tags) if tags or text else version

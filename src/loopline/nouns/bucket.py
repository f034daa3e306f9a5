"""bucket: a name of a branch, for clients of S3."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.name import RefName


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """A name under which the paths of a branch are keys."""

    name: str
    ref: RefName
    auto_commit: bool
    """Whether each write is committed at once."""
    created_at: int

"""registration: what lies in a folder or a bucket, as a version, without having been copied."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.change import Change


@dataclass(frozen=True, slots=True)
class Registration:
    """What one `register` has found, read and published."""

    source: str
    """The folder or the address of the bucket."""
    files: int
    bytes: int
    read: int
    """How many of the files were read; the others are known from before, by the same stamp and size."""
    read_bytes: int
    version: str = ""
    """`data/flights@3`; empty where this was only rehearsed."""
    change: Change | None = None
    """What moves the branch there; None where the branch has these files already."""
    dry: bool = False
    """Whether `read` is only what would be read."""

"""entry: one file of a tree."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.digest import Digest


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A path and what it holds. No time stamps: they are not part of what a file is."""

    path: str
    """Relative, `/` between parts, UTF-8, no `.` or `..`; a tree sorts by the raw bytes."""
    digest: Digest
    size: int
    mode: int = 0o644
    """0o644 or, where the owner may execute it, 0o755."""


@dataclass(frozen=True, slots=True)
class Folder:
    """What a tree holds below `path`, which ends with `/`."""

    path: str
    count: int
    """Files, at any depth."""
    bytes: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one path between two trees: old None is added, new None is removed, both is changed."""

    path: str
    old: Entry | None
    new: Entry | None

    @property
    def word(self) -> str:
        """Say it for people and wires."""
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"

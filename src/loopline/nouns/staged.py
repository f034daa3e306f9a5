"""staged: what was last said about one path of a branch and is no version yet, and what lies under that."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.name import RefName
from loopline.nouns.version import Version


@dataclass(frozen=True, slots=True)
class Staged:
    """One row of what is staged. A later word about the same path replaces it."""

    path: str
    """One that ends with `/` is a marker: an empty folder that somebody wants to see."""
    entry: Entry | None
    """None: the path is to go; with `whole` everything that begins with it."""
    notes: str = ""
    """What a tree cannot hold of it, as JSON: content type, metadata."""
    whole: bool = False
    seq: int = 0
    actor: str = ""
    recorded_at: int = 0

    @property
    def word(self) -> str:
        """Say it for people and wires."""
        return "removed" if self.entry is None else "written"


@dataclass(frozen=True, slots=True)
class Working:
    """What rows were folded into, of one branch."""

    last: int = 0
    """The number of the newest row that there ever was."""
    folded: int = 0
    """That of the newest row that was folded."""
    base: int | None = None
    """The version that `root` was made from; None where nothing was folded since the last commit, or there was no version."""
    root: Digest | None = None
    """The tree of files; None: that of the branch's version."""
    notes: Digest | None = None
    """The tree of notes, beside `root`."""
    recorded_at: int = 0
    """When it was folded last."""


@dataclass(frozen=True, slots=True)
class Staging:
    """A branch with what is staged on it."""

    ref: RefName
    base: Version | None
    """The version that the branch stands at; None where it has none yet."""
    tree: Digest | None
    """Its files with all that is staged, as one tree; None where something was staged just now, and nobody has asked."""

"""merge: two lines of versions of an asset that become one, and the paths about which they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from loopline.nouns.change import Change
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry, Folder
from loopline.nouns.name import RefName
from loopline.nouns.version import Version

ClashKind = Literal["edit/edit", "edit/delete", "add/add", "file/folder", "mode"]
MergeKind = Literal["merge", "revert", "cherry-pick"]
MergeState = Literal["nothing", "forward", "made", "clashing", "abandoned"]
"""Nothing to do; the ref goes forward to a version that is there; a new version; paths clash; given up."""
Choice = Literal["ours", "theirs", "base", "file"]

DRIVER: Final = "driver:"
"""How the actor of what a driver has made begins."""


@dataclass(frozen=True, slots=True)
class Clash:
    """One path that both sides have changed since their base, in ways that exclude each other.

    A path that is a file on one side and a folder on the other clashes together with all that is below it.
    """

    path: str
    kind: ClashKind
    base: Entry | Folder | None
    ours: Entry | Folder | None
    theirs: Entry | Folder | None
    taken: Choice | None = None
    """What was chosen for it; None: nothing yet."""
    file: Entry | None = None
    """What it becomes, where that is none of the three."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What is taken for some paths: of several that speak of a path, the last one counts."""

    pattern: str
    """A path, a folder with `/` at its end, or a pattern with `*`, `?` and `[…]`, where `*` also stands for `/`."""
    choice: Choice
    digest: Digest | None = None
    """Of the file, where the choice is one."""
    size: int = 0
    mode: int = 0o644
    actor: str = ""
    at: int = 0

    @property
    def made(self) -> bool:
        """Whether a driver has made it, of three files: it is worth nothing for three others."""
        return self.actor.startswith(DRIVER)


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge, a revert or a cherry-pick of one ref: what came of it, or what it waits for."""

    ref: RefName
    kind: MergeKind
    state: MergeState
    base: int | None
    """The version that both sides come from; None: they have none in common."""
    ours: int
    """The version where the ref stood."""
    theirs: int | None
    """The version that is merged; None: nothing at all, where the first version is reverted."""
    source: str = ""
    """How `theirs` was named, or the version that is reverted or picked."""
    id: str = ""
    """Where paths clash, or did: what is kept until it is continued or abandoned."""
    version: Version | None = None
    """What the ref goes to."""
    change: Change | None = None
    """The change that moves the ref: applied, or waiting for its policy."""
    clashes: int = 0
    """How many paths clash."""
    left: int = 0
    """How many of them nothing was taken for yet."""
    message: str = ""
    actor: str = ""
    created_at: int = 0
    closed_at: int | None = None

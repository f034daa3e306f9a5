"""standing: which version each working folder holds, as this machine remembers it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loopline.nouns.entry import Difference
from loopline.nouns.name import AssetName


@dataclass(frozen=True, slots=True)
class Stand:
    """What a folder holds: the version that it was last in step with."""

    folder: str
    asset: str
    branch: str
    """Empty where a version was checked out that is no branch."""
    number: int
    only: tuple[str, ...] = ()
    """Patterns of the files that were checked out; empty: all."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A working folder against what it was checked out from."""

    asset: AssetName
    folder: str
    """Relative to the project's root where it is inside of it."""
    branch: str
    number: int | None
    """The version that the folder was last in step with; None: it never was."""
    newest: int | None
    """Where the branch stands now."""
    differences: tuple[Difference, ...]
    """What adding the folder would change in that version."""
    only: tuple[str, ...] = ()
    """Patterns of the part that the folder holds; empty: all of it."""
    unfinished: bool = False
    """Whether a checkout was cut short: then it may hold files of two versions."""

    @property
    def clean(self) -> bool:
        """Whether the folder is its version, and the branch has not gone on."""
        return not self.differences and self.number == self.newest and not self.unfinished


def straight(folder: Path) -> Path:
    """Give the absolute path of a folder without `..`, so that one folder has one name from wherever it is named.

    A link on the way is kept, as in the shell, unless the way back from it leads elsewhere.
    """
    plain = os.path.abspath(folder)  # noqa: PTH100 - `resolve` would lose the links
    real = os.path.realpath(folder)
    return Path(plain if os.path.realpath(plain) == real else real)


def index_file(home: Path, folder: Path, use: str) -> Path:
    """Name the file that remembers the stamps of a folder's files."""
    from hashlib import sha256

    return Path(home) / "cache" / "folders" / f"{use}-{sha256(os.fsencode(folder)).hexdigest()[:16]}.index"


def notes(home: Path) -> list[Path]:
    """List the notes of all folders that were added or checked out."""
    return list((Path(home) / "cache" / "folders").glob("data-*.json"))


def read_note(note: Path) -> Stand | None:
    """Read what is noted of a folder; None where that cannot be read."""
    try:
        return msgspec.json.decode(note.read_bytes(), type=Stand)
    except (OSError, ValueError):
        return None

"""standing: which version each working folder holds, as this machine remembers it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from loopline.nouns.entry import Difference
from loopline.nouns.name import AssetName

try:  # what hashlib loads beside it takes longer than reading most indexes
    _hashing = import_module("_sha2" if sys.version_info >= (3, 12) else "_sha256")
except ImportError:
    _hashing = import_module("hashlib")


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
    waits: int | None = None
    """The version that was made of the folder last, where a policy held the branch back."""


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
    return Path(home) / "cache" / "folders" / f"{use}-{_hashing.sha256(os.fsencode(folder)).hexdigest()[:16]}.index"


def notes(home: Path) -> list[Path]:
    """List the notes of all folders that were added or checked out."""
    return list((Path(home) / "cache" / "folders").glob("data-*.json"))


def read_note(note: Path) -> Stand | None:
    """Read what is noted of a folder; None where that cannot be read."""
    try:
        said: Any = json.loads(note.read_bytes())
        numbers: list[object] = [said["number"], said.get("waits") or 0]
        only = tuple(said.get("only", ()))
        stand = Stand(said["folder"], said["asset"], said["branch"], said["number"], only, said.get("waits"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    texts = (stand.folder, stand.asset, stand.branch, *stand.only)
    sound = all(isinstance(one, int) for one in numbers) and all(isinstance(one, str) for one in texts)
    return stand if sound else None

"""lock: `loopline.lock`, which ties data to a commit: the version that each folder of data holds, beside the code.

It is there once somebody asked for it (`loopline lock`); from then on `add` and `checkout` keep it true, and git does the rest.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from loopline.errors import Invalid, Unavailable

FILE: Final = "loopline.lock"
_HEAD: Final = (
    "# The versions of data that belong to this code. `loopline add` and `loopline checkout` write it: commit it.\n"
)


@dataclass(frozen=True, slots=True)
class Locked:
    """One folder of data."""

    asset: str
    folder: str
    """Relative to the project's root, `/` between parts."""
    version: int
    tree: str
    """Digest of its files: tells a version of this ledger from one with the same number elsewhere."""
    branch: str = ""
    only: tuple[str, ...] = ()


class Lock:
    """The file of one project."""

    def __init__(self, root: Path) -> None:
        self.file = root / FILE

    def exists(self) -> bool:
        """Tell whether somebody asked for it."""
        return self.file.exists()

    def read(self) -> tuple[Locked, ...]:
        """Give what is written. Raise Invalid kind="bad-lock", naming what is wrong; nothing where there is no file."""
        try:
            text = self.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise Unavailable(
                f"cannot read {self.file}: {error.strerror}", kind="file-unreadable", hint="check its permissions",
                path=FILE,
            ) from None  # fmt: skip
        except UnicodeDecodeError as error:
            raise _bad(str(error)) from None
        try:
            said = tomllib.loads(text).get("data", [])
            return tuple(_locked(one) for one in said)
        except (tomllib.TOMLDecodeError, TypeError, KeyError, AttributeError) as error:
            raise _bad(str(error)) from None

    def put(self, locked: Locked) -> None:
        """Write one folder's line, leaving the others. Raise Unavailable kind="file-unwritable"."""
        rest = [one for one in self.read() if one.folder != locked.folder]
        self.write([*rest, locked])

    def write(self, locked: list[Locked]) -> None:
        """Write all, in the order of their folders, whole or not at all."""
        text = _HEAD + "".join(_written(one) for one in sorted(locked, key=lambda one: one.folder))
        fresh = self.file.with_name(f"{FILE}.{os.getpid()}")
        try:
            if self.exists() and self.file.read_text(encoding="utf-8") == text:
                return
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.file)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise Unavailable(
                f"cannot write {self.file}: {error.strerror}",
                kind="file-unwritable",
                hint="check the folder's permissions; what was published stays",
                path=FILE,
            ) from error


def _locked(said: dict[str, Any]) -> Locked:
    only = tuple(said.get("only", ()))
    words = (said["asset"], said["folder"], said["tree"], said.get("branch", ""), *only)
    if not all(isinstance(word, str) for word in words) or not isinstance(said["version"], int):
        raise TypeError("a value is of the wrong type")
    return Locked(said["asset"], said["folder"], said["version"], said["tree"], said.get("branch", ""), only)


def _written(one: Locked) -> str:
    values: dict[str, Any] = {"asset": one.asset, "folder": one.folder, "version": one.version, "tree": one.tree}
    if one.branch:
        values["branch"] = one.branch
    if one.only:
        values["only"] = list(one.only)
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
    return "\n[[data]]\n" + "".join(lines)


def _bad(why: str) -> Invalid:
    return Invalid(
        f"{FILE} cannot be understood: {why}",
        kind="bad-lock",
        hint="take it from an earlier commit, or remove it and run `loopline lock`",
        path=FILE,
    )

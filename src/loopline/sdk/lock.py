"""lock: `loopline.lock`, which ties data to a commit: the version that each folder of data holds, beside the code.

It is there once somebody asked for it (`loopline lock`); from then on `add` and `checkout` keep it true, and git does the rest.
"""

from __future__ import annotations

import contextlib
import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from loopline.errors import Invalid, Unavailable
from loopline.store.files import locked

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
            text = self.file.read_text(encoding="utf-8-sig")
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
            return _understood(tomllib.loads(text))
        except ValueError as error:
            raise _bad(str(error)) from None

    def put(self, line: Locked) -> None:
        """Write one folder's line, leaving the others. Raise Unavailable kind="file-unwritable"."""
        with self._alone():
            rest = [one for one in self.read() if one.folder != line.folder]
            self._write([*rest, line])

    def write(self, lines: list[Locked]) -> None:
        """Write all, in the order of their folders, whole or not at all. Raise Unavailable kind="file-unwritable"."""
        with self._alone():
            self._write(lines)

    def _write(self, lines: list[Locked]) -> None:
        text = _HEAD + "".join(_written(one) for one in sorted(lines, key=lambda one: one.folder))
        fresh = self.file.with_name(f"{FILE}.{os.getpid()}")
        try:
            if self.exists() and self.file.read_text(encoding="utf-8-sig") == text:
                return
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.file)
        finally:
            fresh.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the project's folder, so that of two who write neither's line is lost, and say of errors what was not written."""
        try:
            with locked(str(self.file.parent), wait=True):
                yield
        except OSError as error:
            raise Unavailable(
                f"cannot write {self.file}: {error.strerror}",
                kind="file-unwritable",
                hint="check the folder's permissions; what was published stays",
                path=FILE,
            ) from error


def _understood(said: dict[str, Any]) -> tuple[Locked, ...]:
    """Take what the file says. Raise ValueError for anything that we would not have written: nothing is guessed or dropped."""
    tables = said.pop("data", [])
    if said:
        raise ValueError(f"{min(said)!r} is nothing that it says")
    import msgspec  # whoever only looks whether there is a file needs none

    found = msgspec.convert(tables, type=tuple[Locked, ...])
    folders = set[str]()
    for one, table in zip(found, tables, strict=True):
        parts = one.folder.split("/")
        if unknown := table.keys() - {each.name for each in fields(Locked)}:
            raise ValueError(f"{min(unknown)!r} is nothing that it says of a folder")
        if "\0" in one.folder or ".." in parts or "" in parts:
            raise ValueError(f"{one.folder!r} is no folder below the project's root")
        if one.folder in folders:
            raise ValueError(f"it says of {one.folder!r} twice what it holds")
        if one.version < 1:
            raise ValueError(f"{one.version} is no version")
        folders.add(one.folder)
    return found


def _written(one: Locked) -> str:
    values: dict[str, Any] = {"asset": one.asset, "folder": one.folder, "version": one.version, "tree": one.tree}
    if one.branch:
        values["branch"] = one.branch
    if one.only:
        values["only"] = list(one.only)
    lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
    return "\n[[data]]\n" + "".join(lines).replace("\x7f", "\\u007f")  # TOML wants it escaped, JSON does not


def _bad(why: str) -> Invalid:
    return Invalid(
        f"{FILE} cannot be understood: {why}",
        kind="bad-lock",
        hint="take it from an earlier commit, or remove it and run `loopline lock`",
        path=FILE,
    )

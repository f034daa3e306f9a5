"""packages: which installed distributions a module comes from, and in which versions, without importing it.

`importlib.metadata` answers the same in 100 ms; a command that runs nothing has less than that. Formats: PyPA's
"Recording installed projects" (RECORD, direct_url.json) and "Core metadata" (Requires-Dist).
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_EXTRA = re.compile(r";.*\bextra\s*==")
_ENDS = (b"/", b".py,", b".cpython-", b".abi3.", b".so,", b".pyd,")
"""What follows a module's name in a RECORD: its folder, its source, or a form of extension module."""
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


class Packages:
    """What is installed on an import path, read once."""

    def __init__(self, path: Iterable[str] | None = None) -> None:
        self._path = [one for one in (sys.path if path is None else path) if one and Path(one).is_dir()]
        self._folders: dict[str, str] | None = None
        self._versions: dict[str, str] = {}
        self._requires: dict[str, tuple[str, ...]] = {}
        self._owners: dict[str, tuple[str, ...]] = {}
        self._records: dict[str, bytes] = {}
        self._loose: dict[str, str] = {}

    def reached(self, modules: Iterable[str]) -> dict[str, str]:
        """Give the distributions that these modules are in, and all that those require, with their versions.

        A module that no distribution owns is there by its own name, with a digest of its files; one that is not
        installed says `absent`.
        """
        found: dict[str, str] = {}
        todo: list[str] = []
        for module in modules:
            owners = self._owned(module.partition(".")[0])
            todo.extend(owners)
            if not owners:
                top = module.partition(".")[0]
                found[f"module {top}"] = self._digest(top)
        while todo:
            name = todo.pop()
            version = self._version(name)
            if name not in found and version:
                found[name] = version
                todo.extend(self._required(name))
        return dict(sorted(found.items()))

    def _installed(self) -> dict[str, str]:
        """Give the metadata folder of each distribution; the first on the path wins, as for imports."""
        if self._folders is None:
            self._folders = {}
            for folder in self._path:
                for name in sorted(os.listdir(folder)):  # noqa: PTH208 - names are all that is needed, of thousands
                    if name.endswith(".dist-info"):
                        distribution = canonical(name.partition("-")[0])
                        self._folders.setdefault(distribution, f"{folder}/{name}")
        return self._folders

    def _owned(self, top: str) -> tuple[str, ...]:
        """Name the distributions that have files of a top-level module: several for a namespace."""
        if top not in self._owners:
            needle = f"\n{top}".encode()
            found = [name for name in self._installed() if self._lists(name, needle)]
            self._owners[top] = tuple(found)
        return self._owners[top]

    def _lists(self, name: str, needle: bytes) -> bool:
        record = self._records.get(name)
        if record is None:
            record = self._records[name] = b"\n" + _read(f"{self._installed()[name]}/RECORD")
        at = record.find(needle)  # megabytes, all told: each is gone through once
        while at >= 0:
            if record.startswith(_ENDS, at + len(needle)):
                return True
            at = record.find(needle, at + len(needle))
        return False

    def _version(self, name: str) -> str:
        if name not in self._versions:
            folder = self._installed().get(name)
            version = ""
            if folder is not None:
                version = Path(folder).name.removesuffix(".dist-info").partition("-")[2]
            self._versions[name] = version
        return self._versions[name]

    def _required(self, name: str) -> tuple[str, ...]:
        """Name what a distribution requires, without its extras. What does not apply here is not installed either."""
        if name not in self._requires:
            self._requires[name] = tuple(_requirements(_read(f"{self._installed()[name]}/METADATA")))
        return self._requires[name]

    def _digest(self, top: str) -> str:
        if top not in self._loose:
            self._loose[top] = next((_hash_of(path) for path in self._places(top)), "absent")
        return self._loose[top]

    def _places(self, top: str) -> Iterator[Path]:
        for folder in self._path:
            for path in (Path(folder, top), Path(folder, f"{top}.py")):
                if path.is_file() or path.is_dir():
                    yield path
        module = sys.modules.get(top)
        file = getattr(module, "__file__", None)
        if file:
            yield Path(file).parent if Path(file).name == "__init__.py" else Path(file)


def canonical(name: str) -> str:
    """Write a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(metadata: bytes) -> Iterator[str]:
    head = metadata.partition(b"\n\n")[0].decode("utf-8", "replace")
    for line in head.splitlines():
        if line.startswith("Requires-Dist:") and not _EXTRA.search(line):
            match = _NAME.match(line.removeprefix("Requires-Dist:"))
            if match:
                yield canonical(match[1])


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read()
    except OSError:
        return b""


def _hash_of(path: Path) -> str:
    state = hashlib.sha256()
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    for file in files:
        state.update(f"{file.relative_to(path).as_posix()}\0".encode())
        state.update(hashlib.sha256(_read(str(file))).digest())
    return state.hexdigest()[:16]

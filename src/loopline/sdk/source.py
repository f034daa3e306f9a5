"""source: which files are a project's source, as it stands now.

In a git repository: what git tracks, and what is new and not ignored. Elsewhere: every file but those in dot folders, caches
and virtual environments. Never: declared data folders, Loopline's own and, unless git tracks them, `.env` files. New files
of more than 10 MiB are left out, loudly.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from loopline.datasets.path import check_path
from loopline.errors import Invalid

LARGE: Final = 10 << 20
MOST: Final = 20_000
"""Files of a folder without git: one that has more is a home folder, not a project."""
_SKIPPED: Final = ("__pycache__", "node_modules")


@dataclass(frozen=True, slots=True)
class Source:
    """The files of a project."""

    files: tuple[str, ...]
    """Relative to the root, sorted as a tree sorts them."""
    commit: str | None
    """Git commit, `+dirty` behind it where the files are not those of the commit; None outside of git."""
    left_out: tuple[str, ...] = ()
    """Files that are too large to be source."""


def find_source(root: Path, *, without: tuple[Path, ...] = ()) -> Source:
    """List the source of a project. `without` are folders (absolute) that hold something else."""
    apart = tuple(sorted({_inside(root, one) for one in without} - {None}, key=str))
    prefixes = tuple(f"{one}/" for one in apart if one)
    status = _git(root, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--", ".")
    listed = (
        None if status is None else _git(root, "ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
    )
    if status is None or listed is None:
        names = [(False, name) for name in islice(_walk(root, prefixes), MOST + 1)]
        if len(names) > MOST:
            raise Invalid(
                f"{root} has more than {MOST} files, too many to be source",
                kind="source-too-large",
                hint="make the project a git repository: git init",
                folder=str(root),
            )
        commit = None
    else:
        names = [(line[:1] != "?", line[2:]) for line in listed.split("\0") if line]
        names = [one for one in names if not _apart(one[1], prefixes)]
        commit = _commit(status, _prefix(root), prefixes)
    kept: list[str] = []
    left_out: list[str] = []
    for tracked, name in sorted(set(names), key=lambda one: os.fsencode(one[1])):
        size = None if not tracked and _is_secret(name) else _size(root, name)
        if size is not None:
            (kept if tracked or size <= LARGE else left_out).append(name)
    return Source(tuple(dict.fromkeys(kept)), commit, tuple(left_out))


def _is_secret(name: str) -> bool:
    """Whether a file holds secrets by custom (dotenv): they are never recorded. What git tracks is no secret any more."""
    last = name.rpartition("/")[2]
    return last == ".env" or last.startswith(".env.")


def _git(root: Path, *words: str) -> str | None:
    """Ask git; None where there is no git or no repository."""
    try:
        asked = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(root), *words], capture_output=True, check=False
        )
    except OSError:
        return None
    return os.fsdecode(asked.stdout) if asked.returncode == 0 else None


def _prefix(root: Path) -> str:
    """Where the root stands in its repository: `git status` names files from the top."""
    return (_git(root, "rev-parse", "--show-prefix") or "").rstrip("\n")


def _commit(status: str, prefix: str, apart: tuple[str, ...]) -> str | None:
    commit, dirty, skip = None, False, False
    for line in status.split("\0"):
        if skip:  # the old name of a file that was renamed
            skip = False
        elif line.startswith("# branch.oid "):
            commit = line.removeprefix("# branch.oid ")
        elif line and not line.startswith("#"):
            fields = {"1": 8, "2": 9, "u": 10, "?": 1}.get(line[0], 1)
            skip = line[0] == "2"
            dirty = dirty or not _apart(line.split(" ", fields)[-1].removeprefix(prefix), apart)
    if commit is None or commit == "(initial)":
        return None
    return commit + ("+dirty" if dirty else "")


def _apart(name: str, prefixes: tuple[str, ...]) -> bool:
    return name.startswith(prefixes) if prefixes else False


def _inside(root: Path, folder: Path) -> str | None:
    folder = Path(os.path.normpath(folder))
    if not folder.is_relative_to(root) or folder == root:
        return None
    return folder.relative_to(root).as_posix()


def _walk(root: Path, apart: tuple[str, ...]) -> Iterator[str]:
    waiting = [""]
    while waiting:
        here = waiting.pop()
        try:
            entries = list(os.scandir(root / here))
        except OSError:
            continue
        if here and any(one.name == "pyvenv.cfg" for one in entries):
            continue
        for one in entries:
            name = f"{here}{one.name}"
            if one.is_dir(follow_symlinks=False):
                if not one.name.startswith(".") and one.name not in _SKIPPED and not _apart(name + "/", apart):
                    waiting.append(name + "/")
            elif not _apart(name, apart):
                yield name


def _size(root: Path, name: str) -> int | None:
    """Give the size of a file that a tree can hold: a regular one with a decent name, or a link to one inside the root."""
    try:
        check_path(name)
        path = root / name
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            found = path.stat()
            if not path.resolve().is_relative_to(root.resolve()):
                return None
    except (Invalid, OSError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None

"""scan: the files of a folder, in the order of a tree, with what the file system says about each."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from loopline.datasets.ignore import Ignore, read_rules
from loopline.datasets.path import check_path
from loopline.errors import Invalid, LooplineError, NotFound, Unavailable

SHOWN: Final = 20
"""How many paths an error names."""


class Stamp(NamedTuple):
    """What tells, without reading a file, that it is the one that was read."""

    size: int
    mtime: int
    ctime: int
    inode: int
    dev: int


@dataclass(frozen=True, slots=True)
class Found:
    """One file of a folder."""

    path: str
    """Relative, `/` between parts."""
    stamp: Stamp
    mode: int
    """0o755 where its owner may execute it, 0o644 otherwise."""


def scan(root: Path, *, ignore: Ignore | None = None) -> Iterator[Found]:
    """Give the files below `root`, sorted as in a tree, without those that `.looplineignore` and `ignore` leave out.

    A symbolic link to a file inside of `root` stands for that file. Anything else that is no file (a link to a folder, out
    of the root, or to nothing; a socket, a pipe, a device) and names that no tree can hold are told together, after all
    files: Invalid kind="not-a-file" or "bad-path". An unreadable folder raises Unavailable kind="file-unreadable".
    """
    top = open_root(root)
    rules = (read_rules(top), ignore) if ignore else (read_rules(top),)
    problems: list[tuple[str, str]] = []
    yield from _walk(top, "", rules, problems)
    if problems:
        raise _not_files(problems)


def open_root(root: Path) -> str:
    """Give the real path of a folder. Raise NotFound kind="folder-missing", Invalid kind="not-a-folder"."""
    top = os.path.realpath(root)
    if not os.path.isdir(top):
        if os.path.lexists(root):
            raise Invalid(f"{root} is not a folder", kind="not-a-folder", hint="name a folder", path=str(root))
        raise NotFound(
            f"there is no folder {root}",
            kind="folder-missing",
            hint="check the path, or name the folder behind the asset",
            path=str(root),
        )
    return top


def look(root: Path, paths: Iterable[str]) -> list[Found]:
    """Give those of `paths` that are there, sorted: for callers who know what to take (git's list). Links as in `scan`."""
    top = open_root(root)
    found: list[Found] = []
    problems: list[tuple[str, str]] = []
    for path in sorted(set(paths), key=lambda path: path.encode(errors="surrogateescape")):
        check_path(path)
        try:
            status = os.lstat(os.path.join(top, path))
        except (FileNotFoundError, NotADirectoryError):
            continue
        one = judge(top, path, status, problems)
        if one:
            found.append(one)
    if problems:
        raise _not_files(problems)
    return found


def stamp_of(status: os.stat_result) -> Stamp:
    """Take the stamp of a file."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


def mode_of(status: os.stat_result) -> int:
    """Give the mode that a tree keeps of a file."""
    return 0o755 if status.st_mode & stat.S_IXUSR else 0o644


def _walk(top: str, folder: str, rules: tuple[Ignore, ...], problems: list[tuple[str, str]]) -> Iterator[Found]:
    try:
        with os.scandir(os.path.join(top, folder) if folder else top) as found:
            entries = [(entry, entry.is_dir(follow_symlinks=False)) for entry in found]
    except FileNotFoundError:
        return  # removed while we walk: as if we had come later
    except OSError as error:
        raise Unavailable(
            f"cannot read the folder {os.path.join(top, folder)}: {error.strerror}",
            kind="file-unreadable",
            hint="check its permissions",
            path=folder or ".",
        ) from None
    entries.sort(key=lambda pair: os.fsencode(pair[0].name) + b"/" * pair[1])
    for entry, is_folder in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if any(rule(path, folder=is_folder) for rule in rules):
            continue
        if is_folder:
            yield from _walk(top, path, rules, problems)
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        one = judge(top, path, status, problems)
        if one:
            yield one


def judge(top: str, path: str, status: os.stat_result, problems: list[tuple[str, str]]) -> Found | None:
    """Take what stands at `path`, given its lstat, as a file; otherwise add it and why not to `problems`."""
    try:
        check_path(path)
    except Invalid as error:
        problems.append((path, error.message))
        return None
    if stat.S_ISLNK(status.st_mode):
        target = os.path.realpath(os.path.join(top, path))
        try:
            status = os.stat(target)
        except OSError:
            problems.append((path, f"{path} is a link to nothing"))
            return None
        if not target.startswith(top.rstrip("/") + "/"):
            problems.append((path, f"{path} is a link out of the folder"))
            return None
    if stat.S_ISREG(status.st_mode):
        return Found(path, stamp_of(status), mode_of(status))
    problems.append((path, f"{path} is {_kind(status.st_mode)}"))
    return None


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder, or a link to one"
    return "a socket" if stat.S_ISSOCK(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device"


def _not_files(problems: list[tuple[str, str]]) -> LooplineError:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    named = "cannot name a file" in problems[0][1]
    return Invalid(
        f"{problems[0][1]}{more}",
        kind="bad-path" if named else "not-a-file",
        hint="replace it by a file, or name it in .looplineignore",
        paths=[path for path, _ in problems[:SHOWN]],
        count=len(problems),
    )

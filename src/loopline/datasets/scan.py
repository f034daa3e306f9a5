"""scan: the files of a folder, held against what an index knows of them; only what is other than before is looked at closely."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from loopline.datasets.blocks import (
    EXECUTABLE,
    LINK,
    Block,
    Found,
    Listing,
    Stamp,
    join_names,
    pack,
    pack_all,
    pack_stamp,
)
from loopline.datasets.ignore import Ignore, read_rules
from loopline.datasets.index import Index
from loopline.datasets.parts import Parts
from loopline.datasets.path import are_paths, check_path, join_path
from loopline.errors import Invalid, LooplineError, NotFound, Unavailable

SHOWN: Final = 20
"""How many paths an error names."""
CHANGING: Final = b"changing"
"""In the place of the name of rules while folders are looked at by new ones: cut short there, all are looked at again."""
_KIND: Final = 0o170000
Problems = list[tuple[str, str]]
"""Paths that no tree can hold, and why not."""


class Unread:
    """The files that a scan saw and an index does not know unchanged. They are read off the index again each time."""

    def __init__(self, index: Index, folders: list[str]) -> None:
        self._folders = [(folder, block) for folder in folders if (block := index.block(folder)) is not None]
        sizes = [block.sizes() for _, block in self._folders]
        self._count = sum(map(len, sizes))
        self.bytes = sum(map(sum, sizes))
        """Their sizes together, as they were at the scan."""

    def __len__(self) -> int:
        """Count them, as they were at the scan."""
        return self._count

    def __iter__(self) -> Iterator[Found]:
        """Give those that are still unread."""
        return (file for folder, block in self._folders for file in _unread(folder, block))

    def larger(self, size: int) -> list[Found]:
        """Give those that have more bytes."""
        some = ((folder, block) for folder, block in self._folders if max(block.sizes(), default=0) > size)
        return [file for folder, block in some for file in _unread(folder, block) if file.stamp.size > size]


def _unread(folder: str, block: Block) -> Iterator[Found]:
    for name, stamp, flag in block.unread():
        yield Found(join_path(folder, name), stamp, 0o755 if flag & EXECUTABLE else 0o644)


def scan(root: Path, index: Index) -> Unread:
    """Bring the index in step with the files below `root`, but for those that must be read, which are given.

    Left out is what `.looplineignore` names. A symbolic link to a file inside of `root` stands for that file. Anything else that
    is no file (a link to a folder, out of the root, or to nothing; a socket, a pipe, a device) and names that no tree
    can hold are told together, after all folders were looked at: Invalid kind="not-a-file" or "bad-path". An unreadable
    folder raises Unavailable kind="file-unreadable".
    """
    top = open_root(root)
    rules = read_rules(top)
    looking = _Looking(top, index, rules, anew=rules.name != index.rules)
    if rules.name != index.rules:
        index.rules = CHANGING
    unread = looking.look()
    index.rules = rules.name
    if looking.problems:
        raise _not_files(looking.problems)
    return unread


def scan_parts(root: Path, index: Index, parts: Parts, *, anew: bool = False) -> tuple[Unread, list[Found]]:
    """Bring the index in step with these files and folders of `root`, and look at nothing else.

    Give what must be read: below the folders, and of the files. One that is not there is forgotten. With `anew`, nothing of them
    is taken as known. Raise what `scan` does, and Invalid kind="not-a-file" where the way to one leads over a link.
    """
    top = open_root(root)
    rules = read_rules(top)
    looking = _Looking(top, index, rules, anew=rules.name != index.rules)
    if rules.name != index.rules:  # others were looked at by other rules: the next whole look asks for all
        index.rules = CHANGING
    for path in parts.paths:
        check_path(path)
        if anew:
            forget_below(index, path)
        looking.part(path)
    unread = looking.unread()
    if looking.problems:
        raise _not_files(looking.problems)
    return unread, looking.files


def forget_below(index: Index, path: str) -> None:
    """Forget a file, or all files of a folder."""
    for folder in [one for one in index.folders() if one == path or one.startswith(path + "/")]:
        index.replace(folder, None)
    index.forget([path])


class _Listed(NamedTuple):
    """What the system says of a folder before any file of it is looked at."""

    names: list[str]
    folders: list[str]
    links: list[str]


class _Looking:
    """One walk."""

    def __init__(self, top: str, index: Index, rules: Ignore, *, anew: bool) -> None:
        self._top, self._index, self._rules, self._anew = top, index, rules, anew
        self.problems: Problems = []
        self._other: list[str] = []
        """Folders that are not as they were."""
        self.files: list[Found] = []
        """Files that were looked at alone and are to be read."""

    def look(self, start: str = "") -> Unread:
        """Walk through all folders below one, and forget those that are gone."""
        seen = set[str]()
        waiting = [start]
        while waiting:
            folder = waiting.pop()
            below = self._folder(folder)
            if below is None:
                continue
            seen.add(folder)
            paths = (join_path(folder, name) for name in below)
            waiting += [path for path in paths if not self._rules(path, folder=True)]
        inside = join_path(start, "")
        for folder in self._index.folders():
            if folder not in seen and (folder == start or folder.startswith(inside)):
                self._index.replace(folder, None)
        return self.unread()

    def unread(self) -> Unread:
        """Give what was found to be read below folders."""
        return Unread(self._index, self._other)

    def part(self, path: str) -> None:
        """Look at one file, or at one folder and all below it."""
        above = _folders_of(path)
        try:
            for folder in above:
                if not stat.S_ISDIR(os.lstat(os.path.join(self._top, folder)).st_mode):
                    self.problems.append((path, f"{path} lies behind {folder}, which is no folder"))
                    return
            status = os.lstat(os.path.join(self._top, path))
        except (FileNotFoundError, NotADirectoryError):
            forget_below(self._index, path)
            return
        below = stat.S_ISDIR(status.st_mode)
        if any(self._rules(one, folder=True) for one in above) or self._rules(path, folder=below):
            if next(self._index.below(path), None) is not None:
                forget_below(self._index, path)
        elif below:
            self._index.forget([path])
            self.look(path)
        else:
            self._file(path, status)

    def _file(self, path: str, status: os.stat_result) -> None:
        """Look at one file."""
        found = judge(self._top, path, status, self.problems)
        if found is None:
            return
        for folder in [one for one in self._index.folders() if one == path or one.startswith(path + "/")]:
            self._index.replace(folder, None)
        stamp = pack_stamp(found.stamp)
        flag = (EXECUTABLE if found.mode == 0o755 else 0) | (LINK if stat.S_ISLNK(status.st_mode) else 0)
        above, _, name = path.rpartition("/")
        block = self._index.block(above)
        at = None if block is None else block.find(name)
        if block is None or at is None or block.flag(at) != flag or block.stamp(at) != stamp:
            self._index.see(above, name, stamp, flag)
            self.files.append(found)

    def _folder(self, folder: str) -> list[str] | None:
        """Look at the files of one folder, and name the folders in it; None: it is gone, as if we had come later."""
        where = os.path.join(self._top, folder) if folder else self._top
        try:
            number = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if self._is_known(folder, number):
                    return []
                listed = _list(number)
                self._compare(folder, number, listed)
            finally:
                os.close(number)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(
                f"cannot read the folder {where}: {error.strerror}",
                kind="file-unreadable",
                hint="check its permissions",
                path=folder or ".",
            ) from None
        return listed.folders

    def _is_known(self, folder: str, number: int) -> bool:
        """Look at a folder that holds the files that it held, and no folder: most are such, and their names say it all."""
        block = self._index.block(folder)
        if block is None or self._anew or not block.is_plain():
            return False
        names = os.listdir(number)
        return block.names == join_names(names) and self._restamp(folder, number, names, block)

    def _compare(self, folder: str, number: int, listed: _Listed) -> None:
        block = self._index.block(folder)
        if block is None and not listed.names:
            return
        plain = block is not None and not self._anew and not listed.links and block.is_plain()
        same = block is not None and plain and block.names == join_names(listed.names)
        if block is not None and same and self._restamp(folder, number, listed.names, block):
            return
        self._replace(folder, number, listed, Block.empty() if block is None else block)

    def _restamp(self, folder: str, number: int, names: list[str], block: Block) -> bool:
        """Look at the files of a folder that has the same ones as before; False where that does not hold any more."""
        try:
            found = pack_all(number, names)
            if found is None:
                return False
            other = block.other(found)
            for at in other:
                status = os.stat(names[at], dir_fd=number, follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    return False
                self._index.see(folder, names[at], pack(status), EXECUTABLE if mode_of(status) == 0o755 else 0)
        except FileNotFoundError:
            return False  # removed while we look
        if other:
            block.close()
            self._other.append(folder)
        return True

    def _replace(self, folder: str, number: int, listed: _Listed, block: Block) -> None:
        """Look at each file of a folder, whether it is ours and as it was."""
        above = folder + "/" * bool(folder)
        good = are_paths([os.fsencode(above + name) for name in listed.names])
        listing = Listing()
        for name in listed.names:
            try:
                status = os.stat(name, dir_fd=number, follow_symlinks=False)
            except FileNotFoundError:
                continue
            at, stamp = block.find(name), pack(status)
            if at is not None and not self._anew and block.flag(at) <= EXECUTABLE and block.stamp(at) == stamp:
                listing.add(name, stamp, block.digest(at), block.flag(at))
                continue
            if self._rules(above + name, folder=False):
                listing.ignore(name)
                continue
            if status.st_mode & _KIND != stat.S_IFREG or not good:
                found = judge(self._top, above + name, status, self.problems)
                if found is None:
                    continue
                stamp = pack_stamp(found.stamp)
                flag = (EXECUTABLE if found.mode == 0o755 else 0) | (LINK if stat.S_ISLNK(status.st_mode) else 0)
            else:
                flag = EXECUTABLE if status.st_mode & stat.S_IXUSR else 0
            if at is not None and block.flag(at) == flag and block.stamp(at) == stamp:
                listing.add(name, stamp, block.digest(at), flag)
            else:
                listing.see(name, stamp, flag)
        block.close()
        made = listing.block()
        if made.columns() != block.columns():
            self._index.replace(folder, made)
            self._other.append(folder)
        elif not made.is_read():
            self._other.append(folder)


def _folders_of(path: str) -> list[str]:
    """Name the folders that a path lies in, the outermost first."""
    names = path.split("/")[:-1]
    return ["/".join(names[: at + 1]) for at in range(len(names))]


def _list(number: int) -> _Listed:
    listed = _Listed([], [], [])
    with os.scandir(number) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                listed.folders.append(entry.name)
                continue
            listed.names.append(entry.name)
            if entry.is_symlink():
                listed.links.append(entry.name)
    return listed


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
    problems: Problems = []
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


def judge(top: str, path: str, status: os.stat_result, problems: Problems) -> Found | None:
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


def _not_files(problems: Problems) -> LooplineError:
    problems = sorted(problems)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    named = "cannot name a file" in problems[0][1]
    return Invalid(
        f"{problems[0][1]}{more}",
        kind="bad-path" if named else "not-a-file",
        hint="replace it by a file, or name it in .looplineignore",
        paths=[path for path, _ in problems[:SHOWN]],
        count=len(problems),
    )

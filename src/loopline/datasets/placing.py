"""placing: files moved to their places in a folder, whole or not at all, and never outside of it.

A file is written into a scratch folder (`copies`), then renamed to its place. Places are reached from one open folder to the
next without following links, so nobody can lead a write out of the folder, not even by swapping a folder for a link at the wrong
moment.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Mapping

from loopline.datasets.blocks import Found, Stamp
from loopline.datasets.scan import stamp_of
from loopline.datasets.unwritable import failed
from loopline.errors import Conflict


class Place:
    """Moves files to their paths below one folder. Best called in the order of paths: open folders are kept for the next.

    Given what files were `seen` there, it replaces and removes these and no others: Conflict kind="local-changes".
    """

    def __init__(self, top: str, seen: Mapping[str, Found] | None = None) -> None:
        self._seen = seen
        self._top = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
        self._open: list[tuple[str, int]] = []

    def put(self, file: str, path: str) -> Stamp:
        """Rename `file` to `path`, making folders. What stands there is replaced, a folder only if it is empty."""
        try:
            folder, name = self._reach(path, make=True)
            self._refuse_other(folder, name, path)
            try:
                os.rename(file, name, dst_dir_fd=folder)
            except IsADirectoryError:
                _remove_empty(folder, name)
                os.rename(file, name, dst_dir_fd=folder)
            return stamp_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
        except OSError as error:
            raise failed(path, error) from error

    def put_folder(self, made: str, path: str) -> bool:
        """Rename a folder to `path`, making those above it; False where something else is there."""
        try:
            folder, name = self._reach(path, make=True)
            try:
                os.rename(made, name, dst_dir_fd=folder)
            except (FileExistsError, NotADirectoryError):
                return False
            except OSError as error:
                if error.errno == errno.ENOTEMPTY:
                    return False
                raise
        except OSError as error:
            raise failed(path, error) from error
        return True

    def remove(self, path: str) -> None:
        """Remove a file, and the folders above it that it leaves empty."""
        try:
            with contextlib.suppress(FileNotFoundError):
                folder, name = self._reach(path, make=False)
                self._refuse_other(folder, name, path)
                os.unlink(name, dir_fd=folder)
        except OSError as error:
            raise failed(path, error) from error
        while self._open:
            name, number = self._open[-1]
            try:
                os.rmdir(name, dir_fd=self._open[-2][1] if len(self._open) > 1 else self._top)
            except OSError:
                return  # something is left in it
            self._open.pop()
            os.close(number)

    def close(self) -> None:
        """Let go of the folders."""
        for _, number in self._open:
            os.close(number)
        self._open.clear()
        os.close(self._top)

    def _refuse_other(self, folder: int, name: str, path: str) -> None:
        """Refuse to touch a file that is not as it was seen: somebody has written it while we were at work."""
        if self._seen is None:
            return
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        seen = self._seen.get(path)
        if stat.S_ISREG(status.st_mode) and (seen is None or not _is_same(seen.stamp, status)):
            raise Conflict(
                f"{path} was changed while the checkout was at work", kind="local-changes",
                hint="publish or move away what was changed, then repeat", paths=[path], count=1,
            )  # fmt: skip

    def _reach(self, path: str, *, make: bool) -> tuple[int, str]:
        """Open the folder of `path` step by step; give it and the last name."""
        *folders, name = path.split("/")
        same = 0
        while same < min(len(folders), len(self._open)) and folders[same] == self._open[same][0]:
            same += 1
        while len(self._open) > same:
            os.close(self._open.pop()[1])
        for part in folders[same:]:
            above = self._open[-1][1] if self._open else self._top
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=above)
            number = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
            self._open.append((part, number))
        return (self._open[-1][1] if self._open else self._top), name


def _is_same(seen: Stamp, status: os.stat_result) -> bool:
    """Tell whether a file is as it was seen. The time of change of one with other names tells of these, too: we may link them."""
    stamp = stamp_of(status)
    return seen == (stamp if status.st_nlink == 1 else stamp._replace(ctime=seen.ctime))


def _remove_empty(above: int, name: str) -> None:
    """Remove a folder that holds nothing but empty folders."""
    number = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    try:
        for inside in os.listdir(number):
            _remove_empty(number, inside)
    finally:
        os.close(number)
    os.rmdir(name, dir_fd=above)

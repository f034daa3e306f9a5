"""watcher: which paths of a folder have changed since somebody last looked at all of it, told by the system.

What cannot be told counts as everything: a queue that ran over, too many changes, too many hard links (a file may be written by a
name elsewhere), a mount, a look that is an hour old. Not seen, because no event tells, is what a program writes through memory
that it has mapped, until it lets go, through a hard link that was made elsewhere since, and into a file that had no name when it
was opened: hence the hour.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import stat
import time
from pathlib import Path
from typing import Final, NamedTuple

from loopline.datasets.ignore import NEVER, OURS
from loopline.datasets.inotify import AWAY, COME, FOLDER, GONE, IGNORED, LOST, SELF, Event, Inotify
from loopline.datasets.path import join_path
from loopline.store.system import SystemIds

MOST: Final = 5000
"""Changed paths that are kept apart; with more, looking at everything is as quick."""
TRUST: Final = 3600.0
"""Seconds after which all is looked at again."""
MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")


class Token(NamedTuple):
    """A moment of one watcher, to ask since when."""

    life: str
    """Of the watcher: another one knows nothing of it."""
    number: int
    """How many changes it had seen."""
    began: float
    """When all was last looked at, by the watcher's own clock."""


class Watcher:
    """Watches one folder and all below it. For one thread."""

    def __init__(self, top: str) -> None:
        """Raise OSError where not everything can be watched."""
        self.top = top
        status = os.stat(top)
        self.place = (status.st_dev, status.st_ino)
        """Tells the folder from another one that gets its name."""
        self.over = False
        """Whether the folder is gone from its place."""
        self._lost = False
        """Whether changes were lost since the last beginning."""
        self._table = os.open(MOUNTS, os.O_RDONLY | os.O_CLOEXEC)
        self._mounts = select.poll()
        self._mounts.register(self._table, select.POLLPRI | select.POLLERR)
        self._mounts.poll(0)
        self._begin()

    @property
    def number(self) -> int:
        """The descriptor that can be read when something has changed."""
        return self._queue.number

    @property
    def count(self) -> int:
        """How many folders it watches."""
        return len(self._folders)

    def ask(self, since: Token | None) -> tuple[Token, list[str] | None]:
        """Give now, and which paths have changed since: files, and folders with all that is in them; None: nobody knows.

        Raise OSError where the folder is gone: another one in its place may have its inode.
        """
        self.drain()
        self.rest()
        if self.over:
            raise OSError(0, "its folder is gone")
        known = since is not None and since.life == self._life and time.monotonic() - since.began < TRUST
        if since is None or not known:
            return Token(self._life, self._seen, time.monotonic()), None
        now = Token(self._life, self._seen, since.began)
        if len(self._linked) > MOST:
            return now, None
        paths = [path for path, number in self._changed.items() if number > since.number]
        return now, sorted({*paths, *self._linked})

    def drain(self) -> None:
        """Take in what has changed until now. Raise OSError where a new folder cannot be watched."""
        self._lost |= bool(self._mounts.poll(0))
        for event in self._queue.read():
            self._lost = self._lost or not self._note(event)
            if len(self._changed) > MOST:
                self._life = SystemIds().new()
                self._changed.clear()

    def rest(self) -> None:
        """Begin again where changes were lost: when somebody asks, or nothing goes on. Amid them they would be again."""
        if self._lost:
            self.again()

    def again(self) -> None:
        """Forget everything: whoever asks next has to look at all."""
        self._queue.close()
        self._begin()

    def close(self) -> None:
        """Watch no longer."""
        self._queue.close()
        os.close(self._table)

    def is_there(self) -> bool:
        """Tell whether the folder is still in its place."""
        try:
            status = os.stat(self.top)
        except OSError:
            return False
        return not self.over and (status.st_dev, status.st_ino) == self.place

    def _begin(self) -> None:
        self._lost = False
        self._queue = Inotify()
        self._folders: dict[int, str] = {}
        self._watches: dict[str, int] = {}
        self._changed: dict[str, int] = {}
        self._linked: set[str] = set()
        self._seen = 0
        self._life = SystemIds().new()
        try:
            _refuse_mounts(self.top)
            if self._enter(""):  # one may have got a second name after it was looked at, in a folder not yet watched
                for folder in list(self._watches):
                    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                        self._list(folder)
        except BaseException:
            self._queue.close()
            raise

    def _enter(self, start: str) -> bool:
        """Watch a folder and those below it. One that is made meanwhile is found by the listing, or told by its watch.

        Tell whether there are files with more than one name.
        """
        waiting, linked = [start], False
        while waiting:
            folder = waiting.pop()
            where = os.path.join(self.top, folder)
            try:
                watch = self._queue.add(where)
                if os.lstat(where).st_dev != self.place[0]:
                    raise OSError(0, f"{folder} is another file system")
                self._leave_alone(watch)
                other = self._watches.get(folder)
                if other is not None:  # another folder had this name, and whatever has become of it is told
                    self._folders.pop(other, None)
                    self._queue.remove(other)
                self._folders[watch], self._watches[folder] = folder, watch
                below, links = self._list(folder)
                waiting += below
                linked |= links
            except (FileNotFoundError, NotADirectoryError):  # gone again, which is told
                if not folder:
                    raise
        return linked

    def _list(self, folder: str) -> tuple[list[str], bool]:
        """Give the folders in one, note its files that have more than one name, and tell whether there are any."""
        below, linked = list[str](), False
        with os.scandir(os.path.join(self.top, folder)) as entries:
            for entry in entries:
                path = join_path(folder, entry.name)
                try:
                    if entry.is_dir(follow_symlinks=False):
                        below += [path] if entry.name not in NEVER else []
                    elif entry.stat(follow_symlinks=False).st_nlink > 1:
                        self._linked.add(path)
                        linked = True
                except FileNotFoundError:
                    continue
        return below, linked

    def _leave_alone(self, watch: int) -> None:
        """Forget the name that a watch had: its folder was renamed."""
        before = self._folders.pop(watch, None)
        if before is not None and self._watches.get(before) == watch:
            del self._watches[before]

    def _leave(self, folder: str, *, empty: bool) -> None:
        """Watch a folder and those below it no longer. One that was removed was `empty` by then: there may be many of them."""
        inside = folder + "/"
        below = [] if empty else [one for one in self._watches if one.startswith(inside)]
        for one in [folder, *below]:
            watch = self._watches.pop(one, None)
            if watch is not None:
                self._folders.pop(watch, None)
                self._queue.remove(watch)
        self._linked -= {one for one in self._linked if one.startswith(inside)}

    def _note(self, event: Event) -> bool:
        """Take in one change; False: changes were lost."""
        if event.mask & LOST:
            return False
        folder = self._folders.get(event.watch)
        if folder is None:
            return True  # of a folder that was left: it counts as changed with all below it
        if not event.name:
            if event.mask & SELF and not folder:
                self.over = True
            if event.mask & IGNORED:
                self._leave_alone(event.watch)
            return bool(folder or event.mask & (SELF | IGNORED))  # rights of the folder itself: nobody is above to tell
        if event.name in NEVER or event.name.startswith(OURS):
            return True
        path = join_path(folder, event.name)
        self._seen += 1
        self._changed[path] = self._seen
        if event.mask & FOLDER:
            if event.mask & GONE:
                self._leave(path, empty=not event.mask & AWAY)
            # where two names were exchanged, the last that is told of one is that it went
            return not (event.mask & (COME | GONE) and self._enter(path))
        return self._knows_links(path, come=bool(event.mask & COME))

    def _knows_links(self, path: str, *, come: bool) -> bool:
        """Note whether a file has more than one name. False where that is news: its other names are to be found.

        Of one that has just `come` it is, even where a listing saw it before: its other name was looked at while it had but one.
        """
        try:
            status = os.lstat(os.path.join(self.top, path))
        except OSError:
            self._linked.discard(path)
            return True
        if not stat.S_ISREG(status.st_mode) or status.st_nlink == 1:
            self._linked.discard(path)
            return True
        return path in self._linked and not come


def _refuse_mounts(top: str) -> None:
    """Raise OSError where something is mounted below a folder: what changes there by its other name is not told."""
    inside = os.fsencode(os.path.realpath(top).rstrip("/") + "/")
    for line in MOUNTS.read_bytes().splitlines():
        point = _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), line.split(b" ")[4])
        if point.startswith(inside) and not {os.fsdecode(one) for one in point[len(inside) :].split(b"/")} & NEVER:
            raise OSError(0, f"{os.fsdecode(point[len(inside) :])} is mounted in it")

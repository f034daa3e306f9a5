"""inotify: what Linux tells of changes in folders, by the calls of its C library.

A library that puts a thread and a wait for quiet in between cannot say that all changes until now were seen, nor that some were
lost. Here both hold: a change is in the queue before the call that made it has returned, and a queue that ran over says so.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_UNMOUNT: Final = 0x2000
_OVERFLOW: Final = 0x4000
IGNORED: Final = 0x8000
"""The watch is gone, by us or with its folder."""
FOLDER: Final = 0x40000000
"""What changed is a folder."""
COME: Final = _MOVED_TO | _CREATE
AWAY: Final = _MOVED_FROM
GONE: Final = AWAY | _DELETE
SELF: Final = _DELETE_SELF | _MOVE_SELF | _UNMOUNT
LOST: Final = _OVERFLOW
"""The queue ran over: nobody knows what else has changed."""
_ASKED: Final = _MODIFY | _ATTRIB | _CLOSE_WRITE | COME | GONE | _DELETE_SELF | _MOVE_SELF
_ONLY_FOLDERS, _NO_LINKS = 0x01000000, 0x02000000
_head: Final = struct.Struct("iIII")
_KNOWN: Final = frozenset({
    0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0xF2F52010, 0x2FC12FC1, 0xCA451A4E, 0x794C7630, 0x858458F6,
})  # fmt: skip
"""ext, xfs, btrfs, tmpfs, f2fs, zfs, bcachefs, overlay, ramfs: whatever changes there, changes by this machine."""


class Event(NamedTuple):
    """One change."""

    watch: int
    mask: int
    name: str
    """Of what changed in the watched folder; empty: the folder itself."""


class Inotify:
    """One queue of changes. For one thread at a time."""

    def __init__(self) -> None:
        """Raise OSError where the system has none, or no more: AttributeError where it is not Linux."""
        self._system = ctypes.CDLL(None, use_errno=True)
        self.number: int = self._asked(self._system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def add(self, folder: str) -> int:
        """Watch what changes right in a folder, that is no link. Raise OSError: ENOSPC where the system's limit is reached."""
        mask = _ASKED | _ONLY_FOLDERS | _NO_LINKS
        return self._asked(self._system.inotify_add_watch(self.number, os.fsencode(folder), mask))

    def remove(self, watch: int) -> None:
        """Watch a folder no longer. One that is gone is not missed."""
        self._system.inotify_rm_watch(self.number, watch)

    def read(self) -> Iterator[Event]:
        """Give all that has changed until now."""
        while True:
            try:
                data = os.read(self.number, 1 << 16)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                watch, mask, _, length = _head.unpack_from(data, at)
                at += _head.size
                name = data[at : at + length].rstrip(b"\0")
                at += length
                yield Event(watch, mask, os.fsdecode(name))

    def close(self) -> None:
        """Let go of all watches."""
        os.close(self.number)

    @staticmethod
    def _asked(answer: int) -> int:
        if answer < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return answer


def tells_all(folder: str) -> bool:
    """Tell whether the file system of a folder is one of this machine alone, of which each change is told."""
    if os.name != "posix" or not hasattr(ctypes.CDLL(None), "inotify_init1"):
        return False
    answer = ctypes.create_string_buffer(256)  # struct statfs, whose first word is the kind
    if ctypes.CDLL(None, use_errno=True).statfs(os.fsencode(folder), answer) != 0:
        return False
    word = ctypes.c_long.from_buffer(answer).value & 0xFFFFFFFF
    return word in _KNOWN


def is_full(error: OSError) -> bool:
    """Tell whether a limit of the system stands against more watches."""
    return error.errno in (errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM)

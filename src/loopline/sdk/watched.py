"""watched: what somebody who watches a folder says has changed in it, so that `status` need not look at each file.

Beside the index of a folder that is watched lies a note: since when that index is in step with what the watcher has seen. What
is not as it should be (no answer, another life of the watcher, another index) means: look at everything.
"""

from __future__ import annotations

import _socket as socket  # all that is asked of it: what is made around it takes longer than the answer
import contextlib
import json
import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from loopline.datasets.index import Index

PATIENCE: Final = 0.3
"""Seconds for which `status` waits for an answer: looking at a hundred thousand files takes as long."""


def note_of(index: Path) -> Path:
    """Name the note beside an index."""
    return index.with_suffix(".watch")


class Watched:
    """What the watcher of a folder knows since an index was in step with it."""

    def __init__(self, folder: Path, index: Path) -> None:
        self._top, self._note = os.path.realpath(folder), note_of(index)
        self._now: list[Any] | None = None
        self._kept: list[int] | None = None
        self.others: list[str] | None = None
        """The paths that may be other than the index knows; None: nobody can tell."""
        self.said = ""
        """Why there is no watcher any more."""

    def ask(self, index: Index) -> None:
        """Ask what has changed since `index` was saved."""
        noted = self._read()
        if noted is None:
            return
        named = index.name()
        since = noted.get("since") if named is not None and noted.get("index") == list(named) else None
        try:
            answer = ask(self._top, {"do": "ask", "since": since})
        except (OSError, ValueError):
            answer = None
        if answer is None:
            if not is_listening(self._top):  # else it is held up
                self._end(noted)
            return
        self._now, self.others = answer["now"], answer["changed"]
        self._kept = noted.get("index") if self.others == [] else None

    def stay(self, index: Index) -> None:
        """Let `keep` note an index that is about to learn more by the moment that is noted now, where it is the one noted."""
        noted, named = self._read(), index.name()
        if noted is not None and noted.get("since") and named is not None and noted.get("index") == list(named):
            self._now = noted["since"]

    def keep(self, index: Index) -> None:
        """Note that an index, which was saved, holds all that had changed when the watcher was asked."""
        named = index.name()
        if self._now is not None and named is not None and self._kept != list(named):
            with contextlib.suppress(OSError):
                write(self._note, {"since": self._now, "index": list(named)})

    def _read(self) -> dict[str, Any] | None:
        try:
            if self._note.stat().st_uid != os.geteuid():
                return None  # somebody else's watcher
            noted = json.loads(self._note.read_bytes())
        except (OSError, ValueError):
            return None
        return noted if isinstance(noted, dict) else None

    def _end(self, noted: dict[str, Any]) -> None:
        self.said = f"nobody watches {self._top} any more: {noted.get('ended') or 'its watcher has died'}"
        with contextlib.suppress(OSError):
            self._note.unlink()


def address(top: str) -> str:
    """Name the watcher of a folder, for this user: two folders never have one device and inode at a time."""
    status = Path(top).stat()
    return f"\0loopline-watch-{os.geteuid()}-{status.st_dev:x}-{status.st_ino:x}"


def is_listening(top: str) -> bool:
    """Tell whether a watcher is there, even if it does not answer."""
    try:
        _connect(top).close()
    except OSError:
        return False
    return True


def _connect(top: str) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.settimeout(PATIENCE)
        line.connect(address(top))
        if owner_of(line) != os.geteuid():
            raise PermissionError(0, "somebody else answers")
    except BaseException:
        line.close()
        raise
    return line


def ask(top: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Ask a watcher, and give its answer; None where it is none."""
    until = time.monotonic() + PATIENCE
    with contextlib.closing(_connect(top)) as line:
        line.sendall(json.dumps(asked).encode() + b"\n")
        said = bytearray()
        while not said.endswith(b"\n"):
            line.settimeout(max(0.001, until - time.monotonic()))
            some = line.recv(1 << 16)
            if not some:
                return None
            said += some
    answer = json.loads(said)
    return answer if isinstance(answer, dict) else None


def owner_of(line: socket.socket) -> int:
    """Give the user at the other end."""
    _, user, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(user)


def write(note: Path, what: dict[str, Any]) -> None:
    """Write a note, whole or not at all."""
    from loopline.store.files import Scratch

    Scratch(str(note.parent), lambda: None).place(json.dumps(what).encode(), str(note), durable=False)

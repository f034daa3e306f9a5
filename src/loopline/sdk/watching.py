"""watching: the process that keeps what changes in a folder: how it begins, answers and ends (`watched` asks it).

It is asked at an address in memory that is made of the folder's device and inode and of who asks, so that nothing is left behind
on a disk, and nobody else answers. It ends when it is told to, and by itself when the folder or the project is gone, or when it
cannot watch all of it any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict, Unavailable
from loopline.sdk.watched import address, ask, note_of, owner_of, write

if TYPE_CHECKING:
    from loopline.datasets.watcher import Watcher

MODULE: Final = "loopline.sdk.watching"
"""What the process runs."""
LOOK: Final = 2.0
"""Seconds between two looks of the watcher whether there still is a folder."""
_START: Final = 60.0
_LARGEST: Final = 1 << 22


def start(folder: Path, index: Path) -> int:
    """Start the watcher of a folder, unless there is one; give how many folders it watches.

    Raise Unavailable kind="unwatchable" where not everything can be watched, with the reason.
    """
    top, note = os.path.realpath(folder), note_of(index)
    with contextlib.suppress(OSError, ValueError):
        answer = ask(top, {"do": "count"})
        if answer is not None:
            write(note, {})
            return int(answer["folders"])
    note.parent.mkdir(parents=True, exist_ok=True)
    write(note, {})
    words = [sys.executable, "-P", "-m", MODULE, top, str(note)]
    end, far = os.pipe()
    try:
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(words, stdin=quiet, stdout=far, stderr=quiet, start_new_session=True, cwd="/")
        os.close(far)
        ready, _, _ = select.select([end], [], [], _START)
        said = os.read(end, 4096).decode().strip() if ready else f"it took longer than {_START:g} s"
    finally:
        os.close(end)
    process.returncode = 0  # it goes on without us
    if said.isdigit():
        return int(said)
    with contextlib.suppress(OSError):
        note.unlink()
    raise Unavailable(
        f"{folder} cannot be watched: {said or 'the watcher died'}", kind="unwatchable",
        hint="nothing is lost: status looks at each file", folder=str(folder), why=said,
    )  # fmt: skip


def stop(folder: Path, index: Path) -> None:
    """End the watcher of a folder. Raise Conflict kind="not-watched" where there is none."""
    top = os.path.realpath(folder)
    with contextlib.suppress(OSError):
        note_of(index).unlink()
    try:
        gone = ask(top, {"do": "stop"}) is not None
    except (OSError, ValueError):
        gone = False
    if not gone:
        raise Conflict(
            f"nobody watches {folder}", kind="not-watched", hint=f"loopline watch {folder}", folder=str(folder)
        )


class _Desk:
    """The watcher's process: it watches, and answers one question after the other."""

    def __init__(self, watcher: Watcher, listener: socket.socket, note: Path) -> None:
        self._watcher, self._listener, self._note = watcher, listener, note

    def serve(self) -> str:
        """Answer until the folder or the project is gone, or somebody says so. Give why it ended; nothing: it was asked to."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        number = -1
        while True:
            if number != self._watcher.number:
                if number >= 0:
                    with contextlib.suppress(KeyError):
                        poll.unregister(number)
                number = self._watcher.number
                poll.register(number, select.POLLIN)
            try:
                ready = dict(poll.poll(LOOK * 1000))
                if not self._watcher.is_there() or not self._note.parent.is_dir():
                    return "its folder is gone"
                self._watcher.drain()
                if not ready:
                    self._watcher.rest()
                if self._listener.fileno() in ready and not self._answer():
                    return ""
            except OSError as error:
                return why(error)

    def _answer(self) -> bool:
        """Answer one question; False: it was to stop."""
        line, _ = self._listener.accept()
        with line:
            try:
                line.settimeout(1)
                if owner_of(line) != os.geteuid():
                    return True
                said = bytearray()
                while not said.endswith(b"\n") and len(said) < _LARGEST:
                    some = line.recv(1 << 16)
                    if not some:
                        return True
                    said += some
                asked = json.loads(said)
            except (OSError, ValueError):
                return True
            answer = self._said(asked)
            with contextlib.suppress(OSError):
                line.sendall(json.dumps(answer).encode() + b"\n")
        return bool(asked.get("do") != "stop")

    def _said(self, asked: dict[str, Any]) -> dict[str, Any]:
        from loopline.datasets.watcher import Token

        if asked.get("do") != "ask":
            return {"folders": self._watcher.count}
        since = asked.get("since")
        now, changed = self._watcher.ask(Token(*since) if since else None)
        return {"now": list(now), "changed": changed}


def why(error: OSError) -> str:
    """Say in words why a folder cannot be watched."""
    from loopline.datasets.inotify import is_full

    if is_full(error):
        return "the system lets nobody watch more folders (fs.inotify.max_user_watches, max_user_instances)"
    return error.strerror or str(error)


def main() -> int:
    """Watch one folder, in a process of its own."""
    from loopline.datasets.inotify import tells_all
    from loopline.datasets.watcher import Watcher

    top, note = sys.argv[1], Path(sys.argv[2])
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not tells_all(top):
            raise OSError(0, "its file system does not tell all that changes: it may be written by other machines")
        listener.bind(address(top))
        watcher = Watcher(top)
        listener.listen(16)
    except OSError as error:
        os.write(1, why(error).encode())  # at once: whoever started it goes when it has read something
        return 1
    os.write(1, f"{watcher.count}".encode())
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    ended = _Desk(watcher, listener, note).serve()
    listener.close()
    watcher.close()
    if ended:
        with contextlib.suppress(OSError):
            if note.exists():
                write(note, {"ended": ended})
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""hands: processes that do one thing for us, one piece of it after the other. Threads of one interpreter wait for each other.

A piece is a handful of short calls of the system for each of many small files. What is told to a hand and what it says are
pickled; it is our own child, and nobody else gets at its socket.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol

from loopline.errors import LooplineError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MANY: Final = 4096
"""From so many files on, a process is worth its start."""
_PATIENCE: Final = 30.0
"""Seconds that one may take until it is ready."""
_START: Final = "from loopline.datasets.hands import main; main()"
_GONE: Final = (EOFError, OSError)


class Work(Protocol):
    """What a hand does. It is pickled."""

    def do(self, asked: Any) -> Any:
        """Do one piece, of plain values, and say what came of it, which is not None."""


def cores() -> int:
    """Give how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def hands(work: Work, count: int, *, held: tuple[int, ...] = ()) -> Iterator[list[Hand]]:
    """Start so many; fewer, or none, where they would be of no use or cannot be had. They end with this.

    They hold the descriptors `held` for as long as they live: who waits for the lock of one waits for them, too.
    """
    several: list[Hand] = []
    try:
        if count and cores() > 1 and sys.executable and not getattr(sys, "frozen", False) and (told := _told(work)):
            with contextlib.suppress(OSError):  # EAGAIN, ENOMEM: no more processes are to be had
                several.extend(Hand(told, held) for _ in range(count))
        yield list(several)
    finally:
        for one in several:
            one.kill()
        for one in several:
            one.close()


def _told(work: Work) -> bytes:
    """Write down what they are to do; nothing where that cannot be, as with a store of a class that nobody else finds."""
    try:
        return pickle.dumps(work)
    except (pickle.PicklingError, TypeError, AttributeError):
        return b""


class Hand:
    """A process that does one piece at a time: it is asked again when it has answered, so that both never speak at once."""

    def __init__(self, told: bytes, held: tuple[int, ...]) -> None:
        import subprocess
        from multiprocessing.connection import Pipe

        self._ready = False
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *held),
                start_new_session=True,  # Ctrl-C is for us, who then end it
            )  # fmt: skip
        self._say(told)

    def ask(self, asked: Any) -> None:
        """Begin a piece."""
        self._say(pickle.dumps(asked))

    def answer(self) -> Any:
        """Wait for what came of it, and raise LooplineError where it did. None: it has gone, and is at nothing any more."""
        said = None
        with contextlib.suppress(*_GONE):
            if not self._ready:
                self._ready = self._connection.poll(_PATIENCE) and bool(self._connection.recv())
            if self._ready:
                said = self._connection.recv()
        if said is None:
            self.kill()
            self._process.wait()
        elif isinstance(said, LooplineError):
            raise said
        return said

    def _say(self, told: bytes) -> None:
        try:
            self._connection.send_bytes(told)
        except OSError:  # it has gone, or has heard half of it: `answer` finds out
            self.kill()

    def kill(self) -> None:
        """End it: it has answered all that was asked, or nobody wants to know."""
        self._process.kill()

    def close(self) -> None:
        """Wait until it has gone, and close what led to it."""
        self._process.wait()
        self._connection.close()


def main() -> None:
    """Do what is asked for, until whoever asks has gone."""
    from multiprocessing.connection import Connection

    number = int(sys.argv[1])
    threading.Thread(target=_end_with, args=(number,), daemon=True).start()
    with Connection(number) as connection, contextlib.suppress(*_GONE):
        work: Work = pickle.loads(connection.recv_bytes())  # noqa: S301 - of whoever has started us
        connection.send("ready")
        while True:
            connection.send(_done(work, connection))


def _done(work: Work, connection: Connection) -> Any:
    """Do a piece. An error that is ours is an answer; of any other this process dies, and whoever asked does it, and meets it."""
    try:
        return work.do(connection.recv())
    except LooplineError as error:
        return error


def _end_with(number: int) -> None:
    """End this process when the other side of the socket has gone, whatever it is at."""
    gone = select.poll()
    gone.register(number, 0)  # asks for nothing but the end
    gone.poll()
    os._exit(1)

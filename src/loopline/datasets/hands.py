"""hands: processes that do one thing for us, one piece of it after the other, where threads would wait for each other.

What is told to a hand and what it says are pickled: it is our own child, and its socket has no name. It ends when our end of
its lifeline closes, whatever it is at; a fork of ours that does not become another program lets go of that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pickle
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final

from loopline.errors import LooplineError

Work = Callable[[Any], Any]
"""What a hand does with each piece. It is pickled, as are the pieces and what it gives, which is not None."""
_PATIENCE: Final = 30.0
"""Seconds that a hand may take until it is ready."""
_START: Final = "from loopline.datasets.hands import main; main()"
_OPEN: Final[weakref.WeakSet[Hand]] = weakref.WeakSet()


@contextlib.contextmanager
def hands(work: Work, count: int, *, held: tuple[int, ...] = ()) -> Iterator[list[Hand]]:
    """Start so many; fewer, or none, where they cannot be had. They end with this.

    They hold the descriptors `held` for as long as they live: who waits for the lock of one waits for them, too.
    """
    several: list[Hand] = []
    try:
        told = _told(work) if count and sys.executable and not getattr(sys, "frozen", False) else b""
        with contextlib.suppress(OSError):  # EAGAIN, ENOMEM: no more processes are to be had
            for _ in range(count if told else 0):
                several.append(Hand(told, held))  # noqa: PERF401 - those that were started are to end
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
    except Exception:  # noqa: BLE001 - whatever a class may raise that is not made for it
        return b""


class Hand:
    """A process that does one piece at a time: it is asked again when it has answered, so that both never speak at once."""

    def __init__(self, told: bytes, held: tuple[int, ...]) -> None:
        """Start it. Raise OSError where that cannot be."""
        import subprocess
        from multiprocessing.connection import Pipe

        self._ready = False
        self._until = time.monotonic() + _PATIENCE
        self._connection, theirs = Pipe()
        with theirs:
            if min((theirs.fileno(), *held)) <= 2:  # what it says to the world would go there
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            flags = ["-P", *["-I"] * sys.flags.isolated, *["-B"] * sys.dont_write_bytecode]
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-c", _START, str(theirs.fileno())],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *held),
                start_new_session=True,  # Ctrl-C is for us, who then end it
            )  # fmt: skip
        _OPEN.add(self)
        self._say(told)

    def ask(self, asked: Any) -> None:
        """Begin a piece. One that has gone hears nothing."""
        if not self._ready:
            self._ready = self._wait(self._until) and self._hear() == __file__
        if not (self._ready and self._say(pickle.dumps(asked))):
            self.kill()

    def answer(self) -> Any:
        """Wait for what came of it, and raise LooplineError where it did. None: it has gone, and is at nothing any more."""
        said = self._hear() if self._ready and self._wait() else None
        if said is None:
            self._ready, self._until = False, 0.0
            self.kill()
            self._process.wait()
        elif isinstance(said, LooplineError):
            raise said
        return said

    def kill(self) -> None:
        """End it: it has answered all that was asked, or nobody wants to know."""
        self._process.kill()

    def close(self) -> None:
        """Wait until it has gone, and close what led to it."""
        self._process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Close our ends."""
        _OPEN.discard(self)
        self._connection.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _wait(self, until: float | None = None) -> bool:
        """Tell whether it says something, before it goes and before that time."""
        while until is None or time.monotonic() < until:
            gone = self._process.poll() is not None  # looked at first: it may speak and go
            with contextlib.suppress(OSError):
                if self._connection.poll(0 if gone else 0.5):
                    return True
            if gone:
                return False
        return False

    def _hear(self) -> Any:
        try:
            return self._connection.recv()
        except Exception:  # noqa: BLE001 - it has gone, or says what is nothing here: whoever asked does it, and meets that
            return None

    def _say(self, told: bytes) -> bool:
        try:
            self._connection.send_bytes(told)
        except OSError:  # it has gone, or has heard half of it
            return False
        return True


def _forget() -> None:
    """Let go of the hands of whoever was forked: they must not outlive it for our sake."""
    for one in list(_OPEN):
        with contextlib.suppress(OSError):
            one.let_go()


os.register_at_fork(after_in_child=_forget)


def main() -> None:
    """Do what is asked for, until whoever asks has gone."""
    from multiprocessing.connection import Connection

    threading.Thread(target=_end_with_lifeline, daemon=True).start()
    with Connection(int(sys.argv[1])) as connection, contextlib.suppress(EOFError, OSError):
        work: Work = pickle.loads(connection.recv_bytes())  # noqa: S301 - of whoever has started us
        connection.send(__file__)
        while True:
            connection.send(_answer(work, connection.recv()))


def _answer(work: Work, asked: Any) -> Any:
    """Do a piece. An error that is ours is an answer; of any other this process dies, and whoever asked does it, and meets it."""
    try:
        return work(asked)
    except LooplineError as error:
        return error


def _end_with_lifeline() -> None:
    """End this process when the other end of the standard input is closed."""
    os.read(0, 1)
    os._exit(0)

"""beside: the files of a checkout, written beside each other by threads; where there are many small ones, by processes.

Making a small file is a handful of short calls of the system. Threads of one interpreter wait for each other around every one of
them: two are slower than one, where the disk is quick. A process of its own costs a moment to start, and then waits for nobody.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.blocks import Stamp
from loopline.datasets.copies import Copies, Group
from loopline.datasets.near import SMALL
from loopline.datasets.unwritable import failed
from loopline.errors import LooplineError
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MANY: Final = 4096
"""From so many files on, processes are worth their start."""
AT_ONCE: Final = 4
"""Threads, or processes, at most."""
AHEAD: Final = 4
"""Groups under way before the first of them is asked for, at least; two for each process."""
GROUP: Final = 256
GROUP_BYTES: Final = 8 << 20
"""Files, and bytes of small ones, that are written in one go."""
_PATIENCE: Final = 30.0
"""Seconds that a process may take until it is ready."""
_ROOM: Final = 1 << 20
"""Bytes of a socket's buffers: answers to two groups have to fit, or both sides may wait for the other to read."""
_START: Final = "from loopline.datasets.beside import main; main()"
_GONE: Final = (EOFError, OSError)
Answer = Callable[[], list[Stamp]]
Ask = Callable[[Group], Answer]
"""Begins a group; what it gives waits for its stamps."""
_Row = tuple[str, Digest, int, int, str]
"""An entry and its file, as they are sent: an `Entry` takes three times as long to pickle."""


def written(
    copies: Copies, named: Iterable[tuple[Entry, str]], *, count: int, held: int
) -> Generator[tuple[Entry, str, Stamp]]:
    """Write each of `count` entries to its file; give them in order, with the files' stamps, as soon as they are there.

    Processes hold the descriptor `held` for as long as they live: who waits for its lock waits for them, too. Close this, unless
    it was read to its end: nobody writes any more then.
    """
    cores = min(AT_ONCE, _cores())
    with _threads(copies, cores) as thread, _processes(copies, cores if count >= MANY else 0, held, thread) as asks:
        waiting: deque[tuple[Group, Answer]] = deque()
        for number, group in enumerate(_groups(named)):
            ask = thread if not asks or group[0][0].size > SMALL else asks[number % len(asks)]
            waiting.append((group, ask(group)))
            if len(waiting) >= max(AHEAD, 2 * len(asks)):
                yield from _done(*waiting.popleft())
        while waiting:
            yield from _done(*waiting.popleft())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _groups(named: Iterable[tuple[Entry, str]]) -> Iterator[Group]:
    """Put files together as they come. A large one is the last of its group."""
    group: Group = []
    size = 0
    for entry, file in named:
        group.append((entry, file))
        size += entry.size if entry.size <= SMALL else GROUP_BYTES
        if len(group) >= GROUP or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _done(group: Group, answer: Answer) -> Iterator[tuple[Entry, str, Stamp]]:
    for (entry, file), stamp in zip(group, answer(), strict=True):
        yield entry, file, stamp


@contextlib.contextmanager
def _threads(copies: Copies, count: int) -> Iterator[Ask]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(count, "loopline-checkout") as pool:
        try:
            yield lambda group: pool.submit(copies.write_group, group).result
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@contextlib.contextmanager
def _processes(copies: Copies, count: int, held: int, thread: Ask) -> Iterator[list[Ask]]:
    """Start processes; none where they would be of no use, or cannot be had."""
    several: list[_Process] = []
    try:
        if count > 1 and copies.crosses and sys.executable and not getattr(sys, "frozen", False):
            told = _told(copies)
            with contextlib.suppress(OSError):  # EAGAIN, ENOMEM: no more processes are to be had
                several.extend(_Process(told, held, thread) for _ in range(count if told else 0))
        yield [one.ask for one in several]
    finally:
        for one in several:
            one.kill()
        for one in several:
            one.close()


def _told(copies: Copies) -> bytes:
    """Write down for other processes what they are to have; nothing for a store that cannot be, whatever it says of itself."""
    try:
        return pickle.dumps(copies)
    except (pickle.PicklingError, TypeError, AttributeError):
        return b""


class _Process:
    """Writes groups, one after the other. What it leaves undone when it dies is done by a `thread` of ours."""

    def __init__(self, told: bytes, held: int, thread: Ask) -> None:
        import socket
        import subprocess
        from multiprocessing.connection import Connection

        self._thread = thread
        self._ready = self._gone = False
        ours, theirs = socket.socketpair()
        with theirs:
            for one in (ours, theirs):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
            self._connection: Connection = Connection(ours.detach())
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, str(theirs.fileno())],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), held),
                start_new_session=True,  # Ctrl-C is for us, who then end it
            )  # fmt: skip
        with contextlib.suppress(*_GONE):  # `_answer` finds out
            self._connection.send_bytes(told)

    def ask(self, group: Group) -> Answer:
        """Begin a group."""
        if self._gone:
            return self._thread(group)
        rows: list[_Row] = [(entry.path, entry.digest, entry.size, entry.mode, file) for entry, file in group]
        with contextlib.suppress(*_GONE):
            self._connection.send(rows)
        return lambda: self._answer(group)

    def kill(self) -> None:
        """End it: it has answered all that was asked, or nobody wants to know."""
        self._process.kill()

    def close(self) -> None:
        """Wait until it has gone, and close what led to it."""
        self._process.wait()
        self._connection.close()

    def _answer(self, group: Group) -> list[Stamp]:
        try:
            if not self._ready:
                self._ready = self._connection.poll(_PATIENCE) and bool(self._connection.recv())
            said = self._connection.recv() if self._ready else None
        except _GONE:
            said = None
        if said is None:
            return self._instead(group)
        if isinstance(said, LooplineError):
            raise said
        return [Stamp(*one) for one in said]

    def _instead(self, group: Group) -> list[Stamp]:
        """Do what it has not done, when it cannot be at it any more."""
        self._gone = True
        self._process.kill()
        self._process.wait()
        for entry, file in group:
            try:
                os.unlink(file)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise failed(entry.path, error) from error
        return self._thread(group)()


def main() -> None:
    """Write what is asked for, until whoever asks has gone."""
    from multiprocessing.connection import Connection

    number = int(sys.argv[1])
    threading.Thread(target=_end_with, args=(number,), daemon=True).start()
    with Connection(number) as connection, contextlib.suppress(*_GONE):
        copies: Copies = pickle.loads(connection.recv_bytes())  # noqa: S301 - of whoever has started us
        connection.send("ready")
        while True:
            connection.send(_answered(copies, connection.recv()))


def _end_with(number: int) -> None:
    """End this process when the other side of the socket has gone, whatever it is at."""
    gone = select.poll()
    gone.register(number, 0)  # asks for nothing but the end
    gone.poll()
    os._exit(1)


def _answered(copies: Copies, asked: list[_Row]) -> Any:
    """Give the stamps, or an error that is ours. Of any other this process dies, and whoever asked does it, and meets it."""
    try:
        stamps = copies.write_group([
            (Entry(path, digest, size, mode), file) for path, digest, size, mode, file in asked
        ])
    except LooplineError as error:
        return error
    return [tuple(stamp) for stamp in stamps]

"""writers: who writes the files of a checkout beside each other: threads, or processes where there are many small files.

Making a small file is a handful of short calls of the system. Threads of one interpreter wait for each other around every one of
them: two are slower than one, where the disk is quick. A process of its own costs a moment to start, and then waits for nobody.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from loopline.datasets.blocks import Stamp
from loopline.datasets.copies import Copies, Group
from loopline.datasets.near import SMALL
from loopline.nouns.entry import Entry

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

MANY: Final = 4096
"""From so many files on, processes are worth their start."""
MOST: Final = 4
"""Threads, or processes, at once."""
AHEAD: Final = 4
"""How many groups may be under way before the first of them is asked for: of each process, half of it."""
GROUP: Final = 256
GROUP_BYTES: Final = 8 << 20
"""Files, and bytes of small ones, that are written in one go."""
_START: Final = "from loopline.datasets.writers import main; main()"
_GONE: Final = (EOFError, ConnectionResetError, BrokenPipeError)
Ask = Callable[[Group], Callable[[], list[Stamp]]]
"""Begins a group; what it gives waits for its stamps."""


def written(
    copies: Copies, named: Iterable[tuple[Entry, str]], *, count: int, held: int
) -> Iterator[tuple[Entry, str, Stamp]]:
    """Write each of `count` entries to its file; give them in order, with the files' stamps, as soon as they are there.

    Processes hold the descriptor `held` for as long as they live: whoever waits for its lock waits for them, too.
    """
    at_once = min(MOST, _cores())
    many = count >= MANY and copies.may_move and bool(sys.executable)
    with _processes(copies, at_once, held) if many else _threads(copies, at_once) as asks:
        waiting: deque[tuple[Group, Callable[[], list[Stamp]]]] = deque()
        for number, group in enumerate(_groups(named)):
            waiting.append((group, asks[number % len(asks)](group)))
            if len(waiting) >= max(AHEAD, 2 * len(asks)):
                yield from _done(*waiting.popleft())
        while waiting:
            yield from _done(*waiting.popleft())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _groups(named: Iterable[tuple[Entry, str]]) -> Iterator[Group]:
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


def _done(group: Group, answer: Callable[[], list[Stamp]]) -> Iterator[tuple[Entry, str, Stamp]]:
    for (entry, file), stamp in zip(group, answer(), strict=True):
        yield entry, file, stamp


@contextlib.contextmanager
def _threads(copies: Copies, count: int) -> Iterator[list[Ask]]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(count, "loopline-checkout") as pool:
        try:
            yield [lambda group: pool.submit(copies.write_group, group).result]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@contextlib.contextmanager
def _processes(copies: Copies, count: int, held: int) -> Iterator[list[Ask]]:
    writers: list[_Writer] = []
    try:
        with contextlib.suppress(OSError):  # there is no room for more of them
            writers.extend(_Writer(copies, held) for _ in range(count))
        if writers:
            yield [writer.ask for writer in writers]
        else:
            with _threads(copies, count) as asks:
                yield asks
        for writer in writers:
            writer.end()
    finally:
        for writer in writers:
            writer.stop()


class _Writer:
    """A process that writes groups, one after the other. What one leaves undone that dies is done here."""

    def __init__(self, copies: Copies, held: int) -> None:
        import subprocess
        from multiprocessing.connection import Pipe

        self._copies = copies
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, str(theirs.fileno())],
                stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(), held), start_new_session=True,
            )  # fmt: skip
        self._send(copies)

    def ask(self, group: Group) -> Callable[[], list[Stamp]]:
        """Begin a group."""
        self._send([(entry.path, entry.digest, entry.size, entry.mode, file) for entry, file in group])
        return lambda: self._answer(group)

    def end(self) -> None:
        """Let it go, and wait until it has gone."""
        self._connection.close()
        self._process.wait()

    def stop(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self.end()

    def _send(self, told: Any) -> None:
        with contextlib.suppress(*_GONE):  # what is asked for says that it has gone
            self._connection.send(told)

    def _answer(self, group: Group) -> list[Stamp]:
        try:
            said = self._connection.recv()
        except _GONE:
            for _, file in group:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file)
            return self._copies.write_group(group)
        if isinstance(said, Exception):
            raise said
        return [Stamp(*one) for one in said]


def main() -> None:
    """Write what is asked for, until whoever asks has gone."""
    from multiprocessing.connection import Connection

    with Connection(int(sys.argv[1])) as connection, contextlib.suppress(*_GONE):
        copies = connection.recv()
        while True:
            connection.send(_answered(copies, connection))


def _answered(copies: Copies, connection: Connection) -> list[tuple[int, ...]] | Exception:
    asked = connection.recv()
    try:
        stamps = copies.write_group([
            (Entry(path, digest, size, mode), file) for path, digest, size, mode, file in asked
        ])
    except Exception as error:  # noqa: BLE001 - raised where it was asked
        return error
    return [tuple(stamp) for stamp in stamps]

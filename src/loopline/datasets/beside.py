"""beside: the files of a checkout, written beside each other: by threads, and where there are many small ones by processes.

Making a small file is a handful of short calls of the system, and threads of one interpreter wait for each other around every one
of them: two are slower than one, where the disk is quick.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import Final

from loopline.datasets.blocks import Stamp
from loopline.datasets.copies import Copies, Group
from loopline.datasets.hands import Hand, hands
from loopline.datasets.near import SMALL
from loopline.datasets.unwritable import failed
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.store.system import processors

MANY: Final = 4096
"""From so many files on, processes are worth their start."""
AT_ONCE: Final = 4
"""Threads, or processes, at most."""
AHEAD: Final = 4
"""Groups under way before the first of them is asked for, beside those of processes."""
GROUP: Final = 256
GROUP_BYTES: Final = 8 << 20
"""Files, and bytes of small ones, that are written in one go."""
_Row = tuple[str, Digest, int, int, str]
"""An entry and its file, as they are told to a process: an `Entry` takes three times as long to pickle."""
_Answer = Callable[[], list[Stamp]]
_Done = list[tuple[Entry, str, Stamp]]


def written(
    copies: Copies, named: Iterable[tuple[Entry, str]], *, count: int, held: int
) -> Generator[tuple[Entry, str, Stamp]]:
    """Write each of `count` entries to its file; give them in order, with the files' stamps, as soon as they are there.

    Processes hold the descriptor `held` for as long as they live: who waits for its lock waits for them, too. When this is
    closed, or was read to its end, nobody writes any more.
    """
    several = min(AT_ONCE, processors())
    apart = several if several > 1 and count >= MANY and copies.crosses else 0
    with _threads(copies, several) as begin, hands(partial(_write_rows, copies), apart, held=(held,)) as free:
        work = _Beside(begin, free)
        for group in _groups(named):
            done = list(work.make_room(group))
            work.begin(group)
            for some in done:
                yield from some
        for some in work.rest():
            yield from some


def _groups(named: Iterable[tuple[Entry, str]]) -> Iterator[Group]:
    """Put small files together as they come; a large one comes alone."""
    group: Group = []
    size = 0
    for entry, file in named:
        large = entry.size > SMALL
        if group and (large or len(group) >= GROUP or size >= GROUP_BYTES):
            yield group
            group, size = [], 0
        if large:
            yield [(entry, file)]
        else:
            group.append((entry, file))
            size += entry.size
    if group:
        yield group


@contextlib.contextmanager
def _threads(copies: Copies, count: int) -> Iterator[Callable[[Group], _Answer]]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(count, "loopline-checkout") as pool:
        try:
            yield lambda group: pool.submit(copies.write_group, group).result
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _write_rows(copies: Copies, asked: list[_Row]) -> list[tuple[int, ...]]:
    """Write files in another process; give their stamps."""
    group = [(Entry(path, digest, size, mode), file) for path, digest, size, mode, file in asked]
    return [tuple(stamp) for stamp in copies.write_group(group)]


class _Beside:
    """Groups that are under way, in order. Those of small files go to processes, while there are some."""

    def __init__(self, thread: Callable[[Group], _Answer], free: list[Hand]) -> None:
        self._thread = thread
        self._free, self._hands = free, len(free)
        self._waiting: deque[tuple[Group, Hand | _Answer]] = deque()

    def make_room(self, group: Group) -> Iterator[_Done]:
        """Wait for groups, the first of them first, until this one can begin; give what has become of them."""
        small = group[-1][0].size <= SMALL
        while len(self._waiting) >= AHEAD + self._hands or (small and self._hands and not self._free):
            yield self._end()

    def rest(self) -> Iterator[_Done]:
        """Wait for those that are left."""
        while self._waiting:
            yield self._end()

    def begin(self, group: Group) -> None:
        """Begin a group for which there is room."""
        if self._free and group[-1][0].size <= SMALL:
            hand = self._free.pop(0)
            hand.ask([(entry.path, entry.digest, entry.size, entry.mode, file) for entry, file in group])
            self._waiting.append((group, hand))
        else:
            self._waiting.append((group, self._thread(group)))

    def _end(self) -> _Done:
        group, who = self._waiting.popleft()
        if isinstance(who, Hand):
            said = who.answer()
            if said is None:
                self._hands -= 1
                stamps = self._instead(group)
            else:
                self._free.append(who)
                stamps = [Stamp(*one) for one in said]
        else:
            stamps = who()
        return [(entry, file, stamp) for (entry, file), stamp in zip(group, stamps, strict=True)]

    def _instead(self, group: Group) -> list[Stamp]:
        """Do what a process has left that died, with what it has begun out of the way."""
        for entry, file in group:
            try:
                os.unlink(file)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise failed(entry.path, error) from error
        return self._thread(group)()

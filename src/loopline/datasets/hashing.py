"""hashing: the digests of many files, several at a time, into a store or only to compare."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final, Protocol, TypeVar

from loopline.datasets.blocks import Found
from loopline.datasets.scan import judge, stamp_of
from loopline.errors import Conflict, Unavailable
from loopline.nouns.digest import Digest
from loopline.nouns.progress import Progress, Report
from loopline.store.blobs import put_groups
from loopline.store.system import processors

SMALL: Final = 1 << 18
"""Files up to this size are read whole, and kept many behind one durability barrier."""
GROUP: Final = 256
GROUP_BYTES: Final = 16 << 20
TRIES: Final = 3
"""How often a file is read that changes meanwhile."""
CHUNK: Final = 1 << 20

_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""A pipe that came into the place of a file must not make us wait for its writer."""
T = TypeVar("T")


class Takes(Protocol):
    """What keeping files needs of a blob store. Several threads call it at once."""

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep all of them behind one durability barrier."""

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what a file holds; give digest and size."""


class Files(Protocol):
    """Files that can be gone through more than once."""

    @property
    def bytes(self) -> int:
        """Their sizes together."""

    def __len__(self) -> int:
        """Count them."""

    def __iter__(self) -> Iterator[Found]:
        """Give them."""

    def larger(self, size: int) -> list[Found]:
        """Give those that have more bytes."""


class Listed(list[Found]):
    """Files that somebody chose."""

    @property
    def bytes(self) -> int:
        """Their sizes together."""
        return sum(file.stamp.size for file in self)

    def larger(self, size: int) -> list[Found]:
        """Give those that have more bytes."""
        return [file for file in self if file.stamp.size > size]


def hash_files(
    root: str, files: Files, *, into: Takes | None, report: Report, threads: int = 0
) -> Iterator[tuple[Found, Digest]]:
    """Give each file with its digest, in no order; `into` keeps the bytes as well.

    The stamp of what is given is the one that held before and after reading; a file that changes each time it is read
    raises Conflict kind="file-changing", an unreadable one Unavailable kind="file-unreadable".
    """
    if not files:
        return
    total = files.bytes
    label = "store files" if into else "hash files"
    done = 0
    report(Progress(label, 0, total, "B"))
    for answer in _hashed(root, files, threads) if into is None else _stored(root, files, into, threads):
        for file, digest in answer:
            done += file.stamp.size
            yield file, digest
        report(Progress(label, min(done, total - 1), total, "B"))
    report(Progress(label, total, total, "B"))


def _hashed(root: str, files: Files, threads: int) -> Iterator[list[tuple[Found, Digest]]]:
    def work(group: list[Found]) -> list[tuple[Found, Digest]]:
        return [_steady(root, file, _hash) for file in group]

    return _answers(chain(_alone(files), _groups(files)), work, threads)


def _stored(root: str, files: Files, into: Takes, threads: int) -> Iterator[list[tuple[Found, Digest]]]:
    """Keep large files several at a time, then the small ones one after the other: they end up in one place."""

    def keep(group: list[Found]) -> list[tuple[Found, Digest]]:
        found, (digest, _) = _steady(root, group[0], lambda path, _: _kept(into, path))
        return [(found, digest)]

    yield from _answers(_alone(files), keep, threads)
    read = deque[Found]()

    def bytes_of() -> Iterator[bytes]:
        for file in files:
            if file.stamp.size <= SMALL:
                found, data = _steady(root, file, read_small)
                read.append(found)
                yield data

    for digests in put_groups(into, bytes_of()):
        yield [(read.popleft(), digest) for digest in digests]


def _answers(
    groups: Iterator[list[Found]], work: Callable[[list[Found]], list[tuple[Found, Digest]]], threads: int
) -> Iterator[list[tuple[Found, Digest]]]:
    """Work on groups in threads; in this one where there is one group, or where the interpreter takes no threads any more."""
    first = next(groups, None)
    second = next(groups, None) if first is not None else None
    if first is None:
        return
    if second is None or not threading.main_thread().is_alive():
        yield from map(work, chain([first] if second is None else [first, second], groups))
        return
    from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

    count = threads or min(4, processors())
    with ThreadPoolExecutor(count, "loopline-hash") as pool:
        running = set[Future[list[tuple[Found, Digest]]]]()
        try:
            for group in chain((first, second), groups):
                running.add(pool.submit(work, group))
                if len(running) > count:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (task.result() for task in ended)
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (task.result() for task in ended)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _alone(files: Files) -> Iterator[list[Found]]:
    """Give files that are read alone, the largest first, so that none is left for the end."""
    return ([file] for file in sorted(files.larger(SMALL), key=lambda file: -file.stamp.size))


def _groups(files: Iterable[Found]) -> Iterator[list[Found]]:
    """Put small files together."""
    group: list[Found] = []
    size = 0
    for file in files:
        if file.stamp.size > SMALL:
            continue
        group.append(file)
        size += file.stamp.size
        if len(group) >= GROUP or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def hash_file(path: str) -> Digest:
    """Read a file once, from front to end."""
    return _hash(path, 0)[0]


def _hash(path: str, size: int) -> tuple[Digest, os.stat_result]:
    number = os.open(path, _READ)
    try:
        first = os.read(number, min(size, CHUNK) + 1)
        state = hashlib.sha256(first)
        while chunk := os.read(number, CHUNK):
            state.update(chunk)
        return Digest("sha256:" + state.hexdigest()), os.fstat(number)
    finally:
        os.close(number)


def read_small(path: str, size: int) -> tuple[bytes, os.stat_result]:
    """Read all of a file of about `size` bytes, and what the system says of it afterwards."""
    number = os.open(path, _READ)
    try:
        data = os.read(number, size + 1)
        while more := b"" if len(data) == size else os.read(number, CHUNK):
            data += more
        return data, os.fstat(number)
    finally:
        os.close(number)


def _kept(into: Takes, path: str) -> tuple[tuple[Digest, int], os.stat_result]:
    return into.put_file(Path(path)), os.stat(path)


def _steady(root: str, file: Found, read: Callable[[str, int], tuple[T, os.stat_result]]) -> tuple[Found, T]:
    """Read a file that stays as it was seen; otherwise look again and try again."""
    path = f"{root}/{file.path}"
    try:
        for _ in range(TRIES):
            got, status = read(path, file.stamp.size)
            if stamp_of(status) == file.stamp:
                return file, got
            seen = judge(root, file.path, os.lstat(path), [])
            if seen is None:
                break
            file = seen
    except FileNotFoundError:
        pass
    except OSError as error:
        raise Unavailable(
            f"cannot read {path}: {error.strerror}",
            kind="file-unreadable",
            hint="check the file's permissions, or name it in .looplineignore",
            path=file.path,
        ) from None
    raise Conflict(
        f"{path} changes while it is read",
        kind="file-changing",
        hint="wait until whoever writes it is done, then try again",
        path=file.path,
    )

"""hashing: the digests of many files, several at a time, into a store or only to compare."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final, Protocol, TypeVar

from loopline.datasets.blocks import Found
from loopline.datasets.scan import mode_of, stamp_of
from loopline.errors import Conflict, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.progress import Progress, Report

SMALL: Final = 1 << 18
"""Files up to this size are read whole and kept in groups, behind one durability barrier each."""
GROUP: Final = 4096
GROUP_BYTES: Final = 16 << 20
TRIES: Final = 3
"""How often a file is read that changes meanwhile."""
CHUNK: Final = 1 << 20

T = TypeVar("T")


class Takes(Protocol):
    """What keeping files needs of a blob store. Several threads call it at once."""

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep all of them behind one durability barrier."""

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what a file holds; give digest and size."""


class Files(Protocol):
    """Files that can be gone through more than once."""

    def __len__(self) -> int:
        """Count them."""

    def __iter__(self) -> Iterator[Found]:
        """Give them."""


def hash_files(
    root: str, files: Files, *, into: Takes | None, report: Report, threads: int = 0
) -> Iterator[tuple[Found, Digest]]:
    """Give each file with its digest, in no order; `into` keeps the bytes as well. `files` are gone through twice.

    The stamp of what is given is the one that held before and after reading; a file that changes each time it is read
    raises Conflict kind="file-changing", an unreadable one Unavailable kind="file-unreadable".
    """
    if not files:
        return
    total = sum(file.stamp.size for file in files)
    label = "store files" if into else "hash files"
    done = 0
    report(Progress(label, 0, total, "B"))
    for answer in _answers(_groups(files), lambda group: _read_group(root, group, into), threads):
        for file, digest in answer:
            done += file.stamp.size
            yield file, digest
        report(Progress(label, min(done, total - 1), total, "B"))
    report(Progress(label, total, total, "B"))


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

    count = threads or min(4, os.cpu_count() or 1)
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


def _groups(files: Iterable[Found]) -> Iterator[list[Found]]:
    """Put small files together, large ones alone; the largest first, so that none is left for the end."""
    large = sorted((file for file in files if file.stamp.size > SMALL), key=lambda file: -file.stamp.size)
    yield from ([file] for file in large)
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


def _read_group(root: str, group: list[Found], into: Takes | None) -> list[tuple[Found, Digest]]:
    if into is None:
        return [_steady(root, file, hash_file) for file in group]
    if group[0].stamp.size > SMALL:
        found, (digest, _) = _steady(root, group[0], lambda path: into.put_file(Path(path)))
        return [(found, digest)]
    read = [_steady(root, file, _read_all) for file in group]
    digests = into.put_all([data for _, data in read])
    return [(found, digest) for (found, _), digest in zip(read, digests, strict=True)]


def hash_file(path: str) -> Digest:
    """Read a file once, from front to end."""
    with open(path, "rb", buffering=0) as stream:
        first = stream.read(CHUNK)
        if len(first) < CHUNK:
            return digest_of(first + stream.readall())
        state = hashlib.sha256(first)
        while chunk := stream.read(CHUNK):
            state.update(chunk)
    return Digest("sha256:" + state.hexdigest())


def _read_all(path: str) -> bytes:
    with open(path, "rb", buffering=0) as stream:
        return stream.readall()


def _steady(root: str, file: Found, read: Callable[[str], T]) -> tuple[Found, T]:
    """Read a file that stays as it was seen; otherwise look again and try again."""
    path = os.path.join(root, file.path)
    try:
        for _ in range(TRIES):
            got = read(path)
            status = os.stat(path)
            if stat.S_ISREG(status.st_mode):
                after = Found(file.path, stamp_of(status), mode_of(status))
                if after.stamp == file.stamp:
                    return after, got
                file = after
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

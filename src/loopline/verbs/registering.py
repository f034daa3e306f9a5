"""registering: the files of a place that are not copied: listed, and read once for their digests; shared by who registers.

What was read is known to the store at once, in groups, so that whoever was interrupted goes on. A key whose size and stamp are
as they were is not read again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, Invalid, NotFound, Refused
from loopline.nouns.digest import Digest
from loopline.nouns.progress import Progress
from loopline.store.foreign import foreign_of, register
from loopline.store.sidecars import Foreign
from loopline.store.sources import Changed, FolderSource, Seen, Stamp, source_at, source_name
from loopline.store.system import processors

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopline.loop import Loop
    from loopline.store.pieces import Sums

SETTING: Final = "server.register_from"
_AT_ONCE: Final = 16
"""Objects of a bucket that are read together: a request waits longer than it works."""
_FEW: Final = 32
_FEW_BYTES: Final = 4 << 20
_GROUP: Final = 1 << 14
_GROUP_S: Final = 10.0
"""So much of the work is done again by who was killed."""
_TRIES: Final = 3
_TICK_NS: Final = 50_000_000
"""A file that was written so lately is waited for: written once more, its time might stay."""
_PAGE: Final = 8192


def allowed(loop: Loop, source: str) -> str:
    """Give the name of a source that this caller may register from. Raise Refused kind="source-not-allowed", Invalid."""
    if loop.caller is None:
        return source_name(source)
    if "://" not in source and not source.startswith("/"):
        raise Invalid(
            f"{source} is not a whole path",
            kind="bad-source",
            hint="name a folder of the server from / on",
            source=source,
        )
    name = source_name(source)
    if "://" not in name:
        name = os.path.realpath(name)
    for place in loop.places:
        within = source_name(place) if "://" in place else os.path.realpath(place)
        if name == within or name.startswith(within.rstrip("/") + "/"):
            return name
    raise Refused(
        f"this server does not register from {source}", kind="source-not-allowed",
        hint=f"ask who runs it to add the place to {SETTING}", setting=SETTING, source=source,
    )  # fmt: skip


class Reading:
    """One place: what is there, and what of it must be read. One thread uses it."""

    def __init__(self, loop: Loop, name: str) -> None:
        self._loop = loop
        self.name = name
        self.source = source_at(name)
        if loop.caller is not None and isinstance(self.source, FolderSource):
            allowed(loop, self.source.top)  # it may have become a link since
        self.seen: list[Seen] = []
        """What is there, in the order of paths; after `read` only what was there to the end."""
        self.unread: list[int] = []
        """Those of `seen` that are not known."""
        self._digests: dict[int, bytes] = {}
        self._executable: set[str] = set()

    @property
    def bytes(self) -> int:
        """How many bytes are there."""
        return sum(one.stamp.size for one in self.seen)

    @property
    def unread_bytes(self) -> int:
        """How many of them are to be read."""
        return sum(self.seen[at].stamp.size for at in self.unread)

    def digest(self, at: int) -> Digest:
        """Give the digest of what was seen, once it was read."""
        return Digest("sha256:" + self._digests[at].hex())

    def mode(self, at: int) -> int:
        """Give the mode that a tree keeps of it."""
        return 0o755 if self.seen[at].key in self._executable else 0o644

    def look(self, only: str = "") -> None:
        """List what is there, or look for one key alone; find what is known of it.

        Raise NotFound kind="source-empty", Invalid kind="bad-path".
        """
        if only:
            stamp = self.source.look(only)
            listed = iter([Seen(only, stamp)] if stamp else [])
        else:
            listed = self._files() if isinstance(self.source, FolderSource) else self.source.list()
        for number, one in enumerate(listed, 1):
            self.seen.append(one)
            if number % 1000 == 0:
                self._loop.report(Progress("list", number, None, "files"))
        self.seen.sort()
        self.seen = _without_markers(self.seen)
        if not self.seen:
            raise NotFound(
                f"there is nothing in {self.source.where(only) if only else self.name}", kind="source-empty",
                hint="name a folder, or a prefix without the file", source=self.name,
            )  # fmt: skip
        from loopline.datasets.path import are_paths, check_path

        for start in range(0, len(self.seen), _PAGE):
            page = self.seen[start : start + _PAGE]
            if not are_paths([one.key.encode(errors="surrogateescape") for one in page]):
                for one in page:
                    check_path(one.key)
        self._recognise()

    def read(self) -> None:
        """Read what is not known, several at once, and let the store know it, also where this is cut short."""
        if not self.unread:
            return
        from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

        count = min(4, processors()) if isinstance(self.source, FolderSource) else _AT_ONCE
        total, done, group, since = self.unread_bytes, 0, list[Foreign](), time.monotonic()
        self._loop.report(Progress("register", 0, total, "B"))
        rest, running = self._together(), dict[Future[list[Foreign | None]], list[int]]()
        with ThreadPoolExecutor(count, "loopline-register") as pool:
            try:
                while True:
                    some = islice(rest, 2 * count - len(running))
                    running.update((pool.submit(self._read_each, several), several) for several in some)
                    if not running:
                        break
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        for at, row in zip(running.pop(future), future.result(), strict=True):
                            if row is not None:
                                group.append(row)
                                self.seen[at] = Seen(row.key, row.stamp)
                                self._digests[at] = bytes.fromhex(row.digest[7:])
                                done += row.stamp.size
                    self._loop.report(Progress("register", max(0, min(done, total - 1)), total, "B"))
                    if len(group) >= _GROUP or time.monotonic() - since > _GROUP_S:
                        register(self._loop.blobs, group)
                        group, since = [], time.monotonic()
            finally:
                pool.shutdown(cancel_futures=True)
                if group:
                    register(self._loop.blobs, group)
        self._loop.report(Progress("register", total, total, "B"))
        there = [at for at in range(len(self.seen)) if at in self._digests]
        self._digests = {number: self._digests[at] for number, at in enumerate(there)}
        self.seen = [self.seen[at] for at in there]
        self.unread = []

    def _files(self) -> Iterator[Seen]:
        """Give the files of a folder, by the same rules as when it is added."""
        from loopline.datasets.index import Index
        from loopline.datasets.scan import scan

        for file in scan(Path(self.name), Index(self._loop.work / "registered" / "none")):
            if file.mode & 0o100:
                self._executable.add(file.path)
            yield Seen(file.path, Stamp(file.stamp.size, f"{file.stamp.mtime}-{file.stamp.inode}"))

    def _recognise(self) -> None:
        """Find what was read before. What was condemned meanwhile is kept from now on."""
        sidecars = foreign_of(self._loop.blobs)
        if sidecars is None:
            raise Refused(
                "this store keeps its own bytes only", kind="no-foreign", hint="add the files: they are copied"
            )
        known = groupby(sidecars.rows(self.name), key=lambda row: row.key)
        key, rows = next(known, ("", iter(())))
        for at, one in enumerate(self.seen):
            while key and key < one.key:
                key, rows = next(known, ("", iter(())))
            if key == one.key:
                same = next((row for row in rows if row.stamp == one.stamp), None)
                if same is not None:
                    self._digests[at] = bytes.fromhex(same.digest[7:])
        if not self._loop.ledger.dry:
            ids = iter(list(self._digests.items()))
            while page := dict(islice(ids, _PAGE)):
                there = sidecars.find_all(set(page.values()))
                for at, ident in page.items():
                    if ident not in there:
                        del self._digests[at]
        self.unread = [at for at in range(len(self.seen)) if at not in self._digests]

    def _together(self) -> Iterator[list[int]]:
        """Put small files together that one thread reads; an object of a bucket takes a request each way."""
        most = _FEW if isinstance(self.source, FolderSource) else 1
        several, size = list[int](), 0
        for at in self.unread:
            several.append(at)
            size += self.seen[at].stamp.size
            if len(several) >= most or size >= _FEW_BYTES:
                yield several
                several, size = [], 0
        if several:
            yield several

    def _read_each(self, several: list[int]) -> list[Foreign | None]:
        return [self._read(at) for at in several]

    def _read(self, at: int) -> Foreign | None:
        """Read one for its digest; None where it is not there any more."""
        key, stamp = self.seen[at]
        for _ in range(_TRIES):
            self._settle(stamp)
            try:
                digest, sums = _summed(self.source.read(key, stamp, 0, stamp.size), stamp.size)
            except Changed as why:
                if why.gone:
                    return None
            else:
                note: Callable[[Sums], None] | None = getattr(self._loop.blobs, "note_sums", None)
                if sums is not None and note is not None:
                    note(sums)
                return Foreign(digest, self.name, key, stamp)
            now = self.source.look(key)
            if now is None:
                return None
            stamp = now
        raise Conflict(
            f"{self.source.where(key)} changes while it is read", kind="file-changing",
            hint="wait until whoever writes it is done, then try again", path=key,
        )  # fmt: skip

    def _settle(self, stamp: Stamp) -> None:
        """Let the clock of a folder go on, where a file was written just now."""
        if isinstance(self.source, FolderSource):
            age = self._loop.clock.now() * 1000 - int(stamp.mark.partition("-")[0])
            if 0 <= age < _TICK_NS:
                time.sleep((_TICK_NS - age) / 1e9)


def _summed(chunks: Iterator[bytes], size: int) -> tuple[Digest, Sums | None]:
    """Read to the end; give the digest, and sums of the pieces of what is large."""
    from loopline.store.pieces import LARGE, Summing

    large = size > LARGE
    state, summing = sha256(), Summing()
    for chunk in chunks:
        state.update(chunk)
        if large:
            summing.update(chunk)
    return Digest("sha256:" + state.hexdigest()), summing.sums(state.digest()) if large else None


def _without_markers(seen: list[Seen]) -> list[Seen]:
    """Leave out what only says that there is a folder: an empty object with others below it."""
    empty = {one.key for one in seen if not one.stamp.size}
    above = {folder for one in seen for folder in _folders(one.key) if folder in empty} if empty else set()
    return [one for one in seen if one.key not in above]


def _folders(key: str) -> Iterator[str]:
    while at := key.rfind("/") + 1:
        key = key[: at - 1]
        yield key

"""uploads: large objects that are sent in parts, of which each is noted, so that whoever was killed goes on where they were.

`<folder>/<sha256 of store and content>.upload` belongs to one upload, and is locked by whoever sends it. Its first line says
which one, then comes a line for each part that has arrived. What the store says of it counts, since an answer may be lost. It is
a cache: without it the object is sent anew. What was left for a week is aborted by who sends something later.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import md5, sha256
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from loopline.errors import LooplineError
from loopline.store.addresses import refusal
from loopline.store.files import locked, writing
from loopline.store.s3calls import Calls, Gone
from loopline.store.system import SystemClock

PART: Final = 8 << 20
_MOST_PARTS: Final = 9_000
_AT_ONCE: Final = 4
_AT_ONCE_BYTES: Final = 64 << 20
"""Bytes of one upload that are held in memory, about."""
_ALONE: Final = 64 << 20
"""Up to this size parts go one after the other: then several objects are under way at once, and a kill costs one part of each."""
LEFT_S: Final = 7 * 86400.0
_END: Final = ".upload"
_FOLDERS: Final = ("blobs", "packs")
_MD5: Final = re.compile(r"[0-9a-f]{32}\Z")
_LINE: Final = re.compile(r"([0-9]{1,5}) \"?([^\"\s]+)\"?\n\Z")
_CLOCK: Final = SystemClock()


class _Head(msgspec.Struct, forbid_unknown_fields=True):
    """The first line."""

    store: str
    key: str
    upload: str
    size: int
    part: int
    at: float
    """When it was begun, in seconds since the epoch."""


class Uploads:
    """Uploads to one store. Any number of threads and processes may use the same folder."""

    def __init__(self, calls: Calls, folder: Path) -> None:
        self._calls, self._folder = calls, Path(folder)

    def put(self, key: str, content: str, source: IO[bytes] | bytes, size: int) -> str | None:
        """Send an object in parts, going on with an upload of the same `content`; give the key under which it is now.

        An upload that is gone on with keeps its own key. It stays noted until `forget`. None where somebody else sends the same
        content just now, or nothing can be noted: then nothing was sent.
        """
        with contextlib.ExitStack() as stack:
            try:
                os.makedirs(self._folder, exist_ok=True)
                stack.enter_context(locked(self._file(content), make=True))
            except OSError:  # BlockingIOError among them
                return None
            with writing(self._folder):
                return self._put(_Sending(self._calls, self._file(content)), key, source, size)

    def forget(self, content: str) -> None:
        """Forget that an object was sent: whatever needs it is durable."""
        with contextlib.suppress(OSError):
            os.unlink(self._file(content))

    def sweep(self, *, older: float = LEFT_S) -> int:
        """Abort what was begun `older` seconds ago and left; give how many uploads. What cannot be done now is left for later."""
        done = 0
        with contextlib.suppress(LooplineError, Gone, OSError):
            done += self._sweep_noted(older)
            now, ours = _CLOCK.now() / 1e6, {head.upload for file in self._files() if (head := _head(str(file)))}
            for folder in _FOLDERS:
                for one in list(self._calls.begun(folder)):
                    if now - one.at >= older and one.upload not in ours:
                        self._calls.abort(one.key, one.upload)
                        done += 1
        return done

    def _put(self, sending: _Sending, key: str, source: IO[bytes] | bytes, size: int) -> str:
        part = max(PART, -(-size // _MOST_PARTS))
        head = _Head(self._calls.url, key, "", size, part, _CLOCK.now() / 1e6)
        for _ in range(2):
            if (made := sending.made(head)) is not None:
                return made
            here = sending.resume(head) or sending.begin(head)
            try:
                sending.run(here, _reader(source))
            except Gone:  # it was made, and the answer was lost; or somebody has aborted it
                if (made := sending.made(head)) is not None:
                    return made
                sending.drop()
                continue
            except LooplineError as error:
                if error.kind != "store-unreachable":
                    with contextlib.suppress(LooplineError):
                        self._calls.abort(here.key, here.upload)
                    sending.drop()
                raise
            return here.key
        raise refusal(self._calls.url, "404", "NoSuchUpload", doing="write")

    def _sweep_noted(self, older: float) -> int:
        done = 0
        now = _CLOCK.now() / 1e6
        for file in self._files():
            with contextlib.suppress(OSError):
                if now - file.stat().st_mtime < older:
                    continue
                with locked(str(file)):
                    head = _head(str(file))
                    if head is not None and head.store != self._calls.url:
                        continue
                    if head is not None:
                        self._calls.abort(head.key, head.upload)
                        done += 1
                    file.unlink()
        return done

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_END}"))

    def _file(self, content: str) -> str:
        return str(self._folder / (sha256(f"{self._calls.url} {content}".encode()).hexdigest() + _END))


class _Sending:
    """One upload and its file. Whoever uses it holds the file's lock."""

    def __init__(self, calls: Calls, file: str) -> None:
        self._calls, self._file = calls, file
        self._have: dict[int, str] = {}
        self._guard = threading.Lock()

    def begin(self, head: _Head) -> _Head:
        """Begin an upload, and note it before anything is sent."""
        head = msgspec.structs.replace(head, upload=self._calls.begin(head.key))
        self._have = {}
        with open(self._file, "r+b", buffering=0) as noted:
            noted.truncate()
            noted.write(msgspec.json.encode(head) + b"\n")
            os.fsync(noted.fileno())
        return head

    def resume(self, wanted: _Head) -> _Head | None:
        """Find an upload of the same content that the store still knows, and which of its parts have arrived."""
        head = _head(self._file)
        if head is None or not _same(head, wanted):
            return None
        try:
            listed = list(self._calls.parts(head.key, head.upload))
        except Gone:
            return None
        sizes = {number: min(head.part, head.size - (number - 1) * head.part) for number in _numbers(head)}
        self._have = {one.number: one.etag for one in listed if sizes.get(one.number) == one.size}
        with open(self._file, "ab", buffering=0) as noted:
            noted.write("".join(f"{number} {etag}\n" for number, etag in self._have.items()).encode())
        return head

    def made(self, wanted: _Head) -> str | None:
        """Give the key of the object, if it has been made of the parts that are noted; the store says so by its ETag."""
        head = _head(self._file)
        if head is None or not _same(head, wanted):
            return None
        with open(self._file, encoding="latin-1") as noted:
            lines = [found.groups() for line in noted.readlines()[1:] if (found := _LINE.match(line))]
        etags = {int(number): etag for number, etag in lines}
        if set(etags) != set(_numbers(head)) or not all(_MD5.match(etag) for etag in etags.values()):
            return None
        whole = md5(b"".join(bytes.fromhex(etags[number]) for number in _numbers(head)), usedforsecurity=False)
        there = self._calls.look(head.key)
        same = there is not None and there.etag.strip('"') == f"{whole.hexdigest()}-{len(etags)}"
        return head.key if same else None

    def run(self, head: _Head, read: Callable[[int, int], bytes]) -> None:
        """Send what is lacking, a few parts at once, and make the object."""
        lacking = [number for number in _numbers(head) if number not in self._have]
        at_once = 1 if head.size <= _ALONE else max(1, min(_AT_ONCE, _AT_ONCE_BYTES // head.part))
        with open(self._file, "ab", buffering=0) as noted:

            def send(number: int, data: bytes) -> None:
                etag = self._calls.put_part(head.key, head.upload, number, data)
                with self._guard:
                    self._have[number] = etag
                    noted.write(f"{number} {etag}\n".encode())

            _windowed(send, ((n, read((n - 1) * head.part, head.part)) for n in lacking), at_once)
        self._calls.complete(head.key, head.upload, sorted(self._have.items()))

    def drop(self) -> None:
        """Forget the upload; the file stays, for its lock."""
        self._have = {}
        with contextlib.suppress(OSError):
            os.truncate(self._file, 0)


def _head(file: str) -> _Head | None:
    """Read which upload it is; None where that was not written whole."""
    with contextlib.suppress(OSError, msgspec.DecodeError), open(file, "rb") as noted:
        line = noted.readline()
        if line.endswith(b"\n"):
            return msgspec.json.decode(line, type=_Head)
    return None


def _same(head: _Head, wanted: _Head) -> bool:
    """Tell whether an upload may be gone on with: what was left too long, others are about to sweep."""
    young = abs(wanted.at - head.at) < LEFT_S
    return young and (head.store, head.size, head.part) == (wanted.store, wanted.size, wanted.part)


def _numbers(head: _Head) -> range:
    return range(1, -(-head.size // head.part) + 1)


def _windowed(work: Callable[..., None], asked: Iterator[tuple[Any, ...]], at_once: int) -> None:
    """Do something for each, so many at once; what is to be done is made when there is room for it."""
    if at_once == 1:
        for one in asked:
            work(*one)
        return
    with ThreadPoolExecutor(at_once, thread_name_prefix="loopline-parts") as pool:
        running: deque[Future[None]] = deque()
        try:
            for one in asked:
                running.append(pool.submit(work, *one))
                if len(running) >= at_once:
                    running.popleft().result()
            while running:
                running.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _reader(source: IO[bytes] | bytes) -> Callable[[int, int], bytes]:
    """Read at a place. One thread does."""

    def read(start: int, length: int) -> bytes:
        if isinstance(source, bytes):
            return source[start : start + length]
        source.seek(start)
        return source.read(length)

    return read

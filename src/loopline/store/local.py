"""local: blobs in a folder, one file each, laid out as in an OCI image layout (image-spec, image-layout.md).

`<folder>/blobs/sha256/<hex>` holds what is kept; `<folder>/tmp/blob-…` what is being written. A writer holds a lock on
its temporary file, so that another can tell what a killed process left behind, and removes it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, digest_of, parse_digest
from loopline.store.blobs import CHUNK, Writer, absent, corrupt

_HEX: Final = re.compile(r"[0-9a-f]{64}\Z")
_GROUP: Final = 256
"""Files that wait for the disk together; each holds a file descriptor meanwhile."""
_GROUP_BYTES: Final = 64 << 20
_NUMBERS: Final = itertools.count()
_FEW: Final = 16
"""Up to so many files are synced one by one: `syncfs` also waits for what other programs write."""


class LocalBlobs:
    """Keeps blobs under `folder`, which is made when the first is written. Files are mode 0444."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._blobs = str(self.folder / "blobs" / "sha256")
        self._tmp = str(self.folder / "tmp")
        self._ready = False

    def put(self, data: bytes) -> Digest:
        """Keep `data`."""
        return self.put_all([data])[0]

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep each, in groups: write all files of a group, sync them together, rename them."""
        digests: list[Digest] = []
        with self._writing():
            for group in _grouped(items):
                self._put_group(group, digests)
            if digests:
                _sync_folder(self._blobs)
        return digests

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what the file holds: it is hashed while it is copied."""
        with open(path, "rb", buffering=0) as source, self.writer() as writer:
            while chunk := source.read(CHUNK):
                writer.write(chunk)
            return writer.commit()

    def writer(self) -> Writer:
        """Begin a blob in a temporary file."""
        return _LocalWriter(self)

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob, one chunk behind what was hashed."""
        with self._reading(digest):
            os.stat(self._where(digest))
        return self._stream(digest)

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob."""
        with self._reading(digest), open(self._where(digest), "rb", buffering=0) as file:
            data = file.readall()
        found = digest_of(data)
        if found != digest:
            raise corrupt(digest, found, len(data))
        return data

    def size(self, digest: Digest) -> int | None:
        """Give the size of its file."""
        try:
            return os.stat(self._where(digest)).st_size
        except FileNotFoundError:
            return None

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Give those without a file."""
        return {digest for digest in digests if not os.path.exists(self._where(digest))}

    def path(self, digest: Digest) -> Path | None:
        """Give its file, unverified."""
        where = self._where(digest)
        return Path(where) if os.path.exists(where) else None

    def verify(self, digest: Digest) -> None:
        """Hash its file."""
        for _ in self.get(digest):
            pass

    def delete(self, digest: Digest) -> bool:
        """Remove its file."""
        with self._writing():
            try:
                os.unlink(self._where(digest))
            except FileNotFoundError:
                return False
            _sync_folder(self._blobs)
            return True

    def iter(self) -> Iterator[Digest]:
        """Give the files whose names are digests."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self._blobs) as found:
            for entry in found:
                if _HEX.match(entry.name):
                    yield Digest("sha256:" + entry.name)

    def _where(self, digest: Digest) -> str:
        return f"{self._blobs}/{parse_digest(digest)[7:]}"

    def _put_group(self, group: list[bytes], digests: list[Digest]) -> None:
        fresh: list[tuple[int, str, Digest]] = []
        seen: set[Digest] = set()
        try:
            for data in group:
                digest = digest_of(data)
                digests.append(digest)
                if digest in seen or self._holds(digest, data):
                    continue
                seen.add(digest)
                fresh.append((*self._temporary(), digest))
                _write_all(fresh[-1][0], data)
                os.fchmod(fresh[-1][0], 0o444)
            _sync([number for number, _, _ in fresh])
            for _, name, digest in fresh:
                os.rename(name, self._where(digest))
        finally:
            for number, name, _ in fresh:
                _drop(number, name)

    def _holds(self, digest: Digest, data: bytes) -> bool:
        try:
            with open(self._where(digest), "rb", buffering=0) as file:
                return file.readall() == data
        except OSError:
            return False

    def _temporary(self) -> tuple[int, str]:
        """Make a temporary file that is locked, so that nobody takes it for a dead writer's."""
        if not self._ready or not os.path.isdir(self._tmp):
            _make_durable(self._blobs)
            os.makedirs(self._tmp, exist_ok=True)
            self._sweep()
            self._ready = True
        while True:
            name = os.path.join(self._tmp, f"blob-{os.getpid()}-{next(_NUMBERS)}")
            try:
                number = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:  # another machine or container has the same process number
                continue
            with contextlib.suppress(OSError):  # a file system without locks: then nobody can sweep it either
                fcntl.flock(number, fcntl.LOCK_EX)
            if os.path.exists(name):
                return number, name
            os.close(number)  # swept between making and locking it: make another

    def _sweep(self) -> None:
        """Remove what killed writers left: temporary files that nobody has locked."""
        with os.scandir(self._tmp) as found:
            names = [entry.path for entry in found if entry.name.startswith("blob-")]
        for name in names:
            with contextlib.suppress(OSError):
                number = os.open(name, os.O_RDONLY)
                try:
                    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(name)
                finally:
                    os.close(number)

    def _stream(self, digest: Digest) -> Iterator[bytes]:
        import hashlib  # here and below: a command that only reads rows hashes nothing

        state, size, behind = hashlib.sha256(), 0, b""
        with self._reading(digest):
            number = os.open(self._where(digest), os.O_RDONLY)
        try:
            while True:
                with self._reading(digest):
                    chunk = os.read(number, CHUNK)
                if not chunk:
                    break
                if behind:
                    yield behind
                state.update(chunk)
                size, behind = size + len(chunk), chunk
        finally:
            os.close(number)
        found = Digest("sha256:" + state.hexdigest())
        if found != digest:
            raise corrupt(digest, found, size)
        if behind:
            yield behind

    @contextlib.contextmanager
    def _reading(self, digest: Digest) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise absent(digest) from None
        except OSError as caught:
            raise Unavailable(
                f"blob {digest[7:19]} cannot be read: {caught.strerror}",
                kind="blob-unreadable",
                hint=f"make {self.folder} readable, or check its disk",
                digest=digest,
                errno=caught.errno,
            ) from caught

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as caught:
            raise _refusal(caught, self.folder) from caught


class _LocalWriter:
    def __init__(self, blobs: LocalBlobs) -> None:
        import hashlib

        self._blobs = blobs
        self._state = hashlib.sha256()
        self._size = 0
        with blobs._writing():
            self._number, self._name = blobs._temporary()
        self._open = True

    def write(self, chunk: bytes) -> None:
        self._check()
        with self._blobs._writing():
            _write_all(self._number, chunk)
        self._state.update(chunk)
        self._size += len(chunk)

    def commit(self) -> tuple[Digest, int]:
        self._check()
        digest = Digest("sha256:" + self._state.hexdigest())
        try:
            with self._blobs._writing():
                os.fchmod(self._number, 0o444)
                _sync([self._number])
                os.rename(self._name, self._blobs._where(digest))
                _sync_folder(self._blobs._blobs)
        finally:
            self._discard()
        return digest, self._size

    def _check(self) -> None:
        if not self._open:
            msg = "this writer was committed or left"
            raise ValueError(msg)

    def _discard(self) -> None:
        if self._open:
            self._open = False
            _drop(self._number, self._name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._discard()

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self._discard()


def _grouped(items: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = iter(items)
    while group := list(islice(rest, 1)):
        size = len(group[0])
        for data in islice(rest, _GROUP - 1):
            group.append(data)
            size += len(data)
            if size >= _GROUP_BYTES:
                break
        yield group


def _write_all(number: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(number, view) :]


def _sync(numbers: list[int]) -> None:
    """Wait until the disk has what these files hold."""
    if len(numbers) > _FEW and sys.platform == "linux":
        import ctypes

        if ctypes.CDLL(None, use_errno=True).syncfs(numbers[0]) == 0:
            return
        number = ctypes.get_errno()
        if number != errno.ENOSYS:
            raise OSError(number, os.strerror(number))
    full = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: its fsync does not wait for the disk
    for number in numbers:
        if full is None:
            os.fsync(number)
        else:
            fcntl.fcntl(number, full)


def _sync_folder(folder: str) -> None:
    """Wait until the disk has the names in a folder."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _make_durable(folder: str) -> None:
    """Make a folder with its parents, each of them named durably in its own parent."""
    if not os.path.isdir(folder):
        parent = os.path.dirname(folder) or "."
        _make_durable(parent)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)
        _sync_folder(parent)


def _drop(number: int, name: str) -> None:
    """Close a temporary file and remove it where it was not renamed."""
    with contextlib.suppress(OSError):
        os.unlink(name)
    with contextlib.suppress(OSError):
        os.close(number)


def _refusal(caught: OSError, folder: Path) -> Unavailable:
    match caught.errno:
        case errno.ENOSPC | errno.EDQUOT:
            kind, what, hint = "disk-full", "is full", "free some space, then try again"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            kind, what, hint = "store-read-only", "cannot be written", f"make {folder} writable, then try again"
        case _:
            kind, what, hint = "store-broken", f"failed: {caught.strerror}", "check the disk, then try again"
    return Unavailable(f"the store {folder} {what}", kind=kind, hint=hint, folder=str(folder), errno=caught.errno)

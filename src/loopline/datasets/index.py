"""index: what the file system said about each file when it was read, so that it need not be read again.

A cache and nothing more: without it every file is hashed once. A file is taken as unchanged when its size, both times, inode and
device are as they were, and its last change lies before the reading began. The second half matters as in git
(Documentation/technical/racy-git): the clock of a file system ticks in milliseconds, and a file that was written in
the tick in which it was read may be written again without its stamp changing; such a file is read once more.

Beside it stands `base`: the tree that the folder was last in step with, by checkout or by publishing. What differs from it
is somebody's work, which a checkout does not overwrite.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from xxhash import xxh3_64_digest

from loopline.datasets.scan import Stamp
from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, is_digest_prefix

MAGIC: Final = b"\x89LLIDX\x01\n"
_Body = tuple[list[str], list[str], list[Stamp], bytes, list[int]]


class Index:
    """The stamps and digests of one folder's files, kept in one file. For one thread at a time.

    A file that is missing, damaged or of another format is an empty index. One that is there and cannot be read (an error of
    the disk, a permission) is one without stamps, and is not written over; only who asks it for `bases` is refused, because what
    it would say is not known. Two processes that save one after the other lose knowledge, never correctness; whoever sets `base`
    should hold the folder (a checkout does).
    """

    def __init__(self, file: Path) -> None:
        self.file = Path(file)
        self._bases: tuple[Digest, ...] = ()
        self._unread: OSError | None = None
        self._known: dict[str, tuple[Stamp, bytes, int]] = {}
        self._dirty = False
        self._saved: tuple[Digest, ...] = ()
        self._load()

    @property
    def bases(self) -> tuple[Digest, ...]:
        """Trees that a file may be in step with: one; more after a checkout that was cut short.

        Raise Unavailable kind="index-unreadable".
        """
        if self._unread is not None:
            raise Unavailable(
                f"cannot read {self.file}: {self._unread.strerror}", kind="index-unreadable",
                hint="check the disk and the file's permissions; without that file all that differs counts as changed here",
                path=str(self.file),
            ) from self._unread  # fmt: skip
        return self._bases

    @bases.setter
    def bases(self, roots: tuple[Digest, ...]) -> None:
        self._bases, self._unread = roots, None

    @property
    def base(self) -> Digest | None:
        """Root of the tree that the folder was last in step with; None where there was none."""
        return self.bases[0] if self.bases else None

    @base.setter
    def base(self, root: Digest) -> None:
        self.bases = (root,)

    def __len__(self) -> int:
        """Count the files it knows."""
        return len(self._known)

    def now(self) -> int:
        """Ask the file system for its time in nanoseconds: what is written from here on is stamped with it or later.

        Raise Unavailable kind="index-unwritable".
        """
        probe = f"{self.file}.{os.getpid()}.now"
        with self._writing():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            number = os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
            try:
                os.write(number, b"\0")
                return os.fstat(number).st_mtime_ns
            finally:
                os.close(number)
                os.unlink(probe)

    def find(self, path: str, stamp: Stamp) -> Digest | None:
        """Give the digest of a file, if its stamp proves that it is as it was read."""
        known = self._known.get(path)
        if known is None or known[0] != stamp or stamp.mtime >= known[2]:
            return None
        return Digest("sha256:" + known[1].hex())

    def learn(self, path: str, stamp: Stamp, digest: Digest, *, began: int) -> None:
        """Note that a file with this stamp, taken before and after, was read not before `began` (a `now`)."""
        self._known[path] = (stamp, bytes.fromhex(digest[7:]), began)
        self._dirty = True

    def keep(self, paths: Iterable[str]) -> None:
        """Forget all files but these."""
        here = set(paths)
        gone = [path for path in self._known if path not in here]
        self.forget(gone)

    def forget(self, paths: Iterable[str]) -> None:
        """Forget these files."""
        for path in paths:
            self._dirty |= self._known.pop(path, None) is not None

    def save(self) -> None:
        """Write it if anything is new, whole or not at all. Raise Unavailable kind="index-unwritable"."""
        if self._unread is not None or (not self._dirty and self._bases == self._saved):
            return
        rows = self._known.values()
        body = msgspec.msgpack.encode((
            self._bases,
            list(self._known),
            [row[0] for row in rows],
            b"".join(row[1] for row in rows),
            [row[2] for row in rows],
        ))
        temporary = f"{self.file}.{os.getpid()}.new"
        with self._writing():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open(temporary, "wb") as stream:
                    stream.write(MAGIC + xxh3_64_digest(body) + body)
                    stream.flush()
                    os.fsync(stream.fileno())
                os.replace(temporary, self.file)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
        self._dirty, self._saved = False, self._bases

    def _load(self) -> None:
        try:
            data = self.file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._unread = error
            return
        head, body = data[: len(MAGIC) + 8], data[len(MAGIC) + 8 :]
        if head != MAGIC + xxh3_64_digest(body):
            return
        try:
            bases, paths, stamps, digests, began = msgspec.msgpack.decode(body, type=_Body)
        except (msgspec.DecodeError, RecursionError):
            return
        if not len(paths) == len(stamps) == len(began) or len(digests) != 32 * len(paths):
            return
        ids = [digests[at : at + 32] for at in range(0, len(digests), 32)]
        self._known = dict(zip(paths, zip(stamps, ids, began, strict=True), strict=True))
        self._bases = self._saved = tuple(Digest(base) for base in bases if is_digest_prefix(base))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable(
                f"cannot write {self.file}: {error.strerror}",
                kind="index-unwritable",
                hint="check the disk's space and the folder's permissions",
                path=str(self.file),
            ) from error

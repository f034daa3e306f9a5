"""oserrors: our errors as those say it who read and write files, for callers that know nothing of Loopline."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused
from loopline.nouns.digest import Digest
from loopline.sdk.opened import Ranges

_KINDS = {
    "is-a-tree": errno.EISDIR, "file-is-folder": errno.ENOTDIR, "blob-missing": errno.EIO, "disk-full": errno.ENOSPC,
    "store-read-only": errno.EROFS,
}  # fmt: skip


@contextmanager
def as_os(path: object) -> Iterator[None]:
    """Raise OSError, or that one of its classes that says what is wrong with `path`; ours is its cause."""
    try:
        yield
    except LooplineError as error:
        match error:
            case NotFound():
                number = errno.ENOENT
            case Refused():
                number = errno.EACCES
            case Conflict():
                number = errno.EBUSY
            case Invalid():
                number = errno.EINVAL
            case _:
                number = errno.EIO
        text = f"{error.message} ({error.hint})" if error.hint else error.message
        raise OSError(_KINDS.get(error.kind, number), text, str(path)) from error


class Plain:
    """A store whose errors are those of files."""

    def __init__(self, blobs: Ranges, path: str) -> None:
        self._blobs = blobs
        self._path = path

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob."""
        with as_os(self._path):
            return self._blobs.read(digest)

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part of a blob."""
        with as_os(self._path):
            yield from self._blobs.range(digest, start, length)

"""links: files of folders that are blobs of a local store by another name, and parting the two where somebody writes into one.

Whoever writes into such a file, though it is read-only, writes into the store. What is read from a store is verified, so nothing
wrong is ever given; here it is found out who did it, and the store lets go of the file, which keeps what was written.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loopline.nouns.digest import Digest
from loopline.store.aside import is_wrong
from loopline.store.files import is_hex
from loopline.store.marks import unmark
from loopline.store.named import LocalNamed

if TYPE_CHECKING:
    from loopline.store.local import LocalBlobs

READ_ONLY: Final = 0o444
"""Mode of a blob's file, and of its other names."""
_CHUNK: Final = 1 << 20


def links_of(blobs: object) -> Links | None:
    """Give the links of a store; None where its blobs are no files of this machine that may have other names."""
    found: Links | None = getattr(blobs, "links", None)
    return found


class Links:
    """The other names of a store's blobs. Threads may share it."""

    def __init__(self, blobs: LocalBlobs) -> None:
        self._blobs = blobs
        self.above = blobs.small
        """Blobs of more bytes than that are files of their own."""

    def link(self, digest: Digest, file: str) -> os.stat_result | None:
        """Give a blob the name `file` besides, and what the system says of it, once its bytes were verified under that name.

        None, and no such file: it lies in a pack, on another file system, is damaged, or may not be linked.
        """
        try:
            os.link(self._file(digest), file, follow_symlinks=False)
        except OSError:
            return None
        status = _verified(file, digest)
        if status is None:
            os.unlink(file)
        return status

    def known(self) -> dict[tuple[int, int], Digest]:
        """Give those blobs that have another name, by device and inode."""
        found = dict[tuple[int, int], Digest]()
        with contextlib.suppress(FileNotFoundError), os.scandir(self._blobs.loose) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_nlink > 1 and is_hex(entry.name):
                        found[status.st_dev, status.st_ino] = Digest("sha256:" + entry.name)
        return found

    def part(self, digest: Digest, file: str) -> bool | None:
        """Let the store have a blob for itself that `file` is a name of, where somebody wrote into it or is about to.

        True: it was written, and the store's name of it is set aside as damaged. False: only its mode was changed, and the store
        has the bytes in a file of its own now. None: nothing was done to it. `file` stays the file that it was.
        """
        own = self._file(digest)
        try:
            status = os.stat(file)
            if not os.path.samestat(status, os.lstat(own)):
                return None
        except FileNotFoundError:
            return None
        if is_wrong(own, digest):
            unmark(LocalNamed(self._blobs))  # trees that were whole are not any more
            self._blobs.set_aside(digest)
            return True
        if stat.S_IMODE(status.st_mode) == READ_ONLY:
            return None
        self._blobs.put_file(Path(file))
        return False

    def _file(self, digest: Digest) -> str:
        return self._blobs.file_of(bytes.fromhex(digest[7:]))


def _verified(file: str, digest: Digest) -> os.stat_result | None:
    """Read a blob under its new name; None where it is not that blob, or changes, or is not read-only as a store leaves it."""
    state = hashlib.sha256()
    number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        before = os.fstat(number)
        if before.st_mode != stat.S_IFREG | READ_ONLY:
            return None
        while chunk := os.read(number, _CHUNK):
            state.update(chunk)
        after = os.fstat(number)
    finally:
        os.close(number)
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return after if same and state.hexdigest() == digest[7:] else None

"""localwriter: one blob that is being written into a folder, in a file that nobody sees until it has its name."""

from __future__ import annotations

import hashlib
import os
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from loopline.nouns.digest import Digest
from loopline.store.behind import Behind
from loopline.store.files import drop, sync, sync_folder, write_all, write_back, writing
from loopline.store.pieces import LARGE, Summing

if TYPE_CHECKING:
    from loopline.store.local import LocalBlobs

AHEAD: Final = 8 << 20
"""Bytes after which the disk begins to write, so that the end of a large blob need not wait for all of it."""


class LocalWriter:
    """Keeps Writer's promises."""

    def __init__(self, blobs: LocalBlobs) -> None:
        self._blobs = blobs
        self._summing = Summing()
        self._state = hashlib.sha256()
        with writing(blobs.folder):
            self._number, self._name = blobs.scratch.make()
        self._open = True
        self._behind: Behind | None = None
        """Hashes beside the writing, from where a blob is large on. It knows no writer: a forgotten one goes, and its thread."""
        self._begun = 0
        """Up to here the disk has been told to write."""

    def write(self, chunk: bytes) -> None:
        """Take more bytes."""
        self._check()
        with writing(self._blobs.folder):
            write_all(self._number, chunk)
        if self._behind is not None:
            self._behind.take(chunk)
        else:
            self._state.update(chunk)
        self._summing.update(chunk)
        size = self._summing.size
        if self._behind is None and size > LARGE:
            self._behind = Behind(self._state.update)
        if size - self._begun >= AHEAD:
            write_back(self._number, self._begun, size)
            self._begun = size

    def commit(self) -> tuple[Digest, int]:
        """Make what was written durable, and give its digest and size."""
        self._check()
        blobs, size = self._blobs, self._summing.size
        try:
            with writing(blobs.folder):
                os.fchmod(self._number, 0o444)
                sync([self._number])
                if self._behind is not None:
                    self._behind.end()
                ident = self._state.digest()
                os.rename(self._name, blobs.file_of(ident))
                sync_folder(blobs.loose)
        finally:
            self._discard()
        if size > LARGE:
            blobs.note_sums(self._summing.sums(ident))
        return Digest("sha256:" + ident.hex()), size

    def _check(self) -> None:
        if not self._open:
            msg = "this writer was committed or left"
            raise ValueError(msg)

    def _discard(self) -> None:
        if self._open:
            self._open = False
            drop(self._number, self._name)
            if self._behind is not None:
                self._behind.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._discard()

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self._discard()

"""keyed: bytes that lie under somebody else's names, in a folder or an object store. They are read, and nothing is verified."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from loopline.store.addresses import opened
from loopline.store.blobs import CHUNK
from loopline.store.files import unreadable
from loopline.store.objects import PIECE, ObjectBlobs


class Keyed(Protocol):
    """Gives bytes by key. Several threads may ask at once. Methods raise what reading from `Blobs` raises."""

    source: str
    """As which source a store can know it (`sources.py`); empty where it could not read it by itself later."""

    def size(self, key: str) -> int | None:
        """Give how many bytes lie there; None where there is nothing."""

    def open(self, key: str) -> tuple[int, Iterator[bytes]] | None:
        """Give size and bytes, in chunks of a MiB, the last one shorter; None where there is nothing."""


class LocalKeyed:
    """Reads files of a folder; a key is a path below it, and of no folder at all the path itself."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder
        self.source = folder

    def size(self, key: str) -> int | None:
        """Ask for the size of a file."""
        try:
            return os.stat(os.path.join(self._folder, key)).st_size
        except OSError:
            return None

    def open(self, key: str) -> tuple[int, Iterator[bytes]] | None:
        """Open a file: what is read is what is there now."""
        path = os.path.join(self._folder, key)
        try:
            number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unreadable(error, Path(path)) from error
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            os.close(number)
            return None
        return status.st_size, _chunks(number, path)


class ObjectKeyed:
    """Reads objects below an address: `s3://`, `gs://` or `az://`.

    `options` say what the environment else does, secrets among them: endpoint, region, access_key_id, secret_access_key,
    session_token, skip_signature; and by `file` and `profile` which of AWS's shared credentials.
    """

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        said = dict(options or {})
        named = {key: said.pop(key) for key in ("file", "profile") if key in said}
        self.source = "" if said or named else url
        plain = said.get("endpoint", "").startswith("http://")
        self._objects = ObjectBlobs(url, opening=partial(opened, options=said, plain=plain, **named))

    def size(self, key: str) -> int | None:
        """Ask for the size of an object."""
        try:
            with self._objects.asking("read") as (obs, store):
                return int(obs.head(store, key)["size"])
        except FileNotFoundError:
            return None

    def open(self, key: str) -> tuple[int, Iterator[bytes]] | None:
        """Ask for the first piece of an object, and for the others as they are needed."""
        try:
            with self._objects.asking("read") as (obs, store):
                try:
                    found = obs.get(store, key, options={"range": (0, PIECE)})
                    first, size = bytes(found.bytes()), int(found.meta["size"])
                except obs.exceptions.BaseError:
                    if obs.head(store, key)["size"]:
                        raise
                    first, size = b"", 0  # a range of nothing is an error
        except FileNotFoundError:
            return None
        return size, self._pieces(key, first, size)

    def _pieces(self, key: str, piece: bytes, size: int) -> Iterator[bytes]:
        at = 0
        while piece:
            for start in range(0, len(piece), CHUNK):
                yield piece[start : start + CHUNK]
            at += len(piece)
            piece = b""
            if at < size:
                with self._objects.asking("read") as (obs, store):
                    piece = bytes(obs.get_range(store, key, start=at, end=min(at + PIECE, size)))


def _chunks(number: int, path: str) -> Iterator[bytes]:
    with os.fdopen(number, "rb") as file:
        try:
            while chunk := file.read(CHUNK):
                yield chunk
        except OSError as error:
            raise unreadable(error, Path(path)) from error

"""sources: where bytes lie that a store knows and does not keep: files of a folder, objects of a bucket.

A source is named as people write it: an absolute folder, or `s3://BUCKET/PREFIX`, `gs://…`, `az://…`. A *stamp* says which bytes
were seen under a key: of a file its time of change and inode, of an object its ETag. Keys to an object store are found where its
own tools find them; none is ever part of a source.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import unquote

from loopline.errors import Invalid

if TYPE_CHECKING:
    from loopline.store.objects import ObjectBlobs

PIECE: Final = 8 << 20
"""Bytes of one request to a bucket."""
_CHUNK: Final = 1 << 20
_ASKED: Final = 256
"""Of more keys than that, all keys of the source are listed."""
_AT_ONCE: Final = 16
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f]")
"""What those who read addresses leave out without a word."""
_FOLDER: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW


class Stamp(NamedTuple):
    """What tells one content of a key from another, as far as that goes without reading it."""

    size: int
    mark: str


class Seen(NamedTuple):
    """One file or object of a source."""

    key: str
    stamp: Stamp


class Changed(Exception):  # noqa: N818 - it is told to people by whoever knows which blob it is about
    """What lies under a key is not what its stamp says."""

    def __init__(self, why: str, *, gone: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.gone = gone


class Source(Protocol):
    """One place. Any number of threads may use it at once. What a bucket raises is what `ObjectBlobs` raises."""

    name: str

    def where(self, key: str) -> str:
        """Say where a key is, for people."""

    def look(self, key: str) -> Stamp | None:
        """Give the stamp of what lies there now; None for nothing."""

    def list(self) -> Iterator[Seen]:
        """Give all there is in a bucket, in the order of its keys."""

    def sound(self, wanted: Iterable[Seen]) -> set[str]:
        """Give those of these keys under which lies what their stamps say."""

    def read(self, key: str, stamp: Stamp, start: int, stop: int) -> Iterator[bytes]:
        """Stream a part. Raise Changed as soon as something else is seen there than the stamp says."""


def source_at(name: str) -> Source:
    """Open a source. Raise Invalid kind="bad-source" where the name is none, or may hold a secret."""
    name = source_name(name)
    return BucketSource(name) if "://" in name else FolderSource(name)


def source_name(name: str) -> str:
    """Write the name of a source in the one way in which it is kept."""
    scheme, found, rest = name.partition("://")
    if not found:
        folder = os.path.abspath(name)  # links stay as they were written
        try:
            folder.encode()
        except UnicodeEncodeError:
            raise _bad("the folder's name is no UTF-8", "rename it, or make a link to it") from None
        return folder
    if "@" in rest.partition("/")[0] or "?" in rest or "#" in rest:
        raise _bad(
            f"the address of the {scheme} bucket holds what may be a secret",
            "leave keys to the environment (AWS_ACCESS_KEY_ID, AWS_SHARED_CREDENTIALS_FILE, …)",
        )
    if scheme not in ("s3", "gs", "az") or not rest.strip("/"):
        raise _bad("this is no place to register from", "write a folder, s3://BUCKET/PREFIX, gs://… or az://…")
    if _turns(rest):
        raise _bad(
            f"the address of the {scheme} bucket has dots or what nobody sees in it, and would mean another place",
            "write the prefix that is meant",
        )
    return f"{scheme}://{rest.rstrip('/')}"


def _turns(rest: str) -> bool:
    """Tell whether an opened address would be another than the one that was compared: addresses have `..`, also as `%2e%2e`."""
    said = unquote(rest)
    return bool(_UNSEEN.search(said)) or any(part.strip() in (".", "..") for part in said.split("/"))


def _bad(what: str, hint: str) -> Invalid:
    return Invalid(what, kind="bad-source", hint=hint)


def file_stamp(state: os.stat_result) -> Stamp:
    """Give the stamp of a file."""
    return Stamp(state.st_size, f"{state.st_mtime_ns}-{state.st_ino}")


class FolderSource:
    """Files of a folder of this machine."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.top = os.path.realpath(name).rstrip("/") + "/"
        """What the name led to when it was opened. Nothing outside of it is read."""

    def where(self, key: str) -> str:
        """Give its path."""
        return f"{self.name}/{key}"

    def look(self, key: str) -> Stamp | None:
        """Ask the system."""
        try:
            state = os.stat(self.where(key))
        except OSError:
            return None
        return file_stamp(state) if stat.S_ISREG(state.st_mode) else None

    def list(self) -> Iterator[Seen]:
        """Give nothing: which files of a folder count is not for the store to say."""
        return iter(())

    def sound(self, wanted: Iterable[Seen]) -> set[str]:
        """Ask the system for each."""
        return {key for key, stamp in wanted if self.look(key) == stamp}

    def read(self, key: str, stamp: Stamp, start: int, stop: int) -> Iterator[bytes]:
        """Read the file, if it is the same one before and after, and no link leads out of the folder."""
        real = os.path.realpath(self.where(key))
        if not real.startswith(self.top):
            raise Changed("it is a link out of the folder")
        try:
            number = _open(real)
        except FileNotFoundError:
            raise Changed("it is not there", gone=True) from None
        except OSError as error:
            raise Changed(f"it cannot be read: {error.strerror}") from None
        try:
            self._be_same(number, stamp)
            while start < stop:
                try:
                    chunk = os.pread(number, min(_CHUNK, stop - start), start)
                except OSError as error:
                    raise Changed(f"it cannot be read: {error.strerror}") from None
                self._be_same(number, stamp)
                if not chunk:
                    break
                start += len(chunk)
                yield chunk
        finally:
            os.close(number)

    def _be_same(self, number: int, stamp: Stamp) -> None:
        state = os.fstat(number)
        if not stat.S_ISREG(state.st_mode) or file_stamp(state) != stamp:
            raise Changed("it has changed")


def _open(real: str) -> int:
    """Open a file by a path without links, of which none has become one since that was looked at."""
    *folders, name = real.split("/")[1:]
    above = os.open("/", _FOLDER)
    try:
        for folder in folders:
            number = os.open(folder, _FOLDER, dir_fd=above)
            os.close(above)
            above = number
        return os.open(name, _FILE, dir_fd=above)
    finally:
        os.close(above)


class BucketSource:
    """Objects of a bucket, below a prefix."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._opened: ObjectBlobs | None = None

    def where(self, key: str) -> str:
        """Give its address."""
        return f"{self.name}/{key}"

    def look(self, key: str) -> Stamp | None:
        """Ask by a HEAD."""
        try:
            with self._store.asking("read") as (obs, store):
                return _stamp(obs.head(store, key))
        except FileNotFoundError:
            return None

    def list(self, after: str | None = None) -> Iterator[Seen]:
        """List a thousand with each request, those behind a key."""
        with self._store.asking("read") as (obs, store):
            pages = iter(obs.list(store, offset=after))
        while (page := self._next(pages)) is not None:
            for meta in page:
                yield Seen(meta["path"], _stamp(meta))

    def sound(self, wanted: Iterable[Seen]) -> set[str]:
        """Ask for each, several at once; of many, list what there is between the first and the last."""
        stamps = dict(wanted)
        if len(stamps) > _ASKED:
            first, last = min(stamps), max(stamps)
            between = takewhile(lambda one: one.key <= last, self.list(after=first))
            found = {key for key, stamp in between if stamps.get(key) == stamp}
            return found | ({first} if self.look(first) == stamps[first] else set())
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(_AT_ONCE, max(1, len(stamps))), "loopline-look") as pool:
            looked = zip(stamps, pool.map(self.look, stamps), strict=True)
            return {key for key, stamp in looked if stamp == stamps[key]}

    def read(self, key: str, stamp: Stamp, start: int, stop: int) -> Iterator[bytes]:
        """Read pieces; each answer says of which object it is."""
        if not stamp.size and (there := self.look(key)) != stamp:
            raise Changed("it is not there" if there is None else "it has changed", gone=there is None)
        while start < stop:
            piece = self._piece(key, stamp, start, min(start + PIECE, stop))
            if not piece:
                break
            start += len(piece)
            for at in range(0, len(piece), _CHUNK):
                yield piece[at : at + _CHUNK]

    def _piece(self, key: str, stamp: Stamp, start: int, stop: int) -> bytes:
        try:
            with self._store.asking("read") as (obs, store):
                try:
                    found = obs.get(store, key, options={"range": (start, stop)})
                    meta, data = found.meta, bytes(found.bytes())
                except obs.exceptions.BaseError:
                    if _stamp(obs.head(store, key)) != stamp:  # a range behind its end
                        raise Changed("it has changed") from None
                    raise
        except FileNotFoundError:
            raise Changed("it is not there", gone=True) from None
        if _stamp(meta) != stamp:
            raise Changed("it has changed")
        return data

    def _next(self, pages: Iterator[Any]) -> Any:
        try:
            with self._store.asking("read"):
                return next(pages, None)
        except FileNotFoundError:
            return None

    @property
    def _store(self) -> ObjectBlobs:
        from loopline.store.objects import ObjectBlobs

        if self._opened is None:
            self._opened = ObjectBlobs(self.name)
        return self._opened


def _stamp(meta: Any) -> Stamp:
    return Stamp(int(meta["size"]), str(meta.get("e_tag") or meta["last_modified"]))

"""named: small things that lie under a name beside the blobs of a store: what is marked, listed or pointed at.

Names are parts between `/`, of letters, digits and `-_.=@`; `quoted` makes one part of any text.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol

from loopline.store.files import make_durable, read_file, sync_folder, unreadable, writing

if TYPE_CHECKING:
    from loopline.store.local import LocalBlobs
    from loopline.store.objects import ObjectBlobs

_KEPT: Final = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST: Final = 180


class Named(Protocol):
    """Keeps small bytes under names. Any number of threads and processes may use it at once.

    What is kept is there whole or not at all, and durable when a method returns. Methods raise what those of `Blobs` raise.
    """

    def find(self, name: str) -> bytes | None:
        """Give what lies there; None for nothing."""

    def put(self, name: str, data: bytes) -> None:
        """Keep it there, in place of what is."""

    def swap(self, name: str, old: bytes | None, new: bytes) -> bool:
        """Keep `new` if `old` (None: nothing) lies there now; tell whether it did."""

    def list(self, folder: str) -> Iterator[str]:
        """Give the last parts of the names right below a folder, in no order."""

    def walk(self, folder: str) -> Iterator[str]:
        """Give the whole names of all that lies below a folder, however deep, in no order."""

    def delete(self, name: str) -> bool:
        """Remove it; tell whether it was there."""

    def path(self, name: str) -> str | None:
        """Give a local file that holds it, if it is there; None where there are no files."""


def named_of(blobs: Any) -> Named | None:
    """Give what lies beside the blobs of a store; None for a store that has no such place."""
    found: Named | None = getattr(blobs, "named", None)
    if found is None and hasattr(blobs, "asking"):
        return ObjectNamed(blobs)
    return LocalNamed(blobs) if found is None and hasattr(blobs, "scratch") else found


def quoted(text: str) -> str:
    """Make any text one part of a name, the same for equal ones only; a long one is cut and ends with its digest."""
    part = _KEPT.sub(lambda found: "".join(f"={byte:02X}" for byte in found[0].encode()), text)
    if not part.strip("."):
        part = part.replace(".", "=2E")
    if len(part) > _LONGEST:
        from hashlib import sha256

        return f"{part[:100]}=={sha256(text.encode()).hexdigest()}"
    return part


class LocalNamed:
    """Keeps files in the folder of a store."""

    def __init__(self, blobs: LocalBlobs) -> None:
        self._folder, self._scratch = blobs.folder, blobs.scratch

    def find(self, name: str) -> bytes | None:
        """Read its file."""
        try:
            return read_file(self._file(name))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unreadable(error, self._folder) from error

    def put(self, name: str, data: bytes) -> None:
        """Write a file and rename it to its place."""
        with writing(self._folder):
            self._place(self._file(name), data)

    def swap(self, name: str, old: bytes | None, new: bytes) -> bool:
        """Compare and write under a lock of the folder."""
        file = self._file(name)
        with writing(self._folder):
            make_durable(os.path.dirname(file))
            number = os.open(os.path.dirname(file), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                with contextlib.suppress(OSError):  # a file system without locks
                    fcntl.flock(number, fcntl.LOCK_EX)
                if self.find(name) != old:
                    return False
                self._place(file, new)
            finally:
                os.close(number)
        return True

    def list(self, folder: str) -> Iterator[str]:
        """Read the folder."""
        try:
            yield from os.listdir(self._file(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise unreadable(error, self._folder) from error

    def walk(self, folder: str) -> Iterator[str]:
        """Read the folder, and all in it."""

        def refuse(error: OSError) -> None:
            if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
                raise unreadable(error, self._folder) from error

        for where, _, files in os.walk(self._file(folder), onerror=refuse):
            below = os.path.relpath(where, self._folder)
            yield from (f"{below}/{file}" for file in files)

    def delete(self, name: str) -> bool:
        """Remove its file."""
        file = self._file(name)
        with writing(self._folder):
            try:
                os.unlink(file)
            except (FileNotFoundError, NotADirectoryError):
                return False
            sync_folder(os.path.dirname(file))
        return True

    def path(self, name: str) -> str | None:
        """Give its file."""
        return self._file(name)

    def _file(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _place(self, file: str, data: bytes) -> None:
        folder = os.path.dirname(file)
        make_durable(folder)
        self._scratch.place(data, file)
        sync_folder(folder)


class ObjectNamed:
    """Keeps objects beside those of the blobs of an object store."""

    def __init__(self, blobs: ObjectBlobs) -> None:
        self._blobs = blobs

    def find(self, name: str) -> bytes | None:
        """Get its object."""
        found = self._look(name)
        return None if found is None else found[0]

    def put(self, name: str, data: bytes) -> None:
        """Put an object in place of what is there."""
        with self._blobs.asking("write") as (obs, store):
            obs.put(store, name, data, mode="overwrite")

    def swap(self, name: str, old: bytes | None, new: bytes) -> bool:
        """Put it on the condition that the object is what was looked at; a store that knows no conditions overwrites."""
        found = self._look(name)
        if (None if found is None else found[0]) != old:
            return False
        mode: Any = "create" if found is None else found[1]
        with self._blobs.asking("write") as (obs, store):
            try:
                obs.put(store, name, new, mode=mode)
            except (obs.exceptions.AlreadyExistsError, obs.exceptions.PreconditionError):
                return self.find(name) == new  # it may have been this one, whose answer was lost
            except obs.exceptions.NotSupportedError:
                obs.put(store, name, new, mode="overwrite")
        return True

    def list(self, folder: str) -> Iterator[str]:
        """List all below it."""
        return (name.rpartition("/")[2] for name in self.walk(folder))

    def walk(self, folder: str) -> Iterator[str]:
        """List a thousand with each request."""
        pages: Iterator[Any] = iter(())
        with self._blobs.asking("read") as (obs, store), contextlib.suppress(FileNotFoundError):
            pages = iter(obs.list(store, folder + "/"))
        while (page := self._next(pages)) is not None:
            for one in page:
                yield str(one["path"])

    def delete(self, name: str) -> bool:
        """Remove its object."""
        if self._look(name) is None:
            return False
        with self._blobs.asking("write") as (obs, store), contextlib.suppress(FileNotFoundError):
            obs.delete(store, name)
        return True

    def path(self, name: str) -> str | None:  # noqa: ARG002 - the port's signature
        """Give None."""
        return None

    def _next(self, pages: Iterator[Any]) -> Any:
        with self._blobs.asking("read"):
            return next(pages, None)

    def _look(self, name: str) -> tuple[bytes, dict[str, str]] | None:
        try:
            with self._blobs.asking("read") as (obs, store):
                found = obs.get(store, name)
                names = {key: found.meta[key] for key in ("e_tag", "version") if found.meta.get(key)}
                return bytes(found.bytes()), names
        except FileNotFoundError:
            return None

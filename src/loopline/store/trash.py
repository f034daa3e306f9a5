"""trash: bytes that were taken out of a store because nothing names them, for as long as somebody may want them back.

`trash/NUMBER/` is a store of its own, in which lies what one reclaim has moved. Whoever asks the store whether bytes are there,
or reads them, takes them back on the way. So what was moved too early is found, and what is emptied is what nobody asked for.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, Protocol

from loopline.errors import Conflict, LooplineError
from loopline.nouns.digest import Digest, digest_of
from loopline.store.files import make_durable, sync_folder, writing
from loopline.store.folding import tidy
from loopline.store.marks import unmark
from loopline.store.named import LocalNamed

if TYPE_CHECKING:
    from loopline.store.local import LocalBlobs

_PAGE: Final = 4096
_WIDTH: Final = 8


class Trash(Protocol):
    """What a store offers to whoever reclaims. One reclaim at a time uses it, held by `alone`."""

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Let nobody else reclaim from this store meanwhile, as far as the store can tell. Raise Conflict kind="gc-running"."""

    def take(self, number: int, digests: Iterable[Digest]) -> tuple[int, int]:
        """Move blobs to the trash; give how many, and their bytes. What is missing or damaged stays as it is.

        Before that all marks of whole trees fall (`store/marks.py`): to look again costs little, to believe them costs data.

        At each moment a blob is here, there, or both. Readers that come find it either way.
        """

    def numbers(self) -> list[int]:
        """Give the reclaims that have something in the trash."""

    def iter(self, number: int) -> Iterator[Digest]:
        """Give what one reclaim has in the trash. What was taken back may be among it."""

    def size(self, digest: Digest) -> int:
        """Give how many bytes of a blob are in the trash."""

    def revive(self, digests: Iterable[Digest]) -> set[Digest]:
        """Take blobs back; give those that are in the store now because of that."""

    def empty(self, number: int) -> None:
        """Forget for good what one reclaim has in the trash. Repeating is harmless."""


def trash_of(blobs: object) -> Trash | None:
    """Give the trash of a store; None where it has none."""
    found: Trash | None = getattr(blobs, "trash", None)
    return found


class LocalTrash:
    """The trash of a folder."""

    def __init__(self, blobs: LocalBlobs) -> None:
        self._blobs = blobs
        self.folder = str(blobs.folder / "trash")
        self._bins: dict[str, LocalBlobs] = {}

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold a lock of the system: whoever is stopped keeps it, whoever dies lets go of it."""
        with writing(self._blobs.folder):
            make_durable(self.folder)
            number = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                    raise Conflict(
                        "another gc is at work on this store", kind="gc-running", hint="wait until it is done"
                    ) from None
            yield
        finally:
            os.close(number)

    def take(self, number: int, digests: Iterable[Digest]) -> tuple[int, int]:
        """Rename files; copy what is packed, durably, before packs forget it."""
        unmark(LocalNamed(self._blobs))
        objects = size = 0
        with writing(self._blobs.folder):
            bin_ = self._bin(f"{number:0{_WIDTH}}")
            make_durable(bin_.loose)
            rest = iter(digests)
            while page := [bytes.fromhex(one[7:]) for one in islice(rest, _PAGE)]:
                for moved, length in (self._take_packed(bin_, page), self._take_files(bin_, page)):
                    objects, size = objects + moved, size + length
            tidy(self._blobs.packs)
        return objects, size

    def numbers(self) -> list[int]:
        """Read the folder."""
        return [int(name) for name in self._names()]

    def iter(self, number: int) -> Iterator[Digest]:
        """List the store of that reclaim."""
        return self._bin(f"{number:0{_WIDTH}}").iter()

    def size(self, digest: Digest) -> int:
        """Ask the stores of all reclaims."""
        return next((size for name in self._names() if (size := self._bin(name).size(digest)) is not None), 0)

    def revive(self, digests: Iterable[Digest]) -> set[Digest]:
        """Rename files back; write what is packed there anew here, together."""
        names = self._names()
        found = set[Digest]()
        if not names:
            return found
        wanted = dict.fromkeys(digests)
        with writing(self._blobs.folder):
            make_durable(self._blobs.loose)
        for name in reversed(names):
            if not wanted:
                break
            with writing(self._blobs.folder):
                back = self._revive(self._bin(name), list(wanted))
            found |= back
            for one in back:
                del wanted[one]
        return found

    def read(self, digest: Digest) -> bytes | None:
        """Give bytes as they lie here, whole: of a store that cannot be written."""
        for name in self._names():
            with contextlib.suppress(LooplineError):
                return self._bin(name).read(digest)
        return None

    def empty(self, number: int) -> None:
        """Rename the folder, by which all of it is gone at once, then remove it."""
        name = f"{number:0{_WIDTH}}"
        self._bins.pop(name, None)
        with writing(self._blobs.folder):
            going = os.path.join(self.folder, f"going-{name}")
            with contextlib.suppress(FileNotFoundError):
                os.rename(os.path.join(self.folder, name), going)
                sync_folder(self.folder)
            shutil.rmtree(going, ignore_errors=True)

    def _names(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.folder) if name.isdigit())
        except FileNotFoundError:
            return []

    def _bin(self, name: str) -> LocalBlobs:
        found = self._bins.get(name)
        if found is None:
            made = type(self._blobs)
            found = made(self._blobs.folder / "trash" / name, small=self._blobs.small, several=self._blobs.several)
            self._bins[name] = found
        return found

    def _take_packed(self, bin_: LocalBlobs, page: list[bytes]) -> tuple[int, int]:
        packs = self._blobs.packs
        packs.ready(len(page))
        places = [(place, ident) for ident in page if (place := packs.find(ident)) is not None]
        if not places:
            return 0, 0
        read = packs.read_all(places)
        held = {ident: data for ident, data in read if data is not None and digest_of(data)[7:] == ident.hex()}
        bin_.put_all(held.values())
        packs.delete_all(held)
        loose = sum(1 for ident in held if os.path.exists(self._blobs.file_of(ident)))  # counted with its file
        return len(held) - loose, sum(map(len, held.values()))

    def _take_files(self, bin_: LocalBlobs, page: list[bytes]) -> tuple[int, int]:
        objects = size = 0
        for ident in page:
            name, target = self._blobs.file_of(ident), bin_.file_of(ident)
            try:
                length = os.stat(name).st_size
                os.rename(name, target)
            except FileNotFoundError:
                continue
            self._blobs.forget_sums(ident)
            objects, size = objects + 1, size + length
        if objects:
            sync_folder(bin_.loose)
            sync_folder(self._blobs.loose)
        return objects, size

    def _revive(self, bin_: LocalBlobs, wanted: list[Digest]) -> set[Digest]:
        found = set[Digest]()
        renamed = False
        for digest in wanted:
            ident = bytes.fromhex(digest[7:])
            try:
                os.rename(bin_.file_of(ident), self._blobs.file_of(ident))
            except FileNotFoundError:
                continue
            found.add(digest)
            renamed = True
        if renamed:
            sync_folder(self._blobs.loose)
        bin_.packs.ready(len(wanted))
        packed = [one for one in wanted if one not in found and bin_.packs.find(bytes.fromhex(one[7:]))]
        for start in range(0, len(packed), _PAGE):
            page = dict(_whole(bin_, packed[start : start + _PAGE]))
            self._blobs.put_all(page.values())
            found.update(page)
        return found


def _whole(bin_: LocalBlobs, digests: list[Digest]) -> Iterator[tuple[Digest, bytes]]:
    """Read those that are whole."""
    for digest in digests:
        with contextlib.suppress(LooplineError):
            yield digest, bin_.read(digest)

"""objecttrash: the trash of an object store, `trash/NUMBER/HEX` beside its blobs: copied there first, then deleted here.

A store has no lock that a killed collector lets go of: there the ledger's lease alone keeps a second one away.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from loopline.nouns.digest import Digest
from loopline.store.marks import unmark
from loopline.store.named import ObjectNamed

if TYPE_CHECKING:
    from loopline.store.objects import ObjectBlobs

_FRESH_S: Final = 30.0
"""So long is believed which reclaims have something in the trash, by who asks whether a blob is there: else it is sent again."""
_WIDTH: Final = 8


class ObjectTrash:
    """Any thread may ask it; one reclaim at a time moves."""

    def __init__(self, blobs: ObjectBlobs) -> None:
        self._blobs = blobs
        self._known: tuple[float, list[int]] = (-_FRESH_S, [])

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Do nothing."""
        yield

    def take(self, number: int, digests: Iterable[Digest]) -> tuple[int, int]:
        """Copy each to the trash, several at once, then delete it."""
        self.unmark()
        sizes = self._blobs._each(self._take, ((number, digest) for digest in digests))
        self._known = (-_FRESH_S, [])
        moved = [size for size in sizes if size is not None]
        return len(moved), sum(moved)

    def unmark(self) -> None:
        """Let all marks of whole trees fall."""
        unmark(ObjectNamed(self._blobs))

    def keep(self, number: int, items: Iterable[tuple[Digest, bytes]]) -> None:
        """Write blobs to the trash that are not objects, several at once; where there is an object besides, it goes."""
        self._blobs._each(self._keep, ((number, digest, data) for digest, data in items))
        self._known = (-_FRESH_S, [])

    def numbers(self) -> list[int]:
        """List the folders of the trash."""
        blobs = self._blobs
        with blobs._translated("read"), contextlib.suppress(FileNotFoundError):
            found = blobs._obs.list_with_delimiter(blobs._store, "trash/")["common_prefixes"]
            names = [one.rstrip("/").rpartition("/")[2] for one in found]
            return sorted(int(name) for name in names if name.isdigit())
        return []

    def iter(self, number: int) -> Iterator[Digest]:
        """List one folder of the trash."""
        for key in self._keys(number):
            yield Digest("sha256:" + key.rpartition("/")[2])

    def size(self, digest: Digest) -> int:
        """Ask each folder of the trash."""
        blobs = self._blobs
        for number in self.numbers():
            with contextlib.suppress(FileNotFoundError), blobs._translated("read"):
                return int(blobs._obs.head(blobs._store, _key(number, digest))["size"])
        return 0

    def revive(self, digests: Iterable[Digest]) -> set[Digest]:
        """Copy back what is there. What lies in the trash goes with it when it is emptied."""
        numbers = self.numbers()
        if not numbers:
            return set()
        asked = list(dict.fromkeys(digests))
        done = self._blobs._each(self._revive, ((numbers, digest) for digest in asked))
        return {digest for digest, back in zip(asked, done, strict=True) if back}

    def took_back(self, digest: Digest, *, surely: bool = False) -> bool:
        """Take one back that was asked for and is not there. Who reads asks `surely`."""
        now = time.monotonic()
        if surely or now - self._known[0] >= _FRESH_S:
            self._known = (now, self.numbers())
        return bool(self._known[1]) and self._revive(self._known[1], digest)

    def empty(self, number: int) -> None:
        """Delete one folder of the trash."""
        blobs = self._blobs
        for key in list(self._keys(number)):
            with blobs._translated("write"), contextlib.suppress(FileNotFoundError):
                blobs._obs.delete(blobs._store, key)
        self._known = (-_FRESH_S, [])

    def _take(self, number: int, digest: Digest) -> int | None:
        blobs, here = self._blobs, f"blobs/sha256/{digest[7:]}"
        try:
            with blobs._translated("write"):
                size = int(blobs._obs.head(blobs._store, here)["size"])
                blobs._obs.copy(blobs._store, here, _key(number, digest))
                blobs._obs.delete(blobs._store, here)
        except FileNotFoundError:
            return None
        return size

    def _keep(self, number: int, digest: Digest, data: bytes) -> None:
        blobs = self._blobs
        with blobs._translated("write"):
            blobs._obs.put(blobs._store, _key(number, digest), data, mode="overwrite")
            with contextlib.suppress(FileNotFoundError):
                blobs._obs.delete(blobs._store, f"blobs/sha256/{digest[7:]}")

    def _revive(self, numbers: list[int], digest: Digest) -> bool:
        blobs = self._blobs
        for number in reversed(numbers):
            with contextlib.suppress(FileNotFoundError), blobs._translated("write"):
                blobs._obs.copy(blobs._store, _key(number, digest), f"blobs/sha256/{digest[7:]}")
                return True
        return False

    def _keys(self, number: int) -> Iterator[str]:
        blobs = self._blobs
        with blobs._translated("read"), contextlib.suppress(FileNotFoundError):
            for page in blobs._obs.list(blobs._store, f"trash/{number:0{_WIDTH}}/"):
                yield from (meta["path"] for meta in page)


def _key(number: int, digest: Digest) -> str:
    return f"trash/{number:0{_WIDTH}}/{digest[7:]}"

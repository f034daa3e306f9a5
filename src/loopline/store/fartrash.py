"""fartrash: the trash of an object store in which small blobs lie in packs, and what a reclaim leaves of the packs.

In the trash each blob is an object (`objecttrash.py`). What lies in a pack is written there first, then its pack forgets it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

from loopline.nouns.digest import Digest
from loopline.store.system import SystemClock

if TYPE_CHECKING:
    from loopline.store.far import FarBlobs, Pack

_TOGETHER: Final = 256
"""Blobs that are held, and on their way to the trash, at once."""
_FEW: Final = 64
"""So many are asked for one by one; of more, what is in the trash is listed first."""
_FOLD: Final = 64
_LITTLE: Final = 1 << 20
"""So many packs of so few bytes are written together."""
_MOST: Final = 32 << 20
_STRAY_US: Final = 8 * 24 * 3600 * 1_000_000
"""A pack that has had no index for so long was left by somebody who was killed. Its time may be that at which its upload was
begun, with which somebody may go on for a week (`uploads.py`)."""
_CLOCK: Final = SystemClock()


class FarTrash:
    """Any thread may ask it; one reclaim at a time moves."""

    def __init__(self, blobs: FarBlobs) -> None:
        self._blobs = blobs
        self._objects = blobs.objects.trash

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Do nothing: the ledger's lease alone keeps a second one away."""
        return self._objects.alone()

    def take(self, number: int, digests: Iterable[Digest]) -> tuple[int, int]:
        """Move what packs hold, then objects, then tidy the packs up."""
        blobs, asked = self._blobs, list(dict.fromkeys(digests))
        blobs.packs()
        self._objects.unmark()
        moved = dict[Digest, int]()
        packed = blobs.packed(asked)
        while some := list(islice(packed, _TOGETHER)):
            self._objects.keep(number, some)
            blobs.bury(digest for digest, _ in some)
            moved.update((digest, len(data)) for digest, data in some)
        rest = [digest for digest in asked if digest not in moved]
        objects, size = self._objects.take(number, rest)
        blobs.bury(digest for digest in rest if objects and blobs.holds(digest) and self._objects.size(digest))
        _tidy(blobs)
        return len(moved) + objects, sum(moved.values()) + size

    def numbers(self) -> list[int]:
        """List the folders of the trash."""
        return self._objects.numbers()

    def iter(self, number: int) -> Iterator[Digest]:
        """List one folder of the trash."""
        return self._objects.iter(number)

    def size(self, digest: Digest) -> int:
        """Ask each folder of the trash."""
        return self._objects.size(digest)

    def revive(self, digests: Iterable[Digest]) -> set[Digest]:
        """Copy back what is there, as objects."""
        asked = set(digests)
        if len(asked) > _FEW:
            asked &= {digest for number in self.numbers() for digest in self.iter(number)}
        return self._objects.revive(asked)

    def empty(self, number: int) -> None:
        """Delete one folder of the trash."""
        self._objects.empty(number)


def _tidy(blobs: FarBlobs) -> None:
    """Write packs anew of which more than half is gone, and small ones together where they are many; remove what was left."""
    packs = blobs.packs()
    little = [name for name, pack in packs.items() if pack.index.size < _LITTLE]
    worn = [name for name, pack in packs.items() if pack.gone and _is_worn(pack)]
    group: dict[str, Pack] = {}
    size = 0
    for name in dict.fromkeys([*worn, *(little if len(little) >= _FOLD else ())]):
        live = sum(_live(packs[name]).values())
        if group and size + live > _MOST:
            _write_together(blobs, group)
            group, size = {}, 0
        group[name] = packs[name]
        size += live
    if group:
        _write_together(blobs, group)
    _sweep(blobs)


def _is_worn(pack: Pack) -> bool:
    whole = sum(place[1] for ident in pack.index.ids() if (place := pack.index.find(ident)))
    return 2 * sum(_live(pack).values()) < whole or not _live(pack)


def _live(pack: Pack) -> dict[Digest, int]:
    """Give what is left of a pack, with sizes."""
    found = ((ident, pack.find(ident)) for ident in pack.index.ids())
    return {Digest("sha256:" + ident.hex()): place[1] for ident, place in found if place is not None}


def _write_together(blobs: FarBlobs, group: dict[str, Pack]) -> None:
    """Write what is left of some packs into one; then the old ones go. One that is damaged stays."""
    records = dict[Digest, bytes]()
    done: dict[str, Pack] = {}
    for name, pack in group.items():
        live = _live(pack)
        found = dict(blobs.whole(name, pack, live))
        if len(found) == len(live):
            records |= found
            done[name] = pack
    if records:
        blobs.put_pack(list(records.items()))
    for name, pack in done.items():
        before = pack.gone
        blobs.learn(name, pack)
        blobs.bury(Digest("sha256:" + ident.hex()) for ident in pack.gone - before)
        for end in ("idx", "pack", "gone"):  # without an index nobody sees it
            blobs.named.delete(f"packs/{name}.{end}")
    blobs.packs()


def _sweep(blobs: FarBlobs) -> None:
    """Remove what has no index, and has not been touched for a week."""
    old = _CLOCK.now() - _STRAY_US
    with contextlib.suppress(FileNotFoundError), blobs.objects.asking("write") as (obs, store):
        found = [one for page in obs.list(store, "packs/") for one in page]
        names = {one["path"].removesuffix(".idx") for one in found if one["path"].endswith(".idx")}
        for one in found:
            known = one["path"].rpartition(".")[0] in names
            if not known and one["last_modified"].timestamp() * 1e6 < old:
                obs.delete(store, one["path"])

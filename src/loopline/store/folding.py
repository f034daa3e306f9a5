"""folding: many small packs written together into one, while others read, write and delete."""

from __future__ import annotations

import contextlib
import os
from hashlib import sha256
from typing import Final

from loopline.store.files import locked
from loopline.store.packs import Pack, Packs, Place

_FOLD: Final = 64
_SIZES: Final = (1 << 20, 16 << 20)
"""So many packs of less than a MiB, or of less than 16, are written together: each byte is written a few times at most."""
_WHOLE: Final = 80 << 20


def fold(packs: Packs) -> None:
    """Write small packs together, when there are many of a size. Whoever reads one of them finds the new one instead."""
    classes: dict[int, list[Pack]] = {}
    for pack in packs.listed():
        classes.setdefault(sum(pack.index.size >= limit for limit in _SIZES), []).append(pack)
    for size, several in classes.items():
        if len(several) >= _FOLD and size < len(_SIZES):
            with contextlib.suppress(BlockingIOError), locked(os.path.join(packs.folder, "fold.lock"), make=True):
                _write_together(packs, several)


def tidy(packs: Packs) -> None:
    """Write packs anew of which more than half is gone. The new one is durable before the old one goes."""
    packs.reload()
    if not any(pack.gone for pack in packs.listed()):
        return
    with contextlib.suppress(BlockingIOError), locked(os.path.join(packs.folder, "fold.lock"), make=True):
        for pack in packs.listed():
            if pack.gone:
                lengths = {one: place[1] for one in pack.index.ids() if (place := pack.index.find(one))}
                live = sum(length for one, length in lengths.items() if one not in pack.gone)
                if 2 * live < sum(lengths.values()):
                    _write_together(packs, [pack], least=1)


def _write_together(packs: Packs, several: list[Pack], *, least: int = 2) -> None:
    """Write packs into one, and remove them; nothing can be deleted of them meanwhile. One that is damaged stays as it is."""
    packing, done, seen = packs.begin(), list[Pack](), set[bytes]()
    try:
        with contextlib.ExitStack() as locks:
            for pack in several:
                if packing.size + pack.index.size > _WHOLE:
                    break
                with contextlib.suppress(OSError):
                    locks.enter_context(locked(pack.file))
                    packs.learn_gone(pack)
                    asked = ((Place(pack, *place), one) for one in pack.ids() if (place := pack.index.find(one)))
                    records = [(one, data or b"") for one, data in packs.read_all(asked)]
                    if _same_as(records, pack):
                        packing.add([record for record in records if record[0] not in seen])
                        seen.update(one for one, _ in records)
                        done.append(pack)
            if len(done) >= least:
                packing.seal()
                packs.remove(done)
    finally:
        packing.drop()


def _same_as(records: list[tuple[bytes, bytes]], pack: Pack) -> bool:
    """Tell whether these are the blobs of a pack, whole."""
    names = {one for one, data in records if sha256(data).digest() == one}
    return names == set(pack.ids()) and pack.index.sound()

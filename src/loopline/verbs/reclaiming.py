"""reclaiming: what nothing names any more, found and told; shared by the command `gc` and whoever collects for it.

What is listed first and marked afterwards is dead as of the listing: bytes that come meanwhile are in no list, and rows that come
meanwhile are seen by the mark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from loopline.nouns.digest import Digest
from loopline.nouns.progress import Progress
from loopline.nouns.reclaim import Reclaim, Sample, Share
from loopline.store.foreign import room_of
from loopline.store.idents import Idents
from loopline.verbs.marking import Walk, mark

if TYPE_CHECKING:
    from loopline.loop import Loop

DAY: Final = 24 * 3600 * 1_000_000
KEEP: Final = 30 * DAY
"""How long what was deleted stays whole: until then `delete --restore` takes it back."""
_TOLD: Final = 500_000
"""Dead objects of which is told what they were; there may be more."""
_SAMPLES: Final = 8
_NEVER: Final = "no record names it: it was stored and not committed, or its record is gone"


@dataclass(frozen=True, slots=True)
class Looked:
    """What is in the store, and what of it is in use."""

    listed: Idents
    marked: Idents

    def dead(self) -> Iterator[bytes]:
        """Give the ids of what is not in use, sorted."""
        return self.listed.minus(self.marked)


@contextmanager
def look(loop: Loop, *, keep: int = KEEP) -> Iterator[Looked]:
    """List the store, then mark what is in use; what was deleted within `keep` microseconds is. Raise what `mark` raises."""
    folder = loop.work / "gc"
    with Idents(folder) as listed, Idents(folder) as marked:
        for number, digest in enumerate(loop.blobs.iter(), 1):
            listed.add(bytes.fromhex(digest[7:]))
            if number % 1000 == 0:
                loop.report(Progress("list the store", number, None, "objects"))
        mark(loop, marked, before=loop.clock.now() - keep)
        yield Looked(listed, marked)


def rehearse(loop: Loop, *, keep: int = KEEP) -> Reclaim:
    """Tell what is dead, whose it was, and how many bytes it takes. Nothing is changed."""
    with look(loop, keep=keep) as found:
        kept = sum(1 for _ in found.listed.both(found.marked))
        return told(loop, found.dead(), kept=kept, keep=keep)


def told(loop: Loop, dead: Iterable[bytes], *, kept: int, keep: int) -> Reclaim:
    """Make the report of dead objects."""
    sizes: dict[bytes, int] = {}
    objects = total = 0
    for ident in dead:
        size = room_of(loop.blobs, digest(ident))
        objects, total = objects + 1, total + size
        if objects <= _TOLD:
            sizes[ident] = size
        loop.report(Progress("weigh what is dead", objects, None, "objects"))
    owners = _owners(loop, sizes, before=loop.clock.now() - keep)
    shares = _shares(owners, sizes)
    note = "" if objects <= _TOLD else f"of {_TOLD:,} of them is told what they were"
    return Reclaim("dry", None, objects, total, kept, shares=shares, samples=_samples(owners, sizes), note=note)


def digest(ident: bytes) -> Digest:
    """Give a digest by its 32 bytes."""
    return Digest("sha256:" + ident.hex())


def _owners(loop: Loop, dead: dict[bytes, int], *, before: int) -> dict[bytes, str]:
    """Tell of dead objects which deleted thing named them, the newest where several did."""
    owners: dict[bytes, str] = {}
    if not dead:
        return owners
    with loop.ledger.read() as tx:
        gone = list(tx.roots.gone(before=before))
    name = ""

    def claim(ident: bytes, _: int) -> None:
        if ident in dead:
            owners.setdefault(ident, name)

    walk = Walk(loop, claim, strict=False, wanted=dead.__contains__)
    for root in gone:
        name = root.name
        walk.root(root)
    return owners


def _shares(owners: dict[bytes, str], sizes: dict[bytes, int]) -> tuple[Share, ...]:
    objects, total = Counter[str](), Counter[str]()
    for ident, size in sizes.items():
        name = owners.get(ident, "")
        objects[name] += 1
        total[name] += size
    return tuple(Share(name, objects[name], size) for name, size in total.most_common())


def _samples(owners: dict[bytes, str], sizes: dict[bytes, int]) -> tuple[Sample, ...]:
    largest = sorted(sizes, key=lambda ident: (-sizes[ident], ident))[:_SAMPLES]
    return tuple(
        Sample(
            digest(ident),
            sizes[ident],
            f"only {owners[ident]}, which was deleted, named it" if ident in owners else _NEVER,
        )
        for ident in largest
    )

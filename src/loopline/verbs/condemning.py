"""condemning: moving what nothing names to the trash, back, and out of it for good; for the command `gc`.

Moved is what an earlier list has, nothing names now, and no living writer could have relied on before that list was made. It can
still be read from the trash. It goes for good when, besides, every writer that is alive began after it was moved: such a one has
taken back what it asked for. A writer that is silent is given up first, and its next commit is refused.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from loopline.errors import NotFound, Refused
from loopline.ledger.reclaims import State
from loopline.nouns.progress import Progress
from loopline.nouns.reclaim import Reclaim
from loopline.store.blobs import sweep_uploads
from loopline.store.foreign import room_of
from loopline.store.idents import Idents, read_ids, write_ids
from loopline.store.system import here
from loopline.store.trash import Trash, trash_of
from loopline.verbs.marking import mark, pages
from loopline.verbs.reclaiming import DAY, KEEP, Looked, digest, look, told
from loopline.verbs.tabling import forget

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.ledger.leases import Lease
    from loopline.ledger.reclaims import Row
    from loopline.ledger.writers import Writer
    from loopline.loop import Loop

PATIENCE_S: Final = 40.0
"""Between two looks at writers: each beats more often than that, or is stopped."""
TRASH: Final = 7 * DAY
_LEASE: Final = "gc"
_LASTING: Final = 600_000_000
_PAGE: Final = 4096


@dataclass(frozen=True, slots=True)
class Terms:
    """How careful a collector is, in microseconds."""

    keep: int = KEEP
    """What was deleted stays whole for so long."""
    after: int = DAY
    """How old the earlier list must be."""
    trash: int = TRASH
    """How long the trash is kept."""
    patience: float = PATIENCE_S
    """Seconds."""


@dataclass(slots=True)
class _Collector:
    loop: Loop
    trash: Trash
    lease: Lease

    def renew(self) -> None:
        """Go on only while nobody else collects."""
        with self.loop.ledger.telemetry() as tables:
            self.lease = tables.leases.renew(self.lease, lasting=_LASTING)


def collect(loop: Loop, terms: Terms) -> Reclaim:
    """Note what is dead, and move to the trash what was dead in an earlier list. Where `mark` raises, nothing is moved."""
    with _collecting(loop) as collector:
        sweep_uploads(loop.blobs)
        with loop.ledger.telemetry() as tables:
            row = tables.reclaims.open(here())
        file = _file(loop, row.number)
        with Idents(loop.work / "gc") as before, look_after(loop, row, terms, before) as (found, waiting):
            write_ids(file, found.dead())
            with _binned(collector, collector.trash.numbers()) as binned, Idents(loop.work / "gc") as used:
                for ident in binned.both(found.marked):
                    used.add(ident)
                revived = _take_back(collector, used.minus(found.listed))
            kept = sum(1 for _ in found.listed.both(found.marked))
            report = told(loop, found.dead(), kept=kept, keep=terms.keep)
            with loop.ledger.telemetry() as tables:
                tables.reclaims.move(row.number, State.LISTED, objects=0, size=0)
            report = replace(report, state="noted", number=row.number, revived=revived, note=waiting)
            if waiting:
                return report
            with Idents(loop.work / "gc") as dead:
                for ident in found.dead():
                    dead.add(ident)
                moved, size = _move(collector, row.number, dead.both(before))
        if not moved:
            return report
        return replace(
            report, state="trashed", moved=moved, moved_bytes=size, note=_NEXT.format(days=terms.trash // DAY)
        )


_NEXT: Final = (
    "loopline gc --restore takes them back; after {days} days loopline gc --empty-trash gives back their room"
)


@contextmanager
def look_after(loop: Loop, row: Row, terms: Terms, before: Idents) -> Iterator[tuple[Looked, str]]:
    """Look at the store after the writers; fill `before` with the earlier list, or say what is waited for."""
    earlier = _earlier(loop, row, terms, before)
    waiting = f"a run of at least {terms.after / DAY * 24:g} hours later moves those that are still dead then"
    if earlier is not None:
        alive = _alive(loop, earlier.opened, terms)
        waiting = _told_alive(alive) if alive else ""
    with look(loop, keep=terms.keep) as found:
        yield found, waiting


def empty(loop: Loop, terms: Terms) -> Reclaim:
    """Forget for good what has been in the trash for its time; what something names again is taken back before."""
    with _collecting(loop) as collector:
        there = set(collector.trash.numbers())
        with loop.ledger.read() as tx:
            trashed = [one for one in tx.reclaims.list(State.TRASHED) if one.number in there]
            old = [one for one in trashed if one.ended_at is not None and one.ended_at <= tx.now - terms.trash]
        if not old:
            note = f"nothing has been in the trash for {terms.trash // DAY} days" if trashed else "the trash is empty"
            return Reclaim("emptied", note=note)
        alive = _given_up(loop, max(one.closed or 0 for one in old), terms)
        least = min((one.began for one in alive), default=None)
        old = [one for one in old if least is None or (one.closed or 0) <= least]
        if not old:
            return Reclaim("emptied", note=_told_alive(alive))
        collector.renew()
        numbers = [one.number for one in old]
        with _binned(collector, numbers) as binned, Idents(loop.work / "gc") as marked:
            mark(loop, marked, before=loop.clock.now() - terms.keep)
            revived = _take_back(collector, binned.both(marked))
            moved = size = 0
            for ident in binned.minus(marked):
                moved, size = moved + 1, size + collector.trash.size(digest(ident))
        for one in old:
            collector.renew()
            collector.trash.empty(one.number)
            with loop.ledger.telemetry() as tables:
                tables.reclaims.move(one.number, State.EMPTIED)
        forget(loop)
    return Reclaim("emptied", moved=moved, moved_bytes=size, revived=revived, note=_told_alive(alive))


def restore(loop: Loop, number: int | None) -> Reclaim:
    """Take back what a reclaim has moved, the newest where none is named. Raise NotFound kind="no-reclaim"."""
    with _collecting(loop) as collector:
        there = collector.trash.numbers()
        chosen = number if number is not None else max(there, default=None)
        if chosen is None or chosen not in there:
            known = ", ".join(map(str, there))
            raise NotFound(
                f"reclaim {number} has nothing in the trash" if number is not None else "the trash is empty", kind="no-reclaim",
                hint=f"in the trash are {known}" if known else "a backup may have what you miss", number=number,
            )  # fmt: skip
        ids = [bytes.fromhex(one[7:]) for one in collector.trash.iter(chosen)]
        lost = 0
        for page in pages(ids, _PAGE):
            lost += len(loop.blobs.missing(map(digest, page)))
        for file in (loop.work / "gc").glob("*.ids"):  # whoever took it back has time to name it
            file.unlink(missing_ok=True)
        if lost:
            note = f"{lost} of them are damaged and stay in the trash"
            return Reclaim("restored", chosen, moved=len(ids) - lost, note=note)
        size = sum(room_of(loop.blobs, digest(ident)) for ident in ids)
        collector.trash.empty(chosen)
        with loop.ledger.telemetry() as tables:
            tables.reclaims.move(chosen, State.RESTORED)
    return Reclaim("restored", chosen, moved=len(ids), moved_bytes=size)


@contextmanager
def _collecting(loop: Loop) -> Iterator[_Collector]:
    """Be the only collector. What one that was killed has left in the middle counts as moved from now on."""
    trash = trash_of(loop.blobs)
    if trash is None:
        raise Refused(
            "this store has no trash", kind="no-trash", hint="loopline gc tells what is dead, without --apply"
        )
    with trash.alone():
        with loop.ledger.telemetry() as tables:
            lease = tables.leases.take(_LEASE, here(), lasting=_LASTING)
            for row in tables.reclaims.list(State.MOVING):
                tables.reclaims.close(row.number)
        collector = _Collector(loop, trash, lease)
        try:
            yield collector
        finally:
            with loop.ledger.telemetry() as tables:
                tables.leases.give_back(collector.lease)


def _move(collector: _Collector, number: int, condemned: Iterable[bytes]) -> tuple[int, int]:
    """Move to the trash. Before that nobody holds them any more by having uploaded them: a commit asks for them anew."""
    loop, moved, size = collector.loop, 0, 0
    for page in pages(condemned, _PAGE):
        digests = [digest(ident) for ident in page]
        collector.renew()
        with loop.ledger.telemetry() as tables:
            if not moved:
                tables.reclaims.move(number, State.MOVING)
            tables.holdings.forget(digests)
        objects, length = collector.trash.take(number, digests)
        moved, size = moved + objects, size + length
        loop.report(Progress("move to the trash", moved, None, "objects"))
    if moved:
        with loop.ledger.telemetry() as tables:
            tables.reclaims.close(number, objects=moved, size=size)
    return moved, size


@contextmanager
def _binned(collector: _Collector, numbers: Sequence[int]) -> Iterator[Idents]:
    """Give what is in the trash."""
    with Idents(collector.loop.work / "gc") as binned:
        for one in numbers:
            for name in collector.trash.iter(one):
                binned.add(bytes.fromhex(name[7:]))
        yield binned


def _take_back(collector: _Collector, idents: Iterable[bytes]) -> int:
    """Take back what something names. Give how many."""
    number = 0
    for page in pages(idents, _PAGE):
        collector.trash.revive(map(digest, page))
        number += len(page)
    return number


def _earlier(loop: Loop, row: Row, terms: Terms, into: Idents) -> Row | None:
    """Find the newest list that is old enough and whole, and read it. Older ones are not needed any more."""
    with loop.ledger.read() as tx:
        known = [one for one in tx.reclaims.list() if one.number < row.number and one.at <= tx.now - terms.after]
    found: Row | None = None
    for one in known:
        file = _file(loop, one.number)
        if found is not None:
            file.unlink(missing_ok=True)
        elif read_ids(file, into):
            found = one
    return found


def _file(loop: Loop, number: int) -> Path:
    return loop.work / "gc" / f"{number}.ids"


def _alive(loop: Loop, epoch: int, terms: Terms) -> list[Writer]:
    """Give writers that began before an epoch and beat between two looks."""
    seen = _seen(loop, epoch, terms)
    with loop.ledger.read() as tx:
        now = {one.id: one.beat for one in tx.writers.before(epoch)} if seen else {}
    return [one for one in seen if now.get(one.id, one.beat) != one.beat]


def _given_up(loop: Loop, epoch: int, terms: Terms) -> list[Writer]:
    """Give up writers that began before an epoch and are silent; give the others."""
    seen = _seen(loop, epoch, terms)
    if not seen:
        return []
    with loop.ledger.telemetry() as tables:
        return tables.writers.give_up(seen)


def _seen(loop: Loop, epoch: int, terms: Terms) -> list[Writer]:
    with loop.ledger.read() as tx:
        seen = tx.writers.before(epoch)
    if seen:
        loop.report(Progress("listen for writers", 0, int(terms.patience) + 1, "s"))
    end = time.monotonic() + terms.patience
    while seen and (left := end - time.monotonic()) > 0:
        loop.report(Progress("listen for writers", int(terms.patience - left), int(terms.patience) + 1, "s"))
        time.sleep(min(left, 1.0))
    return seen


def _told_alive(alive: Sequence[Writer]) -> str:
    if not alive:
        return ""
    return f"waits for {len(alive)} that may still need some of it: {', '.join(one.place for one in alive[:3])}"

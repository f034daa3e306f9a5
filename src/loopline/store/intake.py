"""intake: many blobs that are put at once, small ones into packs, the others one file each."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Final

from loopline.errors import LooplineError
from loopline.nouns.digest import Digest
from loopline.store.files import drop, is_hex, sync, sync_folder, write_all, writing
from loopline.store.folding import fold
from loopline.store.pieces import LARGE, Summing

if TYPE_CHECKING:
    from loopline.store.local import LocalBlobs
    from loopline.store.pack import Packing

PACK: Final = 64 << 20
"""Bytes of a pack, about; so many bytes, or blobs, are acknowledged together."""
_MANY: Final = 1 << 16
_BATCH: Final = 500
"""Small blobs that are looked at and written together."""
_GROUP: Final = 256
_GROUP_BYTES: Final = 64 << 20
"""Files that wait for the disk together; each holds a file descriptor meanwhile."""
_LISTED: Final = 4096
"""Names that are read rather than asked for one by one."""

Named = tuple[bytes, bytes]
"""The 32 bytes of a digest, and what it names."""


class Intake:
    """What one call takes in. One thread uses it.

    With `lacking` the caller has asked which blobs are missing and gives those: what is kept is not looked at again.
    """

    def __init__(self, blobs: LocalBlobs, *, lacking: bool = False) -> None:
        self._blobs = blobs
        self._lacking = lacking
        self._packs = blobs.packs
        self._taken: list[bytes] = []
        self._bytes = 0
        self._batch: list[Named] = []
        self._fresh: list[Named] = []
        self._large: list[Named] = []
        self._large_bytes = 0
        self._packing: Packing | None = None
        self._seen: set[bytes] = set()
        self._sealing: _Sealing | None = None
        self._loose: set[bytes] | None = None
        self._begun = self._listed = self._failed = False

    def run(self, items: Iterable[bytes]) -> Iterator[list[Digest]]:
        """Take all; give the digests in their order, in groups, each as it has become durable.

        Where `items` raises or the caller goes away, what was taken until then is kept.
        """
        return self.run_named((sha256(data).digest(), data) for data in items)

    def run_named(self, items: Iterable[Named]) -> Iterator[list[Digest]]:
        """Take what is hashed already."""
        small, batch = self._blobs.small, self._batch
        try:
            for ident, data in items:
                size = len(data)
                self._taken.append(ident)
                self._bytes += size
                if size > small:
                    self._large.append((ident, data))
                    self._large_bytes += size
                    if len(self._large) >= _GROUP or self._large_bytes >= _GROUP_BYTES:
                        self._put_large()
                else:
                    batch.append((ident, data))
                    if len(batch) >= _BATCH:
                        self._sort()
                if (self._bytes >= PACK or len(self._taken) >= _MANY) and (done := self._turn()):
                    yield done
        except BaseException:
            self._close()
            raise
        yield self._close()

    def _sort(self) -> None:
        """Put what is new among the small ones into a pack, as soon as there is enough of it."""
        with self._trying():
            self._begin()
            seen, sealing, fresh = self._seen, self._sealing.seen if self._sealing else (), self._fresh
            loose, has = self._loose, self._packs.has
            for one in self._batch:
                ident = one[0]
                if ident in seen or ident in sealing:
                    continue
                if self._lacking or (loose is not None and ident not in loose and not has(ident)):
                    fresh.append(one)
                elif not (held := self._look(*one)):
                    (fresh if held is None else self._large).append(one)
                seen.add(ident)
            self._batch.clear()
            if self._packing is None and self._fresh and len(self._fresh) >= self._blobs.several:
                self._packing = self._packs.begin()
            if self._packing is not None:
                self._packing.add(self._fresh)
                self._fresh.clear()

    def _turn(self) -> list[Digest]:
        """Let what was taken become durable while more is taken; give what has become so."""
        self._sort()
        self._put_large()
        done = self._settle()
        packing, self._packing = self._packing, None
        taken, self._taken, self._bytes = self._taken, [], 0
        self._put_loose(self._fresh)
        self._fresh.clear()
        self._sealing = _Sealing(packing, taken, self._seen)
        self._seen = set()
        return done

    def _close(self) -> list[Digest]:
        """Keep what was taken and give its digests; where the store has failed, discard it."""
        done: list[Digest] = []
        try:
            if not self._failed:
                self._sort()
                self._put_large()
                self._put_loose(self._fresh)
                done = self._settle()
                if self._packing is not None:
                    with self._trying():
                        self._packing.seal()
                        self._packs.reload()
                    with contextlib.suppress(
                        OSError, LooplineError
                    ):  # what was taken is kept, whatever becomes of this
                        fold(self._packs)
        finally:
            if self._failed:
                with contextlib.suppress(Exception):
                    self._settle()
                if self._packing is not None:
                    self._packing.drop()
        return [] if self._failed else done + _digests(self._taken)

    def _settle(self) -> list[Digest]:
        """Wait for what is becoming durable."""
        sealing, self._sealing = self._sealing, None
        if sealing is None:
            return []
        with self._trying():
            sealing.wait()
            self._packs.ready(_BATCH)
        return _digests(sealing.taken)

    def _put_large(self) -> None:
        large, self._large, self._large_bytes = self._large, [], 0
        with self._trying():
            if large:
                self._begin()
            fresh = dict[bytes, bytes]()
            for ident, data in large:
                if ident not in fresh and not self._look(ident, data):
                    fresh[ident] = data
        self._put_loose(list(fresh.items()))

    def _put_loose(self, several: list[Named]) -> None:
        """Write files, sync them together, rename them."""
        for start in range(0, len(several), _GROUP):
            with self._trying():
                self._put_group(several[start : start + _GROUP])

    def _put_group(self, group: list[Named]) -> None:
        made: list[tuple[int, str, bytes]] = []
        try:
            for ident, data in group:
                made.append((*self._blobs.scratch.make(), ident))
                write_all(made[-1][0], data)
                os.fchmod(made[-1][0], 0o444)
            sync([number for number, _, _ in made])
            for _, name, ident in made:
                os.rename(name, self._blobs.file_of(ident))
            sync_folder(self._blobs.loose)
        finally:
            for number, name, _ in made:
                drop(number, name)
        for ident, data in group:
            if len(data) > LARGE:
                summing = Summing()
                summing.update(data)
                self._blobs.note_sums(summing.sums(ident))

    def _begin(self) -> None:
        """Look at what is there, once; and read which files there are, where asking for each would take longer."""
        if self._lacking:
            return
        many = len(self._batch) >= _BATCH // 4
        if not self._begun or (many and not self._listed):
            self._begun = True
            self._packs.ready(len(self._batch))
        if many and not self._listed:
            self._listed = True
            try:
                with os.scandir(self._blobs.loose) as found:
                    names = [entry.name for entry in islice(found, _LISTED)]
            except FileNotFoundError:
                names = []
            if len(names) < _LISTED:
                self._loose = {bytes.fromhex(name) for name in names if is_hex(name)}

    def _look(self, ident: bytes, data: bytes) -> bool | None:
        """Tell whether exactly these bytes are kept; None where nothing is. What is damaged gets a file, which is read first."""
        if self._lacking:
            return None
        if self._loose is None or ident in self._loose:
            file = self._blobs.file_of(ident)
            if os.access(file, os.F_OK):
                try:
                    with open(file, "rb", buffering=0) as held:
                        return held.readall() == data
                except OSError:
                    return False
        place = self._packs.find(ident) if self._packs.has(ident) else None
        if place is None:
            return None
        try:
            return place.length == len(data) and self._packs.bytes_at(place) == data
        except OSError:
            return False

    @contextlib.contextmanager
    def _trying(self) -> Iterator[None]:
        try:
            with writing(self._blobs.folder):
                yield
        except Exception:
            self._failed = True
            raise


class _Sealing:
    """A pack that becomes durable in a thread of its own."""

    def __init__(self, packing: Packing | None, taken: list[bytes], seen: set[bytes]) -> None:
        self._packing = packing
        self.taken = taken
        self.seen = seen
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="loopline-seal") if packing else None
        try:
            if self._thread is not None:
                self._thread.start()
        except RuntimeError:  # the interpreter ends, and takes no more threads
            self._thread = None
            self._run()

    def wait(self) -> None:
        """Wait until it is durable, and raise why it is not."""
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        if self._packing is not None:
            try:
                self._packing.seal()
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                self._error = error


def _digests(ids: list[bytes]) -> list[Digest]:
    return [Digest("sha256:" + ident.hex()) for ident in ids]

"""packs: the packs of a folder, searched together.

`NAME.pack` holds bytes, `NAME.idx` says where (a pack without one is not there yet, or was never finished), and `NAME.gone`,
where there is one, has the 32 bytes of each blob that was deleted. Names are chance: what is said of one never hits another.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Collection, Iterable, Iterator
from itertools import repeat
from typing import Final, NamedTuple, TypeVar

from loopline.store import packindex
from loopline.store.files import Scratch, make_durable, sync_folder, unheld, write_all
from loopline.store.pack import Packing, scan
from loopline.store.packindex import PackIndex, open_index
from loopline.store.system import SystemIds

T = TypeVar("T")
MOST: Final = 1 << 20
"""Blobs that are remembered by their pack (120 bytes each); where there are more, packs are searched one after the other."""
_MANY: Final = 64
"""From so many questions on, remembering is worth its price."""
_OPEN: Final = 64
"""Files of packs that stay open."""
_RUN: Final = 1 << 20
_GAP: Final = 16 << 10
"""Bytes that are read at once, and bytes that are read along because what lies behind them is wanted, too."""
_IDS: Final = SystemIds()


class Pack:
    """One pack that is there."""

    __slots__ = ("checked", "file", "gone", "index", "name")

    def __init__(self, name: str, file: str, index: PackIndex) -> None:
        self.name = name
        self.file = file
        self.index = index
        self.gone: frozenset[bytes] = frozenset()
        self.checked = False

    def find(self, ident: bytes) -> tuple[int, int] | None:
        """Give offset and length of a blob that was not deleted."""
        return None if ident in self.gone else self.index.find(ident)

    def ids(self) -> Iterator[bytes]:
        """Give what was not deleted."""
        gone = self.gone
        return (ident for ident in self.index.ids() if ident not in gone) if gone else self.index.ids()


class Place(NamedTuple):
    """Where a blob lies."""

    pack: Pack
    offset: int
    length: int


class Packs:
    """Threads and processes share a folder; nothing is locked but while something is deleted.

    Methods raise OSError as the system does. What they say of a blob's bytes is unverified.
    """

    def __init__(self, folder: str, scratch: Scratch) -> None:
        self.folder = folder
        self._scratch = scratch
        self._shelf: dict[str, Pack] | None = None
        self._where: dict[bytes, Pack] | None = None
        self._last: Pack | None = None
        self._files: dict[str, _File] = {}
        self._guard, self._process = threading.RLock(), os.getpid()

    def begin(self) -> Packing:
        """Begin a pack."""
        make_durable(self.folder)
        return Packing(self._scratch, self.folder, _IDS.new())

    def find(self, ident: bytes) -> Place | None:
        """Find a blob; what another process has packed or deleted since the last `reload` may be missed."""
        if self._shelf is None:
            self.reload()
        where = self._where
        if where is not None:
            known = where.get(ident)
            if known is None:
                return None
            if (place := known.find(ident)) is not None:
                return Place(known, *place)
        if (last := self._last) is not None and (place := last.find(ident)) is not None:
            return Place(last, *place)
        for pack in self._packs():
            place = pack.find(ident)
            if place is not None:
                self._last = pack
                return Place(pack, *place)
        return None

    def has(self, ident: bytes) -> bool:
        """Tell whether `find` would find it."""
        known = self._where.get(ident) if self._where is not None else None
        return (known is not None and ident not in known.gone) or self.find(ident) is not None

    def look(self, ident: bytes) -> Place | None:
        """Find a blob as of now."""
        place = self.find(ident)
        if place is None or not self._fresh(place.pack):
            self.reload()
            place = self.find(ident)
        if place is None and self.check():
            place = self.find(ident)
        return place

    def ready(self, questions: int) -> None:
        """Reload; remember where everything lies, if so many questions are to come."""
        with self._alone():
            self.reload()
            if questions < _MANY:
                return
            self.check()
            packs = self._packs()
            if self._where is None and len(packs) > 1 and sum(pack.index.count for pack in packs) <= MOST:
                where: dict[bytes, Pack] = {}
                for pack in reversed(packs):
                    where.update(zip(pack.ids(), repeat(pack)))
                self._where = where

    def read(self, ident: bytes) -> bytes | None:
        """Give a blob's bytes, unverified; None where there is none."""
        place = self.find(ident)
        if place is not None:
            with contextlib.suppress(FileNotFoundError):
                return self.bytes_at(place)
        place = self.look(ident)
        return None if place is None else self.bytes_at(place)

    def every(self, ident: bytes) -> Iterator[bytes]:
        """Give the bytes of a blob as each pack that has it has them: one of them may be damaged."""
        self.reload()
        self.check(again=True)
        for pack in self._packs():
            place = pack.find(ident)
            if place is not None:
                with contextlib.suppress(FileNotFoundError):
                    yield self.bytes_at(Place(pack, *place))

    def read_all(self, places: Iterable[tuple[Place, T]]) -> Iterator[tuple[T, bytes | None]]:
        """Give the bytes of many, each with what it was asked by, as they lie; None for what cannot be read so."""
        for run in _runs(sorted(places, key=lambda one: (one[0].pack.name, one[0].offset))):
            first, last = run[0][0], run[-1][0]
            try:
                held = self.bytes_at(Place(first.pack, first.offset, last.offset + last.length - first.offset))
            except OSError:
                held = None
            for place, name in run:
                start = place.offset - first.offset
                yield name, None if held is None else held[start : start + place.length]

    def bytes_at(self, place: Place) -> bytes:
        """Read. It is shorter than it should be where the pack was cut."""
        pack = place.pack
        file = self._files.get(pack.name)
        if file is None:
            file = self._files.setdefault(pack.name, _File(pack.file))
            while len(self._files) > _OPEN:  # one that somebody reads from is closed when they are done
                with contextlib.suppress(RuntimeError, StopIteration):
                    self._files.pop(next(iter(self._files)), None)
        return os.pread(file.number, place.length, place.offset)

    def delete(self, ident: bytes) -> bool:
        """Write down that a blob is gone; a pack of which all is gone is removed."""
        found = False
        while self.delete_all([ident]):  # again: another process may have written its pack anew
            found = True
        return found

    def delete_all(self, idents: Collection[bytes]) -> bool:
        """Write down that blobs are gone, those of a pack together; tell whether one was there."""
        self.reload()
        self.check()
        found = False
        for pack in self._packs():
            if mine := [ident for ident in idents if pack.find(ident) is not None]:
                found = self._bury(pack, mine) or found
        return found

    def tidy(self) -> None:
        """Write packs anew of which more than half is gone. The new one is durable before the old one goes."""
        self.reload()
        for pack in self._packs():
            if pack.gone:
                lengths = {ident: (pack.index.find(ident) or (0, 0))[1] for ident in pack.index.ids()}
                live = sum(length for ident, length in lengths.items() if ident not in pack.gone)
                if 2 * live < sum(lengths.values()):
                    self._rewrite(pack)

    def iter(self) -> Iterator[bytes]:
        """Give the ids of all that is packed, each once."""
        self.ready(_MANY)
        for pack in self._packs():
            for ident in pack.ids():
                if self._home(ident) is pack:
                    yield ident

    def reload(self) -> None:
        """See what other processes did."""
        with self._alone():
            self._reload()

    def sweep(self) -> None:
        """Remove what killed processes left: packs that nobody writes and that have no index, and what belongs to no pack."""
        try:
            names = set(os.listdir(self.folder))
        except FileNotFoundError:
            return
        for name in names:
            base, _, end = name.rpartition(".")
            path, index, pack = (os.path.join(self.folder, one) for one in (name, f"{base}.idx", f"{base}.pack"))
            with contextlib.suppress(OSError):
                if end == "pack" and f"{base}.idx" not in names:
                    with unheld(path):
                        if not os.path.exists(index):
                            os.unlink(path)
                elif end in ("idx", "gone") and f"{base}.pack" not in names and not os.path.exists(pack):
                    os.unlink(path)

    def _reload(self) -> None:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            names = []
        packs = {name[:-5] for name in names if name.endswith(".pack")}
        gone = {name[:-5] for name in names if name.endswith(".gone")}
        old = self._shelf or {}
        shelf: dict[str, Pack] = {}
        for name in sorted(name[:-4] for name in names if name.endswith(".idx")):
            if name in packs and (pack := old.get(name) or self._open(name)) is not None:
                if name in gone:
                    self._learn_gone(pack)
                shelf[name] = pack
        fresh = [pack for name, pack in shelf.items() if name not in old]
        where = self._where
        if where is not None:
            if len(shelf) < len(old) + len(fresh) or len(where) + sum(pack.index.count for pack in fresh) > MOST:
                self._where = None
            else:
                for pack in fresh:
                    where.update(zip(pack.ids(), repeat(pack)))
        if self._last is not None and shelf.get(self._last.name) is not self._last:
            self._last = None
        self._shelf = shelf
        for name in [name for name in list(self._files) if name not in shelf]:
            self._files.pop(name, None)

    def _alone(self) -> threading.RLock:
        """Give the lock of this process: who was forked cannot wait for a thread that it does not have."""
        if self._process != os.getpid():
            self._guard, self._process = threading.RLock(), os.getpid()
        return self._guard

    def _packs(self) -> list[Pack]:
        return list((self._shelf or {}).values())

    def _home(self, ident: bytes) -> Pack | None:
        """Give one of the packs that have a blob, always the same."""
        pack = self._where.get(ident) if self._where is not None else None
        if pack is not None and pack.find(ident) is not None:
            return pack
        return next((pack for pack in self._packs() if pack.find(ident) is not None), None)

    def _open(self, name: str) -> Pack | None:
        base = os.path.join(self.folder, name)
        try:
            return Pack(name, f"{base}.pack", open_index(f"{base}.idx"))
        except FileNotFoundError:
            return None
        except ValueError:
            pack = Pack(name, f"{base}.pack", PackIndex(packindex.encode({})))
        with contextlib.suppress(FileNotFoundError):
            self._mend(pack)
        return pack

    def check(self, *, again: bool = False) -> bool:
        """Look whether indexes are as they were written, before anything is said to be missing. Tell whether one was not."""
        mended = False
        for pack in self._packs():
            if pack.checked and not again:
                continue
            if not pack.index.sound():
                with contextlib.suppress(FileNotFoundError):
                    self._mend(pack)
                self._where, mended = None, True
            pack.checked = True
        return mended

    def _mend(self, pack: Pack) -> None:
        """Make an index again from its pack."""
        file = _File(pack.file)
        data = packindex.encode(scan(file.number))
        pack.index = PackIndex(data)
        with contextlib.suppress(OSError):  # a store that cannot be written: then each process makes it for itself
            self._scratch.place(data, f"{pack.file[:-5]}.idx")

    def _fresh(self, pack: Pack) -> bool:
        """Tell whether a pack is there and nothing more of it was deleted."""
        base = pack.file[:-5]
        if not os.path.exists(f"{base}.idx"):
            return False
        try:
            return os.stat(f"{base}.gone").st_size // 32 == len(pack.gone)
        except FileNotFoundError:
            return not pack.gone

    def _learn_gone(self, pack: Pack) -> None:
        with contextlib.suppress(FileNotFoundError), open(f"{pack.file[:-5]}.gone", "rb") as file:
            if os.fstat(file.fileno()).st_size // 32 != len(pack.gone):
                pack.gone = frozenset(_each(file.read()))

    def _bury(self, pack: Pack, idents: list[bytes]) -> bool:
        with self._tombs(pack) as number:
            if number is None:
                return False
            held = os.pread(number, os.fstat(number).st_size, 0)
            gone = frozenset(_each(held))
            fresh = [ident for ident in idents if ident not in gone]
            if not fresh:
                return False
            gone |= frozenset(fresh)
            if len(gone) >= pack.index.count and gone.issuperset(pack.index.ids()):
                self._remove(pack.file[:-5])
                return True
            os.ftruncate(number, len(held) // 32 * 32)  # what a killed process has written of an id
            os.lseek(number, 0, os.SEEK_END)
            write_all(number, b"".join(fresh))
            os.fsync(number)
            if not held:
                sync_folder(self.folder)
            pack.gone = gone
        return True

    def _rewrite(self, pack: Pack) -> None:
        """Copy what is left of a pack to a new one. One of which something left is damaged stays as it is."""
        from hashlib import sha256

        with self._tombs(pack) as number:
            if number is None:
                return
            gone = frozenset(_each(os.pread(number, os.fstat(number).st_size, 0)))
            left = [
                (Place(pack, *place), one)
                for one in pack.index.ids()
                if one not in gone and (place := pack.index.find(one))
            ]
            packing = self.begin()
            try:
                for run in _runs(sorted(left, key=lambda one: one[0].offset)):
                    records = [(ident, data or b"") for ident, data in self.read_all(run)]
                    if any(sha256(data).digest() != ident for ident, data in records):
                        packing.drop()
                        return
                    packing.add(records)
            except BaseException:
                packing.drop()
                raise
            packing.seal()
            self._remove(pack.file[:-5])

    @contextlib.contextmanager
    def _tombs(self, pack: Pack) -> Iterator[int | None]:
        """Open and lock what says which blobs of a pack are gone; None where the pack is."""
        base = pack.file[:-5]
        while os.path.exists(f"{base}.idx"):
            number = os.open(f"{base}.gone", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                with contextlib.suppress(OSError):
                    fcntl.flock(number, fcntl.LOCK_EX)
                if not _same(number, f"{base}.gone"):  # the pack was removed meanwhile
                    continue
                yield number
            finally:
                os.close(number)
            return
        yield None

    def _remove(self, base: str) -> None:
        """Remove a pack: first what makes it visible, durably, so that no part of it comes back."""
        os.unlink(f"{base}.idx")
        sync_folder(self.folder)
        for end in (".pack", ".gone"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(base + end)
        self.reload()


class _File:
    """An open file, closed when nobody has it any more."""

    def __init__(self, name: str) -> None:
        self.number = -1
        self.number = os.open(name, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if self.number >= 0:
            os.close(self.number)


def _runs(ordered: list[tuple[Place, T]]) -> Iterator[list[tuple[Place, T]]]:
    """Put together what lies close to each other."""
    run: list[tuple[Place, T]] = []
    begin = end = 0
    for one in ordered:
        pack, offset, length = one[0]
        if run and (pack is not run[-1][0].pack or offset - end > _GAP or offset + length - begin > _RUN):
            yield run
            run = []
        if not run:
            begin = offset
        run.append(one)
        end = offset + length
    if run:
        yield run


def _each(data: bytes) -> Iterator[bytes]:
    """Give the whole ids in `data`; a last part is what a killed process has written of one."""
    return (data[at : at + 32] for at in range(0, len(data) // 32 * 32, 32))


def _same(number: int, name: str) -> bool:
    try:
        return os.path.samestat(os.fstat(number), os.stat(name))
    except FileNotFoundError:
        return False

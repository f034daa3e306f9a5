"""packs: the packs of a folder, searched together.

`NAME.pack` holds bytes, `NAME.idx` says where (a pack without one is not there yet, or was never finished), and `NAME.gone`,
where there is one, has the 32 bytes of each blob that was deleted. Names are chance: what is said of one never hits another.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Collection, Iterable, Iterator
from itertools import repeat
from typing import Final, NamedTuple, TypeVar

from loopline.store import packindex
from loopline.store.files import Scratch, locked, make_durable, open_file, sync_folder, unheld, write_all
from loopline.store.pack import Packing, scan
from loopline.store.packindex import PackIndex, open_index
from loopline.store.system import SystemClock, SystemIds

T = TypeVar("T")
MOST: Final = (1 << 22) // 3
"""Blobs that are remembered by their pack (110 bytes each, before a dictionary doubles); of more, packs are searched in turn."""
_MANY: Final = 64
"""From so many questions on, remembering is worth its price."""
_OPEN: Final = 64
"""Files of packs that stay open."""
_TRIES: Final = 3
"""How often a pack is looked for that was written anew under another name."""
_RUN: Final = 1 << 20
_GAP: Final = 16 << 10
"""Bytes that are read at once, and bytes that are read along because what lies behind them is wanted, too."""
_SETTLED_NS: Final = 2_000_000_000
"""A folder that was changed so long ago will show the next change by its time; the clock of a file system ticks slowly."""
_CLOCK: Final = SystemClock()
_IDS: Final = SystemIds()


class Pack:
    """One pack that is there."""

    __slots__ = ("checked", "file", "gone", "index", "name")

    def __init__(self, name: str, file: str, index: PackIndex) -> None:
        self.name = name
        self.file = file
        self.index = index
        self.gone: set[bytes] = set()
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
        self._walked = 0
        self._files: dict[str, _File] = {}
        self._buried: list[Pack] = []
        self._changed = -1
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
        packs = self.listed()
        self._walked += len(packs)
        if where is None and self._walked > _MANY + sum(pack.index.count for pack in packs) // 4:
            self._walked = 0
            self.ready(sum(pack.index.count for pack in packs))  # searching has cost more than remembering would
        for pack in packs:
            place = pack.find(ident)
            if place is not None:
                self._last = pack
                return Place(pack, *place)
        return None

    def has(self, ident: bytes) -> bool:
        """Tell whether `find` would find it."""
        where = self._where
        if where is not None and ident not in where:
            return False
        known = where.get(ident) if where is not None else None
        return (known is not None and ident not in known.gone) or self.find(ident) is not None

    def known(self, ident: bytes) -> Place | None:
        """Find a blob as of now, as far as that costs little: where packs were looked at before. Its length is right."""
        place = self.find(ident) if self._shelf else None
        if place is None or not self._fresh(place.pack):
            return None
        return place if self._is_sound(place.pack) else self.find(ident)

    def look(self, ident: bytes) -> Place | None:
        """Find a blob as of now. Its length is right."""
        place = self.find(ident)
        if place is None or not self._fresh(place.pack):
            self.reload()
            place = self.find(ident)
        if self.check() if place is None else not self._is_sound(place.pack):
            place = self.find(ident)
        return place

    def ready(self, questions: int) -> None:
        """Reload; remember where everything lies, if so many questions are to come."""
        with self._alone():
            self.reload()
            if questions < _MANY:
                return
            self.check()
            packs = self.listed()
            count = sum(pack.index.count for pack in packs)
            dear = len(packs) > 1 and 4 * questions * len(packs) > count  # else to search costs less than to remember
            if self._where is None and dear and count <= MOST:
                where: dict[bytes, Pack] = {}
                for pack in reversed(packs):
                    where.update(zip(pack.ids(), repeat(pack)))
                self._where = where

    def read(self, ident: bytes) -> bytes | None:
        """Give a blob's bytes, unverified; None where there is none."""
        place = self.find(ident) or self.look(ident)
        for _ in range(_TRIES):
            if place is None:
                return None
            with contextlib.suppress(FileNotFoundError):
                return self.bytes_at(place)
            place = self.look(ident)
        return None

    def every(self, ident: bytes) -> Iterator[bytes]:
        """Give the bytes of a blob as each pack that has it has them: one of them may be damaged."""
        self.reload()
        self.check(again=True)
        for pack in self.listed():
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
        return self.delete_all([ident])

    def delete_all(self, idents: Collection[bytes]) -> bool:
        """Write down that blobs are gone, those of a pack together; tell whether one was there."""
        found, again = False, True
        while again:
            again = False
            self.reload()
            self.check()
            for pack in self.listed():
                if mine := [ident for ident in idents if pack.find(ident) is not None]:
                    done = self._bury(pack, mine)
                    found, again = found or done is True, again or done is None
        return found

    def iter(self) -> Iterator[bytes]:
        """Give the ids of all that is packed, each once."""
        self.ready(_MANY)
        packs, where = self.listed(), self._where
        if where is not None:
            for ident in list(where):
                if ident not in where[ident].gone or _first(packs, ident) is not None:
                    yield ident
            return
        for pack in packs:
            for ident in pack.ids():
                if len(packs) == 1 or _first(packs, ident) is pack:
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
        now = _CLOCK.now() * 1000
        try:
            changed = os.stat(self.folder).st_mtime_ns
            if changed == self._changed and self._shelf is not None:
                for held in self._buried:
                    self.learn_gone(held)
                return
            names = os.listdir(self.folder)
        except FileNotFoundError:
            changed, names = 0, []
        self._changed = changed if now - changed > _SETTLED_NS else -1
        packs = {name[:-5] for name in names if name.endswith(".pack")}
        gone = {name[:-5] for name in names if name.endswith(".gone")}
        old = self._shelf or {}
        shelf: dict[str, Pack] = {}
        for name in sorted(name[:-4] for name in names if name.endswith(".idx")):
            if name in packs and (pack := old.get(name) or self._open(name)) is not None:
                if name in gone:
                    self.learn_gone(pack)
                shelf[name] = pack
        fresh = [pack for name, pack in shelf.items() if name not in old]
        where = self._where
        if where is not None:
            if len(shelf) < len(old) + len(fresh) or len(where) + sum(pack.index.count for pack in fresh) > MOST:
                self._where = None
            else:
                for pack in fresh:
                    for ident in pack.ids():
                        where.setdefault(ident, pack)
        if self._last is not None and shelf.get(self._last.name) is not self._last:
            self._last = None
        self._shelf = shelf
        self._buried = [pack for name, pack in shelf.items() if name in gone]
        for name in [name for name in list(self._files) if name not in shelf]:
            self._files.pop(name, None)

    def _alone(self) -> threading.RLock:
        """Give the lock of this process: who was forked cannot wait for a thread that it does not have."""
        if self._process != os.getpid():
            self._guard, self._process = threading.RLock(), os.getpid()
        return self._guard

    def listed(self) -> list[Pack]:
        """Give the packs as of the last `reload`, the oldest first."""
        return list((self._shelf or {}).values())

    def _open(self, name: str) -> Pack | None:
        base = os.path.join(self.folder, name)
        try:
            return Pack(name, f"{base}.pack", open_index(f"{base}.idx"))
        except FileNotFoundError:
            return None
        except ValueError:
            pack = Pack(name, f"{base}.pack", PackIndex(packindex.encode({}, 0)))
        with contextlib.suppress(FileNotFoundError):
            self._mend(pack)
        return pack

    def check(self, *, again: bool = False) -> bool:
        """Look whether indexes are as they were written, before anything is said to be missing. Tell whether one was not."""
        mended = False
        for pack in self.listed():
            pack.checked &= not again
            mended |= not self._is_sound(pack)
        return mended

    def _is_sound(self, pack: Pack) -> bool:
        """Look once whether an index is as it was written, and make it again where it is not."""
        if pack.checked:
            return True
        sound = pack.index.sound()
        if not sound:
            with contextlib.suppress(FileNotFoundError):
                self._mend(pack)
            self._where = None
        pack.checked = True
        return sound

    def _mend(self, pack: Pack) -> None:
        """Make an index again from its pack."""
        file = _File(pack.file)
        data = packindex.encode(scan(file.number), os.fstat(file.number).st_size)
        pack.index = PackIndex(data)
        with contextlib.suppress(OSError):  # a store that cannot be written: then each process makes it for itself
            self._scratch.place(data, f"{pack.file[:-5]}.idx")

    def _fresh(self, pack: Pack) -> bool:
        """Tell whether a pack is there and nothing more of it was deleted."""
        base = pack.file[:-5]
        with contextlib.suppress(FileNotFoundError):
            if not pack.gone and os.stat(self.folder).st_mtime_ns == self._changed:
                return True
        if not os.path.exists(f"{base}.idx"):
            return False
        try:
            return os.stat(f"{base}.gone").st_size // 32 == len(pack.gone)
        except FileNotFoundError:
            return not pack.gone

    def learn_gone(self, pack: Pack) -> None:
        """Read what was deleted of a pack."""
        with contextlib.suppress(FileNotFoundError), open(open_file(f"{pack.file[:-5]}.gone"), "rb") as file:
            _learn(pack, file.fileno())

    def _bury(self, pack: Pack, idents: list[bytes]) -> bool | None:
        """Write down that blobs are gone; None where their pack is."""
        base = pack.file[:-5]
        try:
            lock = locked(pack.file, wait=True)
            with lock:
                if not os.path.exists(f"{base}.idx"):
                    return None
                return self._write_gone(pack, idents)
        except FileNotFoundError:
            return None

    def _write_gone(self, pack: Pack, idents: list[bytes]) -> bool:
        number = os.open(f"{pack.file[:-5]}.gone", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            held, gone = _learn(pack, number), pack.gone
            fresh = [ident for ident in dict.fromkeys(idents) if ident not in gone]
            if not fresh:
                return False
            if len(gone) + len(fresh) >= pack.index.count and gone.union(fresh).issuperset(pack.index.ids()):
                self.remove([pack])
                return True
            os.ftruncate(number, 32 * held)  # what a killed process has written of an id
            os.lseek(number, 0, os.SEEK_END)
            write_all(number, b"".join(fresh))
            os.fsync(number)
            if not held:
                sync_folder(self.folder)
            gone.update(fresh)
        finally:
            os.close(number)
        return True

    def remove(self, packs: list[Pack]) -> None:
        """Remove packs: first what makes them visible, durably, so that no part of them comes back."""
        for end in (".idx", ".pack", ".gone"):
            for pack in packs:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{pack.file[:-5]}{end}")
            if end == ".idx":
                sync_folder(self.folder)
        self.reload()


class _File:
    """An open file, closed when nobody has it any more."""

    def __init__(self, name: str) -> None:
        self.number = -1
        self.number = open_file(name)

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


def _learn(pack: Pack, number: int) -> int:
    """Read what was written down since as gone of a pack; give how many ids there are by now."""
    count, known = os.fstat(number).st_size // 32, len(pack.gone)
    if count != known:
        pack.gone.update(_each(os.pread(number, 32 * (count - known), 32 * known)))
    return count


def _each(data: bytes) -> Iterator[bytes]:
    """Give the whole ids in `data`; a last part is what a killed process has written of one."""
    return (data[at : at + 32] for at in range(0, len(data) // 32 * 32, 32))


def _first(packs: list[Pack], ident: bytes) -> Pack | None:
    return next((pack for pack in packs if pack.find(ident) is not None), None)

"""sidecars: what a store knows of bytes that lie elsewhere, in files that are written once.

`foreign/NAME.rows` has a line for each blob: its source, key, size, stamp and digest, in the order of keys; `NAME.idx` finds a
line by the digest (`packindex.py`). The rows come first, and readers see only what has an index. `NUMBER.NAME.dead` lists what a
reclaim has condemned of it, 32 bytes each: it is still found by whoever asks, and kept from then on. Names are chance.

A sidecar is not a cache: with it goes what it names. It holds no bytes of blobs and no secret.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from xxhash import xxh3_128_digest

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest
from loopline.store import packindex
from loopline.store.files import open_file
from loopline.store.packindex import PackIndex
from loopline.store.sources import Stamp
from loopline.store.system import SystemClock, SystemIds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from mmap import mmap

    from loopline.store.named import Named

FOLDER: Final = "foreign"
MAGIC: Final = b"\x89LLFRN\x01\n"
MOST: Final = 1 << 18
"""Rows of a sidecar, about."""
_SEVERAL: Final = 16
"""So many small sidecars are written into one."""
_SUM: Final = 16
_LOOKS: Final = 5
_LIVE, _GOING = b"D", b"E"
_LEFT_S: Final = 86400.0
_IDS: Final = SystemIds()
_CLOCK: Final = SystemClock()
_ENCODER: Final = msgspec.json.Encoder()
_ROW: Final = msgspec.json.Decoder(tuple[int, str, int, str, str])
_NAMES: Final = msgspec.json.Decoder(list[str])


class Foreign(NamedTuple):
    """A blob whose bytes lie elsewhere."""

    digest: Digest
    source: str
    """A folder or the address of a bucket, as `sources.source_name` writes it."""
    key: str
    stamp: Stamp


class Sidecar:
    """One sidecar, opened."""

    def __init__(self, name: str, index: PackIndex, rows: mmap | bytes) -> None:
        """Take its two files. Raise ValueError where they are damaged."""
        if (
            rows[: len(MAGIC)] != MAGIC
            or xxh3_128_digest(memoryview(rows)[:-_SUM]) != rows[-_SUM:]
            or not index.sound()
        ):
            msg = "damaged"
            raise ValueError(msg)
        self.name, self.index, self._rows = name, index, rows
        end = rows.find(b"\n", len(MAGIC))
        self._sources = _NAMES.decode(rows[len(MAGIC) : end])
        self._start = end + 1

    def find(self, ident: bytes) -> Foreign | None:
        """Give what lies elsewhere under a digest."""
        place = self.index.find(ident)
        return None if place is None else self._row(place[0], place[0] + place[1])

    def rows(self, source: str | None = None) -> Iterator[Foreign]:
        """Give all, or those of one source, in the order of sources and keys."""
        if source is not None and source not in self._sources:
            return
        at, end = self._start, len(self._rows) - _SUM
        while at < end:
            stop = self._rows.find(b"\n", at) + 1
            row = self._row(at, stop)
            if source is None or row.source == source:
                yield row
            at = stop

    def _row(self, start: int, stop: int) -> Foreign:
        number, key, size, mark, digest = _ROW.decode(self._rows[start:stop])
        return Foreign(Digest("sha256:" + digest), self._sources[number], key, Stamp(size, mark))


def encode(rows: Iterable[Foreign]) -> tuple[bytes, bytes]:
    """Write the two files of a sidecar: rows and index."""
    ordered = sorted(rows, key=lambda row: (row.source, row.key))
    sources = {name: number for number, name in enumerate(dict.fromkeys(row.source for row in ordered))}
    lines = [MAGIC + _ENCODER.encode(list(sources)) + b"\n"]
    at, places = len(lines[0]), dict[bytes, tuple[int, int]]()
    for row in ordered:
        line = _ENCODER.encode((sources[row.source], row.key, row.stamp.size, row.stamp.mark, row.digest[7:])) + b"\n"
        places[bytes.fromhex(row.digest[7:])] = (at, len(line))
        lines.append(line)
        at += len(line)
    body = b"".join(lines)
    return body + xxh3_128_digest(body), packindex.encode(places, at + _SUM)


class Sidecars:
    """All sidecars of a store. What others add is seen after `fresh` seconds at most."""

    def __init__(self, named: Named, *, fresh: float = 0.0) -> None:
        self._named, self._fresh = named, fresh
        self._seen = -1e9
        self._known: dict[str, Sidecar] = {}
        self._dead: dict[str, list[str]] = {}

    def all(self, *, within: float | None = None) -> Mapping[str, Sidecar]:
        """Give them by name, as of `within` seconds ago at most."""
        now = time.monotonic()
        if now - self._seen < (self._fresh if within is None else min(within, self._fresh)):
            return self._known
        names, known, whole = self._looked()
        for _ in range(_LOOKS):
            if not whole:
                names, known, whole = self._looked()
        dead: dict[str, list[str]] = {}
        for file in sorted(names):
            if file.endswith(".dead") and file.count(".") == 2:
                dead.setdefault(file.split(".")[1], []).append(file)
        self._known, self._dead, self._seen = known, dead, now
        return known

    def _looked(self) -> tuple[set[str], dict[str, Sidecar], bool]:
        """Give what there is, and whether all of it could be opened: else one was just written into another."""
        names = set(self._named.list(FOLDER))
        whole = [name for file in sorted(names) if (name := _whole(file, names))]
        known = {name: one for name in whole if (one := self._known.get(name) or self._opened(name)) is not None}
        return names, known, len(known) == len(whole)

    def find(self, ident: bytes, *, within: float | None = None) -> list[Foreign]:
        """Give where a blob lies. What was condemned is kept from now on."""
        return self.find_all([ident], within=within).get(ident, [])

    def find_all(self, idents: Collection[bytes], *, within: float | None = None) -> dict[bytes, list[Foreign]]:
        """Give where blobs lie, those that are known."""
        found: dict[bytes, list[Foreign]] = {}
        for name, sidecar in self.all(within=within).items():
            here = {ident: row for ident in idents if (row := sidecar.find(ident)) is not None}
            lost = self._kept(name, here) if name in self._dead and here else frozenset()
            for ident, row in here.items():
                if ident not in lost:
                    found.setdefault(ident, []).append(row)
        return found

    def add(self, rows: Iterable[Foreign]) -> None:
        """Write a sidecar. It is durable when this returns."""
        body, index = encode(rows)
        name = _IDS.new()
        self._named.put(f"{FOLDER}/{name}.rows", body)
        self._named.put(f"{FOLDER}/{name}.idx", index)
        self._seen = -1e9

    def fold(self) -> None:
        """Write many small sidecars into one. Two that do it at once repeat rows, which harms nothing."""
        small = {
            name: one for name, one in self.all(within=0).items() if one.index.count < MOST and name not in self._dead
        }
        if len(small) < _SEVERAL:
            return
        newest = {(row.source, row.key): row for name in sorted(small) for row in small[name].rows()}
        other = {row.digest: row for one in small.values() for row in one.rows()}
        for row in newest.values():
            other.pop(row.digest, None)
        rows = [*newest.values(), *other.values()]
        for at in range(0, len(rows), MOST):
            self.add(rows[at : at + MOST])
        for name in small:
            self._drop(name)

    def live(self) -> Iterator[Foreign]:
        """Give all rows but those that are condemned."""
        for name, sidecar in self.all(within=0).items():
            dead = {ident for file in self._dead.get(name, ()) for ident in self._idents(file)}
            for row in sidecar.rows():
                if not dead or bytes.fromhex(row.digest[7:]) not in dead:
                    yield row

    def rows(self, source: str) -> Iterator[Foreign]:
        """Give what is known of one source, in the order of keys, the newest of a key last."""
        from heapq import merge

        several = [one.rows(source) for _, one in sorted(self.all(within=0).items())]
        return merge(*several, key=lambda row: row.key)

    def condemn(self, number: int, idents: Collection[bytes]) -> set[bytes]:
        """Note what a reclaim condemns. Give those that are known here."""
        done = set[bytes]()
        for name, sidecar in self.all(within=0).items():
            here = {ident for ident in idents if sidecar.index.find(ident) is not None}
            while here:
                file = f"{FOLDER}/{number:08}.{name}.dead"
                old = self._named.find(file)
                if self._named.swap(file, old, (old or _LIVE) + b"".join(sorted(here))):
                    break
            done |= here
        self._seen = -1e9
        return done

    def numbers(self) -> set[int]:
        """Give the reclaims that have condemned something."""
        self.all(within=0)
        return {int(file.split(".")[0]) for files in self._dead.values() for file in files}

    def condemned(self, number: int) -> Iterator[bytes]:
        """Give what one reclaim has condemned."""
        self.all(within=0)
        for files in self._dead.values():
            for file in files:
                if int(file.split(".")[0]) == number:
                    yield from self._idents(file)

    def forget(self, number: int) -> None:
        """Forget what one reclaim has condemned. Repeating is harmless."""
        known = self.all(within=0)
        for name, files in list(self._dead.items()):
            for file in files:
                if int(file.split(".")[0]) != number:
                    continue
                while (old := self._named.find(f"{FOLDER}/{file}") or b"")[:1] == _LIVE:
                    self._named.swap(f"{FOLDER}/{file}", old, _GOING + old[1:])  # from here on nobody takes it back
                if name in known and (gone := set(self._idents(file))):
                    self._rewrite(known[name], gone)
                self._named.delete(f"{FOLDER}/{file}")
        self._sweep()
        self._seen = -1e9

    def remove(self, ident: bytes) -> bool:
        """Forget one blob at once."""
        having = [one for one in self.all(within=0).values() if one.index.find(ident) is not None]
        for one in having:
            self._rewrite(one, {ident})
        return bool(having)

    def _rewrite(self, sidecar: Sidecar, gone: Collection[bytes]) -> None:
        """Write what is left of a sidecar to a new one, then remove it."""
        left = [row for row in sidecar.rows() if bytes.fromhex(row.digest[7:]) not in gone]
        if left:
            self.add(left)
        self._drop(sidecar.name)

    def _sweep(self) -> None:
        """Remove what a killed process has left: rows that have had no index for a day, and lists about no sidecar."""
        names = set(self._named.list(FOLDER))
        for file in names:
            name, _, end = file.rpartition(".")
            stale = end == "rows" and f"{name}.idx" not in names and _age_s(name) > _LEFT_S
            if stale or (end == "dead" and f"{name.rpartition('.')[2]}.idx" not in names):
                self._named.delete(f"{FOLDER}/{file}")

    def _drop(self, name: str) -> None:
        self._named.delete(f"{FOLDER}/{name}.idx")
        self._named.delete(f"{FOLDER}/{name}.rows")
        self._seen = -1e9

    def _kept(self, name: str, idents: Collection[bytes]) -> frozenset[bytes]:
        """Take back what was condemned of these; give those that are being forgotten, and are not there any more."""
        lost = set[bytes]()
        for file in self._dead[name]:
            path = f"{FOLDER}/{file}"
            while (old := self._named.find(path)) is not None:
                listed = [old[at : at + 32] for at in range(1, len(old), 32)]
                here = {ident for ident in listed if ident in idents}
                if not here:
                    break
                if old[:1] == _GOING:
                    lost |= here
                    break
                left = b"".join(ident for ident in listed if ident not in here)
                try:
                    if self._named.swap(path, old, _LIVE + left):
                        break
                except Unavailable:  # a store that cannot be written: nobody forgets anything there
                    break
        return frozenset(lost)

    def _idents(self, file: str) -> Iterator[bytes]:
        data = self._named.find(f"{FOLDER}/{file}") or b""
        return (data[at : at + 32] for at in range(1, len(data), 32))

    def _opened(self, name: str) -> Sidecar | None:
        index, rows = self._bytes(f"{name}.idx"), self._bytes(f"{name}.rows")
        if index is None or rows is None:  # written into another one just now
            return None
        try:
            return Sidecar(name, PackIndex(index), rows)
        except (ValueError, msgspec.DecodeError):
            raise Unavailable(
                f"what the store knows of bytes elsewhere is damaged: {FOLDER}/{name}", kind="store-broken",
                hint=f"take {FOLDER}/{name}.idx and .rows from a backup; or delete both and register the same places again",
                file=f"{FOLDER}/{name}",
            ) from None  # fmt: skip

    def _bytes(self, file: str) -> mmap | bytes | None:
        where = self._named.path(f"{FOLDER}/{file}")
        if where is None:
            return self._named.find(f"{FOLDER}/{file}")
        try:
            number = open_file(where)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable(
                f"what the store knows of bytes elsewhere cannot be read: {FOLDER}/{file}", kind="file-unreadable",
                hint="check the disk, then try again", file=f"{FOLDER}/{file}", cause=str(error),
            ) from error  # fmt: skip
        try:
            size = os.fstat(number).st_size
            return packindex.mapped(number, size) if size > packindex.READ else os.pread(number, size, 0)
        finally:
            os.close(number)


def _age_s(name: str) -> float:
    """Tell how long ago a name was made: it begins with its time (UUIDv7)."""
    try:
        return _CLOCK.now() / 1e6 - int(name[:12], 16) / 1e3
    except ValueError:
        return 0.0


def _whole(file: str, names: Collection[str]) -> str:
    name, _, end = file.rpartition(".")
    return name if end == "idx" and f"{name}.rows" in names else ""

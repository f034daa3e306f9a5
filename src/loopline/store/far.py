"""far: an object store in which small blobs that came together lie in packs.

`PREFIX/packs/NAME.pack` and `NAME.idx` are those of a folder (`pack.py`, `packindex.py`), written once, the pack first: readers
see only what has an index. `NAME.gone` has the 32 bytes of each blob that was deleted. Every other blob is an object of its own
(`objects.py`). Indexes are kept here once they were read; their names are chance, so what was read stays true.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final

from loopline.errors import NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of, parse_digest
from loopline.store import packindex
from loopline.store.blobs import CHUNK, Writer, absent, corrupt, part_of
from loopline.store.fartrash import FarTrash
from loopline.store.files import write_all
from loopline.store.named import ObjectNamed
from loopline.store.objects import PIECE, ObjectBlobs
from loopline.store.pack import packed
from loopline.store.packindex import PackIndex, open_index
from loopline.store.system import SystemIds
from loopline.store.window import Window

_Places = dict[str, list[tuple[int, int, Digest]]]
"""Of packs: offset, length and name of blobs."""
SMALL: Final = 256 << 10
"""Blobs up to this size go into packs: a request costs about as much as sending so many bytes."""
PACK: Final = 32 << 20
SEVERAL: Final = 16
_GAP: Final = 64 << 10
_GROUP: Final = 16_384
_ASKED: Final = 64
"""Up to so many objects are asked for one by one; of more, names are listed first."""
_LISTED: Final = 64_000
_FRESH_S: Final = 30.0
"""So long is believed that a pack still has what it had, by who says that a blob is there; who reads it is told by the store."""
_IDS: Final = SystemIds()


class Pack:
    """A pack: what its index says, and what of that is gone."""

    __slots__ = ("gone", "index", "known")

    def __init__(self, index: PackIndex) -> None:
        self.index = index
        self.gone: frozenset[bytes] = frozenset()
        self.known = 0
        """Bytes of what is known to be gone."""

    def find(self, ident: bytes) -> tuple[int, int] | None:
        """Give offset and length of a blob that is not gone, by its 32 bytes."""
        return None if ident in self.gone else self.index.find(ident)


class FarBlobs:
    """Keeps Blobs' promises by `objects`, and reads what lies in packs. `folder` keeps indexes; without one, memory does."""

    def __init__(self, objects: ObjectBlobs, folder: Path | None = None) -> None:
        self.objects = objects
        self.named = ObjectNamed(objects)
        self._folder = folder
        self._packs: dict[str, Pack] | None = None
        self._looked = -_FRESH_S
        self._guard = threading.Lock()
        self.trash = FarTrash(self)
        """Where a reclaim moves what nothing names. What is asked for is taken back from there."""

    def put(self, data: bytes) -> Digest:
        """Keep `data` as an object, which is read in place of a damaged one in a pack."""
        return self.objects.put(data)

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep each: small ones that are lacking in packs, where they are several."""
        return [digest for group in self.put_groups(items) for digest in group]

    def put_groups(self, items: Iterable[bytes]) -> Iterator[list[Digest]]:
        """Keep many, as much of them at a time as a pack takes."""
        group, size = list[bytes](), 0
        for data in items:
            group.append(data)
            size += len(data)
            if size >= PACK or len(group) >= _GROUP:
                yield self._put_group(group)
                group, size = [], 0
        yield self._put_group(group)

    def put_lacking(self, items: Iterable[tuple[Digest, bytes]]) -> Iterator[list[Digest]]:
        """Keep each, small ones in packs; give them as they have become durable. Who gives too fast waits."""
        small, size = list[tuple[Digest, bytes]](), 0
        with Window[Digest]() as window:
            for digest, data in items:
                if len(data) > SMALL:
                    yield from window.begin(self._put_object, digest, data)
                    continue
                small.append((digest, data))
                size += len(data)
                if size >= PACK:
                    yield from window.begin(self.put_pack, small)
                    small, size = [], 0
            if len(small) >= SEVERAL:
                yield from window.begin(self.put_pack, small)
            elif small:
                yield self.objects.put_all(data for _, data in small)
            yield from window.rest()

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what the file holds as an object."""
        return self.objects.put_file(path)

    def put_known(self, digest: Digest, path: Path, size: int) -> None:
        """Keep a file of which the caller knows the digest and that nobody changes meanwhile."""
        self.objects.put_known(digest, path, size)

    def writer(self) -> Writer:
        """Begin a blob that will be an object."""
        return self.objects.writer()

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob; a packed one as a whole."""
        data = self._packed(digest)
        if data is None:
            try:
                return self.objects.get(digest)
            except NotFound:
                data = self._late(digest)
        whole = data
        return (whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK))

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob."""
        data = self._packed(digest)
        if data is not None:
            return data
        try:
            return self.objects.read(digest)
        except NotFound:
            return self._late(digest)

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give what is packed, neighbours by one request and several requests at once, then objects."""
        asked = list(dict.fromkeys(digests))
        if self._packs is None or not all(map(self.holds, asked)):
            self._reload()
        places, rest = self._placed(asked)
        for digest, data in self._fetched(places):
            yield digest, data if data is not None and _is(data, digest) else self.read(digest)
        yield from self.objects.read_all(rest)

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part, passing over what is in front of it."""
        return part_of(self.get(digest), start, length)

    def size(self, digest: Digest) -> int | None:
        """Look into packs, then ask for its object, then look for newer packs."""
        ident = _ident(digest)
        if time.monotonic() - self._looked > _FRESH_S:
            self._reload()
        place = self._find(ident)
        if place is None and (size := self.objects.size(digest)) is not None:
            return size
        if place is None:
            self._reload()
            place = self._find(ident)
        return None if place is None else place[2]

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Look into packs; ask for the objects of the others, or list what there is where they are many."""
        self._reload()
        rest = [digest for digest in dict.fromkeys(digests) if self._find(_ident(digest)) is None]
        if len(rest) > _ASKED:
            names = set(islice(self.objects.iter(), _LISTED))
            if len(names) < _LISTED:
                lacking = {digest for digest in rest if digest not in names}
                return lacking - self.trash.revive(lacking)
        return self.objects.missing(rest)

    def path(self, digest: Digest) -> Path | None:  # noqa: ARG002 - the port's signature
        """Give None: there are no files."""
        return None

    def verify(self, digest: Digest) -> None:
        """Read it."""
        for _ in self.get(digest):
            pass

    def delete(self, digest: Digest) -> bool:
        """Remove its object, and write down that no pack has it any more."""
        found = self.objects.delete(digest)
        return bool(self.bury([digest])) or found

    def bury(self, digests: Iterable[Digest]) -> set[Digest]:
        """Write down that no pack has them any more; give those that one had."""
        wanted = {_ident(digest): digest for digest in digests}
        found = set[Digest]()
        for name, pack in self.packs().items():
            while here := [ident for ident in wanted if pack.find(ident) is not None]:
                gone = f"packs/{name}.gone"
                old = self.named.find(gone)
                if self.named.swap(gone, old, (old or b"") + b"".join(here)):
                    found.update(wanted[ident] for ident in here)
                    break
                self.learn(name, pack)
        self._reload()
        return found

    def packs(self) -> dict[str, Pack]:
        """Give the packs that there are, by name."""
        self._reload()
        return dict(self._packs or {})

    def packed(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give those that lie in a pack whole, neighbours by one request and several requests at once."""
        fetched = self._fetched(self._placed(digests)[0])
        return ((digest, data) for digest, data in fetched if data is not None and _is(data, digest))

    def whole(self, name: str, pack: Pack, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give those that lie whole in this one pack."""
        places = [(*place, digest) for digest in digests if (place := pack.find(_ident(digest)))]
        for run in _runs(sorted(places)):
            for digest, data in self._read_run(name, run):
                if data is not None and _is(data, digest):
                    yield digest, data

    def holds(self, digest: Digest) -> bool:
        """Tell whether a pack that is known here has it."""
        return self._find(_ident(digest)) is not None

    def iter(self) -> Iterator[Digest]:
        """Give what is packed, then the objects."""
        seen = set[bytes]()
        for pack in self.packs().values():
            for ident in pack.index.ids():
                if ident not in pack.gone and ident not in seen:
                    seen.add(ident)
                    yield Digest("sha256:" + ident.hex())
        for digest in self.objects.iter():
            if _ident(digest) not in seen:
                yield digest

    def sweep_uploads(self) -> int:
        """Abort uploads that were left a week ago or more; give how many."""
        return self.objects.sweep_uploads()

    def __reduce__(self) -> tuple[type[FarBlobs], tuple[ObjectBlobs, Path | None]]:
        """Open the same store in another process."""
        return FarBlobs, (self.objects, self._folder)

    def _put_group(self, group: list[bytes]) -> list[Digest]:
        names = [digest_of(data) for data in group]
        fresh = dict(zip(names, group, strict=True))
        small = {digest: data for digest, data in fresh.items() if len(data) <= SMALL}
        if len(small) >= SEVERAL:
            lacking = self.missing(small)
            if len(lacking) >= SEVERAL:
                self.put_pack([(digest, data) for digest, data in small.items() if digest in lacking])
            else:
                lacking = set()
            sound = {digest for digest, _ in self.packed(small.keys() - lacking)}
            fresh = {digest: data for digest, data in fresh.items() if digest not in lacking and digest not in sound}
        self.objects.put_all(fresh.values())
        return names

    def _put_object(self, digest: Digest, data: bytes) -> list[Digest]:
        self.objects.put(data)
        return [digest]

    def put_pack(self, blobs: list[tuple[Digest, bytes]]) -> list[Digest]:
        """Write a pack, then its index. What is killed in between has left a pack that nobody sees."""
        data, places = packed((_ident(digest), held) for digest, held in blobs)
        content = sha256(data).hexdigest()
        key = self.objects.send(f"packs/{_IDS.new()}.pack", content, data, len(data))
        self.named.put(key.removesuffix("pack") + "idx", packindex.encode(places, len(data)))
        self.objects.sent(content)
        return [digest for digest, _ in blobs]

    def _packed(self, digest: Digest) -> bytes | None:
        """Give a blob out of a pack, verified; None where none has it whole."""
        place = self._find(_ident(digest))
        if place is None:
            return None
        ((_, data),) = self._read_run(place[0], [(place[1], place[2], digest)])
        return data if data is not None and digest_of(data) == digest else None

    def _late(self, digest: Digest) -> bytes:
        """Give what is no object out of packs that are newer than what is known here. Raise what is wrong with it."""
        self._reload()
        place = self._find(_ident(digest))
        if place is None:
            raise absent(digest)
        ((_, data),) = self._read_run(place[0], [(place[1], place[2], digest)])
        if data is None:
            raise absent(digest)
        if (found := digest_of(data)) != digest:
            raise corrupt(digest, found, len(data))
        return data

    def _placed(self, digests: Iterable[Digest]) -> tuple[_Places, list[Digest]]:
        """Say where packs hold some, and give those that none has."""
        places, rest = _Places(), list[Digest]()
        for digest in dict.fromkeys(digests):
            if place := self._find(_ident(digest)):
                places.setdefault(place[0], []).append((*place[1:], digest))
            else:
                rest.append(digest)
        return places, rest

    def _fetched(self, places: _Places) -> Iterator[tuple[Digest, bytes | None]]:
        """Read what packs hold, unverified: neighbours by one request, and several requests at once."""
        with Window[tuple[Digest, bytes | None]]() as window:
            for name, wanted in sorted(places.items()):
                for run in _runs(sorted(wanted)):
                    for some in window.begin(self._read_run, name, run):
                        yield from some
            for some in window.rest():
                yield from some

    def _read_run(self, name: str, run: list[tuple[int, int, Digest]]) -> list[tuple[Digest, bytes | None]]:
        """Read neighbours by one request, unverified; None for what is gone."""
        start, end = run[0][0], run[-1][0] + run[-1][1]
        try:
            with self.objects.asking("read") as (obs, store):
                held = bytes(obs.get_range(store, f"packs/{name}.pack", start=start, end=end)) if end > start else b""
        except FileNotFoundError:
            return [(digest, None) for _, _, digest in run]
        return [(digest, held[at - start : at - start + length]) for at, length, digest in run]

    def _find(self, ident: bytes) -> tuple[str, int, int] | None:
        if self._packs is None:
            self._reload()
        for name, pack in (self._packs or {}).items():
            if (place := pack.find(ident)) is not None:
                return name, *place
        return None

    def _reload(self) -> None:
        """See what others have packed and deleted: one request, and one for each index that is new."""
        with self._guard:
            sizes: dict[str, int] = {}
            with contextlib.suppress(FileNotFoundError), self.objects.asking("read") as (obs, store):
                for page in obs.list(store, "packs/"):
                    sizes.update((one["path"].rpartition("/")[2], one["size"]) for one in page)
            old, packs = self._packs or {}, dict[str, Pack]()
            for file in sorted(sizes):
                name, _, end = file.rpartition(".")
                if (
                    end == "idx"
                    and f"{name}.pack" in sizes
                    and (pack := old.get(name) or self._opened(name)) is not None
                ):
                    if sizes.get(f"{name}.gone", 0) != pack.known:
                        self.learn(name, pack)
                    packs[name] = pack
            self._packs, self._looked = packs, time.monotonic()

    def learn(self, name: str, pack: Pack) -> None:
        """Look what of a pack is gone by now."""
        gone = self.named.find(f"packs/{name}.gone") or b""
        pack.gone = frozenset(gone[at : at + 32] for at in range(0, len(gone) // 32 * 32, 32))
        pack.known = len(gone)

    def _opened(self, name: str) -> Pack | None:
        """Open an index: the copy that is here, else what the store has, of which a copy is made."""
        file = None if self._folder is None else os.path.join(self._folder, f"{name}.idx")
        if file is not None:
            with contextlib.suppress(OSError, ValueError):
                return Pack(open_index(file))
        data = self.named.find(f"packs/{name}.idx")
        if data is None:
            return None
        try:
            index = PackIndex(data)
        except ValueError:
            index = None
        if index is None or not index.sound():
            raise Unavailable(
                f"the index {name} of the store {self.objects.url} is damaged", kind="store-broken",
                hint="push what was in that pack again, then delete the index", store=self.objects.url, pack=name,
            )  # fmt: skip
        if file is not None:
            with contextlib.suppress(OSError):
                _keep(file, data)
        return Pack(index)


def _is(data: bytes, digest: Digest) -> bool:
    return "sha256:" + sha256(data).hexdigest() == digest


def _runs(wanted: list[tuple[int, int, Digest]]) -> Iterator[list[tuple[int, int, Digest]]]:
    """Put neighbours together, up to what one request gives."""
    run: list[tuple[int, int, Digest]] = []
    for one in wanted:
        if run and (one[0] - run[-1][0] - run[-1][1] > _GAP or one[0] + one[1] - run[0][0] > PIECE):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def _keep(file: str, data: bytes) -> None:
    """Keep a copy of an index; should it be cut by a loss of power, it is not one, and is read again."""
    os.makedirs(os.path.dirname(file), exist_ok=True)
    half = f"{file}.{os.getpid()}-{threading.get_ident()}"
    try:
        with open(half, "xb", buffering=0) as made:
            write_all(made.fileno(), data)
        os.rename(half, file)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(half)


def _ident(digest: Digest) -> bytes:
    return bytes.fromhex(parse_digest(digest)[7:])

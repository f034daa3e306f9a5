"""layers: the blobs of one version of data in a registry of OCI images.

A layer is one blob, or a pack of many (`pack.py`) with its index (`packindex.py`) as the layer behind it. Which layers there are
says a manifest, which others read and write (`sdk/oci.py`). What is put here is a layer, and durable, when a method returns;
a version has it when a manifest names it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.sdk.registry import PART, Registry
from loopline.store import packindex
from loopline.store.blobs import CHUNK, Writer, absent, corrupt
from loopline.store.pack import packed
from loopline.store.packindex import PackIndex, open_index
from loopline.store.window import Window

PACK: Final = 32 << 20
SMALL: Final = 16 << 20
"""Blobs up to this size go into packs, where a version has many files."""
_TOGETHER: Final = 8
_GAP: Final = 256 << 10
_RUN: Final = 8 << 20
_BIGGEST: Final = SMALL
"""Larger records are in no pack that was written here, and no larger layer is read into memory at once."""
_BIGGEST_PACK: Final = 2 * PACK
_PER_BLOB: Final = 64
_LEAST: Final = 1 << 20
"""What an index may be larger than so much for each of its blobs."""


class Kind(Enum):
    """What a layer is."""

    BLOB = "blob"
    PACK = "pack"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, as a manifest names it."""

    kind: Kind
    digest: Digest
    size: int


class Layers:
    """Reads the layers of a version, and writes those of the next. Threads share it.

    With `folder` indexes that were read are kept there.
    """

    def __init__(self, registry: Registry, folder: Path | None = None) -> None:
        self.registry = registry
        self.held: dict[Digest, bytes] = {}
        """Blobs that need not be asked for: nodes of a tree that were made anew."""
        self.only: Container[Digest] | None = None
        """Where each file is a layer: the files. Nothing else is sent."""
        self._folder = folder
        self._layers: list[Layer] = []
        self._blobs: dict[Digest, int] = {}
        self._packs: list[tuple[Layer, PackIndex]] | None = None
        self._new: list[tuple[Layer, ...]] = []
        self._last: tuple[Layer, PackIndex] | None = None
        self._guard = threading.Lock()

    def use(self, layers: Iterable[Layer]) -> None:
        """Take the layers of a version: what it has is there."""
        self._layers, self._packs, self._last = list(layers), None, None
        self._blobs = {one.digest: one.size for one in self._layers if one.kind is Kind.BLOB}

    def all(self) -> list[Layer]:
        """Give the layers that were taken and those that were made: packs, each before its index, then blobs."""
        layers = dict.fromkeys([*self._layers, *(one for some in self._new for one in some)])
        blobs = sorted((one for one in layers if one.kind is Kind.BLOB), key=lambda one: one.digest)
        return [*(one for one in layers if one.kind is not Kind.BLOB), *blobs]

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Give those that no layer has; where files are layers, of the files."""
        only = self.only
        asked = [one for one in digests if only is None or one in only]
        return {digest for digest in asked if digest not in self._blobs and self._find(digest) is None}

    def put_groups(self, items: Iterable[bytes]) -> Iterator[list[Digest]]:
        """Keep many."""
        yield from self.put_lacking((digest_of(data), data) for data in items)

    def put_lacking(self, items: Iterable[tuple[Digest, bytes]]) -> Iterator[list[Digest]]:
        """Keep each, in packs of the order in which they come, or as a layer; give them as they have become durable."""
        small, size = list[tuple[Digest, bytes]](), 0
        with Window[Digest](_TOGETHER if self.only is not None else 2) as window:
            for digest, data in items:
                if self.only is not None:
                    if digest in self.only:
                        yield from window.begin(self._put_one, digest, data)
                    continue
                small.append((digest, data))
                size += len(data)
                if size >= PACK:
                    yield from window.begin(self._put_pack, small, self._place())
                    small, size = [], 0
            if small:
                yield from window.begin(self._put_pack, small, self._place())
            yield from window.rest()

    def put_told(self, digest: Digest, path: Path, size: int, went: Callable[[int], None]) -> None:
        """Keep a file of which the caller knows the digest and that nobody changes meanwhile, and tell how far it is."""
        told = 0
        with Path(path).open("rb", buffering=0) as file:

            def read(start: int, length: int) -> bytes:
                nonlocal told
                if start > told:
                    went(start - told)
                    told = start
                return _whole(file.fileno(), start, length)

            self.registry.put_read(digest, size, read)
        went(size - told)
        self.note(digest, size)

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what the file holds: it is hashed while it is copied to where no one can change it."""
        with Path(path).open("rb", buffering=0) as source, self.writer() as writer:
            while chunk := source.read(CHUNK):
                writer.write(chunk)
            return writer.commit()

    def writer(self) -> Writer:
        """Begin a blob that waits in an unnamed file until its digest is known."""
        return _Waiting(self)

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob."""
        size = self._blobs.get(digest)
        if size is not None:
            return self.registry.stream(digest, size)
        data = self.read(digest)
        return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob."""
        ((_, data),) = self.read_all([digest])
        return data

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give what is packed, neighbours by one request and several requests at once, then what are layers."""
        places: dict[Layer, list[tuple[int, int, Digest]]] = {}
        alone: list[Digest] = []
        for digest in dict.fromkeys(digests):
            if digest in self.held:
                yield digest, self.held[digest]
            elif digest in self._blobs:
                alone.append(digest)
            elif (found := self._find(digest)) is not None:
                places.setdefault(found[0], []).append((found[1], found[2], digest))
            else:
                raise absent(digest)
        with Window[tuple[Digest, bytes]]() as window:
            for layer, wanted in places.items():
                for run in _runs(sorted(wanted)):
                    for some in window.begin(self._read_run, layer.digest, run):
                        yield from some
            for digest in alone:
                for some in window.begin(self._read_one, digest):
                    yield from some
            for some in window.rest():
                yield from some

    def path(self, digest: Digest) -> Path | None:  # noqa: ARG002 - the port's signature
        """Give None: there are no files."""
        return None

    def verify(self, digest: Digest) -> None:
        """Read it."""
        for _ in self.get(digest):
            pass

    def _put_one(self, digest: Digest, data: bytes) -> list[Digest]:
        self.registry.put(digest, data)
        self.note(digest, len(data))
        return [digest]

    def note(self, digest: Digest, size: int) -> None:
        """Take a blob that is there for a layer of what is made."""
        with self._guard:
            self._blobs[digest] = size
            self._new.append((Layer(Kind.BLOB, digest, size),))

    def _place(self) -> int:
        """Keep a place for a pack: packs are listed in the order in which they were filled."""
        with self._guard:
            self._new.append(())
            return len(self._new) - 1

    def _put_pack(self, blobs: list[tuple[Digest, bytes]], place: int) -> list[Digest]:
        """Send a pack and its index. The same blobs in the same order are the same pack: it may have been sent before."""
        data, places = packed((bytes.fromhex(digest[7:]), held) for digest, held in blobs)
        index = packindex.encode(places, len(data))
        pair = (Layer(Kind.PACK, digest_of(data), len(data)), Layer(Kind.INDEX, digest_of(index), len(index)))
        self.registry.put(pair[0].digest, data)
        self.registry.put(pair[1].digest, index)
        with self._guard:
            self._new[place] = pair
        return [digest for digest, _ in blobs]

    def _read_one(self, digest: Digest) -> list[tuple[Digest, bytes]]:
        size = self._blobs[digest]
        if size > _BIGGEST:
            where = str(self.registry.repository)
            raise Unavailable(
                f"a layer in {where} has {size} bytes and is to be read at once", kind="store-broken",
                hint="push that version again with --recheck", store=where, digest=digest,
            )  # fmt: skip
        return [(digest, self.registry.read(digest, size))]

    def _read_run(self, pack: Digest, run: list[tuple[int, int, Digest]]) -> list[tuple[Digest, bytes]]:
        start, end = run[0][0], run[-1][0] + run[-1][1]
        held = self.registry.part(pack, start, end)
        found = []
        for at, length, digest in run:
            data = held[at - start : at - start + length]
            if (named := digest_of(data)) != digest:
                raise corrupt(digest, named, len(data))
            found.append((digest, data))
        return found

    def _find(self, digest: Digest) -> tuple[Layer, int, int] | None:
        ident = bytes.fromhex(digest[7:])
        packs, last = self._packs if self._packs is not None else self._opened(), self._last
        for layer, index in [last, *packs] if last else packs:
            if (place := index.find(ident)) is not None:
                self._last = layer, index
                if place[0] + place[1] > layer.size or place[1] > _BIGGEST:
                    raise self._damaged(layer)
                return layer, *place
        return None

    def _opened(self) -> list[tuple[Layer, PackIndex]]:
        with self._guard:
            if self._packs is None:
                pairs = [
                    (one, self._layers[at + 1]) for at, one in enumerate(self._layers[:-1]) if one.kind is Kind.PACK
                ]
                packs: list[tuple[Layer, PackIndex]] = []
                with Window[tuple[Layer, PackIndex]](_TOGETHER) as window:
                    for pair in pairs:
                        for some in window.begin(self._open, *pair):
                            packs += some
                    for some in window.rest():
                        packs += some
                self._packs = packs
            return self._packs

    def _open(self, pack: Layer, layer: Layer) -> list[tuple[Layer, PackIndex]]:
        """Open an index: the copy that is here, else what the registry has, of which a copy is made."""
        file = None if self._folder is None else self._folder / f"oci-{layer.digest[7:]}.idx"
        if file is not None:
            with contextlib.suppress(OSError, ValueError):
                if (index := open_index(str(file))).size == pack.size:
                    return [(pack, index)]
        if pack.size > _BIGGEST_PACK or layer.size > _LEAST + _PER_BLOB * (pack.size // 37):
            raise self._damaged(pack)
        data = self.registry.read(layer.digest, layer.size)
        try:
            index = PackIndex(data)
        except ValueError:
            raise self._damaged(pack) from None
        if index.size != pack.size or not index.sound():
            raise self._damaged(pack)
        if file is not None:
            with contextlib.suppress(OSError):
                file.parent.mkdir(parents=True, exist_ok=True)
                half = file.with_name(f"{file.name}.{os.getpid()}-{threading.get_ident()}")
                half.write_bytes(data)
                half.replace(file)
        return [(pack, index)]

    def _damaged(self, layer: Layer) -> Unavailable:
        where = str(self.registry.repository)
        return Unavailable(
            f"the index of a pack in {where} is damaged", kind="store-broken", hint="push that version again with --recheck",
            store=where, digest=layer.digest,
        )  # fmt: skip


class _Waiting:
    """Keeps what is written until its digest is known, then sends it."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._file: Any = tempfile.TemporaryFile()  # noqa: SIM115 - closed by commit or exit
        self._state, self._size = sha256(), 0

    def write(self, chunk: bytes) -> None:
        try:
            self._file.write(chunk)
        except OSError as error:
            raise Unavailable(
                "no room here for an upload", kind="disk-full", errno=error.errno,
                hint=f"free some space in {tempfile.gettempdir()}, then try again",
            ) from error  # fmt: skip
        self._state.update(chunk)
        self._size += len(chunk)

    def commit(self) -> tuple[Digest, int]:
        digest = Digest("sha256:" + self._state.hexdigest())
        self._file.flush()
        number = self._file.fileno()
        self._layers.registry.put_read(digest, self._size, lambda start, length: _whole(number, start, length))
        self._layers.note(digest, self._size)
        return digest, self._size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._file.close()


def _whole(number: int, start: int, length: int) -> bytes:
    """Read a part of a file, all of it."""
    pieces = list[bytes]()
    while length and (piece := os.pread(number, min(length, PART), start)):
        pieces.append(piece)
        start, length = start + len(piece), length - len(piece)
    return b"".join(pieces)


def _runs(wanted: list[tuple[int, int, Digest]]) -> Iterator[list[tuple[int, int, Digest]]]:
    """Put neighbours together, up to what one request gives."""
    run: list[tuple[int, int, Digest]] = []
    for one in wanted:
        if run and (one[0] - run[-1][0] - run[-1][1] > _GAP or one[0] + one[1] - run[0][0] > _RUN):
            yield run
            run = []
        run.append(one)
    if run:
        yield run

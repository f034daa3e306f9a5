"""local: blobs in a folder, large ones in a file each, laid out as in an OCI image layout (image-spec, image-layout.md).

`<folder>/blobs/sha256/<hex>` holds one blob; `<folder>/packs/` many small ones that came together (`packs.py`);
`<folder>/pieces/<hex>` the sums of the parts of a large one (`pieces.py`); `<folder>/tmp/blob-…` what is being written.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, digest_of, parse_digest
from loopline.store.blobs import CHUNK, Writer, absent, corrupt
from loopline.store.files import (
    Scratch,
    is_hex,
    make_durable,
    open_file,
    read_file,
    sync_folder,
    unreadable,
    writing,
)
from loopline.store.packs import Packs

if TYPE_CHECKING:
    from loopline.store.links import Links
    from loopline.store.pieces import Sums
    from loopline.store.trash import LocalTrash

SMALL: Final = 32 << 10
"""Blobs up to this size go into packs; one that is larger is worth a file that can be linked and sent as it is."""
SEVERAL: Final = 16
"""So many small new blobs of one call are worth a pack."""
_REMEMBERED: Final = 64
_LISTED: Final = 4096
"""Names of files that are read rather than asked for one by one."""


class LocalBlobs:
    """Keeps blobs under `folder`, which is made when the first is written. Files are mode 0444.

    `several` new ones of up to `small` bytes that come in one call go into packs; with several=0 each is a file of its own.
    """

    reopens: Final = True

    def __init__(self, folder: Path, *, small: int = SMALL, several: int = SEVERAL) -> None:
        self.folder = Path(folder)
        self.small = small if several else -1
        self.several = several
        self.loose = str(self.folder / "blobs" / "sha256")
        self.scratch = Scratch(str(self.folder / "tmp"), self._begin)
        self.packs = Packs(str(self.folder / "packs"), self.scratch)
        self._sums: dict[bytes, Sums] = {}
        self._trash: LocalTrash | None = None

    @property
    def trash(self) -> LocalTrash:
        """Where a reclaim moves what nothing names. What is asked for is taken back from there."""
        from loopline.store.trash import LocalTrash

        if self._trash is None:
            self._trash = LocalTrash(self)
        return self._trash

    @property
    def links(self) -> Links:
        """Names that blobs have in folders besides."""
        from loopline.store.links import Links

        return Links(self)

    def put(self, data: bytes) -> Digest:
        """Keep `data`."""
        return self.put_all([data])[0]

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep each: small ones in packs, others in files that are synced together."""
        return list(chain.from_iterable(self.put_groups(items)))

    def put_groups(self, items: Iterable[bytes]) -> Iterator[list[Digest]]:
        """Keep each, a group as soon as 64 MiB have come; no more than that is held. It is hashed and written in one go."""
        from loopline.store.intake import Intake

        return Intake(self).run(items)

    def put_lacking(self, items: Iterable[tuple[Digest, bytes]]) -> Iterator[list[Digest]]:
        """Keep each as `put_groups` does, without hashing it and without looking at what is here."""
        from loopline.store.intake import Intake

        return Intake(self, lacking=True).run_named((_ident(digest), data) for digest, data in items)

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what the file holds: it is hashed while it is copied."""
        with open(path, "rb", buffering=0) as source, self.writer() as writer:
            while chunk := source.read(CHUNK):
                writer.write(chunk)
            return writer.commit()

    def writer(self) -> Writer:
        """Begin a blob in a temporary file."""
        from loopline.store.localwriter import LocalWriter

        return LocalWriter(self)

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob, one chunk behind what was hashed; a packed one as a whole."""
        with self._reading(digest):
            try:
                os.stat(self._where(digest))
            except FileNotFoundError:
                data = self.packs.read(_ident(digest))
                if data is None and (not self._took_back([digest]) or not os.path.exists(self._where(digest))):
                    data = self._packed(digest)
                if data is not None:
                    return self._cut(digest, data)
        return self._stream(digest)

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob."""
        with self._reading(digest):
            try:
                data = read_file(self._where(digest))
            except FileNotFoundError:
                data = self._packed(digest)
        return data if digest_of(data) == digest else self._other(digest, data)

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give those that are packed first, in the order in which they lie: neighbours are read at once."""
        from hashlib import sha256

        asked = {digest: _ident(digest) for digest in digests}
        with self._looking():
            self.packs.ready(len(asked))
        found = {digest: self.packs.find(ident) for digest, ident in asked.items()}
        for digest, data in self.packs.read_all((place, digest) for digest, place in found.items() if place):
            if data is None or sha256(data).digest() != asked[digest]:
                data = self.read(digest)  # noqa: PLW2901 - another copy may be whole
            yield digest, data
        for digest, place in found.items():
            if place is None:
                yield digest, self.read(digest)

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Give a part: of a large blob by the sums of its pieces, which are made where there are none, else out of all of it."""
        from loopline.store.pieces import LARGE

        size = self.size(digest)
        if size is None:
            raise absent(digest)
        stop = max(start, min(start + length, size))
        large = size > max(LARGE, self.small)  # such a one is in no pack
        return self._part(digest, start, stop) if large else self._cut(digest, None, start, stop)

    def size(self, digest: Digest) -> int | None:
        """Give the size of its file, or of its record."""
        ident = _ident(digest)
        if (known := self.packs.known(ident)) is not None:
            return known.length
        try:
            return os.stat(self.file_of(ident)).st_size
        except FileNotFoundError:
            place = self.packs.look(ident)
        if place is None and self._took_back([digest]):
            with contextlib.suppress(FileNotFoundError):
                return os.stat(self.file_of(ident)).st_size
            place = self.packs.look(ident)
        return None if place is None else place.length

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Give those without a file and in no pack."""
        asked = {digest: _ident(digest) for digest in digests}
        with self._looking():
            self.packs.ready(len(asked))
            lacking = self._lacking(asked)
            if lacking and self.packs.check():
                lacking = self._lacking(lacking)
            if lacking and self._took_back(lacking):
                self.packs.ready(len(lacking))
                lacking = self._lacking(lacking)
            return set(lacking)

    def path(self, digest: Digest) -> Path | None:
        """Give its file, unverified; None where it lies in a pack."""
        where = self._where(digest)
        return Path(where) if os.path.isfile(where) else None

    def verify(self, digest: Digest) -> None:
        """Hash its bytes."""
        for _ in self.get(digest):
            pass

    def delete(self, digest: Digest) -> bool:
        """Remove its file, and write down that no pack has it any more."""
        ident = _ident(digest)
        with self._writing():
            found = _unlinked(self.file_of(ident))
            if found:
                sync_folder(self.loose)
            self.forget_sums(ident)
            return self.packs.delete(ident) or found

    def iter(self) -> Iterator[Digest]:
        """Give what is packed, then the files whose names are digests."""
        for ident in self.packs.iter():
            yield Digest("sha256:" + ident.hex())
        with contextlib.suppress(FileNotFoundError), os.scandir(self.loose) as found:
            for entry in found:
                if is_hex(entry.name) and self.packs.find(bytes.fromhex(entry.name)) is None:
                    yield Digest("sha256:" + entry.name)

    def file_of(self, ident: bytes) -> str:
        """Give where a blob lies that has a file of its own."""
        return f"{self.loose}/{ident.hex()}"

    def sums_file(self, name: str) -> str:
        """Give where the sums of a large blob lie, by its 64 hex digits."""
        return f"{self.folder}/pieces/{name}"

    def sums(self, digest: Digest) -> Sums | None:
        """Give the sums of the pieces of a large blob, made now where there are none; None for a small one."""
        from loopline.store.pieces import LARGE

        size = self.size(digest)
        if size is None:
            raise absent(digest)
        return self._sums_of(digest) if size > max(LARGE, self.small) else None

    def note_sums(self, sums: Sums) -> None:
        """Keep the sums of a large blob, as far as that goes: they can be made again."""
        file = self.sums_file(sums.ident.hex())
        try:
            os.makedirs(os.path.dirname(file), exist_ok=True)
            self.scratch.place(sums.encode(), file, durable=False)
        except OSError:
            while len(self._sums) >= _REMEMBERED:
                self._sums.pop(next(iter(self._sums)), None)
            self._sums[sums.ident] = sums

    def find_sums(self, ident: bytes) -> Sums | None:
        """Give the sums of a large blob, where they are known."""
        from loopline.store.pieces import decode

        if (held := self._sums.get(ident)) is not None:
            return held
        with contextlib.suppress(OSError):
            return decode(read_file(self.sums_file(ident.hex())), ident)
        return None

    def set_aside(self, digest: Digest) -> int:
        """Move damaged copies of a blob to `damaged/`; give how many."""
        from loopline.store.aside import set_aside

        return set_aside(self, parse_digest(digest))

    def forget_sums(self, ident: bytes) -> None:
        """Remove the sums of a blob that goes."""
        self._sums.pop(ident, None)
        _unlinked(self.sums_file(ident.hex()))

    def __reduce__(self) -> tuple[partial[LocalBlobs], tuple[Path]]:
        """Open the same folder in another process."""
        return partial(type(self), small=self.small, several=self.several), (self.folder,)

    def _where(self, digest: Digest) -> str:
        return f"{self.loose}/{parse_digest(digest)[7:]}"

    def _lacking(self, asked: dict[Digest, bytes]) -> dict[Digest, bytes]:
        has, files = self.packs.has, self._files(len(asked))
        return {
            digest: ident
            for digest, ident in asked.items()
            if not has(ident) and not (os.path.exists(self.file_of(ident)) if files is None else ident.hex() in files)
        }

    def _files(self, questions: int) -> set[str] | None:
        """Give the names of all files, where so many questions are worth reading them, and they are few."""
        if questions < _LISTED // 4:
            return None
        with contextlib.suppress(FileNotFoundError), os.scandir(self.loose) as found:
            names = {entry.name for entry in islice(found, _LISTED)}
            return names if len(names) < _LISTED else None
        return set()

    def _begin(self) -> None:
        """Make what a writer needs, and remove what killed ones left."""
        make_durable(self.loose)
        self.packs.sweep()

    def _packed(self, digest: Digest) -> bytes:
        data = self.packs.read(_ident(digest))
        if data is not None:
            return data
        if not self._took_back([digest]) and (data := self.trash.read(digest)) is not None:
            return data
        try:
            return read_file(self._where(digest))
        except FileNotFoundError:
            data = self.packs.read(_ident(digest))
        if data is None:
            raise FileNotFoundError
        return data

    def _opened(self, digest: Digest) -> int:
        with self._reading(digest):
            try:
                return open_file(self._where(digest))
            except FileNotFoundError:  # a reclaim may have moved it just now
                self._took_back([digest])
                return open_file(self._where(digest))

    def _took_back(self, digests: Iterable[Digest]) -> bool:
        """Take blobs back from the trash, where there is any; tell whether it is worth while to look again."""
        if not os.path.exists(f"{self.folder}/trash"):
            return False
        try:
            self.trash.revive(digests)
        except Unavailable:  # a store that cannot be written
            return False
        return True

    def _other(self, digest: Digest, wrong: bytes) -> bytes:
        """Give a blob of which one copy is damaged out of another; raise what is wrong with that copy where there is none."""
        ident = _ident(digest)
        with self._reading(digest), contextlib.suppress(FileNotFoundError):
            for data in self.packs.every(ident):
                if digest_of(data) == digest:
                    return data
            data = read_file(self._where(digest))
            if digest_of(data) == digest:
                return data
        raise corrupt(digest, digest_of(wrong), len(wrong))

    def _cut(self, digest: Digest, data: bytes | None, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Give a small blob, or a part of it, when all of it was seen to be right."""
        if data is None:
            data = self.read(digest)
        elif digest_of(data) != digest:
            data = self._other(digest, data)
        stop = len(data) if stop is None else stop
        for at in range(start, stop, CHUNK):
            yield data[at : min(stop, at + CHUNK)]

    def _part(self, digest: Digest, start: int, stop: int) -> Iterator[bytes]:
        from loopline.store.pieces import PIECE

        sums = self._sums_of(digest)
        number = self._opened(digest)
        try:
            for one in sums.numbers(start, stop):
                with self._reading(digest):
                    piece = os.pread(number, PIECE, one * PIECE)
                if not sums.holds(one, piece):
                    self._make_sums(digest)  # raises what is wrong with the blob
                    raise Unavailable(
                        f"blob {digest[7:19]} was changed while it was read",
                        kind="blob-unreadable",
                        hint="read it again",
                        digest=digest,
                    )
                if part := piece[max(0, start - one * PIECE) : stop - one * PIECE]:
                    yield part
        finally:
            os.close(number)

    def _sums_of(self, digest: Digest) -> Sums:
        return self.find_sums(_ident(digest)) or self._make_sums(digest)

    def _make_sums(self, digest: Digest) -> Sums:
        """Read a blob from front to end, by its digest, and note the sums of its pieces."""
        from loopline.store.pieces import Summing

        summing = Summing()
        for chunk in self._stream(digest):
            summing.update(chunk)
        sums = summing.sums(_ident(digest))
        self.note_sums(sums)
        return sums

    def _stream(self, digest: Digest) -> Iterator[bytes]:
        import hashlib  # here and below: a command that only reads rows hashes nothing

        state, size, behind = hashlib.sha256(), 0, b""
        number = self._opened(digest)
        try:
            while True:
                with self._reading(digest):
                    chunk = os.read(number, CHUNK)
                if not chunk:
                    break
                if behind:
                    yield behind
                state.update(chunk)
                size, behind = size + len(chunk), chunk
        finally:
            os.close(number)
        found = Digest("sha256:" + state.hexdigest())
        if found != digest:
            raise corrupt(digest, found, size)
        if behind:
            yield behind

    @contextlib.contextmanager
    def _reading(self, digest: Digest) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise absent(digest) from None
        except OSError as caught:
            raise Unavailable(
                f"blob {digest[7:19]} cannot be read: {caught.strerror}",
                kind="blob-unreadable",
                hint=f"make {self.folder} readable, or check its disk",
                digest=digest,
                errno=caught.errno,
            ) from caught

    @contextlib.contextmanager
    def _looking(self) -> Iterator[None]:
        try:
            yield
        except OSError as caught:
            raise unreadable(caught, self.folder) from caught

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return writing(self.folder)


def _ident(digest: Digest) -> bytes:
    with contextlib.suppress(ValueError):
        ident = bytes.fromhex(digest[7:])
        if "sha256:" + ident.hex() == digest and len(ident) == 32:  # a third of what `parse_digest` takes
            return ident
    return bytes.fromhex(parse_digest(digest)[7:])


def _unlinked(name: str) -> bool:
    try:
        os.unlink(name)
    except FileNotFoundError:
        return False
    return True

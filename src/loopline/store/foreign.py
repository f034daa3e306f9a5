"""foreign: blobs whose bytes lie elsewhere, in a folder or a bucket that somebody has registered, beside those that are kept.

Where a store has no bytes of its own under a name, it may know where they lie (`sidecars.py`). They are read there each time,
held against their digest, and never copied, changed or deleted. Bytes that are put go into the store, and are read from then on.
A source that has changed or gone is damage: the error names it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import NotFound, Refused, Unavailable
from loopline.nouns.digest import Digest, parse_digest, short
from loopline.store.blobs import CHUNK, Blobs, absent, corrupt, reopens, sums_of

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from loopline.store.foreigntrash import ForeignTrash
    from loopline.store.local import LocalBlobs
    from loopline.store.named import Named
    from loopline.store.pieces import Sums
    from loopline.store.sidecars import Foreign, Sidecars
    from loopline.store.sources import Source

_FRESH_S: Final = 1.0
"""A reader who misses a blob believes what was seen so lately; who only asks, what the sidecars' own time allows."""
_PAGE: Final = 4096
_AT_ONCE: Final = 8
_HINT: Final = (
    "put the same bytes back there, or add them to the store; loopline register makes a version of what is there now"
)


def register(blobs: object, entries: Iterable[Foreign]) -> int:
    """Let a store know bytes that lie elsewhere, whose digest the caller has found by reading them. Give how many.

    They are known, durably, when this returns. What the store keeps itself stays its own. Repeating is harmless.
    Raise Refused kind="no-foreign" where a store cannot know such.
    """
    own: Callable[[Iterable[Foreign]], int] | None = getattr(blobs, "register", None)
    if own is None:
        raise Refused("this store keeps its own bytes only", kind="no-foreign", hint="add the files: they are copied")
    hold = getattr(blobs, "hold", None)
    if hold is not None:
        hold()
    return own(entries)


def room_of(blobs: Blobs, digest: Digest) -> int:
    """Give how many bytes of a store a blob takes: none where they lie elsewhere."""
    own = getattr(blobs, "keeps", None)
    return (blobs if own is None else own).size(digest) or 0


def foreign_of(blobs: object) -> Sidecars | None:
    """Give what a store knows of bytes that lie elsewhere."""
    found: Sidecars | None = getattr(blobs, "sidecars", None)
    return found


def sizes_of(blobs: Blobs, digests: Iterable[Digest]) -> dict[Digest, int | None]:
    """Give what `size` gives of each; what lies elsewhere is asked for together."""
    own: Callable[[Iterable[Digest]], dict[Digest, int | None]] | None = getattr(blobs, "sizes", None)
    return {one: blobs.size(one) for one in digests} if own is None else own(digests)


def places_of(blobs: object, digest: Digest) -> list[str]:
    """Say where a blob was registered, for people."""
    known = foreign_of(blobs)
    return [f"{one.source}/{one.key}" for one in known.find(_ident(digest))] if known is not None else []


def elsewhere(blobs: object) -> tuple[int, int, list[str]]:
    """Give how many blobs a store knows and does not keep, their bytes, and the sources that they are in."""
    known, sizes, sources = foreign_of(blobs), dict[Digest, int](), dict[str, None]()
    for one in known.live() if known is not None and known.all() else ():
        sizes[one.digest] = one.stamp.size
        sources[one.source] = None
    if sizes:
        keeps: Blobs = blobs.keeps  # type: ignore[attr-defined]
        lacking = keeps.missing(sizes)
        sizes = {digest: size for digest, size in sizes.items() if digest in lacking}
    return len(sizes), sum(sizes.values()), sorted(sources)


class WithForeign:
    """Keeps Blobs' promises by `keeps`, and by reading where others have put the bytes.

    What is written is kept; `path` names no foreign file, which somebody might link or change. `sums` keeps sums of the pieces
    of large ones, so that a part can be verified.
    """

    def __init__(self, keeps: Blobs, named: Named, *, sums: LocalBlobs, fresh: float = 0.0) -> None:
        self.keeps = keeps
        self._named, self._sums, self._fresh = named, sums, fresh
        self._sidecars: Sidecars | None = None
        self._sources: dict[str, Source] = {}

    @property
    def reopens(self) -> bool:
        """As the store."""
        return reopens(self.keeps)

    @property
    def sidecars(self) -> Sidecars:
        """What is known."""
        if self._sidecars is None:
            from loopline.store.sidecars import Sidecars

            self._sidecars = Sidecars(self._named, fresh=self._fresh)
        return self._sidecars

    @property
    def trash(self) -> ForeignTrash | None:
        """That of the store, beside which it is noted what of the foreign ones is condemned."""
        from loopline.store.foreigntrash import ForeignTrash
        from loopline.store.trash import trash_of

        inner = trash_of(self.keeps)
        return None if inner is None else ForeignTrash(inner, self.sidecars)

    def register(self, entries: Iterable[Foreign]) -> int:
        """Know these: see the function `register`."""
        from loopline.store.sidecars import MOST
        from loopline.store.sources import source_name

        rest, number = iter(entries), 0
        while page := list(islice(rest, MOST)):
            for one in page:
                parse_digest(one.digest)
            for name in {one.source for one in page}:
                if source_name(name) != name:
                    msg = f"{name!r} is not how a source is written"
                    raise ValueError(msg)
            self.sidecars.add(page)
            self.sidecars.find_all([_ident(one.digest) for one in page])  # none of them is condemned any more
            number += len(page)
        self.sidecars.fold()
        return number

    def note_sums(self, sums: Sums) -> None:
        """Keep sums of the pieces of a large one, which whoever read it has made."""
        self._sums.note_sums(sums)

    def source(self, name: str) -> Source:
        """Open a source, once."""
        from loopline.store.sources import source_at

        if name not in self._sources:
            self._sources[name] = source_at(name)
        return self._sources[name]

    def get(self, digest: Digest) -> Iterator[bytes]:
        """Stream a blob, one chunk behind what was hashed."""
        try:
            return self.keeps.get(digest)
        except NotFound as error:
            return self._stream(self._begun(digest, error))

    def read(self, digest: Digest) -> bytes:
        """Give all of a blob."""
        try:
            return self.keeps.read(digest)
        except NotFound as error:
            return b"".join(self._stream(self._begun(digest, error)))

    def read_all(self, digests: Iterable[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Give what is kept, then what lies elsewhere, several at once."""
        asked = dict.fromkeys(digests)
        elsewhere = list(self._elsewhere(asked))
        for digest in elsewhere:
            del asked[digest]
        yield from self.keeps.read_all(asked)
        if elsewhere:
            yield from self._each(elsewhere)

    def range(self, digest: Digest, start: int, length: int) -> Iterator[bytes]:
        """Stream a part: of a large one only the pieces in which it lies, by their sums."""
        try:
            return self.keeps.range(digest, start, length)
        except NotFound as error:
            one, chunks = self._begun(digest, error)
        from loopline.store.pieces import LARGE

        if one.stamp.size > LARGE:
            return self._part(one, start, min(start + length, one.stamp.size))
        data = b"".join(self._stream((one, chunks)))[start : start + length]
        return (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))

    def size(self, digest: Digest) -> int | None:
        """Give what is kept, or what lies elsewhere as it was registered."""
        size = self.keeps.size(digest)
        if size is None:
            for one in self.sidecars.find(_ident(digest)):
                if self.source(one.source).look(one.key) == one.stamp:
                    return one.stamp.size
        return size

    def sums(self, digest: Digest) -> Sums | None:
        """Give the sums of the pieces of a large one, also where its bytes lie elsewhere; None for a small one."""
        from loopline.store.pieces import LARGE

        try:
            found = sums_of(self.keeps, digest)
        except NotFound:
            if not self.sidecars.find(_ident(digest)):
                raise
            found = None
        if found is None and (rows := self.sidecars.find(_ident(digest))) and rows[-1].stamp.size > LARGE:
            found = self._sums.find_sums(_ident(digest)) or self._summed(rows[-1])
        return found

    def sizes(self, digests: Iterable[Digest]) -> dict[Digest, int | None]:
        """Give what `size` gives of each."""
        found = {one: self.keeps.size(one) for one in digests}
        known = self.sidecars.find_all([_ident(one) for one, size in found.items() if size is None])
        sound = self._sound(known)
        return found | {row.digest: row.stamp.size for rows in known.values() for row in rows if row.digest in sound}

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Give those that are not kept, and do not lie elsewhere as they were registered."""
        lacking = self.keeps.missing(digests)
        return lacking - self._sound(self.sidecars.find_all([_ident(one) for one in lacking])) if lacking else lacking

    def path(self, digest: Digest) -> Path | None:
        """Give a file of what is kept."""
        return self.keeps.path(digest)

    def verify(self, digest: Digest) -> None:
        """Read a blob."""
        try:
            self.keeps.verify(digest)
        except NotFound as error:
            for _ in self._stream(self._begun(digest, error)):
                pass

    def delete(self, digest: Digest) -> bool:
        """Delete what is kept, and forget where it lies besides. A source stays as it is."""
        found = self.keeps.delete(digest)
        self._sums.forget_sums(_ident(digest))
        return self.sidecars.remove(_ident(digest)) or found

    def iter(self) -> Iterator[Digest]:
        """Give what is kept, then what lies elsewhere only."""
        yield from self.keeps.iter()
        live = (one.digest for one in self.sidecars.live())
        while page := list(dict.fromkeys(islice(live, _PAGE))):
            yield from self.keeps.missing(page)

    def __getattr__(self, name: str) -> Any:
        if name == "keeps":  # it is half made: a copy, or something that is taken apart
            raise AttributeError(name)
        return getattr(self.keeps, name)

    def __reduce__(self) -> tuple[Callable[..., WithForeign], tuple[Any, ...]]:
        return _opened, (self.keeps, self._named, self._sums, self._fresh)

    def _begun(self, digest: Digest, missing: NotFound) -> tuple[Foreign, Iterator[bytes]]:
        """Begin to read a blob where it lies. Raise what is wrong with the last of the places."""
        from loopline.store.sources import Changed

        wrong: NotFound | Unavailable = missing
        for one in self.sidecars.find(_ident(digest), within=_FRESH_S):
            chunks = self.source(one.source).read(one.key, one.stamp, 0, one.stamp.size)
            try:
                first = next(chunks, b"")
            except Changed as why:
                wrong = self._lost(one, why)
            else:
                return one, chain((first,), chunks)
        raise wrong from None

    def _stream(self, begun: tuple[Foreign, Iterator[bytes]]) -> Iterator[bytes]:
        import hashlib

        from loopline.store.sources import Changed

        one, chunks = begun
        state, size, behind = hashlib.sha256(), 0, b""
        try:
            for chunk in chunks:
                if behind:
                    yield behind
                state.update(chunk)
                size, behind = size + len(chunk), chunk
        except Changed as why:
            raise self._lost(one, why) from None
        found = Digest("sha256:" + state.hexdigest())
        if found != one.digest:
            raise self._told(one, corrupt(one.digest, found, size))
        if behind:
            yield behind

    def _part(self, one: Foreign, start: int, stop: int) -> Iterator[bytes]:
        from loopline.store.pieces import PIECE
        from loopline.store.sources import Changed

        sums = self._sums.find_sums(_ident(one.digest)) or self._summed(one)
        numbers = list(sums.numbers(start, stop))
        if not numbers:
            return
        at, end = numbers[0] * PIECE, min((numbers[-1] + 1) * PIECE, one.stamp.size)
        chunks, held = self.source(one.source).read(one.key, one.stamp, at, end), b""
        for number in numbers:
            size = min(PIECE, one.stamp.size - number * PIECE)
            try:
                while len(held) < size and (chunk := next(chunks, b"")):
                    held += chunk
            except Changed as why:
                raise self._lost(one, why) from None
            piece, held = held[:size], held[size:]
            if not sums.holds(number, piece):
                self._summed(one)  # raises what is wrong with it
                raise self._lost(one, Changed("it was changed while it was read"))
            if part := piece[max(0, start - number * PIECE) : stop - number * PIECE]:
                yield part

    def _summed(self, one: Foreign) -> Sums:
        """Read a blob from front to end, by its digest, and note the sums of its pieces."""
        from loopline.store.pieces import Summing

        summing = Summing()
        for chunk in self._stream(self._begun(one.digest, absent(one.digest))):
            summing.update(chunk)
        sums = summing.sums(_ident(one.digest))
        self._sums.note_sums(sums)
        return sums

    def _elsewhere(self, digests: Iterable[Digest]) -> set[Digest]:
        """Give those of which the store knows where they lie, and keeps nothing."""
        known = self.sidecars.find_all([_ident(one) for one in digests]) if self.sidecars.all() else {}
        return self.keeps.missing(rows[0].digest for rows in known.values()) if known else set()

    def _sound(self, known: dict[bytes, list[Foreign]]) -> set[Digest]:
        """Give those that lie in one of their places as they were registered."""
        from loopline.store.sources import Seen

        wanted: dict[str, dict[str, Foreign]] = {}
        for one in chain.from_iterable(known.values()):
            wanted.setdefault(one.source, {})[one.key] = one
        found = set[Digest]()
        for name, rows in wanted.items():
            sound = self.source(name).sound(Seen(key, one.stamp) for key, one in rows.items())
            found.update(rows[key].digest for key in sound)
        return found

    def _each(self, digests: list[Digest]) -> Iterator[tuple[Digest, bytes]]:
        """Read several at once, in order."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(_AT_ONCE, len(digests)), "loopline-foreign") as pool:
            running: deque[tuple[Digest, Future[bytes]]] = deque()
            try:
                for digest in digests:
                    running.append((digest, pool.submit(self.read, digest)))
                    if len(running) > _AT_ONCE:
                        first, future = running.popleft()
                        yield first, future.result()
                while running:
                    first, future = running.popleft()
                    yield first, future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _lost(self, one: Foreign, why: Any) -> NotFound | Unavailable:
        where = self.source(one.source).where(one.key)
        text = f"blob {short(one.digest)} lies in {where}: {why.why}"
        facts = {"digest": one.digest, "source": where}
        if why.gone:
            return NotFound(text, kind="blob-missing", hint=_HINT, **facts)
        return Unavailable(text, kind="blob-corrupt", hint=_HINT, **facts)

    def _told(self, one: Foreign, error: Unavailable) -> Unavailable:
        error.facts["source"] = self.source(one.source).where(one.key)
        error.message += f"; it lies in {error.facts['source']}"
        error.hint = _HINT
        return error


def _opened(keeps: Blobs, named: Named, sums: LocalBlobs, fresh: float) -> WithForeign:
    return WithForeign(keeps, named, sums=sums, fresh=fresh)


def _ident(digest: Digest) -> bytes:
    return bytes.fromhex(parse_digest(digest)[7:])

"""receiving: bodies of objects on their way into the store: taken out of their chunks, summed up, and held against what was said.

A body that is slow holds no thread: pieces of about 1 MiB go to threads, and come back. While one piece is written and summed up,
the next one comes.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from base64 import b64decode
from binascii import Error
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from loopline.faces.desk import Desk, act
from loopline.faces.s3 import checksums
from loopline.faces.s3.chunked import Decoder
from loopline.faces.s3.errors import Fault
from loopline.faces.s3.signing import UNSIGNED, Claim, is_number
from loopline.nouns.digest import Digest

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.loop import Loop
    from loopline.store.blobs import Blobs, Writer

PIECE: Final = 1 << 20
"""Bytes that go to a thread at a time."""
LARGEST: Final = 5 << 30
"""Bytes of one request, as S3 has it; larger objects come in parts."""
_HEX: Final = re.compile(r"[0-9a-f]{64}\Z")
_CHUNKED: Final = {
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": (True, False),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": (True, True),
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": (False, True),
}
"""How a body comes: whether its chunks are signed, and whether something comes behind them."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A body that is a blob."""

    digest: Digest
    size: int
    md5: str
    sums: dict[str, str] = field(default_factory=dict)
    """The other sums that were asked for, by algorithm."""


@dataclass(frozen=True, slots=True)
class Words:
    """What headers say of a body."""

    length: int | None
    """Bytes of the object, where that is said."""
    sha256: str = ""
    md5: bytes = b""
    sums: dict[str, str] = field(default_factory=dict)
    """What the sums must be."""
    wanted: tuple[str, ...] = ()
    """Sums to make, also where nobody said what they must be."""
    trailers: tuple[str, ...] = ()
    chunked: bool = False
    signed: bool = False


def words_of(request: Request, *, limit: int, also: Sequence[str] = ()) -> Words:
    """Read what the headers say of the body. Raise Fault for what does not fit together. `also` are further sums to make."""
    headers = request.headers
    how = _how(request)
    signed, ends = _CHUNKED.get(how, (False, False))
    if how.startswith("STREAMING-") and how not in _CHUNKED:
        raise Fault("NotImplemented", f"{how[:60]} is not served here.")
    chunked = how in _CHUNKED
    if not chunked and how != UNSIGNED and not _HEX.match(how):
        raise Fault("InvalidArgument", "x-amz-content-sha256 must be a SHA256 in hex, UNSIGNED-PAYLOAD or STREAMING-…")
    said = headers.get("x-amz-decoded-content-length" if chunked else "content-length")
    if said is None and (chunked or "transfer-encoding" not in headers):
        raise Fault("MissingContentLength")
    if said is not None and not is_number(said):
        raise Fault("InvalidArgument", "The length is no number.")
    if said is not None and int(said[:20]) > min(limit, LARGEST):
        raise Fault("EntityTooLarge", MaxSizeAllowed=str(min(limit, LARGEST)))
    sums = checksums.sent(headers)
    trailers = (
        tuple(one.strip().lower() for one in headers.get("x-amz-trailer", "").split(",") if one.strip()) if ends else ()
    )
    later = tuple(name for name in checksums.LENGTHS if f"{checksums.PREFIX}{name.lower()}" in trailers)
    if len(later) != len(trailers):
        raise Fault("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
    if len(sums) + len(later) > 1:
        raise Fault(
            "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    asked = headers.get("x-amz-sdk-checksum-algorithm")
    wanted = (*sums, *later, *also, *([checksums.named(asked)] if asked and asked.upper() in checksums.LENGTHS else []))
    return Words(
        length=int(said) if said is not None else None, sha256="" if chunked or how == UNSIGNED else how,
        md5=_md5(headers.get("content-md5")), sums=sums, wanted=tuple(dict.fromkeys(wanted)), trailers=trailers,
        chunked=chunked, signed=signed,
    )  # fmt: skip


def _how(request: Request) -> str:
    """Give what was signed of the body: of an address that stands in its query, and a header need not repeat it."""
    claim: Claim | None = request.scope.get("loopline.s3.claim")
    return claim.payload if claim else request.headers.get("x-amz-content-sha256", UNSIGNED)


async def take(request: Request, loop: Loop, words: Words) -> Taken:
    """Make the body a blob. Raise Fault, with nothing kept, where it is not what was said of it."""
    desk: Desk = request.app.state.desk
    taking = _Taking(loop, words, request, limit=min(desk.upload_limit, LARGEST))
    if words.length is not None and words.length <= PIECE:
        data = b"".join([piece async for piece in _pieces(request, most=2 * PIECE + (64 << 10))])
        return await act(request, taking.whole, data)
    error: BaseException | None = None
    working: asyncio.Future[Any] = asyncio.gather(act(request, taking.begin))
    try:
        async for piece in _pieces(request):
            payload = await act(request, taking.feed, piece) if words.chunked else taking.feed(piece)
            await asyncio.shield(working)
            working = asyncio.gather(
                act(request, taking.write, payload),
                act(request, taking.digest, payload),
                act(request, taking.sum_up, payload),
            )
        await asyncio.shield(working)
        return await act(request, taking.commit)
    except BaseException as caught:
        error = caught
        raise
    finally:
        await asyncio.shield(_ended(request, taking, working, error))


async def _ended(request: Request, taking: _Taking, working: asyncio.Future[Any], error: BaseException | None) -> None:
    """Let go, once no thread works on it any more: also where the request was cut off."""
    await asyncio.wait([working])
    if not working.cancelled():
        working.exception()
    await act(request, taking.end, error)


async def small(request: Request, words: Words, *, limit: int) -> bytes:
    """Give a small body as bytes. Raise Fault where it is not what was said of it."""
    data = b"".join([piece async for piece in _pieces(request, most=2 * limit + (64 << 10))])
    taking = _Taking(None, words, request, limit=limit)
    payload = await act(request, taking.feed, data)
    await act(request, taking.digest, payload)
    await act(request, taking.sum_up, payload)
    await act(request, taking.checked)
    return b"".join(payload)


async def _pieces(request: Request, *, most: int | None = None) -> AsyncIterator[bytes]:
    """Give the body in pieces of about PIECE bytes."""
    parts: list[bytes] = []
    waiting = total = 0
    async for chunk in request.stream():
        parts.append(chunk)
        waiting, total = waiting + len(chunk), total + len(chunk)
        if most is not None and total > most:
            raise Fault("IncompleteBody")
        if waiting >= PIECE and most is None:
            yield b"".join(parts)
            parts, waiting = [], 0
    yield b"".join(parts)


class _Taking:
    """One body. Its next piece is fed while the last one is written and summed up, each by one thread at a time."""

    def __init__(self, loop: Loop | None, words: Words, request: Request, *, limit: int) -> None:
        self._loop, self._words, self._limit = loop, words, limit
        signed = request.scope.get("loopline.s3.signed")
        self._decoder = (
            Decoder(signed=signed, must_sign=words.signed, trailers=words.trailers) if words.chunked else None
        )
        self._writer: Writer | None = None
        self._size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha = hashlib.sha256() if words.sha256 else None
        self._sums = {name: checksums.sum_of(name) for name in words.wanted}

    def whole(self, data: bytes) -> Taken:
        """Take a small body at once."""
        payload = self.feed(data)
        self.digest(payload)
        self.sum_up(payload)
        taken = self.checked()
        body = b"".join(payload)
        return Taken(self._store.put(body), len(body), *taken)

    def begin(self) -> None:
        """Begin a blob."""
        writer = self._store.writer()
        writer.__enter__()
        self._writer = writer

    def feed(self, data: bytes) -> list[bytes]:
        """Take the bytes of the object out of what came."""
        payload = self._decoder.feed(data) if self._decoder else [data]
        self._size += sum(map(len, payload))
        if self._size > self._limit or (self._words.length is not None and self._size > self._words.length):
            raise Fault("EntityTooLarge" if self._size > self._limit else "IncompleteBody")
        return payload

    def write(self, payload: list[bytes]) -> None:
        """Write them."""
        assert self._writer is not None  # noqa: S101 (begun before)
        for piece in payload:
            self._writer.write(piece)

    def digest(self, payload: list[bytes]) -> None:
        """Add them to the md5, which takes longest."""
        for piece in payload:
            self._md5.update(piece)

    def sum_up(self, payload: list[bytes]) -> None:
        """Add them to every other sum."""
        for one in (*self._sums.values(), *([self._sha] if self._sha else [])):
            for piece in payload:
                one.update(piece)

    def commit(self) -> Taken:
        """Make it a blob, if it is what was said."""
        assert self._writer is not None  # noqa: S101 (begun before)
        sums = self.checked()
        return Taken(*self._writer.commit(), *sums)

    def end(self, error: BaseException | None) -> None:
        """Let go of what was not committed."""
        if self._writer:
            self._writer.__exit__(type(error) if error else None, error, None)

    @property
    def _store(self) -> Blobs:
        assert self._loop is not None  # noqa: S101 (what is kept is kept for somebody)
        return self._loop.blobs

    def checked(self) -> tuple[str, dict[str, str]]:
        """Give md5 and sums of a body that is whole. Raise Fault where it is not what was said."""
        words = self._words
        trailers: dict[str, str] = {}
        if self._decoder:
            self._decoder.finish()
            trailers = checksums.sent(self._decoder.trailers)
        if words.length is not None and self._size != words.length:
            raise Fault("IncompleteBody")
        if self._sha and self._sha.hexdigest() != words.sha256:
            raise Fault("XAmzContentSHA256Mismatch")
        if words.md5 and self._md5.digest() != words.md5:
            raise Fault("BadDigest", "The Content-MD5 you specified did not match what we received.")
        made = {name: checksums.written(one.digest()) for name, one in self._sums.items()}
        for name, said in {**words.sums, **trailers}.items():
            if made[name] != said:
                raise Fault("BadDigest", f"The {name} you specified did not match the calculated checksum.")
        return self._md5.hexdigest(), made


def _md5(text: str | None) -> bytes:
    if text is None:
        return b""
    try:
        found = b64decode(text, validate=True)
    except (Error, ValueError):
        found = b""
    if len(found) != 16:
        raise Fault("InvalidDigest", "The Content-MD5 you specified is not valid.")
    return found

"""blobs: bytes by digest, /api/v1/blobs/… A digest is parsed, never a path joined."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from loopline.errors import Invalid
from loopline.faces.desk import act
from loopline.faces.native import wire
from loopline.faces.native.answers import json
from loopline.faces.native.bodies import PIECE, poured, streamed
from loopline.faces.native.door import downloading, uploading
from loopline.faces.native.framing import HEAD, packed, unpacked
from loopline.faces.native.ranges import etag_of, part_of, unchanged
from loopline.faces.problem import encoded
from loopline.nouns.digest import Digest, parse_digest
from loopline.store.blobs import absent, sums_of
from loopline.verbs.holding import held, took
from loopline.verbs.lacking import telling

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.desk import Desk
    from loopline.loop import Loop
    from loopline.store.pieces import Sums

BYTES: Final = "application/octet-stream"
LARGEST_PACK: Final = 32 << 20
"""Bytes of a pack."""
MOST: Final = 10_000
"""Digests of one question, blobs of one pack."""


async def missing(request: Request) -> Response:
    """Answer which of some digests the project does not hold: these must be sent, whoever else has them."""
    project = _project(request)
    digests = _digests(await wire.body_of(request))
    return await act(request, _missing, request, project, digests)


async def put(request: Request) -> Response:
    """Take a whole blob. 201 when it is new to the project, 200 when the project held it."""
    project = _project(request)
    digest = parse_digest(request.path_params["digest"])
    loop = await act(request, uploading, request, project)
    limit = limit_of(request)
    said = request.headers.get("content-length")
    if said is not None and (not said.isdigit() or int(said[:20]) > limit):
        raise wire.too_large(limit)
    if said is not None and int(said) <= PIECE:
        data = await wire.bytes_of(request, limit=PIECE)
        return await act(request, _put_small, loop, digest, data)
    return await _put_large(request, loop, digest, limit)


async def get(request: Request) -> Response:
    """Give a blob, or one range of it."""
    project = _project(request)
    digest = parse_digest(request.path_params["digest"])
    loop, size = await act(request, _found, request, project, digest)
    headers = {
        "ETag": etag_of(digest), "Cache-Control": "private, max-age=31536000, immutable", "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }  # fmt: skip
    if unchanged(request.headers, digest):
        return Response(status_code=304, headers=headers)
    asked = part_of(request.headers, digest, size)
    first, length = asked or (0, size)
    headers |= {"Content-Type": BYTES, "Content-Length": str(length)}
    if asked:
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{size}"
    status = 206 if asked else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    chunks = loop.blobs.range(digest, first, length) if asked else loop.blobs.get(digest)
    return await streamed(request, _told(loop, chunks), status=status, headers=headers)


async def pieces(request: Request) -> Response:
    """Give the sums of a large blob's pieces, by which who asks for ranges verifies them; 204 where there are none."""
    project = _project(request)
    digest = parse_digest(request.path_params["digest"])
    loop, _ = await act(request, _found, request, project, digest)
    sums = await act(request, _sums, loop, digest)
    if sums is None:
        return Response(status_code=204)
    headers = {"Content-Type": BYTES, "Cache-Control": "private, max-age=31536000, immutable", "ETag": etag_of(digest)}
    return Response(sums.encode(), headers=headers)


async def pack(request: Request) -> Response:
    """Take many small blobs at once, and name them in their order."""
    project = _project(request)
    loop = await act(request, uploading, request, project)
    body = await wire.bytes_of(request, limit=LARGEST_PACK)
    return await act(request, _pack, loop, body)


async def fetch(request: Request) -> Response:
    """Give many small blobs at once, in the order in which they are asked for."""
    project = _project(request)
    digests = _digests(await wire.body_of(request))
    loop, sizes = await act(request, _sizes, request, project, digests)
    length = sum(sizes) + HEAD * len(sizes)
    headers = {"Content-Type": BYTES, "Content-Length": str(length), "Cache-Control": "no-store"}
    chunks = packed(loop.blobs, zip(digests, sizes, strict=True))
    return await streamed(request, _told(loop, chunks), status=200, headers=headers)


def limit_of(request: Request) -> int:
    """Give how many bytes a blob may have."""
    desk: Desk = request.app.state.desk
    return desk.upload_limit


def mismatch(expected: Digest, found: Digest, size: int) -> Invalid:
    """Say that bytes are not those that their name means."""
    return Invalid(
        f"these {size} bytes are not {expected}", kind="digest-mismatch", hint="send the bytes again, and the digest of them",
        expected=expected, found=found, size=size,
    )  # fmt: skip


def _project(request: Request) -> str:
    pairs = wire.query_of(request)
    wire.only(pairs, "project")
    return wire.project_of(request, pairs)


def _digests(body: Any) -> list[Digest]:
    wire.members(body, "digests")
    said = body["digests"]
    if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
        raise Invalid("digests is no list of digests", kind="bad-value", hint="send a list of sha256:…")
    if len(said) > MOST:
        raise Invalid(f"more than {MOST} digests", kind="bad-value", hint="ask several times", limit=MOST)
    return [parse_digest(one) for one in said]


def _missing(request: Request, project: str, digests: list[Digest]) -> Response:
    loop = uploading(request, project)
    here = held(loop, digests)
    gone = loop.blobs.missing(here)
    lacking = [one for one in dict.fromkeys(digests) if one not in here or one in gone]
    return json(encoded({"missing": lacking}))


def _put_small(loop: Loop, digest: Digest, data: bytes) -> Response:
    from loopline.nouns.digest import digest_of

    found = digest_of(data)
    if found != digest:
        raise mismatch(digest, found, len(data))
    loop.blobs.put(data)
    return _taken(loop, digest, len(data))


async def _put_large(request: Request, loop: Loop, digest: Digest, limit: int) -> Response:
    """Write while reading; hashed here, too, so that nothing is kept under another name than the one it was sent for."""
    state, size = hashlib.sha256(), 0
    writer = loop.blobs.writer()

    def write(piece: bytes) -> None:
        nonlocal size
        size += len(piece)
        if size > limit:
            raise wire.too_large(limit)
        state.update(piece)
        writer.write(piece)

    def commit() -> Response:
        found = Digest("sha256:" + state.hexdigest())
        if found != digest:
            raise mismatch(digest, found, size)
        writer.commit()
        return _taken(loop, digest, size)

    await act(request, writer.__enter__)
    error: BaseException | None = None
    try:
        await poured(request, write)
        return await act(request, commit)
    except BaseException as caught:
        error = caught
        raise
    finally:
        await act(request, writer.__exit__, type(error) if error else None, error, None)


def _taken(loop: Loop, digest: Digest, size: int) -> Response:
    with loop.ledger.read() as tx:
        known = digest in tx.holdings.among(loop.project, [digest])
    if not known:
        took(loop, [digest])
    return json(encoded({"digest": digest, "size": size}), 200 if known else 201)


def _found(request: Request, project: str, digest: Digest) -> tuple[Loop, int]:
    loop = downloading(request, project, [digest])
    return loop, _size(loop, digest)


def _sums(loop: Loop, digest: Digest) -> Sums | None:
    with telling(loop):
        return sums_of(loop.blobs, digest)


def _sizes(request: Request, project: str, digests: list[Digest]) -> tuple[Loop, list[int]]:
    loop = downloading(request, project, digests)
    return loop, [_size(loop, digest) for digest in digests]


def _size(loop: Loop, digest: Digest) -> int:
    size = loop.blobs.size(digest)
    if size is None:  # the project has it, and the store has lost it
        with telling(loop):
            next(loop.blobs.get(digest), b"")  # where it was registered in place, this says what is wrong there
            raise absent(digest)
    return size


def _told(loop: Loop, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Tell of the first chunk alone: behind it the answer has begun, and nobody would hear what is touched."""
    with telling(loop):
        first = next(chunks, b"")
    yield first
    yield from chunks


def _pack(loop: Loop, body: bytes) -> Response:
    digests = loop.blobs.put_all(unpacked(body, most=MOST))
    took(loop, digests)
    return json(encoded({"digests": digests}))

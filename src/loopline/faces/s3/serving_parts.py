"""serving_parts: operations on uploads in parts."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response, StreamingResponse

from loopline.faces.desk import Desk, act
from loopline.faces.s3 import checksums, conditions, multipart, notes
from loopline.faces.s3.addressing import LIST, WRITE
from loopline.faces.s3.asking import answer
from loopline.faces.s3.errors import Fault, refuse
from loopline.faces.s3.listing import OWNER
from loopline.faces.s3.receiving import Taken, take, words_of
from loopline.faces.s3.serving_objects import from_source
from loopline.faces.s3.signing import encoded, is_number
from loopline.faces.s3.xml import document
from loopline.nouns.name import Named, RefName

if TYPE_CHECKING:
    from loopline.faces.s3.addressing import Place, Target
    from loopline.faces.s3.asking import Ask
    from loopline.faces.s3.objects import Object
    from loopline.ledger.multiparts import Multipart
    from loopline.loop import Loop

_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{1,18})\Z")
MOST: Final = 1000
PATIENCE_S = 10.0
"""How long a client that ends an upload hears nothing."""


async def create(ask: Ask) -> Response:
    """CreateMultipartUpload."""
    said = notes.of_headers(ask.headers)
    loop, _, target = await ask.target(WRITE)
    name, headers = await act(ask.request, multipart.begin, loop, target, said, ask.headers)
    rows = [("Bucket", ask.bucket), ("Key", ask.key), ("UploadId", name)]
    return answer("InitiateMultipartUploadResult", rows, headers=headers)


async def upload(ask: Ask) -> Response:
    """UploadPart."""
    number = multipart.number_of(ask.query.get("partNumber", ""))
    desk: Desk = ask.request.app.state.desk
    loop, _, one = await _upload(ask)
    algorithm = one.notes.get("algorithm")
    words = words_of(ask.request, limit=desk.upload_limit, also=[algorithm] if algorithm else [])
    taken = await take(ask.request, loop, words)
    await act(ask.request, multipart.add, loop, one, number, taken)
    sums = {f"{checksums.PREFIX}{name.lower()}": value for name, value in taken.sums.items()}
    return Response(headers={"ETag": f'"{taken.md5}"', **sums})


async def upload_copy(ask: Ask) -> Response:
    """UploadPartCopy."""
    number = multipart.number_of(ask.query.get("partNumber", ""))
    loop, _, one = await _upload(ask)
    _, source = await act(ask.request, from_source, ask.request)
    conditions.may_read(ask.headers, source.etag, source.modified, prefix="x-amz-copy-source-")
    first, length = 0, source.size
    said = ask.headers.get("x-amz-copy-source-range")
    if said is not None:
        found = _RANGE.match(said)
        if found is None or int(found[2]) < int(found[1]) or int(found[2]) >= source.size:
            raise Fault(
                "InvalidArgument", "The x-amz-copy-source-range value must be bytes=first-last, within the source."
            )
        first, length = int(found[1]), int(found[2]) - int(found[1]) + 1
    taken = await _copied(ask, loop, source, (first, length), one.notes.get("algorithm"))
    await act(ask.request, multipart.add, loop, one, number, taken)
    sums = [(f"Checksum{name}", value) for name, value in taken.sums.items()]
    now = conditions.stamp(loop.clock.now())
    return answer("CopyPartResult", [("LastModified", now), ("ETag", f'"{taken.md5}"'), *sums])


async def _copied(ask: Ask, loop: Loop, source: Object, where: tuple[int, int], algorithm: str | None) -> Taken:
    """Make a part of what is there, a piece at a time. A whole object is read for its sums, and its bytes stay what they are."""
    md5 = hashlib.md5(usedforsecurity=False)
    sums = {algorithm: checksums.sum_of(algorithm)} if algorithm else {}
    pieces = loop.blobs.range(source.digest, *where)
    writer = None if where == (0, source.size) else loop.blobs.writer()
    error: BaseException | None = None
    if writer:
        await act(ask.request, writer.__enter__)
    try:
        while piece := await act(ask.request, next, pieces, b""):
            await act(
                ask.request,
                _each,
                piece,
                [md5.update, *(one.update for one in sums.values()), *([writer.write] if writer else [])],
            )
        digest, size = await act(ask.request, writer.commit) if writer else (source.digest, source.size)
    except BaseException as caught:
        error = caught
        raise
    finally:
        if writer:
            await act(ask.request, writer.__exit__, type(error) if error else None, error, None)
    return Taken(digest, size, md5.hexdigest(), {name: checksums.written(one.digest()) for name, one in sums.items()})


def _each(piece: bytes, functions: list[Any]) -> None:
    for function in functions:
        function(piece)


async def complete(ask: Ask) -> Response:
    """CompleteMultipartUpload."""
    loop, place, target = await ask.target(WRITE)
    asked = await ask.document("CompleteMultipartUpload")
    one = await act(ask.request, partial(multipart.known, loop, target, ask.query["uploadId"], ended=True))
    if asked is None:
        raise Fault("MalformedXML")
    joining = asyncio.ensure_future(multipart.complete(ask.request, loop, (place, target), one, asked))
    await asyncio.wait([joining], timeout=PATIENCE_S)
    if joining.done():
        return Response(_completed(ask, one, *joining.result()), media_type="application/xml")
    return StreamingResponse(_waited(ask, one, joining), media_type="application/xml")


async def _waited(
    ask: Ask, one: Multipart, joining: asyncio.Future[tuple[str, dict[str, str]]]
) -> AsyncIterator[bytes]:
    """Keep a client from giving up while parts are joined: the answer has begun, and an error stands in it."""
    while True:
        yield b" "
        await asyncio.wait([joining], timeout=max(PATIENCE_S, 0.05))
        if joining.done():
            break
    error = joining.exception()
    if isinstance(error, Exception):
        yield bytes(refuse(ask.request, error).body).partition(b"?>\n")[2]
    else:
        yield _completed(ask, one, *joining.result()).partition(b"?>\n")[2]


def _completed(ask: Ask, one: Multipart, etag: str, sums: dict[str, str]) -> bytes:
    where = str(ask.request.url.replace(query=""))
    told = [("Location", where), ("Bucket", ask.bucket), ("Key", ask.key), ("ETag", etag)]
    told += [(f"Checksum{name}", value) for name, value in sums.items()]
    kind = one.notes.get("kind") if sums else None
    return document("CompleteMultipartUploadResult", [*told, ("ChecksumType", kind)])


async def abort(ask: Ask) -> Response:
    """AbortMultipartUpload."""
    loop, _, one = await _upload(ask)
    await act(ask.request, multipart.abort, loop, one)
    return Response(status_code=204)


async def list_parts(ask: Ask) -> Response:
    """ListParts."""
    loop, _, one = await _upload(ask)
    after, limit = _number(ask, "part-number-marker", 0), min(_number(ask, "max-parts", MOST), MOST)
    found = await act(ask.request, _parts, loop, one, after, limit + 1)
    more, found = len(found) > limit, found[:limit]
    rows: list[tuple[str, Any]] = [
        ("Bucket", ask.bucket), ("Key", ask.key), ("UploadId", one.id), ("PartNumberMarker", after),
        ("NextPartNumberMarker", found[-1].number if found else 0), ("MaxParts", limit), ("IsTruncated", more),
        ("ChecksumAlgorithm", one.notes.get("algorithm")), ("ChecksumType", one.notes.get("kind")),
        ("Initiator", OWNER), ("Owner", OWNER), ("StorageClass", "STANDARD"),
    ]  # fmt: skip
    for each in found:
        sums = [(f"Checksum{name}", value) for name, value in each.sums.items()]
        rows.append((
            "Part",
            [("PartNumber", each.number), ("LastModified", conditions.stamp(each.recorded_at)), ("ETag", f'"{each.md5}"'),
             ("Size", each.size), *sums],
        ))  # fmt: skip
    return answer("ListPartsResult", rows)


def _parts(loop: Loop, one: Multipart, after: int, limit: int) -> list[Any]:
    with loop.ledger.read() as tx:
        return list(tx.multiparts.parts(one.id, after=after, limit=limit))


async def list_uploads(ask: Ask) -> Response:
    """ListMultipartUploads."""
    loop, place = await ask.place(LIST)
    prefix, delimiter = ask.query.get("prefix", ""), ask.query.get("delimiter", "")
    marker, behind = ask.query.get("key-marker", ""), ask.query.get("upload-id-marker", "")
    limit = min(_number(ask, "max-uploads", MOST), MOST)
    url = ask.query.get("encoding-type") == "url"
    lines: list[tuple[str, str, Multipart | None]] = []
    for key, one in await act(ask.request, lambda: list(_uploads(loop, place))):
        if not key.startswith(prefix) or key < marker or (key == marker and (not behind or one.id <= behind)):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        line = (key, one.id, one) if at < 0 else (key[: at + len(delimiter)], "", None)
        if not lines or lines[-1] != line:
            lines.append(line)
    more, lines = len(lines) > limit, lines[:limit]

    def written(key: str) -> str:
        return encoded(key.encode(), safe="/") if url else key

    last = lines[-1] if more and lines else ("", "", None)
    rows: list[tuple[str, Any]] = [
        ("Bucket", ask.bucket), ("KeyMarker", written(marker)), ("UploadIdMarker", behind), ("Prefix", written(prefix)),
        ("Delimiter", written(delimiter) or None), ("NextKeyMarker", written(last[0])), ("NextUploadIdMarker", last[1]),
        ("MaxUploads", limit), ("EncodingType", "url" if url else None), ("IsTruncated", more),
    ]  # fmt: skip
    for key, name, each in lines:
        if each is None:
            rows.append(("CommonPrefixes", [("Prefix", written(key))]))
            continue
        began = conditions.stamp(each.created_at)
        rows.append(("Upload", [
            ("Key", written(key)), ("UploadId", name), ("Initiator", OWNER), ("Owner", OWNER), ("StorageClass", "STANDARD"),
            ("Initiated", began),
        ]))  # fmt: skip
    return answer("ListMultipartUploadsResult", rows)


def _uploads(loop: Loop, place: Place) -> Iterator[tuple[str, Multipart]]:
    """Give the uploads of a bucket with their keys, in order."""
    with loop.ledger.read() as tx:
        if isinstance(place.revision, Named):
            names = [("", place.revision.ref)]
        elif place.revision is None:
            names = sorted((f"{ref.name.ref}/", ref.name.ref) for ref in tx.refs.of(place.asset)) or [("main/", "main")]
        else:
            names = []
        for first, name in names:
            for one in tx.multiparts.list(RefName(place.asset, name).key):
                yield f"{first}{one.path}", one


async def _upload(ask: Ask) -> tuple[Loop, Target, Multipart]:
    loop, _, target = await ask.target(WRITE)
    return loop, target, await act(ask.request, multipart.known, loop, target, ask.query["uploadId"])


def _number(ask: Ask, name: str, default: int) -> int:
    said = ask.query.get(name) or str(default)
    if not is_number(said):
        raise Fault("InvalidArgument", f"{name} is no number.", ArgumentName=name, ArgumentValue=said[:100])
    return int(said[:18])

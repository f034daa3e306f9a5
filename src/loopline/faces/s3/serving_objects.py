"""serving_objects: operations on one key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from starlette.responses import Response

from loopline.faces.desk import Desk, act
from loopline.faces.native.bodies import streamed
from loopline.faces.s3 import checksums, conditions, notes
from loopline.faces.s3.addressing import READ, WRITE, Target, find_place, target_of
from loopline.faces.s3.asking import answer
from loopline.faces.s3.errors import Fault
from loopline.faces.s3.objects import Object, drop, find, store
from loopline.faces.s3.receiving import PIECE, Taken, take, words_of
from loopline.faces.s3.serving_buckets import control
from loopline.faces.s3.signing import is_number

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.faces.s3.asking import Ask
    from loopline.loop import Loop

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")
_OVERRIDES: Final = {
    "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition",
    "response-content-encoding": "Content-Encoding",
    "response-content-language": "Content-Language",
    "response-content-type": "Content-Type",
    "response-expires": "Expires",
}
_ATTRIBUTES: Final = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


async def get_object(ask: Ask) -> Response:
    """GetObject and HeadObject."""
    loop, one = await _found(ask)
    conditions.may_read(ask.headers, one.etag, one.modified)
    first, length, headers = _part(ask, one)
    whole = length == one.size
    headers |= _told(one, with_sums=whole and ask.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED")
    for name, header in _OVERRIDES.items():
        if name in ask.query:
            if not ask.query[name].isprintable():
                raise Fault("InvalidArgument", f"{name} holds what no header does.")
            headers[header] = ask.query[name].encode().decode("latin-1")
    status = 206 if "Content-Range" in headers else 200
    headers |= {"Content-Length": str(length), "Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff"}
    if ask.request.method == "HEAD" or not length:
        return Response(status_code=status, headers=headers)
    chunks = loop.blobs.get(one.digest) if whole else loop.blobs.range(one.digest, first, length)
    if length <= PIECE:
        return Response(await act(ask.request, b"".join, chunks), status, headers=headers)
    return await streamed(ask.request, chunks, status=status, headers=headers)


def _told(one: Object, *, with_sums: bool = False) -> dict[str, str]:
    headers = {"ETag": one.etag, "Last-Modified": conditions.when(one.modified), **notes.to_headers(one.notes)}
    if one.parts:
        headers["x-amz-mp-parts-count"] = str(len(one.parts))
    if with_sums and one.checksums:
        headers |= {f"{checksums.PREFIX}{name.lower()}": value for name, value in one.checksums.items()}
        headers["x-amz-checksum-type"] = one.checksum_type
    return headers


def _part(ask: Ask, one: Object) -> tuple[int, int, dict[str, str]]:
    """Give first byte and length of what is asked for, and the headers that say so."""
    said = ask.headers.get("range")
    number = ask.query.get("partNumber")
    if number is not None:
        if said is not None:
            raise Fault("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
        sizes = one.parts or [one.size]
        at = int(number) if is_number(number) and len(number) < 7 else 0
        if not 1 <= at <= len(sizes):
            raise Fault("InvalidRange", "The requested partnumber is not satisfiable")
        return _ranged(sum(sizes[: at - 1]), sizes[at - 1], one.size)
    if said is None or not _still(ask.headers, one):
        return 0, one.size, {}
    found = _RANGE.match(said.strip())
    if found is None or not (found[1] or found[2]) or (found[1] and found[2] and int(found[2]) < int(found[1])):
        return 0, one.size, {}  # what is no range of ours is not looked at (RFC 9110, §14.2)
    if found[1]:
        first = int(found[1])
        last = min(int(found[2]) if found[2] else one.size - 1, one.size - 1)
    else:
        first, last = max(0, one.size - int(found[2])), one.size - 1
    if first > last or not one.size:
        raise Fault("InvalidRange", ActualObjectSize=str(one.size), RangeRequested=said[:100])
    return _ranged(first, last - first + 1, one.size)


def _ranged(first: int, length: int, size: int) -> tuple[int, int, dict[str, str]]:
    if not size:
        return 0, 0, {}
    return first, length, {"Content-Range": f"bytes {first}-{first + length - 1}/{size}"}


def _still(headers: Mapping[str, str], one: Object) -> bool:
    said = headers.get("if-range")
    return said is None or said.strip() in (one.etag, conditions.when(one.modified))


async def put_object(ask: Ask) -> Response:
    """PutObject."""
    if "partNumber" in ask.query:
        raise Fault("InvalidArgument", "A part belongs to an upload: send uploadId, too.")
    headers = ask.headers
    desk: Desk = ask.request.app.state.desk
    said = notes.of_headers(headers)
    words = words_of(ask.request, limit=desk.upload_limit)
    loop, place, target = await ask.target(WRITE)
    taken = await take(ask.request, loop, words)
    etag = await act(ask.request, partial(store, loop, place, target, taken, said, headers=headers))
    sums = {f"{checksums.PREFIX}{name.lower()}": value for name, value in taken.sums.items()}
    return Response(headers={"ETag": etag, **sums, **({"x-amz-checksum-type": checksums.FULL} if sums else {})})


async def delete_object(ask: Ask) -> Response:
    """DeleteObject."""
    loop, place, target = await ask.target(WRITE)
    await act(ask.request, partial(drop, loop, place, target, headers=ask.headers))
    return Response(status_code=204)


async def copy_object(ask: Ask) -> Response:
    """CopyObject: the bytes are not touched."""
    loop, place, target = await ask.target(WRITE)
    source, one = await act(ask.request, from_source, ask.request)
    conditions.may_read(ask.headers, one.etag, one.modified, prefix="x-amz-copy-source-")
    directive = ask.headers.get("x-amz-metadata-directive", "COPY").upper()
    if directive not in ("COPY", "REPLACE") or ask.headers.get("x-amz-tagging-directive", "COPY") not in (
        "COPY",
        "REPLACE",
    ):
        raise Fault("InvalidArgument", "Unknown metadata directive.")
    asked = notes.of_headers(ask.headers)
    if source == target and directive == "COPY":
        raise Fault(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing it.",
        )
    said: notes.Notes = {name: one.notes[name] for name in notes.OF_BYTES if name in one.notes}
    said |= {
        name: value
        for name, value in (one.notes if directive == "COPY" else asked).items()
        if name in ("type", "headers", "meta")
    }
    tags = asked if ask.headers.get("x-amz-tagging-directive") == "REPLACE" else one.notes
    said |= {"tags": tags["tags"]} if tags.get("tags") else {}
    taken = Taken(one.digest, one.size, one.sums.get("md5", ""))
    etag = await act(ask.request, partial(store, loop, place, target, taken, said, headers=ask.headers))
    made = await act(ask.request, find, loop, target, ask.key)
    return answer("CopyObjectResult", [("LastModified", conditions.stamp(made.modified)), ("ETag", etag), *summed(one)])


def from_source(request: Request) -> tuple[Target, Object]:
    """Find what a copy is made of, for somebody who may read it."""
    text = request.headers["x-amz-copy-source"]
    path, _, version = text.partition("?versionId=")
    bucket, slash, key = unquote(path, errors="surrogateescape").removeprefix("/").partition("/")
    if not slash or not key:
        raise Fault("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    if version not in ("", "null"):
        raise Fault("NoSuchVersion")
    loop, place = find_place(request, bucket, READ)
    target = target_of(loop, place, key)
    return target, find(loop, target, key)


def summed(one: Object) -> Iterator[tuple[str, Any]]:
    """Give the sums of an object as elements."""
    for name, value in one.checksums.items():
        yield f"Checksum{name}", value
    if one.checksums:
        yield "ChecksumType", one.checksum_type


async def attributes(ask: Ask) -> Response:
    """GetObjectAttributes."""
    asked = {one.strip() for one in ask.headers.get("x-amz-object-attributes", "").split(",") if one.strip()}
    if not asked or asked - set(_ATTRIBUTES):
        raise Fault("InvalidArgument", "Invalid attribute name specified.")
    _, one = await _found(ask)
    conditions.may_read(ask.headers, one.etag, one.modified)
    told: dict[str, Any] = {
        "ETag": one.etag.strip('"'), "Checksum": list(summed(one)) or None,
        "ObjectParts": [("PartsCount", len(one.parts))] if one.parts else None, "StorageClass": "STANDARD",
        "ObjectSize": one.size,
    }  # fmt: skip
    rows = [(name, told[name]) for name in _ATTRIBUTES if name in asked]
    return answer("GetObjectAttributesResponse", rows, headers={"Last-Modified": conditions.when(one.modified)})


async def acl(ask: Ask) -> Response:
    """GetObjectAcl."""
    await _found(ask)
    return answer("AccessControlPolicy", control())


async def get_tags(ask: Ask) -> Response:
    """GetObjectTagging."""
    _, one = await _found(ask)
    tags = one.notes.get("tags", {})
    return answer("Tagging", [("TagSet", [("Tag", [("Key", name), ("Value", tags[name])]) for name in sorted(tags)])])


async def put_tags(ask: Ask) -> Response:
    """PutObjectTagging."""
    await ask.target(WRITE, READ)
    found = await ask.document("Tagging")
    rows = [row for group in (found.all("TagSet") if found else ()) for row in group.all("Tag")]
    tags = {row.get("Key") or "": row.get("Value") or "" for row in rows}
    if len(tags) != len(rows):
        raise Fault("InvalidArgument", "Cannot provide multiple Tags with the same key")
    await _retag(ask, notes.with_tags(tags))
    return Response()


async def delete_tags(ask: Ask) -> Response:
    """DeleteObjectTagging."""
    await _retag(ask, {})
    return Response(status_code=204)


async def _retag(ask: Ask, tags: notes.Notes) -> None:
    loop, place, target = await ask.target(WRITE, READ)
    one = await act(ask.request, find, loop, target, ask.key)
    said = {name: value for name, value in one.notes.items() if name != "tags"} | tags
    taken = Taken(one.digest, one.size, one.sums.get("md5", ""))
    await act(ask.request, partial(store, loop, place, target, taken, said, headers={"if-match": one.etag}))


async def _found(ask: Ask) -> tuple[Loop, Object]:
    return await act(ask.request, _find, ask)


def _find(ask: Ask) -> tuple[Loop, Object]:
    loop, place = find_place(ask.request, ask.bucket, READ)
    return loop, find(loop, target_of(loop, place, ask.key), ask.key)

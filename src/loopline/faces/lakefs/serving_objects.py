"""serving_objects: operations on objects."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from loopline.faces.desk import act
from loopline.faces.lakefs.addresses import signed_address
from loopline.faces.lakefs.addressing import LIST, READ, WRITE, find_repository, find_spot, named_branch
from loopline.faces.lakefs.asking import MOST, Ask, Page, amount_of, answer
from loopline.faces.lakefs.errors import Fault
from loopline.faces.lakefs.objects import (
    DEFAULT,
    META,
    common,
    conditional,
    find,
    listed,
    meta_of,
    noted,
    part,
    put,
    stats,
)
from loopline.faces.lakefs.receiving import received
from loopline.faces.native.bodies import streamed
from loopline.faces.s3.conditions import when
from loopline.faces.s3.listing import page as rolled
from loopline.faces.s3.notes import OF_BYTES, TOKEN, sayable
from loopline.faces.s3.receiving import PIECE, Taken
from loopline.verbs.staging import gone, remove_all, stage

if TYPE_CHECKING:
    from loopline.datasets.overlay import Found, Overlay
    from loopline.faces.lakefs.wire import ObjectCopyCreation, PathList
    from loopline.faces.s3.objects import Object
    from loopline.loop import Loop
    from loopline.nouns.name import RefName


class _Keys:
    """The files of one place, as what is listed page by page."""

    def __init__(self, over: Overlay) -> None:
        self._over = over

    def iter(self, prefix: str, start: str) -> Iterator[tuple[str, Found]]:
        """Give paths below a prefix from `start` on."""
        return ((found.path, found) for found in self._over.iter(prefix, start))


def list_objects(ask: Ask) -> Response:
    """ListObjects."""
    loop, repository = find_repository(ask.request, ask.names[0], LIST)
    view = find_spot(loop, repository, ask.names[1]).view(loop)
    over, query = view.overlay(loop), ask.query
    found = rolled(
        _Keys(over), prefix=query.get("prefix", ""), delimiter=query.get("delimiter", ""), after=query.get("after", ""),
        limit=amount_of(ask),
    )  # fmt: skip
    metadata, signed = ask.flag("user_metadata", otherwise=True), ask.flag("presign")
    rows = [
        (one.key, _stats(ask, one, metadata=metadata, signed=signed))
        for one in listed(loop, over, found.objects, view.at)
    ]
    rows += [(prefix, common(prefix)) for prefix in found.prefixes]
    return Page([row for _, row in sorted(rows, key=lambda row: row[0])], found.truncated, found.last).answer()


def _stats(ask: Ask, one: Object, *, metadata: bool = True, signed: bool = False) -> dict[str, Any]:
    """Give what clients are told of an object; `signed`: with an address that anybody may read it at, for a while."""
    if not signed:
        return stats(one, with_metadata=metadata)
    url, until = signed_address(
        ask, "GET", ("repositories", *ask.names[:1], "refs", ask.names[1], "objects"), {"path": one.key}
    )
    return stats(one, with_metadata=metadata, address=url) | {"physical_address_expiry": until}


def stat_object(ask: Ask) -> Response:
    """StatObject."""
    one = _found(ask)[1]
    metadata = ask.flag("user_metadata", otherwise=True)
    return answer(_stats(ask, one, metadata=metadata, signed=ask.flag("presign")))


def _found(ask: Ask) -> tuple[Loop, Object]:
    loop, repository = find_repository(ask.request, ask.names[0], READ)
    return loop, find(loop, find_spot(loop, repository, ask.names[1]), ask.path())


async def get_object(ask: Ask) -> Response:
    """GetObject and headObject. An address of the store to go on to is never given: this is it."""
    loop, one = await act(ask.request, _found, ask)
    headers = {
        "ETag": one.etag, "Last-Modified": when(one.modified), "Accept-Ranges": "bytes",
        "Content-Type": _type(one), "X-Content-Type-Options": "nosniff",
        **{f"{META}{name}": value.encode().decode("latin-1") for name, value in one.notes.get("meta", {}).items()
           if TOKEN.match(name) and sayable(value)},
    }  # fmt: skip
    none = ask.headers.get("if-none-match")
    if none is not None and any(
        one.etag.strip('"') == said.strip().removeprefix("W/").strip('"') for said in none.split(",")
    ):
        return Response(status_code=304, headers=headers)
    asked = part(ask.headers, one.size)
    first, length = asked or (0, one.size)
    if asked:
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{one.size}"
    headers["Content-Length"] = str(length)
    status = 206 if asked else 200
    if ask.request.method == "HEAD" or not length:
        return Response(status_code=status, headers=headers)
    chunks = loop.blobs.range(one.digest, first, length) if asked else loop.blobs.get(one.digest)
    if length <= PIECE:
        return Response(await act(ask.request, b"".join, chunks), status, headers=headers)
    return await streamed(ask.request, chunks, status=status, headers=headers)


def _type(one: Object) -> str:
    """Give the type of an object as a header has it."""
    kind = str(one.notes.get("type", DEFAULT))
    return kind.encode("ascii", "replace").decode() if sayable(kind) else DEFAULT


async def upload_object(ask: Ask) -> Response:
    """uploadObject: the body as it is, or as the one file of a form."""
    path = ask.path()
    loop, ref = await act(ask.request, writable, ask)
    taken, kind = await received(ask.request, loop)
    said = noted(kind, meta_of(ask.headers))
    one = await act(ask.request, partial(put, loop, ref, path, taken, said, headers=ask.headers))
    return answer(stats(one), 201)


def writable(ask: Ask) -> tuple[Loop, RefName]:
    """Find the branch that a request writes to. Who writes on a condition must be allowed to read: the answer tells."""
    verbs = (WRITE, READ) if conditional(ask.headers) else (WRITE,)
    loop, repository = find_repository(ask.request, ask.names[0], *verbs)
    if ask.query.get("storageClass", "STANDARD") != "STANDARD":
        raise Fault(501, "the only storage class here is STANDARD")
    return loop, named_branch(loop, repository, ask.names[1])


def may_upload(ask: Ask) -> Response:
    """UploadObjectPreflight."""
    writable(ask)
    return answer()


def delete_object(ask: Ask) -> Response:
    """DeleteObject. One that is not there is gone already."""
    loop, ref = writable(ask)
    stage(loop, ref, gone(ask.path()))
    return answer()


def delete_objects(ask: Ask) -> Response:
    """DeleteObjects."""
    said: PathList = ask.body
    loop, ref = writable(ask)
    if len(said.paths) > MOST:
        raise Fault(400, f"{MOST} paths at a time")
    remove_all(loop, ref, said.paths)
    return answer({"errors": []})


def copy_object(ask: Ask) -> Response:
    """copyObject: the bytes are not touched, and the copy has the metadata of what it is made of."""
    said: ObjectCopyCreation = ask.body
    loop, repository = find_repository(ask.request, ask.names[0], WRITE, READ)
    ref = named_branch(loop, repository, ask.names[1])
    one = find(loop, find_spot(loop, repository, said.src_ref or ask.names[1]), said.src_path)
    kept = {name: value for name, value in one.notes.items() if name not in OF_BYTES or "of" in one.notes}
    with loop.ledger.read() as tx:
        md5 = tx.sums.of(one.digest).get("md5", "")
    made = put(loop, ref, ask.path("dest_path"), Taken(one.digest, one.size, md5), kept, headers={})
    return answer(stats(made), 201)

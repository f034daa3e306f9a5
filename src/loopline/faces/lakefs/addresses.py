"""addresses: addresses of this server that hold for a while without a header, for what clients call presigned.

A client that brings bytes there asks first where, brings them, and says then what they shall be called. Between the two they
rest as the one part of an upload (`ledger/multiparts.py`), which is forgotten after a week.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from starlette.responses import Response

from loopline.access.secrets import signing_secret
from loopline.faces.admit import caller_of
from loopline.faces.desk import act
from loopline.faces.lakefs.asking import Ask, answer
from loopline.faces.lakefs.errors import Fault
from loopline.faces.signing import LASTING, signed_query, written
from loopline.ledger.multiparts import Multipart, Part

if TYPE_CHECKING:
    from loopline.faces.desk import Desk
    from loopline.faces.lakefs.wire import StagingMetadata
    from loopline.loop import Loop
    from loopline.nouns.name import RefName

_ADDRESS: Final = re.compile(r"loopline://uploads/([0-9a-f]{1,64})\Z")


def signed_address(ask: Ask, method: str, parts: tuple[str, ...], query: dict[str, str]) -> tuple[str, int]:
    """Give an address that holds as the caller's own for a while, and until when (seconds since the epoch).

    Raise Fault 400 for somebody who has no token with which it could be signed.
    """
    caller, until = caller_of(ask.request), int(time.time()) + LASTING
    desk: Desk = ask.request.app.state.desk
    path = written(("", "lakefs", "api", "v1", *parts))
    said = urlencode(query)
    if caller.token and desk.loop.key is not None:
        secret = signing_secret(desk.loop.key(), caller.token)
        said = signed_query(method, path, query, caller.token, secret, until=until)
    elif not caller.open:
        raise Fault(400, "addresses are signed for access keys and tokens only")
    return f"{str(ask.request.base_url).rstrip('/')}{path}?{said}", until


def get_physical_address(ask: Ask) -> Response:
    """getPhysicalAddress: begin an upload."""
    from loopline.faces.lakefs.serving_objects import writable

    loop, ref = writable(ask)
    one = Multipart(loop.ids.new(), ref.key, ask.path(), {"notes": {}}, str(loop.actor))
    if not ask.flag("presign"):
        raise Fault(400, "the store is not written to past this server: ask with presign=true, or upload")
    url, until = signed_address(
        ask, "PUT", ("repositories", ask.names[0], "branches", ask.names[1], "staging", "bytes"), {"upload": one.id}
    )
    with loop.ledger.telemetry() as tx:
        tx.multiparts.begin(one)
    return answer({
        "physical_address": f"loopline://uploads/{one.id}",
        "presigned_url": url,
        "presigned_url_expiry": until,
    })


async def bring(ask: Ask) -> Response:
    """Take the bytes of an upload: what the address of getPhysicalAddress is for."""
    from loopline.faces.lakefs.receiving import received
    from loopline.faces.lakefs.serving_objects import writable

    loop, ref = await act(ask.request, writable, ask)
    one = await act(ask.request, _known, loop, ref, ask.query.get("upload", ""), "")
    taken, _ = await received(ask.request, loop)

    def keep() -> None:
        with loop.ledger.telemetry() as tx:
            tx.holdings.add(loop.project, [taken.digest])
            tx.multiparts.put(one.id, Part(1, taken.digest, taken.size, taken.md5))

    await act(ask.request, keep)
    return Response(headers={"ETag": f'"{taken.md5}"'})


def link_physical_address(ask: Ask) -> Response:
    """linkPhysicalAddress: stage what was brought."""
    from loopline.faces.lakefs.objects import noted, put, stats
    from loopline.faces.lakefs.serving_objects import writable
    from loopline.faces.s3.receiving import Taken

    said: StagingMetadata = ask.body
    loop, ref = writable(ask)
    found = _ADDRESS.match(said.staging.physical_address or "")
    path = ask.path()
    one = _known(loop, ref, found[1] if found else "", path)
    with loop.ledger.read() as tx:
        parts = tx.multiparts.parts(one.id)
    if not parts:
        raise Fault(400, "bad address token (expired or invalid): nothing was brought there")
    if (parts[0].size, parts[0].md5) != (said.size_bytes, said.checksum.strip('"')):
        raise Fault(400, "size or checksum is not that of the bytes that were brought")

    def end(tx: Any) -> None:
        tx.multiparts.end(one.id)

    taken = Taken(parts[0].digest, parts[0].size, parts[0].md5)
    notes = noted(said.content_type or "", said.user_metadata or {})
    return answer(stats(put(loop, ref, path, taken, notes, headers=ask.headers, beside=end)))


def _known(loop: Loop, ref: RefName, name: str, path: str) -> Multipart:
    """Give an upload of a branch, and of a path where one is named. Raise Fault 400."""
    with loop.ledger.read() as tx:
        found = tx.multiparts.find(name) if name else None
    if found is None or found.owner != ref.key or found.done or (path and found.path != path):
        raise Fault(400, "bad address token (expired or invalid)")
    return found

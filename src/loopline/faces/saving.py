"""saving: a file on its way out: whole or a range, with a type from a closed list, and always as something to be saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.responses import Response

from loopline.faces.desk import act
from loopline.faces.native.bodies import PIECE, streamed
from loopline.faces.native.ranges import etag_of, part_of, unchanged

if TYPE_CHECKING:
    from starlette.requests import Request

    from loopline.loop import Loop
    from loopline.nouns.entry import Entry

BYTES: Final = "application/octet-stream"
TEXT: Final = "text/plain; charset=utf-8"
_TEXTS: Final = (
    "txt log err cfg conf cnf cf ini properties prop hocon toml yaml yml xml json jsonl js py py3 csv tsv md rst ipynb html htm"
    " svg sql MLmodel MLproject"
)
"""What is told as text: of what a browser would run, too, for as text it runs nothing."""
TYPES: Final = dict.fromkeys(_TEXTS.split(), TEXT) | {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "bmp": "image/bmp", "pdf": "application/pdf", "zip": "application/zip", "gz": "application/gzip",
    "mp4": "video/mp4", "wav": "audio/wav", "mp3": "audio/mpeg",
}  # fmt: skip
"""By suffix, or by name where there is none. Nothing else is told, whatever whoever sent it said."""


def type_of(name: str) -> str:
    """Give the type that a file of this name is told to have."""
    stem, dot, suffix = name.rpartition(".")
    return TYPES.get(suffix.lower() if dot and stem else name, BYTES)


def disposition(name: str) -> str:
    """Say that a file is to be saved, and under which name (RFC 6266)."""
    plain = "".join(one if " " <= one <= "~" and one not in '"\\%;' else "_" for one in name)
    more = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{plain}"{more}'


async def sent(request: Request, loop: Loop, entry: Entry) -> Response:
    """Answer with a file, or with the range of it that is asked for. Raise Invalid kind="bad-range" for one that lies outside."""
    name = entry.path.rpartition("/")[2]
    headers = {
        "ETag": etag_of(entry.digest), "Accept-Ranges": "bytes", "Content-Type": type_of(name), "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff", "Content-Disposition": disposition(name),
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }  # fmt: skip
    if unchanged(request.headers, entry.digest):
        return Response(status_code=304, headers=headers)
    asked = part_of(request.headers, entry.digest, entry.size)
    first, length = asked or (0, entry.size)
    headers["Content-Length"] = str(length)
    if asked:
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{entry.size}"
    status = 206 if asked else 200
    if request.method == "HEAD" or not length:
        return Response(status_code=status, headers=headers)
    chunks = loop.blobs.range(entry.digest, first, length) if asked else loop.blobs.get(entry.digest)
    if length <= PIECE:
        return Response(await act(request, b"".join, chunks), status, headers=headers)
    return await streamed(request, chunks, status=status, headers=headers)

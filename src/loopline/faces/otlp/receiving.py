"""receiving: one request of OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp), and the answer to it."""

from __future__ import annotations

import json
import zlib
from typing import Final

from loopline.faces.otlp.documents import from_json
from loopline.faces.otlp.messages import Message
from loopline.faces.otlp.protobuf import Malformed, written
from loopline.faces.otlp.spans import Batch

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
TYPES: Final = (PROTOBUF, JSON)
PACKED: Final = 16 << 20
"""Bytes of a body as it comes."""
UNPACKED: Final = 32 << 20
"""Bytes of a body once it is unpacked."""
_WINDOWS: Final = {"gzip": (31,), "deflate": (15, -15)}
"""How zlib is told of an encoding; some clients send deflate without its header."""


def received(body: bytes, *, kind: str, encoding: str = "") -> Batch:
    """Read what somebody has sent. Raise Malformed."""
    data = unpacked(body, encoding.strip().lower())
    return Message(data).read() if kind == PROTOBUF else from_json(data)


def unpacked(body: bytes, encoding: str) -> bytes:
    """Unpack a body, and never more of it than UNPACKED. Raise Malformed."""
    if encoding in ("", "identity"):
        return body
    if encoding not in _WINDOWS:
        raise Malformed(f"{encoding[:40]!r} is no encoding that is read here: send gzip")
    for window in _WINDOWS[encoding]:
        try:
            return _inflated(body, window)
        except zlib.error:
            continue
    raise Malformed(f"the body is not {encoding}")


def _inflated(body: bytes, window: int) -> bytes:
    parts, total = [], 0
    while True:
        machine = zlib.decompressobj(window)
        part = machine.decompress(body, UNPACKED + 1 - total)
        total += len(part)
        parts.append(part)
        if total > UNPACKED:
            raise Malformed(f"the body has more than {UNPACKED} bytes once it is unpacked: send less at once")
        if not machine.eof:
            raise Malformed("the body ends before what is packed in it")
        body = machine.unused_data
        if not body:
            return b"".join(parts)


def answered(batch: Batch, kind: str) -> bytes:
    """Write the ExportTraceServiceResponse: nothing in it where all was kept, else how many spans were not, and why."""
    if kind == JSON:
        said = {"partialSuccess": {"rejectedSpans": str(batch.rejected), "errorMessage": batch.why}}
        return json.dumps(said if batch.rejected else {}).encode()
    if not batch.rejected:
        return b""
    return written(1, written(1, batch.rejected) + written(2, batch.why.encode()))

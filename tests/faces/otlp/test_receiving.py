from __future__ import annotations

import gzip
import json
import zlib

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from loopline.faces.otlp.protobuf import Malformed
from loopline.faces.otlp.receiving import JSON, PROTOBUF, UNPACKED, answered, received, unpacked
from loopline.faces.otlp.spans import Batch

from .sending import request, span


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "GZIP ", "deflate", "raw"])
def test_a_body_is_unpacked_as_it_says(encoding: str) -> None:
    """By gzip in one piece or several, and by deflate with and without its header."""
    body = request(span()).SerializeToString()
    packed = {
        "": body, "identity": body, "gzip": gzip.compress(body[:5]) + gzip.compress(body[5:]), "GZIP ": gzip.compress(body),
        "deflate": zlib.compress(body), "raw": zlib.compress(body)[2:-4],
    }[encoding]  # fmt: skip
    said = "deflate" if encoding == "raw" else encoding
    assert len(received(packed, kind=PROTOBUF, encoding=said).spans) == 1


def test_a_bomb_is_not_unpacked() -> None:
    """However small it is as it comes: it ends at the limit."""
    bomb = gzip.compress(b"\0" * (UNPACKED + 1))
    assert len(bomb) < 50_000
    for encoding, body in (
        ("gzip", bomb),
        ("gzip", gzip.compress(b"\0" * UNPACKED) + gzip.compress(b"\0")),
        ("deflate", zlib.compress(b"\0" * (UNPACKED + 1))),
    ):
        with pytest.raises(Malformed) as caught:
            unpacked(body, encoding)
        assert str(UNPACKED) in str(caught.value)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b"nope"),
        ("gzip", gzip.compress(b"x" * 99, mtime=0)[:-5]),
        ("deflate", b"\xff"),
        ("br", b"x"),
        ("gzip", b""),
    ],
)
def test_what_is_not_what_it_says_is_malformed(encoding: str, body: bytes) -> None:
    """Half a body, too, and an encoding that nobody unpacks here."""
    with pytest.raises(Malformed):
        unpacked(body, encoding)


def test_the_answer_tells_what_was_left_out() -> None:
    """As the protocol's own library reads it; nothing where all was kept."""
    batch = Batch(rejected=300, why="the id of a span…")
    said = ExportTraceServiceResponse.FromString(answered(batch, PROTOBUF)).partial_success
    assert (said.rejected_spans, said.error_message) == (300, batch.why)
    assert json.loads(answered(batch, JSON)) == {"partialSuccess": {"rejectedSpans": "300", "errorMessage": batch.why}}
    assert (answered(Batch(), PROTOBUF), json.loads(answered(Batch(), JSON))) == (b"", {})

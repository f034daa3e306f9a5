from __future__ import annotations

import contextlib
import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from google.protobuf.json_format import MessageToJson
from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.otlp.documents import OBJECTS, from_json
from loopline.faces.otlp.messages import VALUES as MOST
from loopline.faces.otlp.messages import Message
from loopline.faces.otlp.protobuf import Malformed, written
from loopline.faces.otlp.spans import ATTRIBUTES, DEEPEST, Batch, clean
from loopline.nouns.trace import Span, TraceState

from .sending import PAIRS, SPANS, request, span

IDS = ("traceId", "spanId", "parentSpanId")


def told(value: Any) -> Any:
    """Give a value as it is kept."""
    match value:
        case bytes():
            return b64encode(value).decode()
        case str():
            return clean(value)
        case list():
            return [told(one) for one in value]
        case dict():
            return {clean(key): told(one) for key, one in value.items()}
    return value


def json_of(made: Any) -> bytes:
    """Write a request as JSON, as OTLP has it: ids are hex."""

    def hexed(found: Any) -> Any:
        if isinstance(found, dict):
            return {
                key: b64decode(one).hex() if key in IDS and isinstance(one, str) else hexed(one)
                for key, one in found.items()
            }
        return [hexed(one) for one in found] if isinstance(found, list) else found

    return json.dumps(hexed(json.loads(MessageToJson(made)))).encode()


@given(st.lists(SPANS, max_size=3), PAIRS)
def test_what_the_protocols_own_library_writes_is_read(spans: list[dict[str, Any]], resource: dict[str, Any]) -> None:
    """As protobuf and as JSON, field for field."""
    made = request(*spans, resource=resource)
    batch, same = Message(made.SerializeToString()).read(), from_json(json_of(made))
    assert batch == same
    assert (len(batch.spans), batch.rejected) == (len(spans), 0)
    for one, sent in zip(batch.spans, spans, strict=True):
        held = one.span
        assert (one.trace, held.id, held.parent or "") == (
            sent["trace_id"].hex(),
            sent["span_id"].hex(),
            sent["parent_span_id"].hex(),
        )
        assert (held.name, held.began_ns, held.ended_ns or 0) == (
            clean(sent["name"]),
            sent["start_time_unix_nano"],
            sent["end_time_unix_nano"],
        )
        assert held.state == (TraceState.UNKNOWN, TraceState.OK, TraceState.FAILED)[sent["status"][0]]
        assert held.message == clean(sent["status"][1])
        assert held.attributes == told(sent["attributes"])
        assert [(said.name, said.time_ns, said.attributes) for said in held.happenings] == [
            (clean(said["name"]), said["time_unix_nano"], told(said["attributes"])) for said in sent["events"]
        ]
        assert [(said.trace, said.span) for said in held.pointings] == [
            (said["trace_id"].hex(), said["span_id"].hex()) for said in sent["links"]
        ]
        assert one.resource == told(resource)


@given(st.binary(max_size=200))
def test_random_bytes_are_malformed_or_nothing(body: bytes) -> None:
    """Nothing else comes of them, whatever they are read as."""
    with contextlib.suppress(Malformed):
        assert isinstance(Message(body).read(), Batch)
    with contextlib.suppress(Malformed):
        assert isinstance(from_json(body), Batch)


@given(SPANS, st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_a_damaged_message_is_malformed_or_another_one(sent: dict[str, Any], at: int, damage: bytes) -> None:
    """Never an error of another kind: a client's mistake is a client's mistake."""
    body = request(sent).SerializeToString()
    at = min(at, len(body))
    for damaged in (body[:at], body[:at] + damage + body[at + len(damage) :]):
        with contextlib.suppress(Malformed):
            Message(damaged).read()


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"trace_id": b""}, "trace"), ({"trace_id": b"\0" * 16}, "trace"), ({"trace_id": b"x" * 15}, "trace"),
        ({"span_id": b"x" * 9}, "span"), ({"parent_span_id": b"xx"}, "parent"), ({"start_time_unix_nano": 2**63}, "time"),
        ({"end_time_unix_nano": 2**64 - 1}, "time"), ({"events": [{"time_unix_nano": 2**63}]}, "event"),
        ({"attributes": {str(at): at for at in range(ATTRIBUTES + 1)}}, "attributes"),
    ],
)  # fmt: skip
def test_a_span_that_cannot_be_kept_is_left_out_alone(fields: dict[str, Any], word: str) -> None:
    """And the reason of the first is told."""
    batch = Message(request(span(**fields), span(name="good")).SerializeToString()).read()
    assert ([one.span.name for one in batch.spans], batch.rejected) == (["good"], 1)
    assert word in batch.why


def test_values_that_json_does_not_have_are_text() -> None:
    """NaN and infinities, as protobuf's own JSON has them; NUL becomes a sign that any database takes."""
    sent = span(attributes={"nan": float("nan"), "up": float("inf"), "down": float("-inf"), "nul": "a\0b"}, name="\0")
    made = request(sent)
    for batch in (Message(made.SerializeToString()).read(), from_json(json_of(made))):
        held: Span = batch.spans[0].span
        assert held.attributes == {"nan": "NaN", "up": "Infinity", "down": "-Infinity", "nul": "a\ufffdb"}
        assert held.name == "\ufffd"


def test_what_nests_without_end_is_malformed() -> None:
    """Up to a depth it is read."""

    def deep(levels: int) -> Any:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        return request(span(attributes={"x": value}))

    assert Message(deep(DEEPEST - 1).SerializeToString()).read().spans
    assert from_json(json_of(deep(20))).spans
    inner = b""
    for _ in range(DEEPEST + 10):
        inner = written(5, written(1, inner))
    body = written(1, written(2, written(2, written(9, written(2, inner)))))
    with pytest.raises(Malformed):
        Message(body).read()
    with pytest.raises(Malformed):
        from_json(
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"key":"x","value":'
            + b'{"arrayValue":{"values":[' * 5_000
        )


def test_a_message_of_countless_values_is_refused() -> None:
    """Before they fill the memory: two bytes can be a value."""
    for body in (
        written(2, written(9, b"") * MOST),
        written(2, b"") * (MOST // 10 + 1),
        written(2, written(11, b"") * MOST),
    ):
        with pytest.raises(Malformed) as caught:
            Message(written(1, written(2, body))).read()
        assert str(MOST) in str(caught.value)
    with pytest.raises(Malformed):
        from_json(b'{"resourceSpans":[' + b"{}," * OBJECTS + b"{}]}")


def test_fields_of_other_releases_are_passed_over() -> None:
    """Whatever their type, also under a number that is known."""
    body = request(span()).SerializeToString()
    more = written(99, b"x") + written(98, 5) + b"\x99\x06" + b"12345678" + b"\x95\x06" + b"1234" + written(1, 7)
    assert Message(body + more).read().spans[0].span.name == "ask"

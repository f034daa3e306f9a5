"""What tests send: requests of OTLP, made by its own library and by Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

LATEST = 2**63 - 1
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    st.none()
    | TEXTS
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PAIRS = st.dictionaries(TEXTS, VALUES, max_size=3)
TIMES = st.integers(0, LATEST)


def put(into: Any, value: Any) -> None:
    """Write a value into an AnyValue."""
    match value:
        case bool():
            into.bool_value = value
        case str():
            into.string_value = value
        case int():
            into.int_value = value
        case float():
            into.double_value = value
        case bytes():
            into.bytes_value = value
        case list():
            into.array_value.SetInParent()
            for one in value:
                put(into.array_value.values.add(), one)
        case dict():
            into.kvlist_value.SetInParent()
            pairs(into.kvlist_value.values, value)


def pairs(into: Any, values: dict[str, Any]) -> None:
    """Write attributes."""
    for key, value in values.items():
        one = into.add()
        one.key = key
        put(one.value, value)


def request(*spans: dict[str, Any], resource: dict[str, Any] | None = None) -> ExportTraceServiceRequest:
    """Make a request with spans: their fields by name, ids as bytes, attributes as values."""
    made = ExportTraceServiceRequest()
    many = made.resource_spans.add()
    pairs(many.resource.attributes, resource or {})
    scope = many.scope_spans.add()
    scope.scope.name = "tests"
    for fields in spans:
        fill(scope.spans.add(), fields)
    return made


def fill(into: Any, fields: dict[str, Any]) -> None:
    """Write the fields of a span, an event or a link."""
    for name, value in fields.items():
        if name == "attributes":
            pairs(into.attributes, value)
        elif name in ("events", "links"):
            for one in value:
                fill(getattr(into, name).add(), one)
        elif name == "status":
            into.status.code, into.status.message = value
        else:
            setattr(into, name, value)


def span(**fields: Any) -> dict[str, Any]:
    """Give the fields of a span that is kept."""
    return {
        "trace_id": b"\x01" * 16, "span_id": b"\x02" * 8, "name": "ask", "start_time_unix_nano": 10**18,
        "end_time_unix_nano": 10**18 + 5_000_000, **fields,
    }  # fmt: skip


EVENTS = st.fixed_dictionaries({"name": TEXTS, "time_unix_nano": TIMES, "attributes": PAIRS})
LINKS = st.fixed_dictionaries({
    "trace_id": st.binary(max_size=17),
    "span_id": st.binary(max_size=9),
    "attributes": PAIRS,
})
SPANS = st.builds(
    span,
    trace_id=st.binary(min_size=16, max_size=16).filter(any), span_id=st.binary(min_size=8, max_size=8).filter(any),
    parent_span_id=st.just(b"") | st.binary(min_size=8, max_size=8).filter(any), name=TEXTS, start_time_unix_nano=TIMES,
    end_time_unix_nano=TIMES, attributes=PAIRS, events=st.lists(EVENTS, max_size=2), links=st.lists(LINKS, max_size=2),
    status=st.tuples(st.sampled_from((0, 1, 2)), TEXTS), kind=st.integers(0, 5), flags=st.integers(0, 2**32 - 1),
    trace_state=TEXTS,
)  # fmt: skip

"""documents: an ExportTraceServiceRequest that is JSON: names in camelCase, ids in hex, 64-bit integers as numbers or as text."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from loopline.faces.otlp.protobuf import Malformed
from loopline.faces.otlp.spans import DEEPEST, LATEST, STATES, Batch, Told, clean, keep, real
from loopline.nouns.trace import Happening, Pointing, TraceState

OBJECTS: Final = 1_000_000
"""Objects in one message: an object of two letters takes fifty times as much memory."""


class _Wire(msgspec.Struct, rename="camel"):
    pass


class _Any(_Wire):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | None = None
    double_value: float | None = None
    array_value: _Array | None = None
    kvlist_value: _Map | None = None
    bytes_value: str | None = None

    def read(self, depth: int = 1) -> Any:
        if depth > DEEPEST:
            raise Malformed(f"values stand more than {DEEPEST} deep in one another")
        if self.string_value is not None:
            return clean(self.string_value)
        if self.double_value is not None:
            return real(self.double_value)
        if self.array_value is not None:
            return [one.read(depth + 1) for one in self.array_value.values]
        if self.kvlist_value is not None:
            return _pairs(self.kvlist_value.values, depth)
        if self.bytes_value is not None:
            return clean(self.bytes_value)
        if self.int_value is not None and not -LATEST <= self.int_value < LATEST:
            raise Malformed("a number does not fit into 64 bits")
        return self.int_value if self.bool_value is None else self.bool_value


class _Pair(_Wire):
    key: str = ""
    value: _Any | None = None


class _Array(_Wire):
    values: list[_Any] = []


class _Map(_Wire):
    values: list[_Pair] = []


class _Event(_Wire):
    time_unix_nano: int = 0
    name: str = ""
    attributes: list[_Pair] = []


class _Link(_Wire):
    trace_id: str = ""
    span_id: str = ""
    attributes: list[_Pair] = []


class _Status(_Wire):
    code: int | str = 0
    message: str = ""


class _Span(_Wire):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    name: str = ""
    start_time_unix_nano: int = 0
    end_time_unix_nano: int = 0
    attributes: list[_Pair] = []
    events: list[_Event] = []
    links: list[_Link] = []
    status: _Status | None = None

    def read(self) -> Told:
        status = self.status or _Status()
        return Told(
            self.trace_id.lower(), self.span_id.lower(), self.parent_span_id.lower(), clean(self.name),
            self.start_time_unix_nano, self.end_time_unix_nano, STATES.get(status.code, TraceState.UNKNOWN),
            clean(status.message), _pairs(self.attributes),
            [Happening(clean(one.name), one.time_unix_nano, _pairs(one.attributes)) for one in self.events],
            [Pointing(one.trace_id.lower(), one.span_id.lower(), _pairs(one.attributes)) for one in self.links],
        )  # fmt: skip


class _Scope(_Wire):
    spans: list[_Span] = []


class _Resource(_Wire):
    attributes: list[_Pair] = []


class _ResourceSpans(_Wire):
    resource: _Resource | None = None
    scope_spans: list[_Scope] = []


class _Request(_Wire):
    resource_spans: list[_ResourceSpans] = []


def _pairs(pairs: list[_Pair], depth: int = 0) -> dict[str, Any]:
    return {clean(one.key): None if one.value is None else one.value.read(depth + 1) for one in pairs}


def from_json(body: bytes) -> Batch:
    """Read a request that is JSON. Raise Malformed."""
    if body.count(b"{") > OBJECTS:
        raise Malformed(f"it holds more than {OBJECTS} objects: send less at once")
    try:
        request = msgspec.json.decode(body, type=_Request, strict=False)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Malformed(str(error)) from None
    batch = Batch()
    for one in request.resource_spans:
        resource = _pairs(one.resource.attributes) if one.resource else {}
        for scope in one.scope_spans:
            for span in scope.spans:
                keep(batch, span.read(), resource)
    return batch

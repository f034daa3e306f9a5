"""messages: an ExportTraceServiceRequest (https://github.com/open-telemetry/opentelemetry-proto) that is protobuf."""

from __future__ import annotations

import struct
from base64 import b64encode
from typing import Any, Final

from loopline.faces.otlp.protobuf import BYTES, FIXED64, VARINT, Malformed, fields, signed, text
from loopline.faces.otlp.spans import DEEPEST, STATES, Batch, Told, clean, keep, real
from loopline.nouns.trace import Happening, Pointing, TraceState

VALUES: Final = 1_000_000
"""Values in one message: attributes, what stands in lists and maps, events and links. Each span counts as ten."""
_SPAN: Final = 10


class Message:
    """Reads a request."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._values = 0

    def read(self) -> Batch:
        """Give its spans. Raise Malformed."""
        batch = Batch()
        for name, wire, begin, end in fields(self._data, 0, len(self._data)):
            if (name, wire) == (1, BYTES):
                self._resource_spans(batch, begin, end)
        return batch

    def _resource_spans(self, batch: Batch, begin: int, end: int) -> None:
        resource: dict[str, Any] = {}
        scopes = []
        for name, wire, at, stop in fields(self._data, begin, end):
            if (name, wire) == (1, BYTES):
                resource = self._attributes(at, stop, 1)
            elif (name, wire) == (2, BYTES):
                scopes.append((at, stop))
        for first, last in scopes:
            for name, wire, at, stop in fields(self._data, first, last):
                if (name, wire) != (2, BYTES):
                    continue
                keep(batch, self._span(at, stop), resource)

    def _span(self, begin: int, end: int) -> Told:
        told = Told()
        self._count(_SPAN)
        for name, wire, at, stop in fields(self._data, begin, end):
            match name, wire:
                case 1, 2:
                    told.trace = self._data[at:stop].hex()
                case 2, 2:
                    told.id = self._data[at:stop].hex()
                case 4, 2:
                    told.parent = self._data[at:stop].hex()
                case 5, 2:
                    told.name = clean(text(self._data, at, stop))
                case 7, 1:
                    told.began = at
                case 8, 1:
                    told.ended = at
                case 9, 2:
                    self._attribute(told.attributes, at, stop, 0)
                case 11, 2:
                    told.happenings.append(self._happening(at, stop))
                case 13, 2:
                    told.pointings.append(self._pointing(at, stop))
                case 15, 2:
                    told.state, told.message = self._status(at, stop)
        return told

    def _happening(self, begin: int, end: int) -> Happening:
        self._count()
        name, time = "", 0
        for number, wire, at, stop in fields(self._data, begin, end):
            if (number, wire) == (1, FIXED64):
                time = at
            elif (number, wire) == (2, BYTES):
                name = clean(text(self._data, at, stop))
        return Happening(name, time, self._attributes(begin, end, 3))

    def _pointing(self, begin: int, end: int) -> Pointing:
        self._count()
        found = {1: "", 2: ""}
        for number, wire, at, stop in fields(self._data, begin, end):
            if number in found and wire == BYTES:
                found[number] = self._data[at:stop].hex()
        return Pointing(found[1], found[2], self._attributes(begin, end, 4))

    def _status(self, begin: int, end: int) -> tuple[TraceState, str]:
        state, message = TraceState.UNKNOWN, ""
        for number, wire, at, stop in fields(self._data, begin, end):
            if (number, wire) == (3, VARINT):
                state = STATES.get(at, TraceState.UNKNOWN)
            elif (number, wire) == (2, BYTES):
                message = clean(text(self._data, at, stop))
        return state, message

    def _attributes(self, begin: int, end: int, which: int, depth: int = 0) -> dict[str, Any]:
        """Read the repeated KeyValue of a message that stands under number `which`."""
        found: dict[str, Any] = {}
        for number, wire, at, stop in fields(self._data, begin, end):
            if (number, wire) == (which, BYTES):
                self._attribute(found, at, stop, depth)
        return found

    def _attribute(self, into: dict[str, Any], begin: int, end: int, depth: int) -> None:
        key, value = "", None
        for number, wire, at, stop in fields(self._data, begin, end):
            if (number, wire) == (1, BYTES):
                key = clean(text(self._data, at, stop))
            elif (number, wire) == (2, BYTES):
                value = self._value(at, stop, depth + 1)
        self._count()
        into[key] = value

    def _value(self, begin: int, end: int, depth: int) -> Any:
        if depth > DEEPEST:
            raise Malformed(f"values stand more than {DEEPEST} deep in one another")
        value: Any = None
        for number, wire, at, stop in fields(self._data, begin, end):
            match number, wire:
                case 1, 2:
                    value = clean(text(self._data, at, stop))
                case 2, 0:
                    value = bool(at)
                case 3, 0:
                    value = signed(at)
                case 4, 1:
                    value = real(struct.unpack("<d", at.to_bytes(8, "little"))[0])
                case 5, 2:
                    value = self._list(at, stop, depth)
                case 6, 2:
                    value = self._attributes(at, stop, 1, depth)
                case 7, 2:
                    value = b64encode(self._data[at:stop]).decode()
        return value

    def _list(self, begin: int, end: int, depth: int) -> list[Any]:
        found = []
        for number, wire, at, stop in fields(self._data, begin, end):
            if (number, wire) == (1, BYTES):
                self._count()
                found.append(self._value(at, stop, depth + 1))
        return found

    def _count(self, many: int = 1) -> None:
        self._values += many
        if self._values > VALUES:
            raise Malformed(f"it holds more than {VALUES} values: send less at once")

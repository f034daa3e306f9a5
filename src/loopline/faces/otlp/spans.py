"""spans: what OTLP says, as what is kept: one form for spans that come as protobuf and as JSON.

A span that cannot be kept (ids of another shape, times that no clock shows) is left out, counted and told of; a message that is
none is Malformed as a whole. NUL, which databases do not take in text, becomes U+FFFD.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from loopline.nouns.trace import Happening, Pointing, Span, TraceState

ATTRIBUTES: Final = 5_000
"""Attributes, happenings or links of a span. OpenTelemetry's SDKs stop at 128 of each."""
DEEPEST: Final = 64
"""Lists and maps inside of one another."""
LATEST: Final = 2**63
_HEX: Final = re.compile(r"[0-9a-fA-F]*\Z")
STATES: Final = {
    1: TraceState.OK,
    2: TraceState.FAILED,
    "STATUS_CODE_OK": TraceState.OK,
    "STATUS_CODE_ERROR": TraceState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Received:
    """A span, with the trace that it belongs to and what told it."""

    trace: str
    """32 hex digits."""
    span: Span
    resource: Mapping[str, Any]
    """Attributes of the program."""


@dataclass(slots=True)
class Batch:
    """What one request brought."""

    spans: list[Received] = field(default_factory=list)
    rejected: int = 0
    why: str = ""
    """Of the first span that was left out."""


class _Unfit(Exception):  # noqa: N818 (no error: it says that one span is left out)
    pass


def clean(said: str) -> str:
    """Give text as databases take it."""
    return said.replace("\0", "\ufffd") if "\0" in said else said


def real(value: float) -> float | str:
    """Give a number as JSON has it: what is none is text."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


@dataclass(slots=True)
class Told:
    """A span as it was told."""

    trace: str = ""
    id: str = ""
    parent: str = ""
    name: str = ""
    began: int = 0
    ended: int = 0
    state: TraceState = TraceState.UNKNOWN
    message: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    happenings: list[Happening] = field(default_factory=list)
    pointings: list[Pointing] = field(default_factory=list)


def keep(batch: Batch, told: Told, resource: Mapping[str, Any]) -> None:
    """Add a span to what was brought, or count it as left out."""
    try:
        batch.spans.append(Received(told.trace, _fit(told), resource))
    except _Unfit as unfit:
        batch.rejected += 1
        batch.why = batch.why or str(unfit)


def _fit(told: Told) -> Span:
    for what, said, digits, needed in (
        ("trace", told.trace, 32, True), ("span", told.id, 16, True), ("parent", told.parent, 16, False),
    ):  # fmt: skip
        if (said or needed) and (len(said) != digits or not _HEX.match(said) or not said.strip("0")):
            raise _Unfit(f"the id of a {what} has {digits // 2} bytes, and not all are 0")
    if not 0 <= told.began < LATEST or not 0 <= told.ended < LATEST:
        raise _Unfit("a time does not fit into 63 bits of nanoseconds since 1970")
    if any(not 0 <= one.time_ns < LATEST for one in told.happenings):
        raise _Unfit("the time of an event does not fit into 63 bits of nanoseconds since 1970")
    for what, many in (("attributes", told.attributes), ("events", told.happenings), ("links", told.pointings)):
        if len(many) > ATTRIBUTES:
            raise _Unfit(f"a span has at most {ATTRIBUTES} {what}")
    return Span(
        told.id, told.name, told.began, told.ended or None, told.parent or None, "", told.state, told.message, told.attributes,
        tuple(told.happenings), tuple(told.pointings),
    )  # fmt: skip

"""trace: what a program told of one of its requests, and the spans that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from loopline.nouns.feedback import Feedback


class TraceState(StrEnum):
    """How a request went. UNKNOWN: nobody has said."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def over(self) -> bool:
        """Whether its end has been told."""
        return self in (TraceState.OK, TraceState.FAILED)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened at one moment of a span: an exception, a chunk of an answer."""

    name: str
    time_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pointing:
    """Another span that a span has to do with."""

    trace: str
    """32 hex digits, or as the program that told it names a trace."""
    span: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """One part of a trace. What programs say of it is as OpenTelemetry has it: values are those of JSON, and bytes as base64."""

    id: str
    """16 hex digits, of its own in the trace."""
    name: str
    began_ns: int
    """Nanoseconds since the epoch."""
    ended_ns: int | None = None
    """None: it goes on, or nobody has told."""
    parent: str | None = None
    """None: it is the root."""
    kind: str = ""
    """What it did, in the program's words: LLM, TOOL, CHAIN."""
    state: TraceState = TraceState.UNKNOWN
    message: str = ""
    """What went wrong."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    happenings: tuple[Happening, ...] = ()
    pointings: tuple[Pointing, ...] = ()
    tokens: Mapping[str, int] | None = None
    """Of calls of language models, by what they were for, those inside of it included; None where it says nothing of them."""
    cost: Mapping[str, float] | None = None
    """The same, in US dollars."""
    model: str = ""
    """Which language model answered."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One request of a program."""

    id: str
    project: str
    experiment: int
    """Its number."""
    number: int = 0
    """In the ledger, under which its rows are kept."""
    name: str | None = None
    state: TraceState = TraceState.UNKNOWN
    time: int = 0
    """When it began, in microseconds since the epoch."""
    duration: int | None = None
    """Microseconds; None where it goes on."""
    client: str | None = None
    """What the program calls the request."""
    request: str | None = None
    """The beginning of what came in, for people."""
    response: str | None = None
    session: str | None = None
    """The conversation that it belongs to."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    spans: int = 0
    """How many are kept."""
    told: bool = False
    """Whether a program has said how all of it went; else that follows from its spans."""
    recorded_at: int = 0
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the program says of it, for good."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What people say of it; it may change."""
    runs: tuple[str, ...] = ()
    """Ids of runs that it belongs to."""

    @property
    def subject(self) -> str:
        """What its tags are filed under."""
        return f"trace/{self.number}"


@dataclass(frozen=True, slots=True)
class WholeTrace:
    """A trace with its spans and all that was said about it."""

    trace: Trace
    spans: tuple[Span, ...]
    """Roots first, then by when they began."""
    words: tuple[Feedback, ...] = ()

    @property
    def tree(self) -> list[tuple[int, Span]]:
        """Give each span with how deep it lies, behind the one that it is inside of, in the order in which they began.

        One whose parent is not here lies on the ground, and so does the first of those that only name each other.
        """
        known = {span.id for span in self.spans}
        inside: dict[str, list[Span]] = {}
        ground = []
        for span in self.spans:
            if span.parent in known and span.parent != span.id:
                inside.setdefault(span.parent or "", []).append(span)
            else:
                ground.append(span)
        found: list[tuple[int, Span]] = []
        seen: set[str] = set()
        for start in (*ground, *self.spans):
            waiting = [(0, start)]
            while waiting:
                depth, span = waiting.pop()
                if span.id not in seen:
                    seen.add(span.id)
                    found.append((depth, span))
                    waiting += [(depth + 1, one) for one in reversed(inside.get(span.id, []))]
        return found

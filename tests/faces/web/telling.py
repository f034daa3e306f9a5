"""Requests of the team's assistant for dispatchers, told as traces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loopline.nouns.feedback import Feedback
from loopline.nouns.trace import Happening, Span, Trace, TraceState
from loopline.verbs.tracing import Arrival, receive, remark, tell

if TYPE_CHECKING:
    from .story import Story

ASKED = "Which flights from LGA will be late tonight?"
MS = 1_000_000


def ask(story: Story, run: str) -> None:
    """Ask the assistant twice: one answer takes a model of ours, and one fails."""
    group = story.do("experiment", "dispatch-assistant")
    began = story.loop.clock.now() // 1000 * 1000
    trace = ""
    for name, failed in (("a1" * 16, True), ("b2" * 16, False)):
        trace = f"tr-{name}"
        spans = _spans(began * 1000, failed=failed)
        state = TraceState.FAILED if failed else TraceState.OK
        runs, tags = (run,), {"client": "dispatch desk"}
        receive(story.loop, group, [Arrival(trace, spans)])
        said = Trace(
            trace,
            story.loop.project,
            group.id,
            0,
            "answer a dispatcher",
            state,
            began,
            2_310_000,
            request=ASKED,
            response=None if failed else "UA 1545 and AA 1141, both by more than 15 minutes.",
            session="shift-7",
            runs=runs,
            tags=tags,
            facts={"application": "dispatch 2.4"},
        )
        tell(story.loop, group, said)
        began += 40_000_000
    word = Feedback(
        "a-1",
        trace,
        "feedback",
        "helpful",
        value=True,
        source_kind="HUMAN",
        source="bob",
        rationale="both were late",
        created_at=began,
        updated_at=began,
    )
    remark(story.loop, word)
    remark(story.loop, replace(word, id="a-2", kind="expectation", name="flights", value=["UA 1545", "AA 1141"]))
    story.named["trace"] = trace


def _spans(began: int, *, failed: bool) -> tuple[Span, ...]:
    def span(number: int, name: str, kind: str, start: int, took: int, *, parent: int = 0) -> Span:
        return Span(
            f"{number:016x}",
            name,
            began + start * MS,
            began + (start + took) * MS,
            f"{parent:016x}" if parent else None,
            kind,
            TraceState.OK,
        )

    broken = TraceState.FAILED if failed else TraceState.OK
    return (
        replace(span(1, "answer a dispatcher", "AGENT", 0, 2_310), state=broken, attributes={"inputs": ASKED}),
        replace(
            span(2, "plan", "CHAT_MODEL", 12, 640, parent=1),
            tokens={"input_tokens": 812, "output_tokens": 64, "total_tokens": 876},
            model="a-model",
        ),
        span(3, "look up departures", "TOOL", 660, 210, parent=1),
        replace(
            span(4, "select … from departures", "RETRIEVER", 671, 180, parent=3),
            attributes={"rows": 41, "origin": "LGA"},
        ),
        replace(
            span(5, "predict delays", "TOOL", 880, 95, parent=1),
            state=broken,
            attributes={"service": "service/delay@prod", "rows": 41},
            message="the service answered 503" if failed else "",
            happenings=(Happening("exception", began + 970 * MS, {"message": "503"}),) if failed else (),
        ),
        replace(
            span(6, "write the answer", "CHAT_MODEL", 985, 1_320, parent=1),
            tokens={"input_tokens": 1_204, "output_tokens": 188, "total_tokens": 1_392},
            model="a-model",
        ),
    )

"""tracing: traces as they come in, what is said about them, and how they go; shared by the faces that programs send them to.

A program sends spans as they end, in any order and from several processes, and may say at the end how all of it went: either may
come first. Until it says so, time, duration and state of a trace follow from its spans. All of it is telemetry, as labels of
predictions are; only deleting is an event, for nothing brings a trace back. Traces of an experiment that is marked as deleted are
kept, as its runs are, and found again once it is restored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from loopline.errors import NotFound
from loopline.ledger.traces import RUN, Doomed
from loopline.nouns.owner import Owner
from loopline.nouns.trace import Span, Trace, TraceState
from loopline.verbs.experiment import experiment as begin
from loopline.verbs.tallying import total

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.nouns.experiment import Experiment
    from loopline.nouns.feedback import Feedback

PROMPT: Final = "prompt"
"""What a trace may belong to beside runs: a version of a prompt, as NAME/NUMBER."""
_NAMED: Final = 100
"""Ids of traces that the event of their end names."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Spans of one trace, and what they say of the whole. That fills in what is not known; it replaces nothing but tags."""

    trace: str
    spans: tuple[Span, ...]
    name: str | None = None
    request: str | None = None
    response: str | None = None
    session: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    runs: tuple[str, ...] = ()


def home_of(loop: Loop, experiment: Experiment) -> Experiment:
    """Give an experiment that is there: the one of whoever names none is begun with its first trace."""
    return experiment if experiment.id else begin(loop, experiment.name)


def receive(loop: Loop, experiment: Experiment, arrivals: Sequence[Arrival]) -> None:
    """Keep spans that have come in, all or none. Spans that are sent again replace themselves."""
    home = home_of(loop, experiment)
    with loop.ledger.telemetry() as tx:
        for one in sorted(
            arrivals, key=lambda one: one.trace
        ):  # two who write the same wait for each other in this order
            began = _millisecond(min(span.began_ns for span in one.spans))
            held, there = tx.traces.hold(loop.project, one.trace, experiment=home.id, time=began)
            tx.spans.put(held.number, one.spans)
            grown = _grown(held, one, there=there)
            tx.traces.save(_measured(tx, replace(grown, spans=tx.spans.count(held.number)), one.spans))
            tx.traces.state(held.number, {key: said for key, said in one.facts.items() if key not in held.facts})
            tx.traces.link(held.number, RUN, one.runs)
            tx.taggings.set(held.subject, one.tags)


def _grown(held: Trace, came: Arrival, *, there: bool) -> Trace:
    """Give a trace as it stands with more spans."""
    root = next((span for span in came.spans if span.parent is None), None)
    state = held.state
    if not state.over:
        state = TraceState.RUNNING if root is None or root.ended_ns is None else _state_of(root)
        state = held.state if held.told and root is None else state
    time, duration = held.time, held.duration
    if not held.told:
        time = _millisecond(min(one.began_ns for one in came.spans))
        ends = [_millisecond(one.ended_ns) for one in came.spans if one.ended_ns is not None]
        if there:
            time = min(time, held.time)
            ends += [held.time + held.duration] if held.duration is not None else []
        duration = max(0, max(ends) - time) if ends else None
    return replace(
        held,
        time=time,
        duration=duration,
        state=state,
        name=held.name or came.name,
        request=held.request or came.request,
        response=held.response or came.response,
        session=held.session or came.session,
    )


def _millisecond(ns: int) -> int:
    """Give the millisecond in which a moment lies, in microseconds: so do programs tell when a trace began and ended."""
    return ns // 1_000_000 * 1000


def _state_of(root: Span) -> TraceState:
    return TraceState.FAILED if root.state is TraceState.FAILED else TraceState.OK


def _measured(tx: Tables, trace: Trace, fresh: Iterable[Span]) -> Trace:
    """Add up what all spans say, where these say something and the program has not."""
    tokens, cost = trace.tokens, trace.cost
    new = list(fresh)
    if any(one.tokens or one.cost for one in new):
        every = tx.spans.measured(trace.number)
        if not (trace.told and tokens):
            tokens = total((name, parent, said) for name, parent, said, _ in every)
        if not (trace.told and cost):
            cost = total((name, parent, said) for name, parent, _, said in every)
    return replace(trace, tokens=tokens, cost=cost)


def tell(loop: Loop, experiment: Experiment, said: Trace, words: Sequence[Feedback] = ()) -> Trace:
    """Keep what a program says of a whole trace. Saying it again, or behind its spans, adds to what is there and corrects it."""
    home = home_of(loop, experiment)
    with loop.ledger.telemetry() as tx:
        held, _ = tx.traces.hold(loop.project, said.id, experiment=home.id, time=said.time)
        tx.traces.save(
            replace(
                held,
                experiment=home.id,
                time=said.time,
                duration=said.duration,
                state=said.state,
                client=said.client,
                name=said.name or held.name,
                request=held.request if said.request is None else said.request,
                response=held.response if said.response is None else said.response,
                session=said.session or held.session,
                tokens=said.tokens or held.tokens,
                cost=said.cost or held.cost,
                told=True,
            )
        )
        tx.traces.state(held.number, said.facts)
        tx.traces.link(held.number, RUN, said.runs)
        tx.taggings.set(held.subject, said.tags)
        tx.feedbacks.put(held.number, words)
        return tx.traces.get(loop.project, said.id)


def mark(loop: Loop, trace: str, *, tags: Mapping[str, str], untag: Sequence[str] = (), name: str | None = None) -> int:
    """Tag a trace, or give it another name, and tell how many tags were taken away. Raise NotFound."""
    with loop.ledger.telemetry() as tx:
        found = tx.traces.get(loop.project, trace)
        if name is not None:
            tx.traces.save(replace(found, name=name or None))
        tx.taggings.set(found.subject, tags)
        return tx.taggings.drop(found.subject, untag)


def belong(loop: Loop, traces: Sequence[str], kind: str, targets: Sequence[str]) -> None:
    """Say that traces belong to runs or versions of prompts. Those that are not there are passed over."""
    with loop.ledger.telemetry() as tx:
        for one in tx.traces.several(loop.project, traces):
            tx.traces.link(one.number, kind, targets)


def remove(loop: Loop, what: Doomed, *, group: str) -> int:
    """Delete traces of an experiment for good, with their files and all that was said, and tell how many. That is an event."""
    with loop.ledger.read() as tx:
        if not tx.traces.doomed(loop.project, what):
            return 0
    with loop.ledger.write(loop.project, loop.actor) as tx:
        gone = tx.traces.doomed(loop.project, what)
        numbers = [one.number for one in gone]
        tx.spans.drop(numbers)
        tx.feedbacks.clear(numbers)
        tx.staging.clear_all(Owner(loop.project, "trace", one.id).key for one in gone)
        tx.traces.delete(gone)
        tx.say("traces.deleted", group, count=len(gone), traces=[one.id for one in gone[:_NAMED]])
    return len(gone)


def remark(loop: Loop, said: Feedback) -> Feedback:
    """Keep what somebody says about a trace; what it overrides does not count any more. Raise NotFound."""
    with loop.ledger.telemetry() as tx:
        trace = tx.traces.get(loop.project, said.trace)
        if said.overrides and not tx.feedbacks.value(trace.number, said.overrides, valid=False):
            raise _no_word(said.overrides, said.trace)
        tx.feedbacks.put(trace.number, [said])
    return said


def word(loop: Loop, trace: str, name: str) -> Feedback:
    """Give what was said about a trace, by its id. Raise NotFound."""
    with loop.ledger.read() as tx:
        found = tx.feedbacks.find(tx.traces.get(loop.project, trace).number, name)
    if found is None:
        raise _no_word(name, trace)
    return found


def correct(loop: Loop, said: Feedback) -> Feedback:
    """Say it anew, in place of what was said under this id. Raise NotFound."""
    with loop.ledger.telemetry() as tx:
        trace = tx.traces.get(loop.project, said.trace)
        if tx.feedbacks.find(trace.number, said.id) is None:
            raise _no_word(said.id, said.trace)
        tx.feedbacks.put(trace.number, [said])
    return said


def unsay(loop: Loop, trace: str, name: str) -> bool:
    """Take back what was said; what it had overridden counts again. Tell whether it was there. Raise NotFound for no trace."""
    with loop.ledger.telemetry() as tx:
        number = tx.traces.get(loop.project, trace).number
        found = tx.feedbacks.find(number, name)
        if found is not None:
            tx.feedbacks.drop(number, name)
        if found is not None and found.overrides:
            tx.feedbacks.value(number, found.overrides, valid=True)
    return found is not None


def _no_word(name: str, trace: str) -> NotFound:
    return NotFound(
        f"nothing of the id {name[:100]!r} was said about trace {trace}",
        kind="no-feedback",
        hint="look at the trace",
        feedback=name[:100],
        trace=trace,
    )

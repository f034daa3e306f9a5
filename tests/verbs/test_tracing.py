from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import NotFound
from loopline.ledger.traces import RUN, Doomed
from loopline.nouns.experiment import Experiment
from loopline.nouns.feedback import Feedback
from loopline.nouns.trace import Span, Trace, TraceState
from loopline.verbs.tracing import Arrival, belong, correct, mark, receive, remark, remove, tell, unsay, word

if TYPE_CHECKING:
    from loopline.loop import Loop

    from .conftest import World

MS = 1_000_000
DEFAULT = Experiment(0, "test", "default")


@pytest.fixture
def loop(world: World) -> Loop:
    """Give a loop with an experiment."""
    world.do("experiment", "delays")
    return world.loop


def group(loop: Loop) -> Experiment:
    """Give its experiment."""
    with loop.ledger.read() as tx:
        return tx.experiments.get(loop.project, "delays")


def read(loop: Loop, name: str = "tr-1") -> Trace:
    """Give a trace."""
    with loop.ledger.read() as tx:
        return tx.traces.get(loop.project, name)


def send(loop: Loop, *spans: Span, name: str = "tr-1", **more: Any) -> None:
    """Send spans."""
    receive(loop, group(loop), [Arrival(name, spans, **more)])


ROOT = Span("1" * 16, "root", 10 * MS, 30 * MS, tokens=None)
TOOL = Span("2" * 16, "tool", 12 * MS, 20 * MS, "1" * 16, tokens={"total_tokens": 5}, cost={"total_cost": 0.5})
LATE = Span("3" * 16, "late", 25 * MS, 41 * MS, "1" * 16, tokens={"total_tokens": 2})


@pytest.mark.parametrize("order", list(permutations((ROOT, TOOL, LATE))))
def test_spans_make_the_same_trace_in_any_order(loop: Loop, order: tuple[Span, ...]) -> None:
    """One by one, twice each: time, duration, state and tokens follow from all of them."""
    for span in (*order, *order):
        send(loop, span)
    one = read(loop)
    assert (one.time, one.duration, one.state, one.spans) == (10_000, 31_000, TraceState.OK, 3)
    assert (one.tokens, one.cost) == ({"total_tokens": 7}, {"total_cost": 0.5})


def test_a_trace_runs_until_its_root_has_ended(loop: Loop) -> None:
    """And has failed where that has."""
    send(loop, TOOL)
    assert read(loop).state is TraceState.RUNNING
    send(loop, Span("1" * 16, "root", 10 * MS))
    assert read(loop).state is TraceState.RUNNING
    send(loop, Span("1" * 16, "root", 10 * MS, 12 * MS, state=TraceState.FAILED))
    assert read(loop).state is TraceState.FAILED
    send(loop, ROOT)
    assert read(loop).state is TraceState.FAILED


@pytest.mark.parametrize("first", [True, False])
def test_what_a_program_says_counts_whichever_comes_first(loop: Loop, *, first: bool) -> None:
    """Its word about time, state and tokens, with what the spans know beside it."""
    said = Trace(
        "tr-1", loop.project, 1, state=TraceState.FAILED, time=5_000, duration=9_000, tokens={"total_tokens": 99}, request="in",
        facts={"a": "1"}, tags={"t": "1"}, runs=("r1",), name="said",
    )  # fmt: skip
    if first:
        tell(loop, group(loop), said)
    send(loop, ROOT, TOOL, request="no", session="s", facts={"a": "2", "b": "3"})
    if not first:
        tell(loop, group(loop), said)
    one = read(loop)
    assert (one.state, one.time, one.duration, one.tokens) == (TraceState.FAILED, 5_000, 9_000, {"total_tokens": 99})
    assert (one.name, one.request, one.session, one.cost) == ("said", "in", "s", {"total_cost": 0.5})
    assert (one.facts, one.tags, one.runs, one.spans) == ({"a": "1", "b": "3"}, {"t": "1"}, ("r1",), 2)


def test_traces_are_no_events_but_their_end_is(loop: Loop) -> None:
    """Whoever reads the feed sees who deleted how many of which experiment, and which; nothing else of them."""
    send(loop, ROOT, TOOL)
    remark(loop, Feedback("a-1", "tr-1", "feedback", "good", value=True))
    mark(loop, "tr-1", tags={"x": "1"})
    with loop.ledger.read() as tx:
        before = tx.feed.list(loop.project)
    assert before[-1].kind == "experiment.created"
    assert remove(loop, Doomed(group(loop).id, ("tr-1", "tr-2")), group="delays") == 1
    assert remove(loop, Doomed(group(loop).id, ("tr-1",)), group="delays") == 0
    with loop.ledger.read() as tx:
        (event,) = tx.feed.list(loop.project)[len(before) :]
        assert (event.kind, event.subject) == ("traces.deleted", "delays")
        for table in ("traces", "spans", "feedbacks", "taggings", "trace_facts", "trace_links"):
            assert tx.rows.one(f"SELECT COUNT(*) FROM {table}") == (0,)


def test_the_experiment_of_whoever_names_none_begins_with_its_first_trace(world: World) -> None:
    """As it does with its first run."""
    receive(world.loop, Experiment(0, world.loop.project, "default"), [Arrival("tr-1", (ROOT,))])
    with world.loop.ledger.read() as tx:
        assert read(world.loop).experiment == tx.experiments.get(world.loop.project, "default").id


def test_a_word_that_is_overridden_counts_again_once_the_other_is_taken_back(loop: Loop) -> None:
    """Taking back twice changes nothing; overriding what is not there is refused, and leaves nothing."""
    send(loop, ROOT)
    first = remark(loop, Feedback("a-1", "tr-1", "feedback", "good", value=True))
    remark(loop, Feedback("a-2", "tr-1", "feedback", "good", value=False, overrides="a-1"))
    assert (word(loop, "tr-1", "a-1").valid, word(loop, "tr-1", "a-2").valid) == (False, True)
    assert (unsay(loop, "tr-1", "a-2"), unsay(loop, "tr-1", "a-2")) == (True, False)
    assert word(loop, "tr-1", "a-1") == first
    with pytest.raises(NotFound) as caught:
        remark(loop, Feedback("a-3", "tr-1", "feedback", "good", overrides="a-9"))
    assert caught.value.kind == "no-feedback"
    with pytest.raises(NotFound):
        word(loop, "tr-1", "a-3")
    with pytest.raises(NotFound):
        correct(loop, Feedback("a-3", "tr-1", "feedback", "good"))
    with pytest.raises(NotFound) as caught:
        unsay(loop, "tr-9", "a-1")
    assert caught.value.kind == "no-trace"
    with pytest.raises(NotFound):
        mark(loop, "tr-9", tags={})


def test_traces_are_linked_once_and_those_that_are_gone_passed_over(loop: Loop) -> None:
    """A trace may belong to several runs."""
    send(loop, ROOT)
    for _ in range(2):
        belong(loop, ("tr-1", "tr-9"), RUN, ("r1",))
    belong(loop, ("tr-1",), RUN, ("r0",))
    assert read(loop).runs == ("r0", "r1")


def test_tags_come_go_and_rename(loop: Loop) -> None:
    """An empty name is none."""
    send(loop, ROOT, name="tr-1")
    assert mark(loop, "tr-1", tags={"a": "1", "b": "2"}, untag=("a", "z"), name="other") == 1
    assert (read(loop).tags, read(loop).name) == ({"b": "2"}, "other")
    mark(loop, "tr-1", tags={}, name="")
    assert read(loop).name is None

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid
from loopline.ledger.traces import RUN
from loopline.ledger.tracesearch import Composer, read
from loopline.nouns.feedback import Feedback
from loopline.nouns.query import Clause, Order
from loopline.nouns.trace import Span, TraceState

if TYPE_CHECKING:
    from .conftest import Hand


@pytest.fixture
def told(hand: Hand) -> Hand:
    """Give a ledger with three traces: `a` failed, `b` has no name, `c` is of another project."""
    with hand.ledger.telemetry() as tx:
        group = tx.runs.experiment("flights", "delays")
        for at, (name, project) in enumerate((("a", "flights"), ("b", "flights"), ("c", "other"))):
            held, _ = tx.traces.hold(project, name, experiment=group, time=1_000 * (at + 1))
            state = TraceState.FAILED if name == "a" else TraceState.OK
            tx.traces.save(
                replace(held, state=state, name=None if name == "b" else f"Name {name}", duration=at * 500, told=True)
            )
            tx.traces.state(held.number, {"who": f"{name}_1"})
            tx.taggings.set(held.subject, {"team": "ops"} if name == "a" else {})
            tx.traces.link(held.number, RUN, ["r1"] if name == "b" else [])
            tool = {"k": "50%", "n": 3, "deep": {"x": 1}, "a.b": True, "it's": "x"}
            tx.spans.put(
                held.number,
                [
                    Span("1" * 16, "root", 1, kind="CHAIN"),
                    Span("2" * 16, f"tool {name}", 1, kind="TOOL", attributes=tool),
                ],
            )
            score = Feedback("f", name, "feedback", "score", 0.5 + at)
            tx.feedbacks.put(
                held.number,
                [
                    score,
                    Feedback("g", name, "expectation", "word", "yes"),
                    Feedback("h", name, "feedback", "old", value=True, valid=False),
                ],
            )
    return hand


def found(hand: Hand, *wanted: Clause, order: tuple[Order, ...] = (), **more: Any) -> list[str]:
    """Give the ids of traces of `flights` that fit."""
    with hand.read() as tx:
        condition = Composer(tx.rows.dialect).compose("flights", None, wanted, order, **more)
        return [one.id for one in tx.traces.search(condition.where, condition.values, order=condition.order, limit=10)]


@pytest.mark.parametrize(
    ("part", "key", "op", "value", "ids"),
    [
        ("attribute", "state", "=", "failed", ["a"]),
        ("attribute", "state", "in", ("failed", "ok"), ["b", "a"]),
        ("attribute", "state", "not in", ("failed",), ["b"]),
        ("attribute", "name", "is null", None, ["b"]),
        ("attribute", "name", "like", "Name _", ["a"]),
        ("attribute", "name", "like", "name%", []),
        ("attribute", "name", "ilike", "name%", ["a"]),
        ("attribute", "name", "like", "[N]ame*", []),
        ("attribute", "ended", ">=", 2_500, ["b"]),
        ("attribute", "time", "<", 2_000, ["a"]),
        ("tag", "team", "=", "ops", ["a"]),
        ("tag", "team", "!=", "x", ["a"]),
        ("tag", "team", "is null", None, ["b"]),
        ("fact", "who", "like", "%_1", ["b", "a"]),
        ("fact", "who", "is not null", None, ["b", "a"]),
        ("link", "run", "=", "r1", ["b"]),
        ("span", "kind", "=", "TOOL", ["b", "a"]),
        ("span", "name", "=", "tool a", ["a"]),
        ("span", "text", "like", "%50\\%%", []),
        ("span", "text", "ilike", "%50%", ["b", "a"]),
        ("span", "attributes.k", "=", "50%", ["b", "a"]),
        ("span", "attributes.n", "=", "3", ["b", "a"]),
        ("span", "attributes.a.b", "is not null", None, ["b", "a"]),
        ("span", "attributes.it's", "=", "x", ["b", "a"]),
        ("span", 'attributes.a"b', "=", "x", []),
        ("span", "attributes.gone", "=", "x", []),
        ("feedback", "score", ">", 1.0, ["b"]),
        ("feedback", "score", "<=", 0.5, ["a"]),
        ("feedback", "score", "=", "0.5", ["a"]),
        ("feedback", "score", "!=", "0.5", ["b"]),
        ("feedback", "old", "=", "true", []),
        ("expectation", "word", "=", "yes", ["b", "a"]),
        ("expectation", "word", "like", "%ye%", ["b", "a"]),
        ("expectation", "none", "is null", None, ["b", "a"]),
        ("feedback", "score", "is not null", None, ["b", "a"]),
    ],
)  # fmt: skip
def test_each_comparison_finds_what_it_says(
    told: Hand, *, part: str, key: str, op: Any, value: Any, ids: list[str]
) -> None:
    """On both databases, and never a trace of another project."""
    assert found(told, Clause(part, key, op, value)) == ids


def test_comparisons_of_spans_are_about_one_span(told: Hand) -> None:
    """A trace with a tool and a root of some name has no tool of that name."""
    kind, name = Clause("span", "kind", "=", "TOOL"), Clause("span", "name", "=", "root")
    assert found(told, kind) == found(told, name) == ["b", "a"]
    assert found(told, kind, name) == []


def test_an_order_puts_what_lacks_the_value_last(told: Hand) -> None:
    """Both ways; what is equal comes newest first."""
    for falling in (True, False):
        assert found(told, order=(Order("attribute", "name", falling),)) == ["a", "b"]
        assert found(told, order=(Order("tag", "team", falling), Order("fact", "who", falling))) == ["a", "b"]
    assert found(told, order=(Order("attribute", "duration"),)) == ["a", "b"]
    assert found(told, order=(Order("attribute", "duration", descending=True),)) == ["b", "a"]


def test_pages_go_on_where_the_one_before_ended(told: Hand) -> None:
    """Behind a trace, or among those that were there when somebody began to look."""
    assert found(told, behind=(2_000, "b")) == ["a"]
    assert found(told, upto=1) == ["a"]


def test_traces_of_a_deleted_experiment_are_not_found(told: Hand) -> None:
    """Until it is restored; then they are as they were."""
    with told.write() as tx:
        group = tx.experiments.get("flights", "delays")
        tx.experiments.delete(group)
    assert found(told) == []
    with told.write() as tx:
        tx.experiments.restore(tx.experiments.get("flights", "delays", deleted=True))
    assert found(told) == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", ["b", "a"]),
        ("state = failed and span.kind = TOOL", ["a"]),
        ("took > 0.0001", ["b"]),
        ("started > 1970-01-02", []),
        ("tags.team = ops", ["a"]),
        ("name ~ 'name%'", ["a"]),
        ("state in (failed, ok) and name is not null", ["a"]),
        ("tags.team is null", ["b"]),
        ("experiment = delays and run = r1", ["b"]),
        ("feedback.score > 1", ["b"]),
        ("span.attributes.n = 3", ["b", "a"]),
        ("id = a", ["a"]),
    ],
)
def test_a_filter_is_read_as_people_write_it(told: Hand, text: str, ids: list[str]) -> None:
    """In the words that a filter of runs has."""
    assert found(told, *read(text)) == ids


@pytest.mark.parametrize(
    ("text", "hint"), [("stat = x", "did you mean state?"), ("flavour = x", "use "), ("state", "write for example")]
)
def test_what_is_unclear_is_said_with_a_way_out(text: str, hint: str) -> None:
    """Near names where there are any."""
    with pytest.raises(Invalid) as caught:
        read(text)
    assert (caught.value.kind, (caught.value.hint or "").startswith(hint)) == ("bad-filter", True)


def test_a_key_that_no_column_has_is_refused(told: Hand) -> None:
    """It never becomes a part of the SQL."""
    for part in ("attribute", "span"):
        with pytest.raises(Invalid):
            found(told, Clause(part, "x; DROP TABLE traces", "=", "x"))

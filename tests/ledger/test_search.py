from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.ledger.search import compose
from loopline.nouns.run import Point, RunState

if TYPE_CHECKING:
    from .conftest import Hand


def _find(hand: Hand, text: str, order: str = "") -> list[str]:
    condition = compose("flights", text, order=order)
    with hand.read() as tx:
        return [r.tags["n"] for r in tx.runs.search(condition.where, condition.values, order=condition.order, limit=10)]


@pytest.fixture
def runs(hand: Hand) -> Hand:
    """Three runs that differ in everything one may search by."""
    for n, auc, depth, state in (
        ("1", 0.5, "2", "finished"),
        ("2", 0.7, "10", "failed"),
        ("3", None, "it's", "running"),
    ):
        run = hand.run(tags={"n": n}, params={"depth": depth}, experiment=f"e{n}")
        with hand.write() as tx:
            if auc is not None:
                tx.metrics.add(run.id, [Point("auc", auc), Point("loss[x=1]", -auc)])
            if state != "running":
                tx.runs.move(run.id, RunState(state))
    return hand


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["3", "2", "1"]),
        ("metrics.auc > 0.6", ["2"]),
        ("metrics.auc >= 0.5 and state = finished", ["1"]),
        ("params.depth > 5", ["2"]),
        ("params.depth = '2'", ["1"]),
        ('params.depth = "it\'s"', ["3"]),
        ("params.depth = 'it''s'", ["3"]),
        ("tags.n != 2", ["3", "1"]),
        ("experiment ~ 'e%' and state != 'running'", ["2", "1"]),
        ("metrics.`loss[x=1]` < -0.6", ["2"]),
        ("metrics.loss[x=1] < -0.6", ["2"]),
        ("experiment ~ 'E%'", ["3", "2", "1"]),
        ("tags.n in (1, '3')", ["3", "1"]),
        ("tags.n NOT IN ('2') and state in (running, failed)", ["3"]),
        ("metrics.auc is null", ["3"]),
        ("metrics.auc is not null and parent is null", ["2", "1"]),
        ("params.none IS NULL", ["3", "2", "1"]),
        ("started is null", ["3", "2", "1"]),
    ],
)
def test_filters_mean_what_they_say(runs: Hand, text: str, found: list[str]) -> None:
    """Each form of a comparison finds the runs that it describes."""
    assert _find(runs, text) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [("metrics.auc desc", ["2", "1", "3"]), ("metrics.auc asc", ["1", "2", "3"]), ("experiment asc", ["1", "2", "3"])],
)
def test_orders_put_what_is_missing_last(runs: Hand, order: str, found: list[str]) -> None:
    """Runs without the metric come at the end, whichever way it is sorted."""
    assert _find(runs, "", order) == found


@pytest.mark.parametrize(
    "text",
    [
        "auc > 1",
        "metrics.auc > 'x'",
        "metrics.auc >",
        "metrics.auc 5",
        "a = 1 or b = 2",
        "and",
        "tags.n in ()",
        "tags.n in (1 2)",
        "tags.n in (1,)",
        "tags.n in (1",
        "tags.n is",
        "tags.n is not",
        "metrics.auc in (1, 2)",
        "started in ('2026-07-01')",
        "started ~ '2026%'",
        "started > 99999999999999999999",
        "started > 1e400",
        "metrics.auc ~ 0.5",
        "(tags.n = 1)",
        "; drop table runs",
        "state = 'x",
    ],
)
def test_what_is_unclear_is_refused(text: str) -> None:
    """Nothing that is not understood is ignored or passed on."""
    with pytest.raises(Invalid):
        compose("flights", text)


def test_unclear_orders_are_refused() -> None:
    """An order by something else, or in no direction, is an error."""
    for order in ("nope", "metrics.auc sideways", "id; drop"):
        with pytest.raises(Invalid):
            compose("flights", "", order=order)


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Any text is either a filter or Invalid; no part of it reaches the SQL."""
    try:
        condition = compose("flights", text)
    except Invalid:
        return
    assert "'" not in condition.where
    assert ";" not in condition.where

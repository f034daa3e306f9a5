"""Series as clients read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loopline.faces.mlflow import serving_history

from .test_serving_metrics import run_of

if TYPE_CHECKING:
    from .conftest import Tracker

HISTORY, CHART = "metrics/get-history", "metrics/get-history-bulk-interval"


def logged(tracker: Tracker, count: int, **values: Any) -> str:
    """Begin a run with a series of so many points; `values` by step, as text with an underscore in front."""
    run = run_of(tracker)
    for start in range(0, count, 1000):
        metrics = [
            {"key": "loss", "value": values.get(f"_{step}", step / 2), "timestamp": 1000 + step, "step": step}
            for step in range(start, min(start + 1000, count))
        ]
        assert tracker.ask("POST", "runs/log-batch", {"run_id": run, "metrics": metrics}).status_code == 200
    return run


def test_a_series_that_is_sent_in_pieces_is_whole(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pieces it takes, also where the last one is full, every point is there once, in order."""
    run = logged(tracker, 60, _7="NaN", _8="Infinity", _9="-Infinity")
    whole = tracker.ask("GET", HISTORY, {"run_id": run, "metric_key": "loss"}).json()
    assert [one["step"] for one in whole["metrics"]] == list(range(60))
    assert [one["value"] for one in whole["metrics"][6:11]] == [3.0, "NaN", "Infinity", "-Infinity", 5.0]
    for size in (7, 20, 59, 60, 61):
        monkeypatch.setattr(serving_history, "PIECE", size)
        assert tracker.ask("GET", HISTORY, {"run_id": run, "metric_key": "loss"}).json() == whole


@pytest.mark.parametrize("piece", [3, 100])
def test_pages_follow_each_other(tracker: Tracker, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    """Each page has as many as were asked for, with a token while there are more; the last one has none."""
    monkeypatch.setattr(serving_history, "PIECE", piece)
    run, steps, token, pages = logged(tracker, 25), list[int](), "", 0
    while pages == 0 or token:
        asked = {"run_id": run, "metric_key": "loss", "max_results": 10, **({"page_token": token} if token else {})}
        page = tracker.ask("GET", HISTORY, asked).json()
        steps += [one["step"] for one in page["metrics"]]
        token, pages = page.get("next_page_token", ""), pages + 1
    assert (steps, pages) == (list(range(25)), 3)


@pytest.mark.parametrize(
    "asked", [{"max_results": 0}, {"max_results": -1}, {"page_token": "?"}, {"page_token": "eHh4"}]
)
def test_a_page_that_nobody_can_give_is_refused(tracker: Tracker, asked: dict[str, Any]) -> None:
    """400, and no page without end."""
    run = logged(tracker, 1)
    assert tracker.ask("GET", HISTORY, {"run_id": run, "metric_key": "loss", **asked}).status_code == 400


def test_what_is_not_there(tracker: Tracker) -> None:
    """A series that nobody logged is empty, a run that is not there is 404, and a key is needed."""
    run = run_of(tracker)
    assert tracker.ask("GET", HISTORY, {"run_id": run, "metric_key": "loss"}).json() == {"metrics": []}
    assert tracker.ask("GET", HISTORY, {"run_id": "f" * 32, "metric_key": "loss"}).status_code == 404
    assert tracker.ask("GET", HISTORY, {"run_id": run}).status_code == 400
    assert tracker.ask("GET", CHART, {"run_ids": ["f" * 32], "metric_key": "loss"}).status_code == 404


def test_a_chart_gets_as_many_points_as_it_has_room_for(tracker: Tracker) -> None:
    """Of each run, in the order in which they were named, the first and the last among them, with the run's id."""
    runs = [logged(tracker, 100), logged(tracker, 5)]
    asked: dict[str, Any] = {"run_ids": runs, "metric_key": "loss", "max_results": 10}
    told = tracker.ask("GET", CHART, asked).json()["metrics"]
    assert [one["step"] for one in told if one["run_id"] == runs[0]] == [0, 10, 20, 30, 40, 50, 60, 70, 80, 99]
    assert [one["step"] for one in told[10:]] == [0, 1, 2, 3, 4]
    assert told[1] == {"key": "loss", "value": 5.0, "timestamp": 1010, "step": 10, "run_id": runs[0]}
    part = tracker.ask("GET", CHART, {**asked, "start_step": 4, "end_step": 40}).json()["metrics"]
    assert [one["step"] for one in part] == [4, 8, 12, 16, 20, 24, 28, 32, 35, 40, 4]


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"run_ids": []}, "run_ids"),
        ({"run_ids": ["f" * 32] * 101}, "at most 100 run_ids. Received 101 run_ids."),
        ({"max_results": 0}, "max_results must be between 1 and 2500."),
        ({"max_results": 2501}, "max_results must be between 1 and 2500."),
        ({"start_step": 1}, "both must be specified"),
        ({"start_step": 2, "end_step": 1}, "end_step must be greater than start_step"),
        ({"metric_key": ""}, "metric_key"),
        ({"start_step": 2**63, "end_step": 2**70}, "start_step"),
        ({"start_step": -(2**70), "end_step": 0}, "start_step"),
    ],
)
def test_what_a_chart_may_not_ask(tracker: Tracker, asked: dict[str, Any], what: str) -> None:
    """400, in words that clients' users know."""
    refused = tracker.ask("GET", CHART, {"run_ids": ["f" * 32], "metric_key": "loss", **asked})
    assert refused.status_code == 400
    assert what in refused.json()["message"]

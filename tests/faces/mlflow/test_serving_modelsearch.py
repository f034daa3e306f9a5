"""Logged models, searched."""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import pytest

from tests.faces.mlflow.conftest import V3, Tracker


@pytest.fixture
def names(tracker: Tracker) -> dict[str, str]:
    """Log a, b and c; a and b with a metric, b ready; give the names by id."""
    run, found = tracker.run(), {}
    for number, name in enumerate("abc"):
        tracker.served.loop.clock.advance(seconds=1)  # type: ignore[attr-defined]
        params = [{"key": "depth", "value": str(number)}]
        made = tracker.post("logged-models", experiment_id="0", name=name, params=params, source_run_id=run)["model"][
            "info"
        ]
        found[made["model_id"]] = name
        if name != "c":
            tracker.post(
                "runs/log-metric", run_id=run, key="acc", value=0.9 - number / 2, timestamp=number, model_id=made["model_id"],
                dataset_name=f"data-{name}", dataset_digest="d",
            )  # fmt: skip
        if name == "b":
            tracker.say("PATCH", f"logged-models/{made['model_id']}", {"status": "LOGGED_MODEL_READY"})
    return found


def search(tracker: Tracker, names: dict[str, str], **more: Any) -> str:
    """Give the names of what is found, in its order."""
    body = {"experiment_ids": ["0"], **more}
    return "".join(
        names[one["info"]["model_id"]] for one in tracker.say("POST", "logged-models/search", body)["models"]
    )


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("", "cba"), ("name = 'a'", "a"), ("name LIKE 'A'", ""), ("name ILIKE 'A'", "a"), ("name IN ('a', 'c')", "ca"),
        ("params.depth = '1'", "b"), ("params.depth = 1", "b"), ("metrics.acc > 0.5", "a"),
        ("metrics.acc < 0.5 AND name = 'b'", "b"),
        ("status = 'READY'", "b"), ("status != 'READY'", "ca"), ("experiment_id = '0'", "cba"), ("tags.x = '1'", ""),
        ("creation_timestamp > 1", "cba"), ("source_run_id != 'x'", "cba"),
    ],
)  # fmt: skip
def test_a_filter_finds_what_it_says(tracker: Tracker, names: dict[str, str], said: str, found: str) -> None:
    """The newest first."""
    assert search(tracker, names, filter=said) == found


def test_orders_and_data(tracker: Tracker, names: dict[str, str]) -> None:
    """By a metric, what has none last; on data, only what was measured there."""
    acc = {"field_name": "metrics.acc", "ascending": True}
    assert search(tracker, names, order_by=[acc]) == "bac"
    assert search(tracker, names, order_by=[acc | {"ascending": False}]) == "abc"
    assert search(tracker, names, order_by=[{"field_name": "name"}]) == "abc"
    assert search(tracker, names, order_by=[acc | {"dataset_name": "data-a"}]) == "acb"
    assert search(tracker, names, datasets=[{"dataset_name": "data-a"}]) == "a"
    assert search(tracker, names, datasets=[{"dataset_name": "data-a", "dataset_digest": "other"}]) == ""
    assert search(tracker, names, datasets=[{"dataset_name": "data-a"}], filter="metrics.acc < 0.5") == ""


@pytest.mark.parametrize("order", [[], [{"field_name": "metrics.acc"}], [{"field_name": "name", "ascending": False}]])
def test_pages_give_each_once(tracker: Tracker, names: dict[str, str], order: list[Any]) -> None:
    """In the order of one page; a token is good for its own search alone."""
    whole, found, token = search(tracker, names, order_by=order), "", ""
    for _ in range(5):
        body = {"experiment_ids": ["0"], "max_results": 1, "order_by": order, "page_token": token}
        said = tracker.say("POST", "logged-models/search", body)
        found += "".join(names[one["info"]["model_id"]] for one in said["models"])
        token = said.get("next_page_token", "")
        if not token:
            break
        other = {**body, "page_token": token, "filter": "name = 'a'"}
        assert tracker.refused("POST", "logged-models/search", other)[0] == 400
    assert found == whole


@pytest.mark.parametrize(
    "body",
    [
        {}, {"experiment_ids": ["0"], "filter": "name ="}, {"experiment_ids": ["0"], "filter": "nothing = 'x'"},
        {"experiment_ids": ["0"], "order_by": [{"field_name": "params.depth"}]},
        {"experiment_ids": ["0"], "order_by": [{"field_name": "no"}]},
        {"experiment_ids": ["0"], "datasets": [{}]}, {"experiment_ids": ["0"], "max_results": -1},
        {"experiment_ids": ["0"], "page_token": "x"}, {"experiment_ids": ["0"], "page_token": "W10="},
        {"experiment_ids": ["0"] * 1001},
        {"experiment_ids": ["0"], "order_by": [{"field_name": f"metrics.m{at}"} for at in range(21)]},
        {"experiment_ids": ["0"], "datasets": [{"dataset_name": f"d{at}"} for at in range(101)]},
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused(tracker: Tracker, body: dict[str, Any]) -> None:
    """With a client's own fault."""
    assert tracker.refused("POST", "logged-models/search", body)[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_nothing_of_another_project_is_found(tracker: Tracker, names: dict[str, str]) -> None:
    """Not by the number of its experiment; and of no experiment, nothing."""
    assert tracker.say("POST", "logged-models/search", {"experiment_ids": []}) == {"models": []}
    assert tracker.ask("POST", f"{V3}/workspaces", {"name": "other"}).status_code == 201
    said = tracker.say("POST", "logged-models/search", {"experiment_ids": ["0", "1", "99"]}, x_mlflow_workspace="other")
    assert (said["models"], len(names)) == ([], 3)


@pytest.mark.parametrize("value", [2**70, math.nan, "x", True, None, [], {}, "\0", "\ud800"])
@pytest.mark.parametrize("order", [[], [{"field_name": "metrics.acc"}], [{"field_name": "name"}]])
@pytest.mark.parametrize("column", [0, -1])
def test_a_forged_token_is_refused(
    tracker: Tracker, names: dict[str, str], order: list[Any], column: int, value: Any
) -> None:
    """Or goes on somewhere in its order: it is never a failure of the server."""
    body = {"experiment_ids": ["0"], "max_results": 1, "order_by": order}
    mark, place = json.loads(urlsafe_b64decode(tracker.say("POST", "logged-models/search", body)["next_page_token"]))
    place[column][1] = value
    body["page_token"] = urlsafe_b64encode(json.dumps([mark, place]).encode()).decode()
    status = tracker.ask("POST", "logged-models/search", body).status_code
    text = not (order and column == 0 and order[0]["field_name"] != "name") and (column == -1 or order != [])
    assert status == (200 if text and value == "x" else 400), names


def test_the_longest_order_is_walked_through(tracker: Tracker, names: dict[str, str]) -> None:
    """Page by page, each model once."""
    order = [{"field_name": f"metrics.m{at}", "ascending": bool(at % 2)} for at in range(20)]
    found, token = "", ""
    for _ in range(3):
        body = {"experiment_ids": ["0"], "max_results": 1, "order_by": order, "page_token": token}
        said = tracker.say("POST", "logged-models/search", body)
        found += "".join(names[one["info"]["model_id"]] for one in said["models"])
        token = said.get("next_page_token", "")
    assert (found, token) == ("cba", "")

"""Traces as clients of 2.x tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import V3
from .telling import BEGAN

if TYPE_CHECKING:
    from .conftest import Tracker


def test_a_trace_begins_ends_and_is_found(tracker: Tracker) -> None:
    """Under an id that the server makes; newer clients see the same one."""
    group = tracker.experiment()

    def pair(**pairs: str) -> list[dict[str, str]]:
        return [{"key": key, "value": value} for key, value in pairs.items()]

    made = tracker.post(
        "traces",
        experiment_id=group,
        timestamp_ms=BEGAN,
        request_metadata=pair(a="1"),
        tags=pair(**{"mlflow.traceName": "ask"}),
    )["trace_info"]
    assert (made["status"], made["timestamp_ms"], made["experiment_id"]) == ("IN_PROGRESS", BEGAN, group)
    name = made["request_id"]
    ended = tracker.say(
        "PATCH",
        f"traces/{name}",
        {"timestamp_ms": BEGAN + 250, "status": "ERROR", "request_metadata": pair(b="2"), "tags": pair(t="1")},
    )["trace_info"]
    assert ended == tracker.get(f"traces/{name}/info")["trace_info"]
    assert (ended["status"], ended["execution_time_ms"]) == ("ERROR", 250)
    assert {one["key"]: one["value"] for one in ended["request_metadata"]} == {"a": "1", "b": "2"}
    tags = {one["key"]: one["value"] for one in ended["tags"]}
    assert (
        tags["mlflow.traceName"],
        tags["t"],
        tags["mlflow.artifactLocation"].endswith(f"traces/{name}/artifacts"),
    ) == ("ask", "1", True)
    found = tracker.get("traces", experiment_ids=group, filter="status = 'ERROR'", order_by="timestamp_ms DESC")
    assert [one["request_id"] for one in found["traces"]] == [name]
    newer = tracker.get(f"{V3}/traces/{name}")["trace"]["trace_info"]
    assert (newer["state"], newer["execution_duration"]) == ("ERROR", "0.250s")


def test_what_cannot_be_is_refused(tracker: Tracker) -> None:
    """Times that no clock shows, experiments and traces that are not there, and states of another kind."""
    for body in (
        {"experiment_id": "77"},
        {"experiment_id": "0", "timestamp_ms": -1},
        {"experiment_id": "0", "timestamp_ms": 2**60},
    ):
        assert tracker.refused("POST", "traces", body)[0] in (400, 404)
    assert tracker.refused("PATCH", "traces/nope", {"timestamp_ms": 1, "status": "OK"})[0] == 404
    assert tracker.refused("GET", "traces/nope/info")[0] == 404
    assert tracker.refused("GET", "traces")[0] == 400
    name = tracker.post("traces", experiment_id="0", timestamp_ms=1)["trace_info"]["request_id"]
    assert tracker.refused("PATCH", f"traces/{name}", {"timestamp_ms": 5, "status": "NO"})[0] == 400

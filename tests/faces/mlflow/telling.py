"""Traces that tests send as clients do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.faces.otlp.sending import request, span

if TYPE_CHECKING:
    import httpx

    from .conftest import Tracker

TRACE = "tr-" + "01" * 16
PROTOBUF = "application/x-protobuf"
MS = 1_000_000
BEGAN = 1_780_000_000_000


def send(tracker: Tracker, *spans: dict[str, Any], group: str = "0", **more: Any) -> httpx.Response:
    """Send spans by OTLP."""
    body = request(*spans, resource=more.pop("resource", None)).SerializeToString()
    return tracker.ask("POST", "/v1/traces", body, content_type=PROTOBUF, x_mlflow_experiment_id=group, **more)


def root(**fields: Any) -> dict[str, Any]:
    """Give the root of a trace that has taken 20 ms."""
    return span(start_time_unix_nano=BEGAN * MS, end_time_unix_nano=(BEGAN + 20) * MS, **fields)


def child(**fields: Any) -> dict[str, Any]:
    """Give a span inside of it."""
    more = {"span_id": b"\x03" * 8, "parent_span_id": b"\x02" * 8, "name": "call", **fields}
    return span(start_time_unix_nano=(BEGAN + 5) * MS, end_time_unix_nano=(BEGAN + 9) * MS, **more)


def info(group: str = "0", **fields: Any) -> dict[str, Any]:
    """Give what a client says of a whole trace."""
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": group}}
    said = {
        "trace_id": TRACE, "trace_location": place, "request_time": "2026-05-28T20:26:40.000Z", "execution_duration": "0.020s",
        "state": "OK", **fields,
    }  # fmt: skip
    return {"trace": {"trace_info": said}}

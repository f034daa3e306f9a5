"""Spans that come in by OTLP."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tests.faces.otlp.sending import request

from .conftest import V3
from .telling import BEGAN, PROTOBUF, TRACE, child, root, send

if TYPE_CHECKING:
    from .conftest import Tracker


def trace(tracker: Tracker, name: str = TRACE) -> Any:
    """Give a trace with its spans."""
    return tracker.get(f"{V3}/traces/get", trace_id=name)["trace"]


def test_spans_make_a_trace(tracker: Tracker) -> None:
    """With its state, its times, its tokens and what came in and went out, read off its spans."""
    group = tracker.experiment()
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    said = root(
        attributes={
            "mlflow.spanType": "CHAIN",
            "mlflow.spanInputs": {"messages": [{"role": "user", "content": "hi"}]},
            "mlflow.spanOutputs": '"bye"',
            "session.id": "s-1",
            "user.id": "ann",
            "mlflow.traceTag.team": "ops",
            "mlflow.traceTag.bad//key": "x",
        },
    )
    assert send(tracker, child(attributes={"mlflow.chat.tokenUsage": usage}), group=group).content == b""
    one = trace(tracker)["trace_info"]
    assert (one["state"], one["execution_duration"], one["tags"].get("team")) == ("IN_PROGRESS", "0.004s", None)
    send(tracker, said, group=group, resource={"service.name": "shop", "telemetry.sdk.name": "x", "host.cpus": 4})
    one = trace(tracker)
    told = one["trace_info"]
    assert (told["state"], told["request_time"], told["execution_duration"]) == (
        "OK",
        "2026-05-28T20:26:40.000Z",
        "0.020s",
    )
    assert (told["request_preview"], told["response_preview"]) == ("hi", '"bye"')
    assert told["trace_location"] == {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": group}}
    assert told["trace_metadata"] == {
        "mlflow.trace.session": "s-1",
        "mlflow.trace.user": "ann",
        "mlflow.trace.tokenUsage": json.dumps(usage),
    }
    assert told["tags"] == {
        "team": "ops",
        "service.name": "shop",
        "host.cpus": "4",
        "mlflow.traceName": "ask",
        "mlflow.artifactLocation": f"mlflow-artifacts:/{group}/traces/{TRACE}/artifacts",
        "mlflow.trace.spansLocation": "TRACKING_STORE",
    }
    assert [(span["name"], span.get("parent_span_id")) for span in one["spans"]] == [
        ("ask", None),
        ("call", "AgICAgICAgI="),
    ]
    assert one["spans"][0]["start_time_unix_nano"] == BEGAN * 1_000_000


def test_a_failed_root_fails_the_trace(tracker: Tracker) -> None:
    """And the exception comes back as an event."""
    event = {"name": "exception", "time_unix_nano": BEGAN, "attributes": {"exception.message": "broken"}}
    send(
        tracker, root(status=(2, "broken"), events=[event], links=[{"trace_id": b"\x07" * 16, "span_id": b"\x08" * 8}])
    )
    one = trace(tracker)
    assert one["trace_info"]["state"] == "ERROR"
    (span,) = one["spans"]
    assert span["status"] == {"code": "STATUS_CODE_ERROR", "message": "broken"}
    assert span["events"][0]["attributes"] == [{"key": "exception.message", "value": {"string_value": "broken"}}]
    assert span["links"][0]["span_id"] == "CAgICAgICAg="


def test_conventions_of_opentelemetry_are_understood(tracker: Tracker) -> None:
    """Tokens, kinds, models and conversations as its semantic conventions name them."""
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-x",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.conversation.id": "c-9",
    }
    send(tracker, root(), child(attributes=told))
    found = trace(tracker)["trace_info"]["trace_metadata"]
    assert json.loads(found["mlflow.trace.tokenUsage"]) == {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    assert found["mlflow.trace.session"] == "c-9"
    place = [{"mlflow_experiment": {"experiment_id": "0"}}]
    assert (
        len(
            tracker.say("POST", f"{V3}/traces/search", {"locations": place, "filter": "span.type = 'CHAT_MODEL'"})[
                "traces"
            ]
        )
        == 1
    )


@pytest.mark.parametrize("kind", ["json", "gzip"])
def test_json_and_gzip_are_read(tracker: Tracker, kind: str) -> None:
    """And the answer is of the type that was sent."""
    document = {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "01" * 16,
                                "spanId": "02" * 8,
                                "name": "ask",
                                "startTimeUnixNano": str(BEGAN * 10**6),
                                "endTimeUnixNano": BEGAN * 10**6 + 1,
                                "attributes": [{"key": "n", "value": {"intValue": "7"}}],
                                "status": {"code": 1},
                                "kind": "SPAN_KIND_CLIENT",
                                "new": {},
                            },
                            {"traceId": "01", "spanId": "02" * 8},
                        ]
                    }
                ]
            }
        ]
    }
    body, headers = json.dumps(document).encode(), {"content_type": "application/json; charset=utf-8"}
    if kind == "gzip":
        body, headers = (
            gzip.compress(request(root(), root(trace_id=b"x")).SerializeToString()),
            {"content_type": PROTOBUF, "content_encoding": "gzip"},
        )
    answer = tracker.ask("POST", "/v1/traces", body, x_mlflow_experiment_id="0", **headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(headers["content_type"].partition(";")[0])
    left_out = (
        answer.json()["partialSuccess"]["rejectedSpans"]
        if kind == "json"
        else ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans
    )
    assert int(left_out) == 1
    assert trace(tracker)["trace_info"]["state"] == "OK"


def test_a_whole_trace_belongs_to_the_run_that_a_header_names(tracker: Tracker) -> None:
    """One that is not there is refused before anything is kept."""
    run = tracker.run()
    assert send(tracker, root(), x_mlflow_run_id="f" * 32).status_code == 404
    assert send(tracker, root(), x_mlflow_run_id=run).status_code == 200
    place = [{"mlflow_experiment": {"experiment_id": "0"}}]
    found = tracker.say("POST", f"{V3}/traces/search", {"locations": place, "filter": f"run_id = '{run}'"})
    assert [one["trace_id"] for one in found["traces"]] == [TRACE]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"content_type": PROTOBUF}, b"", 400),
        ({"content_type": PROTOBUF, "x_mlflow_experiment_id": "77"}, b"", 404),
        ({"content_type": PROTOBUF, "x_mlflow_experiment_id": "../0"}, b"", 404),
        ({"content_type": "text/plain", "x_mlflow_experiment_id": "0"}, b"", 400),
        ({"content_type": PROTOBUF, "x_mlflow_experiment_id": "0"}, b"\x0a\xff", 400),
        ({"content_type": "application/json", "x_mlflow_experiment_id": "0"}, b"{", 400),
        ({"content_type": "application/json", "x_mlflow_experiment_id": "0"}, b'{"resourceSpans": 7}', 400),
        ({"content_type": PROTOBUF, "x_mlflow_experiment_id": "0", "content_encoding": "gzip"}, b"x", 400),
        ({"content_type": PROTOBUF, "x_mlflow_experiment_id": "0", "content_encoding": "zstd"}, b"x", 400),
    ],
)
def test_what_is_no_request_is_refused(tracker: Tracker, headers: dict[str, str], body: bytes, status: int) -> None:
    """In the words of MLflow, and as a mistake of the client."""
    assert tracker.refused("POST", "/v1/traces", body, **headers)[0] == status


def test_a_bomb_is_refused(tracker: Tracker) -> None:
    """With the limit."""
    body = gzip.compress(b"\0" * (33 << 20))
    told = tracker.refused(
        "POST", "/v1/traces", body, content_type=PROTOBUF, content_encoding="gzip", x_mlflow_experiment_id="0"
    )
    assert (told[0], "33554432" in told[2]) == (400, True)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), kind=st.sampled_from([PROTOBUF, "application/json"]), packed=st.booleans())
def test_random_bytes_are_never_our_mistake(tracker: Tracker, body: bytes, kind: str, *, packed: bool) -> None:
    """Whatever they are sent as."""
    more = {"content_encoding": "gzip"} if packed else {}
    data = gzip.compress(body) if packed and len(body) % 2 else body
    assert (
        tracker.ask("POST", "/v1/traces", data, content_type=kind, x_mlflow_experiment_id="0", **more).status_code < 500
    )


def test_spans_of_another_projects_trace_make_one_of_ones_own(tracker: Tracker) -> None:
    """Nobody learns that the other is there, and nothing of it changes."""
    send(tracker, root(name="mine"))
    for name in ("other", "third"):
        assert tracker.ask("POST", f"{V3}/workspaces", {"name": name}).status_code == 201
    assert send(tracker, root(name="theirs"), child(), x_mlflow_workspace="other").status_code == 200
    assert [span["name"] for span in trace(tracker)["spans"]] == ["mine"]
    theirs = tracker.say("GET", f"{V3}/traces/get", {"trace_id": TRACE}, x_mlflow_workspace="other")["trace"]
    assert [span["name"] for span in theirs["spans"]] == ["theirs", "call"]
    assert tracker.ask("GET", f"{V3}/traces/{TRACE}", x_mlflow_workspace="third").status_code == 404


def test_spans_are_taken_only_from_who_may_log(tracker: Tracker) -> None:
    """A reader reads them, and a stranger hears nothing."""
    admin = tracker.served.token("person:root", "admin", everywhere=True)
    reader = tracker.served.token("person:ann", "viewer")
    bearer = {"authorization": f"Bearer {reader.secret}"}
    assert send(tracker, root(), authorization=f"Bearer {admin.secret}").status_code == 200
    assert send(tracker, root(), **bearer).status_code == 403
    assert send(tracker, root()).status_code == 401
    assert tracker.say("GET", f"{V3}/traces/{TRACE}", **bearer)["trace"]["trace_info"]["trace_id"] == TRACE


def test_a_deleted_experiment_takes_no_spans(tracker: Tracker) -> None:
    """Its traces are kept, not found, and there again once it is restored."""
    group = tracker.experiment()
    send(tracker, root(), group=group)
    tracker.post("experiments/delete", experiment_id=group)
    assert send(tracker, root(), group=group).status_code == 400
    asked = {"locations": [{"mlflow_experiment": {"experiment_id": group}}]}
    assert tracker.say("POST", f"{V3}/traces/search", asked) == {"traces": []}
    assert trace(tracker)["trace_info"]["state"] == "OK"
    tracker.post("experiments/restore", experiment_id=group)
    assert len(tracker.say("POST", f"{V3}/traces/search", asked)["traces"]) == 1


def test_what_was_answered_is_durable(tracker: Tracker) -> None:
    """Another connection reads it at once."""
    send(tracker, root())
    from loopline.wiring import open_database

    path = tracker.served.loop.ledger.database.path  # type: ignore[attr-defined]
    assert os.fspath(path)
    with open_database(f"sqlite:///{path}").read() as rows:
        assert rows.one("SELECT COUNT(*) FROM spans") == (1,)


HALVES = ('"\\ud800"', '"\\u0000"', '{"messages": [{"role": "user", "content": "\\udfff"}]}')
KEYS = (
    "mlflow.traceTag.x", "mlflow.traceName", "session.id", "user.id", "mlflow.spanType", "mlflow.llm.model", "mlflow.spanInputs",
)  # fmt: skip


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("key", KEYS)
def test_text_that_no_database_keeps_costs_no_span(tracker: Tracker, key: str, half: str) -> None:
    """A value of JSON may hide half of a surrogate pair, or NUL: the span is kept without it."""
    assert send(tracker, root(attributes={key: half}), group=tracker.experiment()).status_code == 200
    assert len(trace(tracker)["spans"]) == 1

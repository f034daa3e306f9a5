"""What attributes of spans mean."""

from __future__ import annotations

from typing import Any

import pytest

from loopline.faces.mlflow.spanning import arrivals
from loopline.faces.otlp.spans import Received
from loopline.nouns.trace import Span
from loopline.verbs.tracing import Arrival


def read(attributes: dict[str, Any], resource: dict[str, Any] | None = None, parent: str | None = None) -> Arrival:
    """Give what comes of a span with attributes."""
    (found,) = arrivals([
        Received("01" * 16, Span("1" * 16, "ask", 1, parent=parent, attributes=attributes), resource or {})
    ])
    return found


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({}, "UNKNOWN"),
        ({"mlflow.spanType": "LLM"}, "LLM"),
        ({"mlflow.spanType": '"My type"'}, "My type"),
        ({"mlflow.spanType": 7}, "UNKNOWN"),
        ({"openinference.span.kind": "retriever"}, "RETRIEVER"),
        ({"gen_ai.operation.name": "execute_tool"}, "TOOL"),
    ],
)
def test_a_span_says_what_it_did(attributes: dict[str, Any], kind: str) -> None:
    """In MLflow's words, in those of OpenInference, or in OpenTelemetry's."""
    assert read(attributes).spans[0].kind == kind


@pytest.mark.parametrize(
    ("attributes", "tokens"),
    [
        ({"mlflow.chat.tokenUsage": {"input_tokens": 3, "x": "y", "z": -1, "f": 2.0}}, {"input_tokens": 3, "f": 2}),
        ({"mlflow.chat.tokenUsage": '{"total_tokens": 5}'}, {"total_tokens": 5}),
        ({"mlflow.chat.tokenUsage": "[["}, None),
        ({"gen_ai.usage.input_tokens": 3}, {"input_tokens": 3, "total_tokens": 3}),
        ({"gen_ai.usage.input_tokens": True}, None),
        ({"llm.token_count.prompt": 1, "llm.token_count.total": 9}, {"input_tokens": 1, "total_tokens": 9}),
        ({"mlflow.chat.tokenUsage": {"n": 2**70}}, None),
    ],
)
def test_a_call_says_what_it_took(attributes: dict[str, Any], tokens: dict[str, int] | None) -> None:
    """What is no count is left out."""
    assert read(attributes).spans[0].tokens == tokens


def test_costs_are_finite() -> None:
    """What is none is left out."""
    said = {"total_cost": 0.5, "a": "x", "b": 1e300, "c": True, "d": 2}
    assert read({"mlflow.llm.cost": said}).spans[0].cost == {"total_cost": 0.5, "d": 2.0}


def test_the_whole_is_told_by_the_root() -> None:
    """Its name and what came in; a span inside of it says nothing of these."""
    said = {
        "mlflow.spanInputs": "in",
        "mlflow.spanOutputs": {"a": 1},
        "mlflow.traceTag.mlflow.traceName": '"named"',
        "user.id": '"ann"',
    }
    one = read(said)
    assert (one.trace, one.name, one.request, one.response) == ("tr-" + "01" * 16, "named", "in", '{"a": 1}')
    assert one.facts == {"mlflow.trace.user": "ann"}
    assert (read(said, parent="2" * 16).name, read(said, parent="2" * 16).request) == (None, None)


def test_what_cannot_be_a_tag_is_left_out() -> None:
    """And what is too long is cut: no program loses its spans by it."""
    one = read(
        {"mlflow.traceTag.a": "x"},
        {
            "a": "y",
            "long": "x" * 9_000,
            "list": [1, "b"],
            "..": "x",
            "mlflow.x": "x",
            "telemetry.sdk.name": "x",
            "k" * 251: "x",
        },
    )
    assert one.tags == {"a": "x", "long": "x" * 8_000, "list": '[1, "b"]'}


def test_the_trace_that_a_span_names_itself_is_not_believed() -> None:
    """Its id is that of the protocol."""
    assert read({"mlflow.traceRequestId": "tr-of-somebody-else"}).spans[0].attributes == {
        "mlflow.traceRequestId": "tr-" + "01" * 16
    }

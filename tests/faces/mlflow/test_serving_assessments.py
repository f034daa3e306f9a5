"""What is said about traces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import V3
from .telling import TRACE, info, root, send

if TYPE_CHECKING:
    from .conftest import Tracker

P = f"{V3}/traces/{TRACE}/assessments"


def said(name: str = "good", **fields: Any) -> dict[str, Any]:
    """Give what a client says."""
    one = {"assessment_name": name, "trace_id": TRACE, "source": {"source_type": "HUMAN", "source_id": "ann"}, **fields}
    return {"assessment": {key: value for key, value in one.items() if value is not None}}


def told(tracker: Tracker) -> list[tuple[str, Any, Any]]:
    """Give name, value and whether it counts, of all that is said."""
    one = tracker.get(f"{V3}/traces/{TRACE}")["trace"]["trace_info"]
    return [
        (word["assessment_name"], word.get("feedback", word.get("expectation", {})).get("value"), word["valid"])
        for word in one.get("assessments", [])
    ]


@pytest.fixture(autouse=True)
def _trace(tracker: Tracker) -> None:
    """Begin a trace."""
    send(tracker, root())


@pytest.mark.parametrize("value", [True, 0.5, "yes", None, ["a", 1], {"a": {"b": None}}])
def test_feedback_comes_back(tracker: Tracker, value: Any) -> None:
    """With everything that was said, and an id that the server has made."""
    body = said(feedback={"value": value}, rationale="because", metadata={"k": "v"}, span_id="ab", assessment_id="mine")
    made = tracker.say("POST", P, body)["assessment"]
    assert made["assessment_id"].startswith("a-")
    assert made == tracker.get(f"{P}/{made['assessment_id']}")["assessment"]
    assert (made["feedback"], made["rationale"], made["metadata"], made["span_id"]) == (
        {"value": value},
        "because",
        {"k": "v"},
        "ab",
    )
    assert made["source"] == {"source_type": "HUMAN", "source_id": "ann"}
    assert told(tracker) == [("good", value, True)]


def test_an_expectation_that_is_no_plain_value_is_text(tracker: Tracker) -> None:
    """As clients of MLflow send and read it."""
    kept = {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"a": [1, 2]}'}}
    made = tracker.say("POST", P, said(expectation=kept))["assessment"]
    assert made["expectation"] == kept
    assert tracker.say("POST", P, said(expectation={"value": "Paris"}))["assessment"]["expectation"] == {
        "value": "Paris"
    }


def test_half_of_a_pair_within_an_expectation_is_replaced(tracker: Tracker) -> None:
    """No database keeps it as text."""
    half = {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '["\\ud800"]'}}
    made = tracker.say("POST", P, said(expectation=half))["assessment"]
    assert json.loads(made["expectation"]["serialized_value"]["value"]) == ["\ufffd"]


def test_an_error_stands_for_a_value(tracker: Tracker) -> None:
    """Of a judge that could not judge."""
    error = {"error_code": "RATE", "error_message": "too many", "stack_trace": "…"}
    made = tracker.say("POST", P, said(feedback={"value": None, "error": error}, source={"source_type": "AI_JUDGE"}))[
        "assessment"
    ]
    assert (made["feedback"]["error"], made["source"]) == (error, {"source_type": "LLM_JUDGE", "source_id": "default"})


def test_what_is_overridden_does_not_count_until_the_other_is_taken_back(tracker: Tracker) -> None:
    """And taking back twice changes nothing."""
    first = tracker.say("POST", P, said(feedback={"value": True}))["assessment"]["assessment_id"]
    second = tracker.say("POST", P, said(feedback={"value": False}, overrides=first))["assessment"]["assessment_id"]
    assert sorted(told(tracker)) == [("good", False, True), ("good", True, False)]
    for _ in range(2):
        assert tracker.say("DELETE", f"{P}/{second}") == {}
    assert told(tracker) == [("good", True, True)]
    assert tracker.refused("POST", P, said(feedback={"value": 1}, overrides="a-9"))[0] == 404


def test_only_what_the_mask_names_is_said_anew(tracker: Tracker) -> None:
    """Metadata are added to; who said it, and when, stays."""
    made = tracker.say("POST", P, said(feedback={"value": True}, metadata={"a": "1"}))["assessment"]
    place = f"{P}/{made['assessment_id']}"
    body = said("better", feedback={"value": 2}, rationale="new", metadata={"b": "2"}, source={"source_type": "CODE"})
    new = tracker.say("PATCH", place, {**body, "update_mask": "feedback,metadata"})["assessment"]
    assert (new["assessment_name"], new["feedback"], new["metadata"]) == ("good", {"value": 2}, {"a": "1", "b": "2"})
    assert (new["source"], new["create_time"], "rationale" in new) == (made["source"], made["create_time"], False)
    new = tracker.say("PATCH", place, {**body, "update_mask": {"paths": ["assessment_name", "rationale"]}})[
        "assessment"
    ]
    assert (new["assessment_name"], new["rationale"]) == ("better", "new")
    masks: tuple[tuple[Any, dict[str, Any]], ...] = (
        ("expectation", {"expectation": {"value": 1}}),
        ("source", {}),
        ("expectation", {}),
        (7, {}),
        ("", {}),
    )
    for mask, more in masks:
        fields = said(feedback=None, **more) | {"update_mask": mask}
        assert tracker.refused("PATCH", place, fields)[0] == 400, mask


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "Exactly one"),
        ({"feedback": {"value": 1}, "expectation": {"value": 1}}, "Exactly one"),
        ({"feedback": {"value": 1}, "name": ""}, "assessment_name"),
        ({"feedback": {"value": 1}, "source": None}, "source"),
        ({"feedback": {"value": 1}, "source": {"source_type": "DOG"}}, "source_type"),
        ({"feedback": {"value": "x" * 100_001}}, "100000"),
        ({"feedback": {"value": 1}, "rationale": "x" * 100_001}, "rationale"),
        ({"feedback": {"value": 1}, "name": "x" * 251}, "250"),
        ({"expectation": {"serialized_value": {"value": "{"}}}, "serialized_value"),
        ({"expectation": {"serialized_value": {"value": "1", "serialization_format": "XML"}}}, "JSON_FORMAT"),
        ({"feedback": {"value": "\0"}}, "NUL"),
        ({"feedback": {"value": 1}, "create_time": "soon"}, "create_time"),
        ({"feedback": 7}, "assessment"),
    ],
)
def test_what_is_no_assessment_is_refused(tracker: Tracker, fields: dict[str, Any], word: str) -> None:
    """By name, and nothing is kept."""
    status, _, message = tracker.refused("POST", P, said(**fields))
    assert (status, word in message) == (400, True), message
    assert told(tracker) == []


def test_nothing_is_said_about_a_trace_that_is_not_there(tracker: Tracker) -> None:
    """Nor about one of another project; a word is only that of its trace."""
    made = tracker.say("POST", P, said(feedback={"value": 1}))["assessment"]["assessment_id"]
    other = "tr-" + "9" * 32
    tracker.say("POST", f"{V3}/traces", info(trace_id=other))
    for method, path, body in (
        ("POST", P.replace(TRACE, "tr-nope"), said(feedback={"value": 1})),
        ("GET", f"{P}/a-9", None),
        ("GET", f"{P.replace(TRACE, other)}/{made}", None),
        ("PATCH", f"{P}/a-9", said() | {"update_mask": "rationale"}),
        ("DELETE", f"{P.replace(TRACE, 'tr-nope')}/{made}", None),
    ):
        assert tracker.refused(method, path, body)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    tracker.say("DELETE", f"{P.replace(TRACE, other)}/{made}")
    assert told(tracker) == [("good", 1, True)]
    assert tracker.ask("POST", f"{V3}/workspaces", {"name": "other"}).status_code == 201
    assert tracker.refused("GET", f"{P}/{made}", x_mlflow_workspace="other")[1:] == (
        "RESOURCE_DOES_NOT_EXIST",
        f"Trace with ID '{TRACE}' not found.",
    )


def test_words_that_come_with_a_trace_are_kept(tracker: Tracker) -> None:
    """Sent again, they replace themselves where they have an id."""
    word = said("good", feedback={"value": 1}, assessment_id="a-1")["assessment"]
    for _ in range(2):
        tracker.say("POST", f"{V3}/traces", info(assessments=[word]))
    assert told(tracker) == [("good", 1, True)]

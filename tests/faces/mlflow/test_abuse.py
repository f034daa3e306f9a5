"""What somebody sends who means harm, or does not look: each is refused as their mistake, and nothing is kept of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.faces.mlflow.asking import LARGEST
from loopline.faces.mlflow.operations import OPERATIONS
from tests.server.serving import Served

from .asked_at_random import Key, Known, address, asked, document_of, filled, furnished, written
from .conftest import Tracker

FILES = "/api/2.0/mlflow-artifacts/artifacts"
WITH_BODY = sorted(key for key in OPERATIONS if key[0] != "GET" and document_of(key))
JSON = {"content_type": "application/json"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tracker, Known]]:
    tracker = Tracker(Served(tmp_path_factory.mktemp("open"), key=lambda: b"k" * 32))
    yield tracker, furnished(tracker)
    tracker.served.close()


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"7", b'"x"', b"\xff\xfe{}", b"[" * 100_000, b'{"a":' * 100_000, b'{"key": "\\ud800"', b"nul", b"{'a': 1}"],
)  # fmt: skip
def test_what_is_no_document_is_refused_everywhere(opened: tuple[Tracker, Known], body: bytes) -> None:
    """With 400 by each operation that reads one, however deep it is nested."""
    tracker, known = opened
    answers = {key: tracker.ask(key[0], address(key[1], known), body, **JSON).status_code for key in WITH_BODY}
    assert {key: status for key, status in answers.items() if status not in (400, 501)} == {}


def test_a_type_that_a_form_can_send_is_refused_everywhere(opened: tuple[Tracker, Known]) -> None:
    """A page of another site could send it without asking this server first."""
    tracker, known = opened
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answers = {
            key: tracker.ask(key[0], address(key[1], known), written(filled(key, known)), content_type=kind)
            for key in WITH_BODY
        }  # fmt: skip
        assert {key: one.text for key, one in answers.items() if one.status_code != 400} == {}


def test_a_body_that_is_too_long_is_refused_with_the_limit(tracker: Tracker) -> None:
    """And is not kept in memory beyond that."""
    body = b'{"name": "' + b"x" * (LARGEST + 1) + b'"}'
    status, _, message = tracker.refused("POST", "experiments/create", body, **JSON)
    assert status == 400
    assert str(LARGEST) in message


VALUES: dict[str, Any] = {
    "a list": [[]], "an object": {"a": {}}, "text": "\0x", "a number": 10**30, "a truth": True, "deep": [[[[[[]]]]]],
    "half": "\ud800",
}  # fmt: skip


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_of_a_wrong_type_is_refused_for_every_field(opened: tuple[Tracker, Known], value: Any) -> None:
    """By name, and never by a failure of the server."""
    tracker, known = opened
    for key in sorted(OPERATIONS):
        kind = document_of(key)
        for one in msgspec.structs.fields(kind) if kind else ():
            said = {**filled(key, known), one.name: value}
            answer = _send(tracker, key, known, said)
            assert answer.status_code < 500 or answer.status_code == 501, (key, one.name, answer.text)


def _send(tracker: Tracker, key: Key, known: Known, said: dict[str, Any]) -> Any:
    target = address(key[1], known)
    if key[0] == "GET":
        return tracker.ask("GET", f"{target}?{asked(said)}")
    return tracker.ask(key[0], target, written(said), **JSON)


@pytest.mark.parametrize(
    ("path", "body", "limit"),
    [
        ("experiments/create", {"name": "x" * 501}, "500"),
        ("runs/log-parameter", {"key": "k", "value": "x" * 6_001}, "6000"),
        ("runs/log-parameter", {"key": "k" * 251, "value": "x"}, "250"),
        ("runs/set-tag", {"key": "k", "value": "x" * 8_001}, "8000"),
        ("runs/log-batch", {"metrics": [{"key": "a", "value": 1, "timestamp": 1}] * 1_001}, "1000"),
        ("runs/log-batch", {"params": [{"key": f"p{n}", "value": "x"} for n in range(101)]}, "100"),
        ("runs/log-batch", {"tags": [{"key": f"t{n}", "value": "x"} for n in range(101)]}, "100"),
        ("registered-models/create", {"name": "x" * 257}, "256"),
        ("registered-models/set-tag", {"name": "hello", "key": "k", "value": "x" * 100_001}, "100000"),
        ("webhooks", {"name": "x" * 64, "url": "http://127.0.0.1/", "events": [{"entity": "PROMPT", "action": "CREATED"}]}, "63"),
        ("/api/3.0/mlflow/workspaces", {"name": "x" * 101}, ""),
    ],
)  # fmt: skip
def test_too_much_of_anything_is_refused_with_the_limit(
    opened: tuple[Tracker, Known], path: str, body: dict[str, Any], limit: str
) -> None:
    """Whoever meets it need not guess."""
    tracker, known = opened
    status, _, message = tracker.refused("POST", path, {"run_id": known["run_id"], **body})
    assert status == 400
    assert limit in message.replace(",", "")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30, 1e300])
@pytest.mark.parametrize("field", ["step", "timestamp"])
def test_a_number_that_no_column_holds_is_refused(opened: tuple[Tracker, Known], field: str, value: float) -> None:
    """And not cut off, or stored as another one."""
    tracker, known = opened
    point = {"run_id": known["run_id"], "key": "loss", "value": 1.0, "timestamp": 1, "step": 1, field: value}
    assert tracker.refused("POST", "runs/log-metric", point)[0] == 400
    points = [{key: one for key, one in point.items() if key != "run_id"}]
    assert tracker.refused("POST", "runs/log-batch", {"run_id": known["run_id"], "metrics": points})[0] == 400


def test_of_a_key_that_stands_twice_the_last_counts(tracker: Tracker) -> None:
    """As every reader of JSON here and there has it: nobody checks the first and stores the second."""
    run = tracker.run()
    for body in (
        b'{"run_id": "%s", "key": "a", "key": "b", "value": "x"}',
        b'{"run_id": "", "run_id": "%s", "key": "c", "value": NaN}',
    ):
        tracker.ask("POST", "runs/set-tag", body % run.encode(), **JSON)
    assert "b" in tracker.data(run)["tags"]
    assert "a" not in tracker.data(run)["tags"]


def test_a_blank_and_its_code_are_two_names(tracker: Tracker) -> None:
    """In documents, in queries and in paths, of everything that has a name."""
    names = ("a b", "a%20b")
    for name in names:
        tracker.post("experiments/create", name=name)
        tracker.post("registered-models/create", name=name)
    groups = {
        tracker.get("experiments/get-by-name", experiment_name=name)["experiment"]["experiment_id"] for name in names
    }
    assert len(groups) == 2
    for name in names:
        assert tracker.get("registered-models/get", name=name)["registered_model"]["name"] == name
    run = tracker.run()
    folder = f"{FILES}/0/{run}/artifacts"
    for path, content in (("a%20b.txt", b"blank"), ("a%2520b.txt", b"code")):
        assert tracker.ask("PUT", f"{folder}/{path}", content).status_code == 200
    assert [tracker.ask("GET", f"{folder}/{path}").content for path in ("a%20b.txt", "a%2520b.txt")] == [
        b"blank",
        b"code",
    ]
    listed = tracker.say("GET", FILES, {"path": f"0/{run}/artifacts"})["files"]
    assert sorted(one["path"] for one in listed) == ["a b.txt", "a%20b.txt"]
    tags = [{"key": "a b", "value": "x"}]
    model = tracker.post("logged-models", experiment_id="0", name="m", tags=tags)["model"]["info"]["model_id"]
    for key, status in (("a%2520b", 404), ("a%20b", 200), ("a%20b", 404)):
        assert tracker.ask("DELETE", f"logged-models/{model}/tags/{key}").status_code == status, key


@pytest.mark.parametrize(
    "name", ["x.html", "x.svg", "x.HTML", "x.xhtml", "x.htm", "x.js", "x", "x.html;x.png", "index.html%20"]
)
def test_nothing_that_somebody_logged_runs_in_a_browser(tracker: Tracker, name: str) -> None:
    """It is saved, under a policy that runs nothing, whatever type whoever sent it said."""
    run = tracker.run()
    path = f"{FILES}/0/{run}/artifacts/{name}"
    script = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    assert tracker.ask("PUT", path, script, content_type="text/html").status_code == 200
    answer = tracker.ask("GET", path, accept="text/html")
    assert answer.content == script
    assert answer.headers["content-type"].partition(";")[0] in ("text/plain", "application/octet-stream", "image/png")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_what_is_refused_is_told_as_json_that_no_browser_runs(tracker: Tracker) -> None:
    """An error repeats names that somebody chose."""
    for path in ("<script>alert(1)</script>", "experiments/get?experiment_id=<b>"):
        answer = tracker.ask("GET", path)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert json.loads(answer.content)["error_code"]


@settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
@given(
    body=st.one_of(
        st.binary(max_size=200), st.sampled_from([gzip.compress(b"x"), gzip.compress(b"")[:-4], b"\x0a\xff\xff\xff\xff\x0f"])
    ),
    kind=st.sampled_from(["application/x-protobuf", "application/json", "text/plain", ""]),
    coding=st.sampled_from(["", "gzip", "br", "gzip, gzip", "identity"]),
    group=st.sampled_from(["0", "1", "", "x", "999999", "-1", "é"]),
)  # fmt: skip
def test_spans_that_are_none_are_the_senders_mistake(
    opened: tuple[Tracker, Known], body: bytes, kind: str, coding: str, group: str
) -> None:
    """Whatever bytes come as protobuf, JSON or gzip, for whatever experiment."""
    tracker, _ = opened
    headers = {
        "content_type": kind,
        "x_mlflow_experiment_id": group,
        **({"content_encoding": coding} if coding else {}),
    }
    answer = tracker.ask("POST", "/v1/traces", body, **headers)
    assert answer.status_code < 500, (body, headers, answer.text)

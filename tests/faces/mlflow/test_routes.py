"""How an address is taken apart, and what answers where nothing is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loopline.faces import mlflow
from loopline.faces.mlflow import limits
from loopline.faces.mlflow.asking import LARGEST
from loopline.faces.mlflow.door import PREFIXES
from loopline.faces.mlflow.operations import OPERATIONS
from loopline.faces.mlflow.registry import ALIAS, LABEL
from loopline.faces.mlflow.routes import find
from loopline.faces.mlflow.unserved import UNSERVED

from .conftest import Tracker


def test_every_operation_is_found_at_its_address() -> None:
    """None hides another, and each lies below an address that the face is asked for."""
    for (method, path), operation in OPERATIONS.items():
        said = path.replace("{path}", "a/b").replace("{}", "one")
        found, names = find(method, said.encode())
        assert found is operation
        assert len(names) == path.count("{")
        assert path.startswith(PREFIXES)


def test_nothing_is_told_apart_from_what_is_not_served(tracker: Tracker) -> None:
    """404 for an address of nobody, 501 for one that MLflow has."""
    assert tracker.refused("GET", "nothing/here")[:2] == (404, "ENDPOINT_NOT_FOUND")
    assert tracker.refused("POST", "runs/create/more")[:2] == (404, "ENDPOINT_NOT_FOUND")
    assert tracker.refused("DELETE", "runs/create")[:2] == (404, "ENDPOINT_NOT_FOUND")
    status, code, message = tracker.refused("GET", "/api/3.0/mlflow/gateway/endpoints/list")
    assert (status, code) == (501, "NOT_IMPLEMENTED")
    assert "/api/3.0/mlflow/gateway/endpoints/list" in message


def test_the_release_is_told_to_strangers(tracker: Tracker) -> None:
    """A client asks for it before it says who it is, and sends spans only to one from 3.4 on."""
    answer = tracker.ask("GET", "/version")
    assert answer.status_code == 200
    assert tuple(map(int, answer.text.split("."))) >= (3, 4)
    assert tracker.get("/api/3.0/mlflow/server-info")["store_type"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"), (b"[]", "application/json"), (b"\xff\xfe", "application/json"), (b"7", "application/json"),
        (b"[" * 100_000, "application/json"), (b'{"name": "x"}', "text/plain"), (b"name=x", "application/x-www-form-urlencoded"),
        (b'{"name": "x"}', ""),
    ],
)  # fmt: skip
def test_a_body_that_is_no_document_is_refused(tracker: Tracker, body: bytes, kind: str) -> None:
    """With 400: what a browser may send from anywhere, too."""
    status, code, _ = tracker.refused("POST", "experiments/create", body, content_type=kind)
    assert status == 400
    assert code in ("BAD_REQUEST", "INVALID_PARAMETER_VALUE")


def test_an_old_client_writes_its_document_as_a_text(tracker: Tracker) -> None:
    """And is understood."""
    tracker.say("POST", "experiments/create", b'"{\\"name\\": \\"x\\"}"', content_type="application/json")
    assert tracker.get("experiments/get-by-name", experiment_name="x")


def test_fields_of_other_releases_and_null_are_not_looked_at(tracker: Tracker) -> None:
    """As protobuf's JSON has it."""
    tracker.post("experiments/create", name="x", tags=None, from_the_future={"a": [1]})


@pytest.mark.parametrize("header", [{"origin": "http://evil.example"}, {"host": "evil.example"}])
def test_another_site_is_refused(tracker: Tracker, header: dict[str, str]) -> None:
    """Whatever it makes a browser send."""
    answer = tracker.ask("POST", "experiments/create", {"name": "x"}, **header)
    assert answer.status_code in (400, 403)
    assert tracker.ask("GET", "experiments/get-by-name", {"experiment_name": "x"}).status_code == 404


README = (Path(mlflow.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_what_is_not_served_is_listed_in_the_readme() -> None:
    """Each address with what is said of it, and none that is served."""
    rows = dict(re.findall(r"^\| `((?:GET )?/[^`]*)` \| (.*) \|$", README, re.MULTILINE))
    assert rows == UNSERVED
    assert {path.replace("{path}", "*") for _, path in OPERATIONS} & set(UNSERVED) == set()


def test_what_is_not_served_says_so_for_every_method(tracker: Tracker) -> None:
    """With the address, and how to go on."""
    for pattern in UNSERVED:
        only, _, path = pattern.replace("*", "any/thing").replace("{}", "one").rpartition(" ")
        for method in (only,) if only else ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if method == "GET" and path.startswith("/api/3.0/mlflow/traces/"):
                continue  # the id of a trace may be any word
            status, code, message = tracker.refused(method, path, {} if method != "GET" else None)
            assert (status, code) == (501, "NOT_IMPLEMENTED")
            assert path in message


def test_every_limit_that_the_readme_names_is_one() -> None:
    """In the words of the section on limits."""
    said = README.partition("## Limits")[2].partition("##")[0].replace(",", "")
    for number in (
        limits.METRICS,
        limits.PARAMS,
        limits.KEY,
        limits.PARAM,
        limits.TAG,
        limits.EXPERIMENT,
        LABEL,
        ALIAS,
        LARGEST >> 20,
    ):
        assert re.search(rf"\b{number}\b", said), number

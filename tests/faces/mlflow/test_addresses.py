"""Where files lie, and every spelling of a way out."""

from __future__ import annotations

import pytest

from loopline.faces.mlflow.addresses import fitting
from loopline.faces.mlflow.errors import Fault
from tests.faces.mlflow.conftest import V3, Tracker

ROOT = "/api/2.0/mlflow-artifacts/artifacts"
BAD = (
    "..", "../x", "a/..", "a/../b", "a/./b", ".", "...", "a//b", "/a", "//host/a", "a/", "", "%2e%2e/x", "%2E%2e%2fx",
    "%252e%252e", "a/%252e%252e/b", "%25252e%25252e%25252fx", "..%2f..%2fetc", "a\\b", "..\\x", "a%5cb", "%255c..",
    "C:", "C:/x", "c:x", "a/C:/x", "file:x", "file:/etc/passwd", "gopher:x/", "ftp:", "s3:", "a#b",
    "a%23b", "a?b", "a%3fb", "..;/x", "a/..;x/b", ";", "a\0b", "a%00b", "a\nb", "a\x7fb", " ", "a/ /b", "x" * 256, "a/"
    * 2100 + "x", "\ud800",
)  # fmt: skip


@pytest.mark.parametrize("path", BAD)
def test_what_could_lead_out_of_a_folder_names_no_file(path: str) -> None:
    """In whatever spelling, however often it is encoded."""
    with pytest.raises(Fault) as caught:
        fitting(path)
    assert (caught.value.status, caught.value.code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "path",
    [
        "a", "a b", "a%20b", "a+b", "ü/ñ.txt", "a..b", "..a", ".hidden", "x" * 255, "100%", "a;b", "model:v1.txt", "a=b&c", "~",
        "a\u202fb",
    ],
)  # fmt: skip
def test_all_else_names_one(path: str) -> None:
    """As it stands: nothing is decoded, or made another."""
    assert fitting(path) == path


def test_a_folder_may_end_with_a_slash() -> None:
    """With one: two are an empty part."""
    assert fitting("a/", folder=True) == "a"
    with pytest.raises(Fault):
        fitting("a//", folder=True)


@pytest.mark.parametrize(
    "path",
    [
        "%2e%2e",
        "%252e%252e/x",
        "..%2fx",
        "a%5cb",
        "a%00b",
        "a%23b",
        "a%3Fb",
        "a//b",
        "C:/x",
        "file:%2f%2fx",
        "a%ffb",
        "a/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_client_that_tries_is_told_so(tracker: Tracker, method: str, path: str) -> None:
    """400 over the wire, whatever it wanted to do; and nothing is there afterwards."""
    run = tracker.run()
    if (method, path) == ("DELETE", "a/"):
        return  # a folder
    assert tracker.refused(method, f"{ROOT}/0/{run}/artifacts/{path}", b"x")[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert tracker.say("GET", ROOT, {"path": f"0/{run}/artifacts"}) == {"files": []}


@pytest.mark.parametrize(
    "where", ["", "0", "0/none", "0/RUN", "0/RUN/other", "0/models/RUN", "x/RUN/artifacts", "0/traces/tr-1/artifacts"]
)
def test_an_address_names_what_is_there(tracker: Tracker, where: str) -> None:
    """Nothing is listed, read or written where no run, model or trace has its files."""
    where = where.replace("RUN", tracker.run())
    for method in ("GET", "PUT", "DELETE"):
        assert tracker.refused(method, f"{ROOT}/{where}/x", b"x")[0] in (400, 404)


def test_a_b_and_a_20_b_are_two_files(tracker: Tracker) -> None:
    """A path is decoded once."""
    run = tracker.run()
    tracker.say("PUT", f"{ROOT}/0/{run}/artifacts/a%20b", b"space")
    tracker.say("PUT", f"{ROOT}/0/{run}/artifacts/a%2520b", b"percent")
    assert [one["path"] for one in tracker.say("GET", ROOT, {"path": f"0/{run}/artifacts"})["files"]] == [
        "a b",
        "a%20b",
    ]
    assert tracker.ask("GET", f"{ROOT}/0/{run}/artifacts/a%20b").content == b"space"
    assert tracker.ask("GET", f"{ROOT}/0/{run}/artifacts/a%2520b").content == b"percent"


def test_a_name_that_was_cut_off_at_a_mark_is_not_stored_under_the_rest(tracker: Tracker) -> None:
    """A client that does not encode `?` would write another file than it was told to."""
    run = tracker.run()
    assert tracker.refused("PUT", f"{ROOT}/0/{run}/artifacts/what?.txt", b"x")[0] == 400
    assert tracker.say("GET", ROOT, {"path": f"0/{run}/artifacts"}) == {"files": []}


def test_files_of_another_experiment_or_project_are_not_found(tracker: Tracker) -> None:
    """A run and a model are only where they are: not under another number, not in another project."""
    assert tracker.ask("POST", f"{V3}/workspaces", {"name": "other"}).status_code == 201
    group = tracker.experiment()
    run = tracker.run(group)
    model = tracker.post("logged-models", experiment_id=group, name="clf")["model"]["info"]["model_id"]
    for place in (f"{run}/artifacts", f"models/{model}/artifacts"):
        tracker.say("PUT", f"{ROOT}/{group}/{place}/x", b"mine")
        assert tracker.refused("GET", f"{ROOT}/0/{place}/x")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
        for method in ("GET", "PUT", "DELETE"):
            said = tracker.refused(method, f"{ROOT}/{group}/{place}/x", b"y", x_mlflow_workspace="other")
            assert said[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert tracker.refused("GET", "artifacts/list", {"run_id": run}, x_mlflow_workspace="other")[0] == 404
    assert tracker.refused("GET", f"logged-models/{model}/artifacts/directories", x_mlflow_workspace="other")[0] == 404


@pytest.mark.parametrize("trace", ["tr-" + "0a" * 16, "0a" * 16])
def test_files_of_a_trace_have_their_place(tracker: Tracker, trace: str) -> None:
    """Below its experiment, also where a client of 2.x has begun it, whose ids have no `tr-`."""
    tracker.say("PUT", f"{ROOT}/0/traces/{trace}/artifacts/traces.json", b"{}")
    assert tracker.ask("GET", f"{ROOT}/0/traces/{trace}/artifacts/traces.json").content == b"{}"

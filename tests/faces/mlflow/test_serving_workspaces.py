"""Workspaces are projects: who sees which, and what a header may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.verbs.grant import grant
from tests.server.serving import Served

from .conftest import V3, Tracker

WORKSPACES = f"{V3}/workspaces"


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Tracker]:
    """Give a server that asks for tokens, with the projects `flights` and `hidden`."""
    made = Tracker(Served(tmp_path))
    made.post("experiments/create", name="open")
    assert made.ask("POST", WORKSPACES, {"name": "hidden"}).status_code == 201
    made.served.token("root", "admin", everywhere=True)
    yield made
    made.served.close()


def test_a_workspace_is_made_described_used_and_stays(tracker: Tracker) -> None:
    """What is logged into it is nowhere else, and once something is in it, it does not go."""
    made = tracker.ask("POST", WORKSPACES, {"name": "team-a", "description": "flights"})
    assert (made.status_code, made.json()) == (201, {"workspace": {"name": "team-a", "description": "flights"}})
    said = tracker.say("PATCH", f"{WORKSPACES}/team-a", {"description": "delays"})
    assert said == tracker.get(f"{WORKSPACES}/team-a") == {"workspace": {"name": "team-a", "description": "delays"}}
    assert [one["name"] for one in tracker.get(WORKSPACES)["workspaces"]] == ["flights", "team-a"]
    tracker.say("POST", "experiments/create", {"name": "x"}, x_mlflow_workspace="team-a")
    assert tracker.refused("GET", "experiments/get-by-name", {"experiment_name": "x"})[0] == 404
    status, code, message = tracker.refused("DELETE", f"{WORKSPACES}/team-a")
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "not empty" in message


def test_an_empty_workspace_goes_and_may_come_back(tracker: Tracker) -> None:
    """With 204, as clients expect; other ways of deleting are refused by name."""
    tracker.ask("POST", WORKSPACES, {"name": "team-a", "description": "old"})
    grant(tracker.served.loop, "ann", "role/viewer")
    for mode in ("CASCADE", "SET_DEFAULT", "x"):
        assert mode in tracker.refused("DELETE", f"{WORKSPACES}/team-a?mode={mode}")[2]
    assert tracker.ask("DELETE", f"{WORKSPACES}/team-a").status_code == 204
    assert tracker.refused("GET", f"{WORKSPACES}/team-a")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert tracker.refused("DELETE", f"{WORKSPACES}/team-a")[0] == 404
    assert tracker.ask("POST", WORKSPACES, {"name": "team-a"}).json() == {"workspace": {"name": "team-a"}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "flights"}, "RESOURCE_ALREADY_EXISTS"), ({"name": "default"}, "RESOURCE_ALREADY_EXISTS"),
        ({"name": "Team A"}, "INVALID_PARAMETER_VALUE"), ({"name": "../x"}, "INVALID_PARAMETER_VALUE"),
        ({}, "INVALID_PARAMETER_VALUE"), ({"name": "a", "description": "x" * 1_001}, "INVALID_PARAMETER_VALUE"),
        ({"name": "a", "default_artifact_root": "s3://elsewhere"}, "INVALID_PARAMETER_VALUE"),
        ({"name": "a", "trace_archival_config": {"location": "s3://elsewhere"}}, "NOT_IMPLEMENTED"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_workspace_is_refused(tracker: Tracker, body: dict[str, object], code: str) -> None:
    """A name that is taken or is none, and what another server would keep elsewhere."""
    assert tracker.refused("POST", WORKSPACES, body)[1] == code
    assert [one["name"] for one in tracker.get(WORKSPACES)["workspaces"]] == ["flights"]


def test_the_servers_own_project_is_the_default(tracker: Tracker) -> None:
    """Under its name and as `default`, before anything is in it; it does not go."""
    for name in ("flights", "default"):
        assert tracker.get(f"{WORKSPACES}/{name}") == {"workspace": {"name": "flights"}}
        assert tracker.refused("DELETE", f"{WORKSPACES}/{name}")[0] == 400
        tracker.say("POST", "runs/create", {"start_time": 1}, x_mlflow_workspace=name)
    assert tracker.say("PATCH", f"{WORKSPACES}/default", {"description": "d"})["workspace"]["description"] == "d"
    assert tracker.refused("PATCH", f"{WORKSPACES}/default", {})[0] == 400


def test_only_what_one_may_look_into_is_listed_and_told(guarded: Tracker) -> None:
    """Who has a right in one project gets the same answer for another, whether that is there or not."""
    vic = bearer(guarded.served.token("vic", "viewer").secret)
    assert [one["name"] for one in guarded.say("GET", WORKSPACES, **vic)["workspaces"]] == ["flights"]
    asked = [("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0"), ("GET", WORKSPACES)]
    for method, path in asked:
        answers = {guarded.refused(method, path, **vic, x_mlflow_workspace=name)[:2] for name in ("hidden", "nothing")}
        assert answers == {(403, "PERMISSION_DENIED")}
    for method, body in (("GET", None), ("PATCH", {"description": "x"}), ("DELETE", None)):
        answers = {
            guarded.refused(method, f"{WORKSPACES}/{name}", body, **vic)[:2]
            for name in ("hidden", "nothing", "flights2")
        }
        assert answers == {(403, "PERMISSION_DENIED")}
    assert guarded.refused("POST", WORKSPACES, {"name": "hidden"}, **vic)[:2] == (403, "PERMISSION_DENIED")


def test_who_may_see_every_project_is_told_which_is_not_there(guarded: Tracker) -> None:
    """404 for whoever has a role everywhere, and nothing is made by asking."""
    one = bearer(guarded.served.token("eve", "contributor", everywhere=True).secret)
    for method, path, body in (
        ("GET", "experiments/get?experiment_id=0", None), ("POST", "experiments/create", {"name": "x"}),
        ("POST", "runs/create", {"start_time": 1}),
    ):  # fmt: skip
        said = guarded.refused(method, path, body, **one, x_mlflow_workspace="nothing")
        assert said[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
        assert "nothing" in said[2]
    assert [one["name"] for one in guarded.say("GET", WORKSPACES, **one)["workspaces"]] == ["flights", "hidden"]
    assert guarded.refused("POST", WORKSPACES, {"name": "more"}, **one)[:2] == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("name", ["../flights", "a b", "Flights", "a%20b", "x" * 101, "é"])
def test_a_name_that_no_workspace_has_is_refused(tracker: Tracker, name: str) -> None:
    """As a mistake of the client, whoever asks."""
    assert tracker.refused("GET", "experiments/get?experiment_id=0", x_mlflow_workspace=name)[0] == 400


def test_a_manager_of_one_project_makes_and_deletes_none(guarded: Tracker) -> None:
    """That is an admin's, and an admin's whose token is for every project."""
    mia = bearer(guarded.served.token("mia", "maintainer").secret)
    narrow = bearer(guarded.served.token("root", scopes=("*:flights",)).secret)
    for who in (mia, narrow):
        assert guarded.refused("POST", WORKSPACES, {"name": "more"}, **who)[:2] == (403, "PERMISSION_DENIED")
        assert guarded.refused("DELETE", f"{WORKSPACES}/hidden", **who)[:2] == (403, "PERMISSION_DENIED")
    root = bearer(guarded.served.token("root").secret)
    assert guarded.ask("DELETE", f"{WORKSPACES}/hidden", **root).status_code == 204

"""Registered models: made, told, renamed, deleted; aliases, which are refs and move by changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.nouns.actor import parse_actor
from loopline.verbs.annotate import annotate
from loopline.verbs.approve import approve
from loopline.verbs.propose import propose
from tests.faces.mlflow.registered import PROMPT, aliases, guard, logged, model, put, stages, version

if TYPE_CHECKING:
    from tests.faces.mlflow.conftest import Tracker

NAME = {"name": "delay"}


def test_a_model_without_versions_is_told_whole(tracker: Tracker) -> None:
    """With tags and text; a second one of its name is 400 in words that clients act on."""
    made = tracker.post("registered-models/create", **NAME, tags=[{"key": "a", "value": "b"}], description="late?")
    assert tracker.get("registered-models/get", **NAME) == made
    told = made["registered_model"]
    assert (told["name"], told["description"], told["tags"]) == ("delay", "late?", [{"key": "a", "value": "b"}])
    assert (told["latest_versions"], told["aliases"]) == ([], [])
    assert told["creation_timestamp"] == told["last_updated_timestamp"] > 0
    status, code, message = tracker.refused("POST", "registered-models/create", NAME)
    assert (status, code, message) == (400, "RESOURCE_ALREADY_EXISTS", "Registered Model (name=delay) already exists.")
    status, code, message = tracker.refused("POST", "registered-models/create", {**NAME, "tags": [PROMPT]})
    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert "a prompt needs another one" in message


@pytest.mark.parametrize("name", ["a/b", "a:b", "..", " ", "a\nb", "x" * 257])
def test_some_names_are_refused(tracker: Tracker, name: str) -> None:
    """What could be a path or an address names no model, and is 400."""
    assert tracker.refused("POST", "registered-models/create", {"name": name})[:2] == (400, "INVALID_PARAMETER_VALUE")
    model(tracker)
    assert tracker.refused("POST", "registered-models/rename", {**NAME, "new_name": name})[0] == 400


@pytest.mark.parametrize("name", ["a b", "a%20b", "größe", "a@b", "a#b?c;d", "v1", "@1", "latest", "%2e%2e"])
def test_any_other_name_is_its_own(tracker: Tracker, name: str) -> None:
    """A name means itself everywhere, whatever an address would make of it."""
    model(tracker, name, versions=1)
    tracker.post("registered-models/alias", name=name, alias="prod", version="1")
    tracker.post("registered-models/set-tag", name=name, key="k", value="v")
    tracker.post("model-versions/set-tag", name=name, version="1", key="k", value="v")
    told = tracker.get("registered-models/get", name=name)["registered_model"]
    assert (told["name"], told["tags"], aliases(tracker, name)) == (name, [{"key": "k", "value": "v"}], {"prod": "1"})
    assert told["latest_versions"][0]["tags"] == [{"key": "k", "value": "v"}]
    found = tracker.get("registered-models/search", filter=f"name = '{name}'")["registered_models"]
    assert [one["name"] for one in found] == [name]
    tracker.say("DELETE", "registered-models/delete", {"name": name})
    assert tracker.refused("GET", "registered-models/get", {"name": name})[0] == 404


def test_what_is_not_there_is_404_in_known_words(tracker: Tracker) -> None:
    """Every operation says so, and a field that is missing is 400."""
    for method, path, body in (
        ("GET", "get", NAME), ("PATCH", "update", NAME), ("DELETE", "delete", NAME),
        ("POST", "rename", {**NAME, "new_name": "x"}),
        ("POST", "get-latest-versions", NAME), ("GET", "get-latest-versions", NAME), ("POST", "set-tag", {**NAME, "key": "a"}),
        ("DELETE", "delete-tag", {**NAME, "key": "a"}), ("POST", "alias", {**NAME, "alias": "a", "version": "1"}),
        ("GET", "alias", {**NAME, "alias": "a"}), ("DELETE", "alias", {**NAME, "alias": "a"}),
    ):  # fmt: skip
        said = tracker.refused(method, f"registered-models/{path}", body)
        assert said == (404, "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=delay not found"), (method, path)
        assert "'name'" in tracker.refused(method, f"registered-models/{path}", {})[2]


def test_a_model_is_described_and_renamed_with_all_it_has(tracker: Tracker) -> None:
    """Versions, aliases and tags go with it; a name that is taken, or was, stays whose it is."""
    model(tracker, versions=1)
    tracker.post("registered-models/alias", **NAME, alias="prod", version="1")
    before = tracker.get("registered-models/get", **NAME)["registered_model"]
    told = tracker.say("PATCH", "registered-models/update", {**NAME, "description": "new"})["registered_model"]
    assert told["description"] == "new"
    assert told["last_updated_timestamp"] >= before["last_updated_timestamp"]
    renamed = tracker.post("registered-models/rename", **NAME, new_name="late")["registered_model"]
    assert (renamed["name"], renamed["latest_versions"][0]["name"], aliases(tracker, "late")) == (
        "late",
        "late",
        {"prod": "1"},
    )
    assert tracker.refused("GET", "registered-models/get", NAME)[0] == 404
    model(tracker, "other")
    for new in ("other", "late"):
        said = tracker.refused("POST", "registered-models/rename", {"name": "late", "new_name": new})
        assert said[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    tracker.say("DELETE", "registered-models/delete", {"name": "other"})
    assert (
        "was deleted" in tracker.refused("POST", "registered-models/rename", {"name": "late", "new_name": "other"})[2]
    )


def test_a_deleted_model_takes_its_aliases_along(tracker: Tracker) -> None:
    """Made again it has nothing of what was, and its versions go on counting."""
    model(tracker, versions=2)
    tracker.post("registered-models/alias", **NAME, alias="prod", version="1")
    tracker.post("registered-models/set-tag", **NAME, key="a", value="b")
    tracker.say("DELETE", "registered-models/delete", NAME)
    assert tracker.get("registered-models/search") == {"registered_models": []}
    assert tracker.get("model-versions/search") == {"model_versions": []}
    model(tracker)
    told = tracker.get("registered-models/get", **NAME)["registered_model"]
    assert (told["tags"], told["aliases"], told["latest_versions"]) == ([], [], [])
    assert version(tracker, f"models:/{logged(tracker)}")["version"] == "3"


def test_tags_are_set_and_lost(tracker: Tracker) -> None:
    """Losing one that is not there is no error; what fits no tag is 400."""
    model(tracker)
    tracker.post("registered-models/set-tag", **NAME, key="a", value="1")
    tracker.post("registered-models/set-tag", **NAME, key="a", value="2" * 100_000)
    for _ in range(2):
        tracker.say("DELETE", "registered-models/delete-tag", {**NAME, "key": "b"})
    tracker.say("DELETE", "registered-models/delete-tag", {**NAME, "key": "a"})
    assert tracker.get("registered-models/get", **NAME)["registered_model"]["tags"] == []
    for key, value in (("a" * 251, ""), ("a", "x" * 100_001), ("../a", ""), ("mlflow.stage", "Archived")):
        assert tracker.refused("POST", "registered-models/set-tag", {**NAME, "key": key, "value": value})[0] == 400


def test_an_alias_is_a_ref_and_moves_by_a_change(tracker: Tracker) -> None:
    """With author, time and reason; setting it again where it is changes nothing."""
    model(tracker, versions=2)
    for number in ("1", "2", "2"):
        tracker.post("registered-models/alias", **NAME, alias="champion", version=number)
    told = tracker.get("registered-models/alias", **NAME, alias="champion")["model_version"]
    assert (told["version"], told["aliases"]) == ("2", ["champion"])
    tracker.say("DELETE", "registered-models/alias", {**NAME, "alias": "champion"})
    tracker.say("DELETE", "registered-models/alias", {**NAME, "alias": "champion"})
    assert tracker.refused("GET", "registered-models/alias", {**NAME, "alias": "champion"})[:2] == (
        400,
        "INVALID_PARAMETER_VALUE",
    )
    loop = tracker.served.loop
    with loop.ledger.read() as tx:
        moves = [(one.author, one.reason, one.moves[0].old, one.moves[0].new) for one in tx.changes.list(loop.project)]
    who = str(loop.actor)
    assert moves[::-1] == [
        (who, "alias champion set to version 1", None, 1), (who, "alias champion set to version 2", 1, 2),
        (who, "alias champion deleted", 2, None),
    ]  # fmt: skip


def test_some_aliases_mean_something_already(tracker: Tracker) -> None:
    """`latest` is read and never set; `v12` would look like a version; a number is an alias like any other."""
    model(tracker, versions=2)
    for alias in ("latest", "Latest", "v1", "V12", "a b", "a/b", "a@b", "x" * 256, ""):
        body = {**NAME, "alias": alias, "version": "1"}
        assert tracker.refused("POST", "registered-models/alias", body)[:2] == (400, "INVALID_PARAMETER_VALUE"), alias
    tracker.post("registered-models/alias", **NAME, alias="7", version="1")
    assert tracker.get("registered-models/alias", **NAME, alias="7")["model_version"]["version"] == "1"
    assert tracker.get("registered-models/alias", **NAME, alias="latest")["model_version"]["version"] == "2"
    for number, status in (("9", 404), ("x", 400), ("1.5", 400), ("-1", 400)):
        body = {**NAME, "alias": "ok", "version": number}
        assert tracker.refused("POST", "registered-models/alias", body)[0] == status, number


def test_a_guarded_alias_waits_for_its_policy(tracker: Tracker) -> None:
    """403 names the change, what it lacks and how to go on; asked twice it is one change, and approved it moves."""
    model(tracker, versions=2)
    guard(tracker, "model/*@champion")
    body = {**NAME, "alias": "champion", "version": "1"}
    status, code, message = tracker.refused("POST", "registered-models/alias", body)
    assert (status, code) == (403, "PERMISSION_DENIED")
    loop = tracker.served.loop
    with loop.ledger.read() as tx:
        waiting = tx.changes.list(loop.project, open_only=True)
    assert len(waiting) == 1
    assert waiting[0].id[:12] in message
    assert "1 approval" in message
    assert f"loopline show {waiting[0].id[:12]}" in message
    assert tracker.refused("POST", "registered-models/alias", body) == (status, code, message)
    assert aliases(tracker) == {}
    tracker.post("registered-models/alias", **NAME, alias="free", version="1")
    approve(replace(loop, actor=parse_actor("bob")), waiting[0].id)
    tracker.post("registered-models/alias", **body)
    assert aliases(tracker) == {"champion": "1", "free": "1"}


def test_nothing_goes_past_a_policy(tracker: Tracker) -> None:
    """What stands at a guarded alias is neither deleted nor renamed, nor is the alias."""
    model(tracker, versions=1)
    tracker.post("registered-models/alias", **NAME, alias="champion", version="1")
    guard(tracker, "model/*@champion")
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("DELETE", "registered-models/alias", {**NAME, "alias": "champion"}), ("DELETE", "registered-models/delete", NAME),
        ("DELETE", "model-versions/delete", {**NAME, "version": "1"}),
        ("POST", "registered-models/rename", {**NAME, "new_name": "x"}),
    ]  # fmt: skip
    for method, path, body in asked:
        status, code, message = tracker.refused(method, path, body)
        assert (status, code) == (403, "PERMISSION_DENIED"), path
        assert "policy" in message
    assert aliases(tracker) == {"champion": "1"}


def test_the_newest_version_of_each_stage_is_told(tracker: Tracker) -> None:
    """By GET and POST, of all stages or of some, however they are written."""
    model(tracker, versions=4)
    for number, stage in (("1", "archived"), ("2", "Production"), ("3", "STAGING")):
        tracker.post("model-versions/transition-stage", **NAME, version=number, stage=stage)

    def latest(**more: Any) -> dict[str, str]:
        said = tracker.post("registered-models/get-latest-versions", **NAME, **more)["model_versions"]
        return {one["current_stage"]: one["version"] for one in said}

    assert latest() == {"Archived": "1", "Production": "2", "Staging": "3", "None": "4"}
    assert latest(stages=["production", "Archived"]) == {"Archived": "1", "Production": "2"}
    said = tracker.say("GET", "registered-models/get-latest-versions", {**NAME, "stages": "None"})
    assert [one["version"] for one in said["model_versions"]] == ["4"]
    assert (
        "Value must be one of"
        in tracker.refused("POST", "registered-models/get-latest-versions", {**NAME, "stages": ["x"]})[2]
    )
    told = tracker.get("registered-models/get", **NAME)["registered_model"]["latest_versions"]
    assert [one["version"] for one in told] == ["1", "2", "3", "4"]


def test_who_reads_may_not_move(tracker: Tracker) -> None:
    """A viewer is told of models and may change none; whoever is kept to one model reaches no other."""
    model(tracker, versions=1)
    model(tracker, "other", versions=1)
    view = tracker.served.token("vic", "viewer").secret
    mine = tracker.served.token("eve", "contributor", scopes=(f"*:{tracker.served.loop.project}:model/delay",)).secret
    for token, name, method, path, more, status in (
        (view, "delay", "GET", "get", {}, 200), (view, "delay", "POST", "alias", {"alias": "a", "version": "1"}, 403),
        (view, "delay", "POST", "set-tag", {"key": "a"}, 403), (view, "new", "POST", "create", {}, 403),
        (mine, "other", "GET", "get", {}, 403), (mine, "none", "GET", "get", {}, 403),
        (mine, "other", "POST", "alias", {"alias": "a", "version": "1"}, 403),
        (mine, "delay", "POST", "rename", {"new_name": "other2"}, 403),
    ):  # fmt: skip
        answer = tracker.ask(
            method, f"registered-models/{path}", {"name": name, **more}, Authorization=f"Bearer {token}"
        )
        assert answer.status_code == status, (name, path, answer.text)


def test_what_loopline_has_moved_is_an_alias(tracker: Tracker) -> None:
    """A ref is a ref, whoever has moved it, and a stage where it is called so."""
    model(tracker, versions=1)
    from loopline.nouns.name import AssetName, Numbered, RefName

    loop = tracker.served.loop
    for name in ("best", "production", "v1.0"):
        propose(loop, RefName(AssetName(loop.project, "model", "delay"), name), to=Numbered(1), why="x")
    told = tracker.get("model-versions/get", **NAME, version="1")["model_version"]
    assert (told["aliases"], told["current_stage"]) == (["best", "production", "v1.0"], "Production")
    assert tracker.get("registered-models/alias", **NAME, alias="v1.0") == {"model_version": told}


def test_tags_of_anything_else_are_not_in_the_way(tracker: Tracker) -> None:
    """What marks a version here may be written on whatever takes tags: it means nothing there, and nothing fails by it."""
    model(tracker, versions=1)
    group = tracker.experiment()
    loop = tracker.served.loop
    annotate(loop, "model/delay", tags={"mlflow.stage": "Archived", "loopline.adopted.id": "777"})
    tracker.post("experiments/set-experiment-tag", experiment_id=group, key="mlflow.stage", value="Archived")
    tracker.post("registered-models/set-tag", **NAME, key="loopline.adopted.id", value="778")
    told = tracker.get("registered-models/get", **NAME)["registered_model"]
    assert [one["current_stage"] for one in told["latest_versions"]] == ["None"]
    assert len(tracker.get("registered-models/search")["registered_models"]) == 1
    for number in ("777", "778"):
        assert tracker.refused("GET", "experiments/get", {"experiment_id": number})[0] == 404
        assert tracker.refused("POST", "runs/create", {"experiment_id": number})[0] == 404


def test_no_tag_brings_a_version_into_a_stage(tracker: Tracker) -> None:
    """Stages are refs, which policies guard: whoever may write tags brings nothing into production by one."""
    model(tracker, versions=1)
    guard(tracker, "model/*@production")
    annotate(tracker.served.loop, "model/delay@1", tags={"mlflow.stage": "Production"})
    assert stages(tracker) == {"1": "None"}
    assert tracker.get("registered-models/get-latest-versions", **NAME, stages="Production") in (
        {},
        {"model_versions": []},
    )


def test_who_is_kept_to_a_model_takes_nothing_else_into_it(tracker: Tracker) -> None:
    """What becomes a version of one's own model must be one's own to read: a run's files, a logged model, another model."""
    model(tracker)
    model(tracker, "other", versions=1)
    run = tracker.run()
    put(tracker, f"0/{run}/artifacts/m/file", b"x")
    mine = tracker.served.token("eve", "contributor", scopes=(f"*:{tracker.served.loop.project}:model/delay",)).secret
    for source in (f"models:/{logged(tracker)}", f"runs:/{run}/m", "models:/other/1"):
        body = {**NAME, "source": source}
        answer = tracker.refused("POST", "model-versions/create", body, Authorization=f"Bearer {mine}")
        assert answer[:2] == (403, "PERMISSION_DENIED"), source
        version(tracker, source)

"""Models and versions are found by names, runs and tags, in any order and in pages; prompts only by who asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.faces.mlflow.registered import PROMPT, logged, model, version

if TYPE_CHECKING:
    from tests.faces.mlflow.conftest import Tracker


def models(tracker: Tracker, filter: str = "", **more: Any) -> list[str]:  # noqa: A002 (the protocol's word)
    """Give the names that a search finds."""
    said = tracker.get("registered-models/search", filter=filter, **more)
    return [one["name"] for one in said["registered_models"]]


def versions(tracker: Tracker, filter: str = "", **more: Any) -> list[str]:  # noqa: A002 (the protocol's word)
    """Give the versions that a search finds."""
    said = tracker.get("model-versions/search", filter=filter, **more)
    return [f"{one['name']}/{one['version']}" for one in said["model_versions"]]


@pytest.fixture
def shelf(tracker: Tracker) -> Tracker:
    """Give models with versions, tags and a prompt."""
    for name, count in (("delay", 2), ("Delay_2", 1), ("other", 0)):
        model(tracker, name, versions=count)
    tracker.post("registered-models/set-tag", name="delay", key="team", value="Ops")
    tracker.post("registered-models/set-tag", name="other", key="team", value="ml")
    tracker.post("model-versions/set-tag", name="delay", version="1", key="a b", value="x")
    tracker.post("registered-models/create", name="greet", tags=[PROMPT])
    version(tracker, "prompt-template", "greet", tags=[PROMPT, {"key": "mlflow.prompt.text", "value": "hi"}])
    return tracker


def test_models_are_found_by_name_and_tags(shelf: Tracker) -> None:
    """LIKE minds case and ILIKE does not; `_` is one character; who lacks a tag is not found by what it is not."""
    for text, found in (
        ("", ["Delay_2", "delay", "other"]), ("name = 'delay'", ["delay"]), ("name != 'delay'", ["Delay_2", "other"]),
        ("name LIKE 'd%'", ["delay"]), ("name ILIKE 'd%'", ["Delay_2", "delay"]), ("name LIKE '_elay'", ["delay"]),
        ("name IN ('other', 'x')", ["other"]), ("name NOT IN ('other', 'x')", ["Delay_2", "delay"]),
        ("tags.team = 'Ops'", ["delay"]), ("tags.team != 'Ops'", ["other"]), ("tag.team ILIKE 'OPS'", ["delay"]),
        ("tags.team LIKE '%' AND name != 'other'", ["delay"]), ("tags.`team` = 'x'", []), ("name LIKE 'a.*'", []),
    ):  # fmt: skip
        assert models(shelf, text) == found, text


def test_prompts_are_found_by_who_asks_for_them(shelf: Tracker) -> None:
    """A client that wants models says that they are none, or nothing at all."""
    key = "tags.`mlflow.prompt.is_prompt`"
    for text in (f"{key} = 'true'", f"{key} != 'false'", f"{key} = 'true' AND name LIKE 'g%'"):
        assert (models(shelf, text), versions(shelf, text)) == (["greet"], ["greet/1"])
    for text in (f"{key} != 'true'", f"{key} = 'false'", f"{key} = 'false' AND name LIKE '%'"):
        assert "greet" not in models(shelf, text)
        assert (len(models(shelf, text)), len(versions(shelf, text))) == (3, 3)


def test_models_come_in_order_and_in_pages(shelf: Tracker) -> None:
    """By name at the end of every order; a token goes on where the page ended, and one of nobody's is 400."""
    assert models(shelf, order_by="name DESC") == ["other", "delay", "Delay_2"]
    assert models(shelf, order_by="creation_timestamp DESC")[0] == "Delay_2"
    shelf.say("PATCH", "registered-models/update", {"name": "delay", "description": "x"})
    assert sorted(models(shelf, order_by="last_updated_timestamp ASC")) == sorted(models(shelf))
    first = shelf.get("registered-models/search", max_results=2)
    assert len(first["registered_models"]) == 2
    assert models(shelf, max_results=2, page_token=first["next_page_token"]) == ["other"]
    for more in (
        {"page_token": "x"}, {"page_token": "%%"}, {"max_results": 0}, {"max_results": -1}, {"max_results": 1001},
        {"max_results": "x"}, {"order_by": "size"}, {"order_by": "name UP"}, {"filter": "size = 1"}, {"filter": "name >"},
        {"filter": "name = delay"}, {"filter": "name = 'a' OR name = 'b'"}, {"filter": "name > 'a'"},
    ):  # fmt: skip
        assert shelf.refused("GET", "registered-models/search", more)[:2] == (400, "INVALID_PARAMETER_VALUE"), more


def test_versions_are_found_by_what_they_are(shelf: Tracker) -> None:
    """By model, number, run, source and tags; what was touched last comes first where nobody says otherwise."""
    run = shelf.run()
    source = f"models:/{logged(shelf, run=run)}"
    version(shelf, source)
    for text, found in (
        ("name = 'delay'", {"delay/1", "delay/2", "delay/3"}), ("name IN ('Delay_2', 'none')", {"Delay_2/1"}),
        (f"run_id = '{run}'", {"delay/3"}), (f"run_id != '{run}'", {"delay/1", "delay/2", "Delay_2/1"}),
        (f"run_id IN ('{run}')", {"delay/3"}), (f"source_path = '{source}'", {"delay/3"}),
        ("version_number > 1", {"delay/2", "delay/3"}),
        ("version_number <= 1 AND name ILIKE 'delay'", {"delay/1"}), ("tags.\"a b\" = 'x'", {"delay/1"}),
        ("name = 'none'", set()), ("name = 'delay' AND name = 'other'", set()),
    ):  # fmt: skip
        assert set(versions(shelf, text)) == found, text
    assert versions(shelf, "name = 'delay'", order_by="version_number ASC") == ["delay/1", "delay/2", "delay/3"]
    assert versions(shelf, order_by=["name ASC"]) == ["Delay_2/1", "delay/3", "delay/2", "delay/1"]
    page = shelf.get("model-versions/search", order_by="name DESC", max_results=2)
    assert [one["version"] for one in page["model_versions"]] == ["3", "2"]
    assert versions(shelf, order_by="name DESC", max_results=2, page_token=page["next_page_token"]) == [
        "delay/1",
        "Delay_2/1",
    ]
    for text in ("version_number = 'a'", "version_number LIKE '1'", "user_id = 'x'", "name >= 'a'"):
        assert shelf.refused("GET", "model-versions/search", {"filter": text})[:2] == (
            400,
            "INVALID_PARAMETER_VALUE",
        ), text
    assert shelf.refused("GET", "model-versions/search", {"max_results": 200_001})[0] == 400

"""Roles are those that every project has, and teams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faces.mlflow.test_serving_users import People

from .conftest import V3

ROLES = f"{V3}/roles"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    made = People(tmp_path)
    yield made
    made.tracker.served.close()


def create(people: People, name: str = "ml-leads", workspace: str = "flights", **who: str) -> Any:
    body = {"workspace": workspace, "name": name, "description": "who decides"}
    return people.tracker.say("POST", f"{ROLES}/create", body, **(who or people.mia))["role"]


def test_a_role_lives_a_whole_life(people: People) -> None:
    """It is made, may do something, is assigned, changed, taken away again, and everybody may do what it says meanwhile."""
    tracker, mia = people.tracker, people.mia
    role = create(people)
    assert (role["name"], role["workspace"], role["permissions"]) == ("ml-leads", "flights", [])
    one = {"role_id": role["id"]}
    given = {**one, "resource_type": "workspace", "resource_pattern": "*", "permission": "USE"}
    added = tracker.say("POST", f"{ROLES}/permissions/add", given, **mia)["role_permission"]
    assert added["permission"] == "EDIT"
    assert tracker.refused("POST", f"{ROLES}/permissions/add", given, **mia)[1] == "RESOURCE_ALREADY_EXISTS"
    made = tracker.say("POST", f"{ROLES}/assign", {**one, "username": "vic"}, **mia)["assignment"]
    assert tracker.refused("POST", f"{ROLES}/assign", {**one, "username": "vic"}, **mia)[1] == "RESOURCE_ALREADY_EXISTS"
    assert tracker.say("GET", f"{ROLES}/users/list", one, **mia) == {"assignments": [made]}
    tracker.say("POST", "runs/create", {"start_time": 1}, **people.vic)
    changed = {"role_permission_id": added["id"], "permission": "READ"}
    new = tracker.say("PATCH", f"{ROLES}/permissions/update", changed, **mia)["role_permission"]
    assert tracker.say("GET", f"{ROLES}/permissions/list", one, **mia) == {"role_permissions": [new]}
    assert tracker.refused("POST", "runs/create", {"start_time": 1}, **people.vic)[0] == 403
    tracker.say("PATCH", f"{ROLES}/update", {**one, "description": "more"}, **mia)
    assert tracker.say("GET", f"{ROLES}/get", one, **mia)["role"]["description"] == "more"
    tracker.say("DELETE", f"{ROLES}/permissions/remove", {"role_permission_id": new["id"]}, **mia)
    tracker.say("DELETE", f"{ROLES}/unassign", {**one, "username": "vic"}, **mia)
    assert tracker.refused("DELETE", f"{ROLES}/unassign", {**one, "username": "vic"}, **mia)[0] == 404
    tracker.say("DELETE", f"{ROLES}/delete", one, **mia)
    assert tracker.refused("GET", f"{ROLES}/get", one, **mia)[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


def test_deleting_a_role_takes_it_from_everybody(people: People) -> None:
    """Whoever had it may do what they may without it."""
    one = {"role_id": create(people)["id"]}
    given = {**one, "resource_type": "workspace", "resource_pattern": "*", "permission": "MANAGE"}
    people.tracker.say("POST", f"{ROLES}/permissions/add", given, **people.root)
    people.tracker.say("POST", f"{ROLES}/assign", {**one, "username": "vic"}, **people.root)
    assert people.permission(people.vic, "vic")["permission"] == "MANAGE"
    people.tracker.say("DELETE", f"{ROLES}/delete", one, **people.root)
    assert people.permission(people.vic, "vic")["permission"] == "READ"


def test_the_roles_of_a_project_are_there_and_stay(people: People) -> None:
    """They are listed, assigned and taken away, and nobody makes, changes or deletes one."""
    tracker, mia = people.tracker, people.mia
    found = {one["name"]: one for one in tracker.say("GET", f"{ROLES}/list", {"workspace": "flights"}, **mia)["roles"]}
    assert list(found) == ["viewer", "contributor", "approver", "maintainer", "admin"]
    one = {"role_id": found["approver"]["id"]}
    tracker.say("POST", f"{ROLES}/assign", {**one, "username": "vic"}, **mia)
    assert people.permission(people.vic, "vic")["permission"] == "EDIT"
    tracker.say("DELETE", f"{ROLES}/unassign", {**one, "username": "vic"}, **mia)
    permission = found["viewer"]["permissions"][0]["id"]
    for method, path, body in (
        ("PATCH", "update", {**one, "description": "x"}), ("DELETE", "delete", one),
        ("POST", "permissions/add", {**one, "resource_type": "workspace", "resource_pattern": "*", "permission": "READ"}),
        ("PATCH", "permissions/update", {"role_permission_id": permission, "permission": "MANAGE"}),
        ("DELETE", "permissions/remove", {"role_permission_id": permission}),
        ("POST", "create", {"workspace": "flights", "name": "viewer"}),
    ):  # fmt: skip
        assert tracker.refused(method, f"{ROLES}/{path}", body, **mia)[0] == 400
    assert (
        tracker.refused("POST", f"{ROLES}/assign", {"role_id": found["admin"]["id"], "username": "vic"}, **mia)[0]
        == 403
    )


def test_a_role_of_another_project_is_not_told(people: People) -> None:
    """Who may not look into a project finds none of its roles, by list or by number."""
    hidden = create(people, workspace="hidden", **people.root)
    everywhere = create(people, "all", "*", **people.root)
    assert {one["workspace"] for one in people.tracker.say("GET", f"{ROLES}/list", **people.root)["roles"]} == {
        "flights", "hidden", "*",
    }  # fmt: skip
    for who in (people.mia, people.vic):
        shown = people.tracker.say("GET", f"{ROLES}/list", **who)["roles"]
        assert "hidden" not in {one["workspace"] for one in shown}
        for number in (hidden["id"], 12345):
            assert people.tracker.refused("GET", f"{ROLES}/get", {"role_id": number}, **who)[0] == 404
        for name in ("hidden", "nothing"):
            assert people.tracker.refused("GET", f"{ROLES}/list", {"workspace": name}, **who)[0] == 403
            body = {"workspace": name, "name": "x"}
            assert people.tracker.refused("POST", f"{ROLES}/create", body, **who)[0] == 403
        body = {"role_id": everywhere["id"], "username": "vic"}
        assert people.tracker.refused("POST", f"{ROLES}/assign", body, **who)[0] in (403, 404)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"workspace": "flights", "name": "ml-leads"}, 400), ({"workspace": "flights", "name": ""}, 400),
        ({"workspace": "flights", "name": "a\nb"}, 400), ({"workspace": "flights", "name": "x" * 101}, 400),
        ({"workspace": "nothing", "name": "x"}, 404), ({"name": "x"}, 400),
        ({"workspace": "flights", "name": "x", "description": "d" * 1_001}, 400),
    ],
)  # fmt: skip
def test_what_cannot_be_a_role_is_refused(people: People, body: dict[str, str], status: int) -> None:
    """A name that is taken or is none, and a workspace that is not there."""
    create(people)
    assert people.tracker.refused("POST", f"{ROLES}/create", body, **people.root)[0] == status


def test_less_than_a_workspace_and_another_name_are_refused(people: People) -> None:
    """A role here is for a whole project, and policies name it."""
    one = {"role_id": create(people)["id"]}
    asked = {**one, "resource_type": "experiment", "resource_pattern": "*", "permission": "READ"}
    assert people.tracker.refused("POST", f"{ROLES}/permissions/add", asked, **people.mia)[0] == 501
    for more in ({"resource_pattern": "7"}, {"permission": "DENY"}):
        body = {**asked, "resource_type": "workspace", **more}
        assert people.tracker.refused("POST", f"{ROLES}/permissions/add", body, **people.mia)[0] == 400
    assert people.tracker.refused("PATCH", f"{ROLES}/update", {**one, "name": "x"}, **people.mia)[0] == 400
    assert people.tracker.refused("PATCH", f"{ROLES}/update", one, **people.mia)[0] == 400

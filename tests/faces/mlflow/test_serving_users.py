"""Users are actors: who is told of whom, and how roles are given, in the words of MLflow's own accounts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopline.verbs.grant import grant
from tests.server.serving import Served

from .conftest import V3, Tracker

USERS = f"{V3}/users"


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


class People:
    """A server with an admin, a maintainer, a viewer, and somebody whom only the admin knows."""

    def __init__(self, folder: Path) -> None:
        self.tracker = Tracker(Served(folder))
        self.root = bearer(self.tracker.served.token("root", "admin", everywhere=True).secret)
        self.mia = bearer(self.tracker.served.token("mia", "maintainer").secret)
        self.vic = bearer(self.tracker.served.token("vic", "viewer").secret)
        self.tracker.ask("POST", f"{V3}/workspaces", {"name": "hidden"}, **self.root)
        self.give(self.root, "zoe", "MANAGE", "hidden")

    def give(self, who: dict[str, str], name: str, permission: str, workspace: str = "flights") -> None:
        body = {"username": name, "resource_type": "workspace", "resource_id": workspace, "permission": permission}
        self.tracker.say("POST", f"{USERS}/permissions/grant", body, **who)

    def permission(self, who: dict[str, str], name: str, kind: str = "experiment", thing: str = "0") -> Any:
        asked = {"username": name, "resource_type": kind, "resource_id": thing}
        return self.tracker.say("GET", f"{USERS}/permissions/get", asked, **who)


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    made = People(tmp_path)
    yield made
    made.tracker.served.close()


def test_no_password_is_taken(people: People) -> None:
    """Whoever chooses one is told how to get a token instead, and nobody is made."""
    for method, path in (("POST", "users/create"), ("PATCH", "users/update-password")):
        status, code, message = people.tracker.refused(
            method, path, {"username": "new", "password": "p"}, **people.root
        )
        assert (status, code) == (501, "NOT_IMPLEMENTED")
        assert "loopline issue" in message
        assert '"p"' not in message
    assert people.tracker.refused("GET", "users/get", {"username": "new"}, **people.root)[0] == 404


def test_users_are_told_to_who_may_know_them(people: People) -> None:
    """An admin knows everybody, a maintainer those of the project, anybody else themself: there or not, the rest is refused."""

    def listed(who: dict[str, str]) -> list[str]:
        return [one["username"] for one in people.tracker.say("GET", "users/list", **who)["users"]]

    assert listed(people.root) == ["mia", "root", "vic", "zoe"]
    assert listed(people.mia) == ["mia", "vic"]
    assert listed(people.vic) == ["vic"]
    for name in ("zoe", "nobody"):
        for who in (people.mia, people.vic):
            assert people.tracker.refused("GET", "users/get", {"username": name}, **who)[:2] == (
                403,
                "PERMISSION_DENIED",
            )
    assert people.tracker.refused("GET", "users/get", {"username": "nobody"}, **people.root)[:2] == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
    )
    one = people.tracker.say("GET", "users/get", {"username": "mia"}, **people.root)["user"]
    assert one == people.tracker.say("GET", "users/current", **people.mia)["user"]
    assert (one["username"], one["is_admin"], isinstance(one["id"], int)) == ("mia", False, True)


@pytest.mark.parametrize(
    ("given", "told", "allowed"),
    [("READ", "READ", False), ("USE", "EDIT", True), ("EDIT", "EDIT", True), ("MANAGE", "MANAGE", True)],
)
def test_a_permission_on_a_workspace_is_a_role(people: People, given: str, told: str, *, allowed: bool) -> None:
    """Who gets one may do what it says, on everything in the project and nothing elsewhere, until it is taken away."""
    people.give(people.mia, "new", given)
    for kind, thing in (("experiment", "0"), ("registered_model", "m"), ("workspace", "flights")):
        assert people.permission(people.mia, "new", kind, thing) == {"allowed": allowed, "permission": told}
    assert people.permission(people.root, "new", "workspace", "hidden") == {
        "allowed": False,
        "permission": "NO_PERMISSIONS",
    }
    body = {"username": "new", "resource_type": "workspace", "resource_id": "flights"}
    assert people.tracker.refused("POST", f"{USERS}/permissions/grant", {**body, "permission": given}, **people.mia)[
        1
    ] == ("RESOURCE_ALREADY_EXISTS")
    rows = people.tracker.say("GET", f"{USERS}/permissions/list", {"username": "new"}, **people.mia)["permissions"]
    assert [(one["workspace"], one["resource_type"], one["permission"]) for one in rows] == [
        ("flights", "workspace", told)
    ]
    people.tracker.say("POST", f"{USERS}/permissions/revoke", body, **people.mia)
    assert people.tracker.refused("POST", f"{USERS}/permissions/revoke", body, **people.mia)[0] == 404
    assert people.tracker.refused("GET", "users/get", {"username": "new"}, **people.root)[0] == 404


@pytest.mark.parametrize(
    ("kind", "thing", "permission", "status"),
    [
        ("experiment", "7", "EDIT", 501), ("registered_model", "*", "READ", 501), ("workspace", "flights", "DENY", 400),
        ("workspace", "flights", "NO_PERMISSIONS", 400), ("workspace", "flights", "OWN", 400), ("planet", "x", "READ", 400),
        ("workspace", "not there", "READ", 400), ("workspace", "not-there", "READ", 404),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_refused_by_name(
    people: People, kind: str, thing: str, permission: str, status: int
) -> None:
    """With what to do instead, and nobody is given anything."""
    body = {"username": "new", "resource_type": kind, "resource_id": thing, "permission": permission}
    assert people.tracker.refused("POST", f"{USERS}/permissions/grant", body, **people.root)[0] == status
    assert people.tracker.refused("GET", "users/get", {"username": "new"}, **people.root)[0] == 404


def test_nobody_gives_what_they_do_not_have(people: People) -> None:
    """A viewer gives nothing, a maintainer no admin and nothing elsewhere, and the last admin stays one."""
    body = {"username": "new", "resource_type": "workspace", "resource_id": "flights", "permission": "READ"}
    assert people.tracker.refused("POST", f"{USERS}/permissions/grant", body, **people.vic)[:2] == (
        403,
        "PERMISSION_DENIED",
    )
    for place in ("hidden", "nothing", "*"):
        said = people.tracker.refused(
            "POST", f"{USERS}/permissions/grant", {**body, "resource_id": place}, **people.mia
        )
        assert said[:2] == (403, "PERMISSION_DENIED")
    for who in (people.vic, people.mia):
        admin = {"username": "vic", "is_admin": True}
        assert people.tracker.refused("PATCH", "users/update-admin", admin, **who)[0] == 403
        assert people.tracker.refused("DELETE", "users/delete", {"username": "zoe"}, **who)[0] == 403
    last = {"username": "root", "is_admin": False}
    assert people.tracker.refused("PATCH", "users/update-admin", last, **people.root)[0] == 409
    assert people.tracker.refused("DELETE", "users/delete", {"username": "root"}, **people.root)[1] == "BAD_REQUEST"


def test_an_admin_is_made_and_unmade(people: People) -> None:
    """And may meanwhile do what an admin may."""
    for _ in range(2):  # asking twice is once
        people.tracker.say("PATCH", "users/update-admin", {"username": "vic", "is_admin": True}, **people.root)
    assert people.tracker.say("GET", "users/current", **people.vic)["user"]["is_admin"] is True
    assert people.tracker.say("GET", f"{USERS}/current/permissions", **people.vic)["is_admin"] is True
    for _ in range(2):
        people.tracker.say("PATCH", "users/update-admin", {"username": "vic", "is_admin": False}, **people.root)
    assert people.tracker.say("GET", "users/current", **people.vic)["user"]["is_admin"] is False


def test_who_is_deleted_is_shut_out(people: People) -> None:
    """Their tokens let nobody in any more, and nobody finds them."""
    people.tracker.say("DELETE", "users/delete", {"username": "vic"}, **people.root)
    assert people.tracker.ask("GET", "users/current", **people.vic).status_code == 401
    assert people.tracker.refused("GET", "users/get", {"username": "vic"}, **people.root)[0] == 404
    assert people.tracker.refused("DELETE", "users/delete", {"username": "vic"}, **people.root)[0] == 404


def test_services_and_assistants_are_users_too(people: People) -> None:
    """Under their whole names; the server itself is none."""
    people.give(people.root, "token:ci", "USE")
    assert (
        people.tracker.say("GET", "users/get", {"username": "token:ci"}, **people.root)["user"]["username"]
        == "token:ci"
    )
    for name in ("trigger:relay", "", " ", "x" * 300, "a\nb"):
        assert people.tracker.refused("GET", "users/get", {"username": name}, **people.root)[0] == 400


def test_a_token_that_reads_nothing_is_told_of_nobody_else(people: People) -> None:
    """Whatever its actor may do without it."""
    narrow = bearer(people.tracker.served.token("mia", scopes=("log:flights",)).secret)
    assert people.tracker.say("GET", "users/current", **narrow)["user"]["username"] == "mia"
    assert people.tracker.refused("GET", "users/list", **narrow)[0] == 403
    assert people.tracker.refused("GET", "users/get", {"username": "vic"}, **narrow)[0] == 403
    assert people.tracker.say("GET", f"{V3}/roles/list", **narrow) == {"roles": []}


def test_a_role_by_a_team_counts(people: People) -> None:
    """What somebody may do by a team is told, and stays when their own role goes."""
    grant(people.tracker.served.loop, "vic", "team/ml")
    grant(people.tracker.served.loop, "team/ml", "role/contributor")
    assert people.permission(people.vic, "vic")["permission"] == "EDIT"
    body = {"username": "vic", "resource_type": "workspace", "resource_id": "flights"}
    people.tracker.say("POST", f"{USERS}/permissions/revoke", body, **people.mia)
    assert people.permission(people.vic, "vic")["permission"] == "EDIT"
    roles = people.tracker.say("GET", f"{USERS}/roles/list", {"username": "vic"}, **people.vic)["roles"]
    assert [one["name"] for one in roles] == ["ml"]

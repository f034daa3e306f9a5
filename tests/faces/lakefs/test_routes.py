"""Every operation, once right and once refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.faces.lakefs.routes import OPERATIONS

if TYPE_CHECKING:
    from .conftest import Lake

R = "repositories/flights"
M = f"{R}/branches/main"
NO = "0" * 64
BRING = {"staging": {"physical_address": "loopline://uploads/1"}, "checksum": "x", "size_bytes": 1}
IMPORT: dict[str, Any] = {
    "paths": [{"type": "object", "path": "s3://elsewhere/a", "destination": "a"}],
    "commit": {"message": "in"},
}

REFUSED: list[tuple[str, str, Any, int]] = [
    ("POST", "auth/login", {"access_key_id": "x"}, 400),
    ("POST", "auth/external/principal/login", {}, 501),
    ("POST", "sts/login", {}, 501),
    ("GET", "repositories?amount=many", None, 400),
    ("GET", "repositories?amount=--5", None, 400),
    ("GET", "repositories?amount=%C2%B2", None, 400),
    ("POST", "repositories", {"name": "flights"}, 409),
    ("POST", "repositories", {"name": "No"}, 400),
    ("POST", "repositories", {"name": "fresh", "read_only": True}, 501),
    ("GET", "repositories/never", None, 404),
    ("GET", "repositories/ne~ver", None, 400),
    ("DELETE", "repositories/never", None, 404),
    ("GET", "repositories/never/metadata", None, 404),
    ("GET", "repositories/never/branches", None, 404),
    ("POST", f"{R}/branches", {"name": "dev", "source": "main"}, 409),
    ("POST", f"{R}/branches", {"name": "new", "source": "never"}, 404),
    ("POST", f"{R}/branches", {"name": "a~1", "source": "main"}, 400),
    ("GET", f"{R}/branches/never", None, 404),
    ("GET", f"{R}/branches/v1", None, 404),
    ("PUT", M, {"type": "object"}, 400),
    ("PUT", M, {"type": "object", "path": "never"}, 404),
    ("PUT", M, {"type": "other"}, 400),
    ("DELETE", M, None, 403),
    ("DELETE", f"{R}/branches/never", None, 404),
    ("GET", f"{R}/branches/never/diff", None, 404),
    ("POST", f"{M}/revert", {"ref": "never", "parent_number": 0}, 404),
    ("POST", f"{M}/revert", {"ref": "main", "parent_number": 5}, 400),
    ("POST", f"{M}/cherry-pick", {"ref": NO}, 404),
    ("POST", f"{M}/cherry-pick", {"ref": "main", "parent_number": 9}, 400),
    ("POST", f"{M}/commits", {"message": "nothing"}, 400),
    ("POST", f"{M}/commits", {"message": "x", "metadata": {"n": 1}}, 400),
    ("GET", f"{R}/commits/{NO}", None, 404),
    ("GET", f"{R}/refs/main~99/commits", None, 404),
    ("GET", f"{R}/refs/ma@in@7/commits", None, 400),
    ("GET", f"{R}/refs/v1$/objects/ls", None, 400),
    ("GET", f"{R}/refs/main/diff/never", None, 404),
    ("GET", f"{R}/refs/main/diff/dev?type=four", None, 400),
    ("POST", f"{R}/refs/main/merge/main", {}, 400),
    ("POST", f"{R}/refs/never/merge/main", {}, 404),
    ("POST", f"{R}/refs/dev/merge/main", {"strategy": "mine"}, 400),
    ("GET", f"{R}/refs/never/objects/ls", None, 404),
    ("GET", f"{R}/refs/main/objects/stat?path=never", None, 404),
    ("GET", f"{R}/refs/main/objects/stat", None, 400),
    ("GET", f"{R}/refs/main/objects?path=never", None, 404),
    ("HEAD", f"{R}/refs/main/objects?path=never", None, 404),
    ("POST", f"{M}/objects", b"x", 400),
    ("POST", f"{M}/objects?path=a/../b", b"x", 400),
    ("POST", f"{M}/objects?path=a/b/c", b"x", 409),
    ("POST", f"{M}/objects?path=c&storageClass=GLACIER", b"x", 501),
    ("POST", f"{R}/branches/v1/objects?path=c", b"x", 404),
    ("DELETE", f"{R}/branches/never/objects?path=a", None, 404),
    ("POST", f"{M}/objects/delete", {"paths": ["a"] * 1001}, 400),
    ("POST", f"{M}/objects/copy?dest_path=z", {"src_path": "never"}, 404),
    ("GET", f"{M}/staging/backing?path=a", None, 400),
    ("PUT", f"{M}/staging/backing?path=a", BRING, 400),
    ("POST", f"{M}/import", IMPORT, 403),
    ("POST", f"{M}/import", {**IMPORT, "paths": []}, 400),
    ("POST", f"{M}/commits", {"message": "a\0b"}, 400),
    ("POST", f"{M}/commits", {"message": "x", "metadata": {"\0": "v"}}, 400),
    ("POST", f"{M}/commits", {"message": "x", "date": 10**18}, 400),
    ("POST", f"{M}/commits", {"message": "x", "date": -1}, 400),
    ("POST", f"{M}/objects/delete", {"paths": ["\0"]}, 400),
    ("POST", f"{M}/import", {**IMPORT, "paths": [{**IMPORT["paths"][0], "path": "file:secret"}]}, 400),
    ("POST", f"{M}/import", {**IMPORT, "paths": [{**IMPORT["paths"][0], "path": "lakefs://never/main/a"}]}, 404),
    ("GET", f"{M}/import?id=1", None, 404),
    ("DELETE", f"{M}/import?id=1", None, 404),
    ("POST", f"{R}/tags", {"id": "v1", "ref": "main"}, 409),
    ("POST", f"{R}/tags", {"id": "v2", "ref": "never"}, 404),
    ("GET", f"{R}/tags/main", None, 404),
    ("DELETE", f"{R}/tags/never", None, 404),
    ("GET", f"{R}/refs/main/merge/never", None, 404),
    ("GET", "never", None, 501),
    ("PATCH", "repositories", None, 405),
    ("GET", f"{R}/refs/%FF/objects/ls", None, 400),
    ("GET", f"{R}/refs/main/objects/stat?path=a%00b", None, 400),
]  # fmt: skip


def test_what_is_wrong_is_refused_in_the_protocols_words(lake: Lake) -> None:
    """Unknown names are 404, what is no question 400, what is taken 409, and each says why as `message`; nothing is a defect."""
    lake.put("main", "a/b")
    lake.commit("main", "first")
    lake.branch("dev")
    lake.say("POST", f"{R}/tags", {"id": "v1", "ref": "main"})
    for method, path, body, status in REFUSED:
        answer = lake.ask(method, path, body)
        assert (answer.status_code, method == "HEAD" or bool(answer.json()["message"])) == (status, True), (
            method,
            path,
            answer.text,
        )
    assert lake.paths("refs/main/objects/ls") == ["a/b"]


def test_each_operation_is_refused_and_done_once() -> None:
    """No operation is served that the tables above and the story below leave out."""
    asked = {_pattern(method, path) for method, path, *_ in REFUSED}
    rest = {pattern for pattern in OPERATIONS if pattern not in asked}
    assert rest <= WITHOUT_REFUSAL, rest - WITHOUT_REFUSAL


WITHOUT_REFUSAL = {
    ("GET", "config"), ("GET", "healthcheck"), ("GET", "setup_lakefs"), ("GET", "user"), ("GET", "config/version"),
    ("GET", "config/storage"), ("GET", "repositories/{}/branches/{}/objects/stage_allowed"),
    ("GET", "repositories/{}/tags"), ("PUT", "repositories/{}/branches/{}/staging/bytes"),
}  # fmt: skip
"""What has nothing to refuse but strangers, or is refused as its neighbours are."""


def _pattern(method: str, path: str) -> tuple[str, str]:
    parts = path.partition("?")[0].split("/")
    for verb, pattern in OPERATIONS:
        words = pattern.split("/")
        if (
            verb == method
            and len(words) == len(parts)
            and all(w in ("{}", p) for w, p in zip(words, parts, strict=True))
        ):
            return verb, pattern
    return method, path


def test_a_repository_is_a_data_asset(lake: Lake) -> None:
    """What one door makes another finds; default branches, namespaces and a second life are as clients expect them."""
    made = lake.say(
        "POST", "repositories", {"name": "trains", "storage_namespace": "s3://any/x", "default_branch": "trunk"}
    )
    assert (made["id"], made["default_branch"], made["read_only"]) == ("trains", "trunk", False)
    assert lake.say("POST", "repositories?bare=true", {"name": "bare"})["default_branch"] == "main"
    assert lake.say("GET", "repositories/bare/branches/main") == {"id": "main", "commit_id": ""}
    assert lake.served.ask("PUT", "/s3/by-bucket").status_code == 200
    listed = lake.say("GET", "repositories?amount=2")
    assert [one["id"] for one in listed["results"]] == ["bare", "by-bucket"]
    assert listed["pagination"] == {"has_more": True, "next_offset": "by-bucket", "results": 2, "max_per_page": 1000}
    assert [one["id"] for one in lake.say("GET", "repositories?after=by-bucket&search=ai")["results"]] == ["trains"]
    assert lake.say("GET", "repositories/trains/metadata") == {}
    lake.say("DELETE", "repositories/trains")
    assert lake.ask("GET", "repositories/trains").status_code == 404
    assert lake.say("POST", "repositories", {"name": "trains"})["default_branch"] == "main"
    assert len(lake.say("GET", "repositories/trains/refs/main/commits")["results"]) == 1


def test_the_server_says_what_it_is(lake: Lake) -> None:
    """Configuration, version, health and who one is are answered as clients ask for them."""
    said = lake.say("GET", "config")
    assert (said["version_config"]["version"], said["storage_config"]["pre_sign_support"]) == ("1.70.0", False)
    assert lake.say("GET", "config/version")["version"] == "1.70.0"
    assert lake.say("GET", "config/storage")["import_support"] is True
    assert lake.ask("GET", "healthcheck").status_code == 204
    assert lake.say("GET", "setup_lakefs")["state"] == "initialized"
    assert "id" in lake.say("GET", "user")["user"]


def test_expressions_name_versions(lake: Lake) -> None:
    """Branches, tags, ids from twelve digits on, `~N`, `^N`, `@` and `$` mean what lakeFS means; names may hold a slash."""
    first = lake.say("GET", f"{R}/refs/main/commits")["results"][0]["id"]
    lake.put("main", "a")
    second = lake.commit("main", "second")
    assert lake.branch("one%2Ftwo".replace("%2F", "/")) == second
    lake.put("one%2Ftwo", "b")
    other = lake.commit("one%2Ftwo", "other")
    lake.put("main", "c")
    lake.commit("main", "third")
    merged = lake.say("POST", f"{R}/refs/one%2Ftwo/merge/main", {})["reference"]
    lake.say("POST", f"{R}/tags", {"id": "v1", "ref": "main"})
    for expression, found in (
        ("main", merged), ("v1", merged), (merged, merged), (merged[:12], merged), (first[:20], first), ("main~1~", second),
        ("main^2", other), ("v1^1~1", second), ("main~3", first), ("main@", merged), ("main$", merged), ("one%2Ftwo", other),
    ):  # fmt: skip
        assert lake.say("GET", f"{R}/commits/{expression}")["id"] == found, expression
    assert lake.ask("GET", f"{R}/commits/{merged[:11]}").status_code == 404
    lake.put("main", "d")
    assert lake.paths("refs/main/objects/ls") == ["a", "b", "c", "d"]
    assert lake.paths("refs/main@/objects/ls") == ["a", "b", "c"]
    assert lake.paths("refs/main$/objects/ls") == ["a", "b", "c", "d"]
    assert [one["path"] for one in lake.say("GET", f"{R}/refs/v1/diff/main$")["results"]] == ["d"]
    assert lake.say("GET", f"{R}/refs/v1/diff/main")["results"] == []

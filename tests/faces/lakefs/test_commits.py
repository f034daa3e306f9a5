"""Commits, logs, differences, merges, reverts: as clients of lakeFS expect them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.nouns.name import AssetName, Named, Pointer
from loopline.verbs.get import get
from loopline.verbs.merges import merges

if TYPE_CHECKING:
    import pytest

    from .conftest import Lake

R = "repositories/flights"
M = f"{R}/branches/main"


def log(lake: Lake, ref: str = "main", query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.say("GET", f"{R}/refs/{ref}/commits?{query}")["results"]
    return found


def differing(lake: Lake, path: str) -> list[tuple[str, str]]:
    return [(one["type"], one["path"]) for one in lake.say("GET", f"{R}/{path}")["results"]]


def both_changed(lake: Lake) -> None:
    """Let both main and dev have changed a, and each something else."""
    lake.put("main", "a")
    lake.commit("main", "first")
    lake.branch("dev")
    for branch, path in (("main", "m"), ("dev", "d")):
        lake.put(branch, "a", branch.encode())
        lake.put(branch, path)
        lake.commit(branch, f"{branch} changes a")


def test_a_commit_says_what_it_was_told(lake: Lake) -> None:
    """Message, metadata and date are kept; a revert's tree is an old one, and its commit's id is not."""
    lake.put("main", "a")
    words = {"k": "v", "notes": "1", "origin": "2", "key": "3", "first_parent": "4", "files": "5"}
    first = lake.commit("main", "first", metadata=words, date=1_700_000_000)
    said = lake.say("GET", f"{R}/commits/{first}")
    assert (said["message"], said["metadata"], said["creation_date"]) == ("first", words, 1_700_000_000)
    lake.put("main", "b")
    second = lake.commit("main", "second")
    lake.say("POST", f"{M}/revert", {"ref": second, "parent_number": 0})
    top = log(lake)[0]
    assert (top["meta_range_id"], top["parents"]) == (said["meta_range_id"], [second])
    assert len({one["id"] for one in log(lake)}) == 4
    empty = lake.commit("main", "nothing new", allow_empty=True)
    assert log(lake)[0]["id"] == empty
    version = get(lake.served.loop, Pointer(AssetName("flights", "data", "flights"), Named("main")))
    assert version.message == "nothing new"


def test_the_log_goes_on_and_chooses(lake: Lake) -> None:
    """Pages follow each other over merges, by their own offset or a commit's id; paths, times and first parents choose."""
    both_changed(lake)
    lake.say("POST", f"{R}/refs/dev/merge/main", {"strategy": "source-wins"})
    every = [one["id"] for one in log(lake)]
    assert len(every) == 5
    found: list[str] = []
    after = ""
    while True:
        said = lake.say("GET", f"{R}/refs/main/commits?amount=2&after={after}")
        found += [one["id"] for one in said["results"]]
        after = said["pagination"]["next_offset"]
        if not said["pagination"]["has_more"]:
            break
    assert found == every
    assert [one["id"] for one in log(lake, query=f"after={every[2]}")] == every[3:]
    assert [one["message"] for one in log(lake, query="objects=d")] == ["Merge 'dev' into 'main'", "dev changes a"]
    assert [one["message"] for one in log(lake, query="prefixes=m&prefixes=n")] == ["main changes a"]
    assert [one["id"] for one in log(lake, query="objects=m&amount=1&limit=true")] == [every[2]]
    assert "dev changes a" not in {one["message"] for one in log(lake, query="first_parent=true")}
    assert log(lake, query="since=2100-01-01T00:00:00Z") == []
    assert [one["id"] for one in log(lake, query=f"stop_at={every[1]}")] == every[:2]


def test_the_first_parent_is_the_branch_that_was_merged_into(lake: Lake) -> None:
    """Also where the other side is the older one, `^1` is where the branch stood, and a revert of a merge goes back there."""
    lake.put("main", "a")
    lake.commit("main", "first")
    lake.branch("dev")
    lake.put("main", "m")
    older = lake.commit("main", "older")
    lake.put("dev", "d")
    newer = lake.commit("dev", "newer")
    merged = lake.say("POST", f"{R}/refs/main/merge/dev", {"message": "into dev", "metadata": {"k": "v"}})["reference"]
    said = lake.say("GET", f"{R}/commits/{merged}")
    assert (said["parents"], said["message"], said["metadata"]) == ([newer, older], "into dev", {"k": "v"})
    assert lake.say("GET", f"{R}/commits/dev^2")["id"] == older
    assert lake.ask("POST", f"{R}/branches/dev/revert", {"ref": merged, "parent_number": 0}).status_code == 409
    lake.say("POST", f"{R}/branches/dev/revert", {"ref": merged, "parent_number": 1})
    assert lake.paths("refs/dev/objects/ls") == ["a", "d"]
    assert lake.say("GET", f"{R}/refs/main/merge/dev")["base_commit_id"] == older


def test_differences_have_two_dots_or_three(lake: Lake) -> None:
    """Three dots show what the right side has brought since both were one, and what clashes; two show what differs."""
    both_changed(lake)
    assert differing(lake, "refs/main/diff/dev") == [("conflict", "a"), ("added", "d")]
    assert differing(lake, "refs/main/diff/dev?type=two_dot") == [("changed", "a"), ("added", "d"), ("removed", "m")]
    lake.put("dev", "sub/x", b"x", x_lakefs_meta_k="v")
    lake.put("dev", "sub/y")
    lake.say("DELETE", f"{R}/branches/dev/objects?path=d")
    assert differing(lake, "branches/dev/diff") == [("removed", "d"), ("added", "sub/x"), ("added", "sub/y")]
    assert differing(lake, "branches/dev/diff?delimiter=/&amount=2") == [("removed", "d"), ("prefix_changed", "sub/")]
    assert differing(lake, "branches/dev/diff?prefix=sub/&after=sub/x") == [("added", "sub/y")]
    said = lake.say("GET", f"{R}/refs/main/diff/dev$?include_right_stats=true&prefix=sub/&amount=1")
    assert (said["results"][0]["right"]["metadata"], said["pagination"]["has_more"]) == ({"k": "v"}, True)
    lake.commit("dev", "sub")
    lake.put("dev", "sub/x", b"x", x_lakefs_meta_k="w")
    assert differing(lake, "branches/dev/diff") == [("changed", "sub/x")]
    lake.commit("dev", "only what is said of it")
    assert differing(lake, "refs/dev~1/diff/dev") == [("changed", "sub/x")]


def test_a_merge_that_clashes_leaves_nothing_behind(lake: Lake) -> None:
    """409 names the paths, the branch stays, no merge waits; a strategy chooses, a squash has one parent."""
    both_changed(lake)
    head = log(lake)[0]["id"]
    answer = lake.ask("POST", f"{R}/refs/dev/merge/main", {})
    assert (answer.status_code, answer.json()["reference"], answer.json()["paths"]) == (409, "", ["a"])
    assert (log(lake)[0]["id"], list(merges(lake.served.loop))) == (head, [])
    lake.say("POST", f"{R}/refs/dev/merge/main", {"strategy": "dest-wins", "squash_merge": True})
    assert lake.ask("GET", f"{R}/refs/main/objects?path=a").content == b"main"
    assert log(lake)[0]["parents"] == [head]
    lake.say("POST", f"{R}/refs/dev/merge/main", {"strategy": "source-wins"})
    assert lake.ask("GET", f"{R}/refs/main/objects?path=a").content == b"dev"
    assert lake.ask("POST", f"{R}/refs/dev/merge/main", {}).status_code == 400
    assert lake.say("POST", f"{R}/refs/dev/merge/main", {"allow_empty": True})["reference"] == log(lake)[0]["id"]


def test_a_pick_brings_one_commit(lake: Lake) -> None:
    """It has the message and metadata of what was picked, or those that are said; what clashes is 409, and nothing waits."""
    both_changed(lake)
    lake.put("dev", "only")
    picked = lake.commit("dev", "only this", metadata={"k": "v"})
    said = lake.say("POST", f"{M}/cherry-pick", {"ref": picked})
    assert (said["message"], said["metadata"], len(said["parents"])) == ("only this", {"k": "v"}, 1)
    assert lake.paths("refs/main/objects/ls") == ["a", "m", "only"]
    assert lake.ask("POST", f"{M}/cherry-pick", {"ref": picked}).status_code == 400
    assert lake.ask("POST", f"{M}/cherry-pick", {"ref": "dev~1"}).status_code == 409
    over = {
        "ref": log(lake)[1]["id"],
        "parent_number": 0,
        "commit_overrides": {"message": "away", "metadata": {"w": "x"}},
    }
    lake.say("POST", f"{M}/revert", over)
    assert (log(lake)[0]["message"], log(lake)[0]["metadata"]["w"]) == ("away", "x")
    assert lake.ask("POST", f"{M}/revert", over).status_code == 400
    assert lake.ask("POST", f"{M}/revert", {**over, "allow_empty": True}).status_code == 204


def test_a_reset_forgets_what_is_uncommitted(lake: Lake) -> None:
    """All of it, what is below a prefix, or one path and not the one whose name only begins so."""
    for path in ("a", "ab", "p/1"):
        lake.put("main", path)
    lake.commit("main", "first")
    for path in ("a", "ab", "p/1", "p/2", "new"):
        lake.put("main", path, b"again")
    lake.say("PUT", M, {"type": "object", "path": "a"})
    lake.say("PUT", M, {"type": "object", "path": "new"})
    assert differing(lake, "branches/main/diff") == [("changed", "ab"), ("changed", "p/1"), ("added", "p/2")]
    lake.say("PUT", M, {"type": "common_prefix", "path": "p/"})
    assert differing(lake, "branches/main/diff") == [("changed", "ab")]
    lake.say("PUT", M, {"type": "reset"})
    assert differing(lake, "branches/main/diff") == []


def test_tags_and_branches_are_told_apart(lake: Lake) -> None:
    """A tag is a fixed ref: it is listed, read and taken away as a tag, and no branch; deleted branches are gone."""
    lake.put("main", "a")
    head = lake.commit("main", "first")
    assert lake.say("POST", f"{R}/tags", {"id": "v1", "ref": head[:12]}) == {"id": "v1", "commit_id": head}
    lake.branch("dev")
    assert [one["id"] for one in lake.say("GET", f"{R}/branches")["results"]] == ["dev", "main"]
    assert [one["id"] for one in lake.say("GET", f"{R}/branches?prefix=d")["results"]] == ["dev"]
    assert lake.say("GET", f"{R}/tags")["results"] == [{"id": "v1", "commit_id": head}]
    assert lake.say("GET", f"{R}/tags/v1")["commit_id"] == head
    assert lake.ask("POST", f"{R}/branches/v1/commits", {"message": "x"}).status_code == 404
    lake.say("DELETE", f"{R}/tags/v1")
    lake.say("DELETE", f"{R}/branches/dev")
    assert lake.ask("GET", f"{R}/tags/v1").status_code == lake.ask("GET", f"{R}/branches/dev").status_code == 404


def test_a_log_that_chooses_goes_on_through_what_it_passes_over(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many commits have changed nothing of what is asked for: a page says that there is more, and the oldest is found."""
    monkeypatch.setattr("loopline.faces.lakefs.serving_commits._MOST", 2)
    for name in ("old", "b", "c", "d", "e"):
        lake.put("main", name)
        lake.commit("main", name)
    found, after = [], ""
    for _ in range(9):
        page = lake.say("GET", f"repositories/flights/refs/main/commits?objects=old&after={after}")
        found += [one["message"] for one in page["results"]]
        after = page["pagination"]["next_offset"]
        if not page["pagination"]["has_more"]:
            break
    assert found == ["old"]

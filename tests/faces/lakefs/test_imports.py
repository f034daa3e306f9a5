"""Files of this server's other repositories become the next commit of a branch, and nothing else can be imported."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from loopline.datasets.overlay import fold

if TYPE_CHECKING:
    from .conftest import Lake

R = "repositories/flights"
M = f"{R}/branches/main"
TRAINS = "repositories/trains/branches/main"


@pytest.fixture
def trains(lake: Lake) -> Lake:
    """Give a second repository with files, one of which is only staged."""
    lake.say("POST", "repositories", {"name": "trains"})
    for path in ("jan/a", "jan/b", "january", "feb/c"):
        lake.say("POST", f"{TRAINS}/objects?path={path}", path.encode(), Content_Type="text/x", x_lakefs_meta_k="v")
    lake.say("POST", f"{TRAINS}/commits", {"message": "trains"})
    lake.say("POST", f"{TRAINS}/objects?path=jan/staged", b"1")
    return lake


def begun(lake: Lake, *paths: tuple[str, str, str], **commit: Any) -> str:
    """Start an import and give its id."""
    rows = [{"type": kind, "path": path, "destination": into} for kind, path, into in paths]
    return str(lake.say("POST", f"{M}/import", {"paths": rows, "commit": {"message": "in", **commit}})["id"])


def ended(lake: Lake, name: str) -> dict[str, Any]:
    """Wait until an import is over, and give what is said of it."""
    said: dict[str, Any] = {}
    for _ in range(500):
        said = lake.say("GET", f"{M}/import?id={name}")
        if said["completed"] or "error" in said:
            return said
        time.sleep(0.01)
    raise AssertionError(said)


def test_files_come_with_what_is_said_of_them(trains: Lake) -> None:
    """Prefixes and single objects, of repositories and of buckets, in one commit; what was on the branch stays."""
    trains.put("main", "own")
    trains.commit("main", "own")
    name = begun(
        trains, ("common_prefix", "lakefs://trains/main@/jan/", "in/"), ("object", "s3://trains/main/feb/c", "c.csv"),
        metadata={"k": "v"},
    )  # fmt: skip
    said = ended(trains, name)
    assert (said["completed"], said["ingested_objects"]) == (True, 3)
    assert (said["commit"]["message"], said["commit"]["metadata"]) == ("in", {"k": "v"})
    assert trains.paths("refs/main@/objects/ls") == ["c.csv", "in/a", "in/b", "own"]
    stat = trains.say("GET", f"{R}/refs/main/objects/stat?path=in/a")
    assert (stat["content_type"], stat["metadata"], stat["size_bytes"]) == ("text/x", {"k": "v"}, 5)
    ended(trains, begun(trains, ("common_prefix", "lakefs://trains/main/jan", "all")))
    assert trains.paths("refs/main/objects/ls?prefix=all") == ["all/a", "all/b", "all/staged", "alluary"]


def test_what_cannot_be_is_said_by_the_status(trains: Lake) -> None:
    """A missing object and a path that would be file and folder end the import with a word, and the branch stays."""
    trains.put("main", "a")
    head = trains.commit("main", "own")
    for path, into, word in (
        ("never", "x", "not found"),
        ("feb/c", "a/b", "a file and a folder"),
        ("feb/c", "x//y", ""),
    ):
        said = ended(trains, begun(trains, ("object", f"lakefs://trains/main/{path}", into)))
        assert (said["completed"], word in said["error"]["message"]) == (False, True)
    assert trains.say("GET", M)["commit_id"] == head
    trains.put("main", "dirty")
    answer = trains.ask(
        "POST",
        f"{M}/import",
        {"paths": [{"type": "object", "path": "s3://trains/main/feb/c", "destination": "c"}], "commit": {}},
    )
    assert (answer.status_code, "dirty" in answer.text) == (400, True)


def test_an_import_can_be_cancelled_and_can_be_lost(trains: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled it commits nothing, and is not known any more; one whose process has ended says so after a while."""
    head = trains.say("GET", M)["commit_id"]
    goes, found = Event(), fold

    def waiting(*args: Any) -> Any:
        goes.wait(10)
        return found(*args)

    monkeypatch.setattr("loopline.faces.lakefs.serving_imports.fold", waiting)
    name = begun(trains, ("common_prefix", "lakefs://trains/main@/", "in/"))
    while trains.say("GET", f"{M}/import?id={name}")["ingested_objects"] < 4:
        time.sleep(0.01)
    assert trains.say("GET", f"{M}/import?id={name}")["completed"] is False
    trains.served.loop.clock.advance(seconds=600)  # type: ignore[attr-defined]
    assert "stopped" in trains.say("GET", f"{M}/import?id={name}")["error"]["message"]
    assert trains.ask("DELETE", f"{M}/import?id={name}").status_code == 204
    goes.set()
    trains.served.app.state.lakefs_imports.shutdown(wait=True)
    assert trains.ask("GET", f"{M}/import?id={name}").status_code == 404
    assert trains.say("GET", M)["commit_id"] == head

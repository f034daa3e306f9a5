"""Files of this server's other repositories, and of storage that it may read, become the next commit of a branch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from loopline.datasets.overlay import fold
from tests.server.serving import Served
from tests.store.test_foreign import in_folder

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


def ended(lake: Lake, name: str, **headers: str) -> dict[str, Any]:
    """Wait until an import is over, and give what is said of it."""
    said: dict[str, Any] = {}
    for _ in range(500):
        said = lake.say("GET", f"{M}/import?id={name}", **headers)
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


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Lake]:
    """Give a server that may register from one folder, which holds files; beside it is one from which it may not."""
    for name in ("raw/jan/a.csv", "raw/jan/b.csv", "raw/feb.csv", "secret/key"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(f"bytes of {name}".encode())
    (tmp_path / "raw" / "out").symlink_to(tmp_path / "secret")
    made = Lake(Served(tmp_path, blobs=in_folder(tmp_path / "store"), places=(f"{tmp_path}/raw",)))
    made.say("POST", "repositories", {"name": "flights"})
    yield made
    made.served.close()


def test_other_storage_is_registered_where_it_lies(away: Lake, tmp_path: Path) -> None:
    """A folder and a single file, as lakeFS has it: nothing is copied, and what is gone there is gone from the next import."""
    away.put("main", "in/old")
    away.put("main", "inside")
    away.commit("main", "own")
    raw = f"local://{tmp_path}/raw"
    said = ended(away, begun(away, ("common_prefix", f"{raw}/jan/", "in/"), ("object", f"{raw}/feb.csv", "two.csv")))
    assert (said.get("error"), said["ingested_objects"]) == (None, 3)
    assert away.paths("refs/main/objects/ls") == ["in/a.csv", "in/b.csv", "inside", "two.csv"]
    assert away.ask("GET", f"{R}/refs/main/objects?path=two.csv").content == b"bytes of raw/feb.csv"
    stored = b"".join(one.read_bytes() for one in (tmp_path / "store").rglob("*") if one.is_file())
    assert b"bytes of" not in stored
    (tmp_path / "raw" / "jan" / "b.csv").unlink()
    assert "error" not in ended(away, begun(away, ("common_prefix", f"{raw}/jan", "in")))
    assert away.paths("refs/main/objects/ls") == ["in/a.csv", "inside", "two.csv"]


def test_other_storage_is_read_only_where_the_setting_says(away: Lake, tmp_path: Path) -> None:
    """A place beside it, one behind two dots or a link, and a bucket that nobody named are refused before they are looked at."""
    for kind, path in (
        ("common_prefix", f"local://{tmp_path}/secret/"), ("common_prefix", f"local://{tmp_path}/raw/../secret/"),
        ("common_prefix", f"local://{tmp_path}/raw/out/"), ("object", f"local://{tmp_path}/raw/out/key"),
        ("object", f"local://{tmp_path}/secret/key"), ("common_prefix", "s3://prices/raw/"), ("object", "gs://prices/raw"),
    ):  # fmt: skip
        answer = away.ask(
            "POST", f"{M}/import", {"paths": [{"type": kind, "path": path, "destination": "x"}], "commit": {}}
        )
        assert (answer.status_code, "server.register_from" in answer.text) == (403, True), (path, answer.text)
    for kind, path in (("object", "raw/.."), ("object", "raw/"), ("object", "raw/never")):
        body = {"paths": [{"type": kind, "path": f"local://{tmp_path}/{path}", "destination": "x"}], "commit": {}}
        answer = away.ask("POST", f"{M}/import", body)
        assert answer.status_code in (400, 403) or "error" in ended(away, answer.json()["id"]), (path, answer.text)
    assert away.paths("refs/main/objects/ls") == []


def test_a_prefix_that_holds_nothing_empties_nothing(trains: Lake) -> None:
    """What was mistyped is told, and what lies where it would have gone stays."""
    trains.put("main", "in/own")
    head = trains.commit("main", "own")
    said = ended(trains, begun(trains, ("common_prefix", "lakefs://trains/main/jam/", "in/")))
    assert "not found" in said["error"]["message"]
    assert trains.say("GET", M)["commit_id"] == head


def test_an_import_that_waits_is_heard_of(trains: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that reads something large, or waits behind another, is not taken for one whose server has stopped."""
    goes, found, beaten = Event(), fold, Event()
    monkeypatch.setattr("loopline.faces.lakefs.serving_imports.BEAT_S", 0.01)
    monkeypatch.setattr("loopline.faces.lakefs.serving_imports.fold", lambda *args: (goes.wait(10), found(*args))[1])
    names = [begun(trains, ("object", "lakefs://trains/main/feb/c", one)) for one in ("c", "d")]
    trains.served.loop.clock.advance(seconds=600)  # type: ignore[attr-defined]
    beaten.wait(0.2)
    for name in names:
        assert "error" not in trains.say("GET", f"{M}/import?id={name}")
    goes.set()
    assert [ended(trains, name)["completed"] for name in names] == [True, True]


def test_a_bucket_of_s3_needs_no_right_to_its_name_here(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is kept to one asset imports from a bucket that the server may read, and from nothing beside it."""
    import obstore

    from loopline.store.objects import ObjectBlobs

    for key in ("raw/a", "raw/b/c", "secret/d"):
        obstore.put(ObjectBlobs(bucket)._store, key, key.encode())
    served = Served(tmp_path, blobs=in_folder(tmp_path / "store"), places=(f"{bucket}/raw",))
    lake = Lake(served)
    lake.say("POST", "repositories", {"name": "flights"})
    served.token("ann", "admin", everywhere=True)
    asset = "flights:data/flights"
    scopes = tuple(f"{one}:{asset}" for one in ("read", "write", "work"))
    bearer = f"Bearer {served.token('token:ci', 'contributor', scopes=scopes).secret}"
    rows = [{"type": "common_prefix", "path": f"{bucket}/raw/", "destination": ""}]
    for turn in ("raw/../secret/", "raw/%2e%2e/secret/", "secret/", "raw-2/"):
        wrong = {"paths": [{**rows[0], "path": f"{bucket}/{turn}"}], "commit": {}}
        assert lake.ask("POST", f"{M}/import", wrong, authorization=bearer).status_code in (400, 403)
    name = lake.say("POST", f"{M}/import", {"paths": rows, "commit": {}}, authorization=bearer)["id"]
    said = ended(lake, name, authorization=bearer)
    assert (said.get("error"), said["ingested_objects"]) == (None, 2)
    body = lake.ask("GET", f"{R}/refs/main/objects?path=b/c", authorization=bearer)
    assert body.content == b"raw/b/c"
    served.close()

"""A repository of lakeFS comes with its history, whole, once, and from where it was cut short. Our own face is the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from loopline.datasets.overlay import Overlay
from loopline.datasets.tree import Tree, build
from loopline.errors import Invalid, LooplineError, NotFound, Refused, Unavailable
from loopline.loop import Loop, silent
from loopline.nouns.entry import Entry
from loopline.nouns.imported import Imported
from loopline.nouns.name import AssetName, Named, Pointer
from loopline.nouns.staged import Staged
from loopline.nouns.version import FIRST_PARENT, Version
from loopline.sdk.client import Local
from loopline.sdk.lakefs import Lake, Login, find_login
from loopline.sdk.lakefs_import import GROUP, SMALL, LakeImport, grouped, ordered
from loopline.store.local import LocalBlobs
from loopline.testing.loop import loop as new_loop
from loopline.verbs.staging import NOTES
from tests.faces.lakefs.conftest import Lake as Door
from tests.server.serving import Served

R = "repositories/flights"
RAW = AssetName("flights", "data", "raw")


class Source:
    """A server of lakeFS with a repository that has a history, and whoever listens for it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.door = Door(Served(folder, key=lambda: b"k" * 32))
        self.door.say("POST", "repositories", {"name": "flights"})
        self._server = uvicorn.Server(
            uvicorn.Config(self.door.served.app, port=0, log_config=None, lifespan="off", ws="none")
        )
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}/lakefs"

    def lake(self) -> Lake:
        """Give it as the import asks it."""
        return Lake(find_login({}, endpoint=self.url), "flights")

    def fill(self) -> None:
        """Let it have two lines that were merged, a tag, types and metadata, and something that is uncommitted."""
        door = self.door
        door.put("main", "a.csv", b"1", Content_Type="text/csv", x_lakefs_meta_k="v")
        door.put("main", "big", bytes(3 << 20))
        door.put("main", "gone", b"gone")
        door.commit("main", "first", metadata={"month": "july", "notes": "mine"}, date=1_700_000_000)
        door.branch("dev")
        door.put("main", "m", b"m")
        door.commit("main", "on main")
        door.put("dev", "dir/d", b"dev")
        door.say("DELETE", f"{R}/branches/dev/objects?path=gone")
        door.commit("dev", "on dev")
        door.say("POST", f"{R}/refs/main/merge/dev", {"message": "main into dev"})
        door.say("POST", f"{R}/tags", {"id": "v1", "ref": "dev"})
        door.put("main", "uncommitted")

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self.door.served.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    made = Source(tmp_path / "source")
    yield made
    made.close()


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    return new_loop("flights", blobs=LocalBlobs(tmp_path / "here"), work=tmp_path / "here" / "cache")


def bring(source: Source, loop: Loop, **asked: Any) -> Imported:
    return LakeImport(Local(loop), source.lake(), RAW, report=silent, **asked).run()


def versions(loop: Loop) -> list[Version]:
    found: tuple[Version, ...] = Local(loop).do("history", "data/raw", limit=1000)
    return list(reversed(found))


def files(loop: Loop, ref: str) -> dict[str, int]:
    version: Version = Local(loop).do("get", Pointer(RAW, Named(ref)))
    return {one.path: one.size for one in Tree(loop.blobs, version.artifact.digest).iter()}


def test_a_history_comes_as_it_was(source: Source, loop: Loop) -> None:
    """Messages, times, committers, metadata, parents, types and bytes are those of there; what is uncommitted stays."""
    source.fill()
    told = bring(source, loop, dry=True)
    assert (told.commits, told.known, told.dry, told.objects) == (5, 0, True, 0)
    told = bring(source, loop)
    assert (told.commits, told.branches, told.tags, told.waiting) == (5, ("dev", "main"), ("v1",), ())
    assert (told.objects, told.left) == (5, ("main: what is uncommitted there",))
    found = versions(loop)
    assert [one.message for one in found] == ["Repository created", "first", "on main", "on dev", "main into dev"]
    assert (found[1].metadata["month"], found[1].metadata["lakefs_notes"]) == ("july", "mine")
    assert found[1].metadata["origin"]["recorded_at"] == 1_700_000_000_000_000
    assert (found[4].parents, found[4].metadata[FIRST_PARENT], found[4].line) == ((3, 4), 4, (4, 3))
    assert files(loop, "main") == {"a.csv": 1, "big": 3 << 20, "gone": 4, "m": 1}
    assert files(loop, "v1") == files(loop, "dev") == {"a.csv": 1, "big": 3 << 20, "dir/d": 3, "m": 1}
    notes = Tree(loop.blobs, found[1].metadata[NOTES]).get("f/a.csv")
    assert loop.blobs.read(notes.digest) == b'{"meta":{"k":"v"},"type":"text/csv"}'


def test_an_old_id_finds_its_version_on(source: Source, tmp_path: Path) -> None:
    """Served again, the log says what it said there, and each commit is found by the id that it had, and by its new one."""
    source.fill()
    (tmp_path / "there").mkdir()
    here = Door(Served(tmp_path / "there"))
    LakeImport(Local(here.served.loop), source.lake(), AssetName("flights", "data", "flights"), report=silent).run()
    logs = [
        [door.say("GET", f"{R}/refs/{ref}/commits")["results"] for ref in ("main", "dev")]
        for door in (source.door, here)
    ]
    for old, new in zip(*logs, strict=True):
        for was, now in zip(old, new, strict=True):
            for name in ("message", "committer", "creation_date", "meta_range_id"):
                assert was[name] == now[name]
            assert now["metadata"]["lakefs_commit"] == was["id"]
            assert here.say("GET", f"{R}/commits/{was['id']}")["id"] == now["id"]
            assert len(was["parents"]) == len(now["parents"])
    assert here.say("GET", f"{R}/commits/dev^2")["message"] == "on main"
    assert here.ask("GET", f"{R}/refs/dev/objects?path=a.csv").headers["x-lakefs-meta-k"] == "v"
    here.served.close()


def test_what_is_here_is_not_brought_again(source: Source, loop: Loop) -> None:
    """A second look brings nothing; a later one what is new, moves what comes from where it stood, and says what does not."""
    source.fill()
    bring(source, loop)
    told = bring(source, loop)
    assert (told.commits, told.known, told.objects, len(versions(loop))) == (0, 5, 0, 5)
    source.door.commit("main", "later")
    Local(loop).do("commit", "data/raw@dev", message="on our own", allow_empty=True)
    source.door.put("dev", "dir/e", b"e")
    source.door.commit("dev", "later on dev")
    told = bring(source, loop)
    assert (told.commits, told.objects, told.branches, told.left) == (2, 2, ("main",), ())
    assert [one.partition(":")[0] for one in told.waiting] == ["data/raw@dev"]
    assert files(loop, "main")["uncommitted"] == 1


def test_who_is_cut_short_goes_on(source: Source, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """No object is read twice, no commit becomes two versions, and no ref moves before all of its history is here."""
    source.fill()
    read = Lake.read
    left = [4]

    def counted(self: Lake, ref: str, path: str) -> Iterator[bytes]:
        left[0] -= 1
        if left[0] < 0:
            raise Unavailable("gone", kind="source-unreachable", hint="again")
        return read(self, ref, path)

    monkeypatch.setattr("loopline.sdk.lakefs.Lake.read", counted)
    with pytest.raises(Unavailable):
        bring(source, loop)
    assert [one.message for one in versions(loop)][:2] == ["Repository created", "first"]
    assert len(versions(loop)) == 3
    with pytest.raises(NotFound):
        files(loop, "main")
    left[0] = 2
    told = bring(source, loop)
    assert (told.commits, told.known, told.branches) == (2, 3, ("dev", "main"))
    assert not list((loop.work).glob("import-*"))


def test_what_was_read_of_a_commit_is_remembered(source: Source, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its version was not made: its objects are not read again while they are here."""
    source.fill()
    put = Local.do

    def failing(self: Local, verb: Any, *args: Any, **asked: Any) -> Any:
        if getattr(verb, "__name__", "") == "put" and asked["message"] == "first":
            raise Unavailable("full", kind="disk-full", hint="make room")
        return put(self, verb, *args, **asked)

    with monkeypatch.context() as patched:
        patched.setattr(Local, "do", failing)
        with pytest.raises(Unavailable):
            bring(source, loop)
    assert bring(source, loop).objects == 2


def test_what_no_tree_can_hold_is_said_or_left_out(source: Source, loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that cannot be is named with the way on, and so is an object that is not what was said of it."""
    source.fill()
    rows, get = Lake.rows, Lake.get

    def renamed(self: Lake, path: str, **query: str) -> Iterator[dict[str, Any]]:
        return ({**row, "path": "a//b"} if row.get("path") == "m" else row for row in rows(self, path, **query))

    def damaged(self: Lake, path: str, query: Mapping[str, str] | None = None) -> Any:
        found = get(self, path, query)
        return {**found, "checksum": "0" * 32} if path.endswith("/stat") else found

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "get", damaged)
        with pytest.raises(Unavailable) as odd:
            bring(source, loop)
    assert (odd.value.kind, odd.value.facts["path"]) == ("source-changed", "a.csv")
    monkeypatch.setattr(Lake, "rows", renamed)
    with pytest.raises(Invalid) as caught:
        bring(source, loop)
    assert (caught.value.kind, "--leave-out" in caught.value.hint) == ("bad-path", True)
    assert bring(source, loop, leave=("a//*", "dir/*")).left[:2] == ("a//b: left out", "dir/d: left out")
    assert files(loop, "dev") == {"a.csv": 1, "big": 3 << 20}


@pytest.mark.parametrize("told", [1, SMALL + 1])
def test_no_more_is_read_than_was_said(loop: Loop, monkeypatch: pytest.MonkeyPatch, told: int) -> None:
    """A server that sends without an end fills neither the memory nor the store."""
    sent = iter(lambda: bytes(1 << 16), None)
    monkeypatch.setattr(Lake, "read", lambda *_: sent)
    coming = LakeImport(Local(loop), Lake(Login("http://127.0.0.1:9"), "flights"), RAW, report=silent)
    with pytest.raises(Unavailable) as caught:
        coming._one("c", {"path": "a", "size_bytes": told})
    assert caught.value.kind == "source-changed"
    assert list(loop.blobs.iter()) == []


def test_parents_come_first_and_old_ones_before_new() -> None:
    """Whatever order a server lists commits in."""
    rows = {
        "d": {"parents": ["b", "c"], "creation_date": 1}, "b": {"parents": ["a"], "creation_date": 9},
        "c": {"parents": ["a", "a"], "creation_date": 3}, "a": {"parents": ["unknown"], "creation_date": 5},
    }  # fmt: skip
    assert ordered(rows) == ["a", "c", "b", "d"]


def test_groups_are_bounded() -> None:
    """By their number, and by the bytes of what is kept in memory: large objects go straight to the store."""
    assert [len(group) for group in grouped([{"size_bytes": 1}] * (GROUP + 3))] == [GROUP, 3]
    assert [len(group) for group in grouped([{"size_bytes": SMALL}] * 130)] == [64, 64, 2]
    assert [len(group) for group in grouped([{"size_bytes": SMALL + 1}, {}] * 3)] == [6]


@pytest.mark.parametrize(("here", "path"), [("a", "a/b"), ("a/b/c", "a/b")])
def test_an_object_below_another_one_is_named(loop: Loop, here: str, path: str) -> None:
    """lakeFS has room for both, a tree has not: no file goes for another one."""
    digest = loop.blobs.put(b"x")
    root = build(loop.blobs, [Entry(here, digest, 1)])
    coming = LakeImport(Local(loop), Lake(Login("http://127.0.0.1:9"), "flights"), RAW, report=silent)
    coming._fits(Overlay(loop.blobs, root, None, ()), [Staged(here, Entry(here, digest, 1))])
    with pytest.raises(Invalid) as caught:
        coming._fits(Overlay(loop.blobs, root, None, ()), [Staged(path, Entry(path, digest, 1))])
    assert caught.value.kind == "file-is-folder"


def test_a_login_is_found_where_lakectl_finds_it(tmp_path: Path) -> None:
    """Variables go before the file, the flag before both; without any of them it is asked for."""
    file = tmp_path / ".lakectl.yaml"
    file.write_text(
        "# made by lakectl\ncredentials:\n    access_key_id: AKIA  # mine\n    secret_access_key: 'se/cret='\n"
        "server:\n    endpoint_url: https://lake.example.org/api/v1\n"
    )
    home = {"HOME": str(tmp_path)}
    assert find_login(home) == Login("https://lake.example.org/api/v1", "AKIA", "se/cret=")
    assert "cret" not in repr(find_login(home))
    over = {**home, "LAKECTL_CREDENTIALS_ACCESS_KEY_ID": "other", "LAKECTL_SERVER_ENDPOINT_URL": "http://a:1"}
    assert find_login(over) == Login("http://a:1/api/v1", "other", "se/cret=")
    assert find_login(over, endpoint="http://b:2/").url == "http://b:2/api/v1"
    with pytest.raises(Invalid):
        find_login({"HOME": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("change", "error", "kind"),
    [
        ({}, Refused, "source-refused"),
        ({"repository": "never"}, NotFound, "source-missing"),
        ({"port": 9}, Unavailable, "source-unreachable"),
    ],
)
def test_a_server_that_does_not_answer_is_named_without_the_key(
    source: Source, change: dict[str, Any], error: type[LooplineError], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is refused, what is missing, and what cannot be reached are told apart; no error holds the secret."""
    monkeypatch.setattr("loopline.sdk.lakefs.TRIES", 0)
    known = source.door.served.token("ann", "viewer").token.id if kind == "source-refused" else "AKIA"
    url = f"http://127.0.0.1:{change['port']}/api/v1" if "port" in change else f"{source.url}/api/v1"
    lake = Lake(Login(url, known, "se-cret"), change.get("repository", "flights"))
    with pytest.raises(error) as caught:
        lake.get("")
    assert caught.value.kind == kind
    assert "se-cret" not in f"{caught.value} {caught.value.facts} {caught.value.__cause__}"

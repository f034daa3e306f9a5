"""Versions go by way of a registry of OCI images, and nothing that a registry says is believed unseen."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.datasets.tree import build
from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Unavailable
from loopline.loop import silent
from loopline.nouns.change import Published
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.name import AssetName, parse_pointer
from loopline.nouns.progress import Progress
from loopline.nouns.transfer import Transfer
from loopline.sdk import layers, oci, registry
from loopline.sdk.registry import IMAGE, Pace, Registry
from loopline.sdk.repository import parse_repository
from loopline.sdk.sharing import Sharing, shared_at
from loopline.verbs.staging import notes_of
from tests.datasets.test_sending import many, whole
from tests.sdk.test_sharing import Project, noted
from tests.store.conftest import Between, Fault

NUMBERS = count()
FEW = {
    "a.csv": b"x\n1\n",
    "jan/run.sh": b"#!/bin/sh\n",
    "jan/same": b"x\n1\n",
    "\u00fc b": b"",
    "large": os.urandom(3 << 20),
}
MANY = many(400) | {"large": os.urandom(2 << 20)}


class Team:
    """Two projects and a repository between them."""

    def __init__(self, host: str, home: Path) -> None:
        self.home = home
        self.address = f"oci://{host}/team/flights{next(NUMBERS)}"
        self.ann, self.bo = Project("flights", home / "ann", "ann"), Project("trains", home / "bo", "bo")

    def push(self, what: str = "data/flights", address: str = "", *, dry: bool = False, **asked: Any) -> Transfer:
        """Push what Ann has."""
        there = shared_at(address or self.address, self.home / "there", new=True)
        return Sharing(self.ann.client, there, report=silent, dry=dry).push(
            parse_pointer(what, project="flights"), **asked
        )

    def pull(self, what: str = "data/flights", address: str = "", **asked: Any) -> Published:
        """Pull to Bo."""
        there = shared_at(address or self.address, self.home / "here", new=False)
        got = Sharing(self.bo.client, there, report=silent).pull(parse_pointer(what, project="trains"), **asked)
        assert isinstance(got, Published)
        return got

    def registry(self) -> Registry:
        """Give the registry itself."""
        return Registry(parse_repository(self.address), writing=True, pace=Pace(tries=1))

    def manifest(self, tag: str = "main") -> dict[str, Any]:
        """Read what a tag names."""
        found = self.registry().manifest(tag)
        assert found is not None
        said: dict[str, Any] = json.loads(found[0])
        return said


@pytest.fixture
def team(oci_host: str, tmp_path: Path) -> Iterator[Team]:
    """Give two projects and an empty repository."""
    both = Team(oci_host, tmp_path)
    yield both
    both.ann.client.close()
    both.bo.client.close()


@pytest.fixture
def stand(oci_host: str, team: Team) -> Iterator[Between]:
    """Stand between the team and the registry."""
    between = Between(f"http://{oci_host}")
    team.address = team.address.replace(oci_host, between.address.removeprefix("http://")).replace("oci:", "oci+http:")
    yield between
    between.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be patient."""
    monkeypatch.setattr(registry, "Pace", lambda **asked: Pace(**{"tries": 2, "pause": 0.001, "longest": 0.01} | asked))


@pytest.mark.parametrize("files", [FEW, MANY, {}], ids=["few", "many", "none"])
def test_a_version_arrives(team: Team, files: dict[str, bytes]) -> None:
    """It has the same tree in another project; again, both ways, nothing is sent; what a tag says is for people, too."""
    version = team.ann.add(files)
    dry = team.push(dry=True)
    sent = team.push()
    assert (sent.branch, sent.blobs, dry.blobs) == ("main", dry.blobs, sent.blobs)
    got = team.pull()
    assert got.version.artifact == version.artifact
    assert team.bo.files() == files
    assert got.version.metadata["origin"]["store"] == team.address
    assert (team.push().blobs, team.pull().change) == (0, None)
    said = team.manifest()
    assert (said["artifactType"], said["annotations"]["vnd.loopline.asset"]) == (oci.DATA, "data/flights")
    assert said["annotations"]["vnd.loopline.root"] == version.artifact.digest


def test_few_files_are_layers(team: Team) -> None:
    """Each file is a layer with its path as title, and whether it may be executed arrives."""
    blobs = team.ann.client.blobs
    entries = [Entry("a", blobs.put(b"x"), 1), Entry("run.sh", blobs.put(b"y"), 1, 0o755)]
    team.ann.client.do(
        "add", AssetName("flights", "data", "flights"), tree=build(blobs, entries), branch="main", message="m"
    )
    team.push()
    assert [one["annotations"][oci.TITLE] for one in team.manifest()["layers"]] == ["a", "run.sh"]
    assert team.pull().version.artifact.digest == team.ann.client.do("get", "data/flights").artifact.digest


def test_a_new_version_costs_what_differs(team: Team) -> None:
    """Of many files only the changed ones and their nodes go, in a pack more; a pull reads no more than it lacks."""
    team.ann.add(MANY)
    team.push()
    team.pull()
    team.ann.add(MANY | {"new": b"by ann"})
    sent = team.push()
    assert sent.blobs == 3
    assert sent.bytes < 40_000
    assert len(team.manifest()["layers"]) == 4
    assert team.pull().version.number == 2
    assert team.bo.files()["new"] == b"by ann"
    assert team.push(address=f"{team.address}:stable").bytes == 0
    assert team.push("data/flights@1", f"{team.address}:old").branch == "old"
    assert team.pull("data/flights", f"{team.address}:old", branch="old").version.number == 3
    assert team.bo.files("data/flights@old") == MANY


def test_too_much_that_nobody_wants_is_left_behind(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where most of what the layers hold is of versions before, the next one is packed anew."""
    monkeypatch.setattr(oci, "_ROOM", 0)
    monkeypatch.setattr(oci, "FEW", 3)
    files = {f"f{number}": os.urandom(3000) for number in range(9)}
    for round_ in range(6):
        team.ann.add({name: bytes([round_]) * 100 + data for name, data in files.items()})
        team.push()
    assert len(team.manifest()["layers"]) < 8
    team.pull()
    assert team.bo.files() == team.ann.files()


CONTENTS = st.dictionaries(
    st.sampled_from([f"{a}/{b}" for a in "ab" for b in range(8)]), st.binary(max_size=3), max_size=16
)


@settings(max_examples=3, deadline=None)
@given(st.lists(CONTENTS, min_size=1, max_size=3))
def test_whatever_is_pushed_arrives(
    oci_host: str, tmp_path_factory: pytest.TempPathFactory, versions: list[dict[str, bytes]]
) -> None:
    """Few files or many, growing or shrinking, each version arrives as it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oci, "FEW", 6)
        patch.setattr(layers, "PACK", 20)
        team = Team(oci_host, tmp_path_factory.mktemp("team"))
        for files in versions:
            version = team.ann.add(files)
            team.push()
            assert team.pull().version.artifact == version.artifact
            assert team.bo.files() == files
        team.ann.client.close()
        team.bo.client.close()


def test_a_tag_goes_only_forward(team: Team) -> None:
    """Where somebody else has gone on, or it is ahead already, nothing is sent and the tag stays."""
    team.ann.add(FEW)
    team.push()
    team.pull()
    team.ann.add(FEW | {"by": b"ann"})
    team.push()
    with pytest.raises(Conflict) as caught:
        team.push("data/flights@1", f"{team.address}:main")
    assert (caught.value.kind, team.manifest()["annotations"]["org.opencontainers.image.version"]) == ("tag-ahead", "2")
    team.bo.add(FEW | {"by": b"bo"})
    with pytest.raises(Conflict) as caught:
        team.pull()
    assert caught.value.kind == "diverged"
    team.ann, team.bo = team.bo, team.ann
    pointer = parse_pointer("data/flights", project="trains")
    with pytest.raises(Conflict) as caught:
        Sharing(team.ann.client, shared_at(team.address, team.home, new=True), report=silent).push(pointer)
    assert caught.value.kind == "diverged"


def test_somebody_else_may_be_faster(team: Team, stand: Between) -> None:
    """A tag that moves while one sends is not moved back; what was sent is there for the next try."""
    team.ann.add(FEW)
    team.push()
    team.ann.add(FEW | {"more": b"1"})
    other = team.registry()
    said = other.manifest("main")
    assert said is not None
    looks: list[str] = []

    def wrong(method: str, path: str) -> Fault:
        if method == "GET" and path.endswith("/manifests/main"):
            looks.append(path)
            if len(looks) == 2:
                return 200, said[0] + b" ", {"Content-Type": IMAGE}
        return None

    stand.wrong = wrong
    with pytest.raises(Conflict) as caught:
        team.push()
    assert caught.value.kind == "ref-moved"
    stand.wrong = lambda _method, _path: None
    assert team.push().bytes == 0


def test_what_is_no_version_is_not_overwritten(team: Team) -> None:
    """An image under the tag stays where it is."""
    there = team.registry()
    there.put(digest_of(b"{}"), b"{}")
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b"{}"), "size": 2}
    there.put_manifest(
        "main", json.dumps({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": []}).encode()
    )
    team.ann.add(FEW)
    with pytest.raises(Conflict) as caught:
        team.push()
    assert caught.value.kind == "tag-taken"
    assert team.manifest()["config"]["mediaType"] == config["mediaType"]
    with pytest.raises(Unavailable) as unreadable:
        team.pull()
    assert unreadable.value.kind == "manifest-unreadable"


@pytest.mark.parametrize("files", [FEW, MANY], ids=["few", "many"])
def test_another_repository_gives_its_layers(team: Team, files: dict[str, bytes]) -> None:
    """What went to one repository of a registry is not sent to the next."""
    team.ann.add(files)
    team.push()
    sent = team.push(address=f"{team.address}-public")
    assert sent.bytes == 0
    team.pull(address=f"{team.address}-public")
    assert team.bo.files() == files


@pytest.mark.parametrize("files", [FEW, MANY], ids=["few", "many"])
def test_who_is_stopped_goes_on(
    team: Team, stand: Between, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> None:
    """A push that is cut off leaves no tag, and the next one sends what has not arrived."""
    monkeypatch.setattr(layers, "PACK", 2_000)
    team.ann.add(files)
    puts: list[str] = []

    def wrong(method: str, path: str) -> Fault:
        puts.extend([path] if method == "PUT" else [])
        return (403, b"") if len(puts) > 4 and method in {"PUT", "PATCH"} else None

    stand.wrong = wrong
    with pytest.raises(Unavailable):
        team.push()
    stand.wrong = lambda _method, _path: None
    assert team.registry().manifest("main") is None
    first = len(puts)
    puts.clear()
    stand.wrong = lambda method, path: puts.extend([path] if method == "PUT" else [])
    team.push()
    assert first >= 5
    total = 2 + len(team.manifest()["layers"])
    assert len(puts) <= total - 4
    team.pull()
    assert team.bo.files() == files


def answering(part: str, text: bytes) -> Callable[[str, str], Fault]:
    """Give every path with that part the same answer."""
    return lambda method, path: (200, text) if part in path and method == "GET" else None


def lie(team: Team, **changed: Any) -> None:
    """Let the tag name something that is not what it says."""
    said = team.manifest() | changed
    team.registry().put_manifest("main", json.dumps(said).encode())


def layer(data: bytes, kind: str = "application/octet-stream", **said: Any) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)} | said


LIES: tuple[Callable[[Any], Any], ...] = (
    lambda one: one["layers"].pop(),
    lambda one: one["layers"][0]["annotations"].update({oci.TITLE: "../../etc/passwd"}),
    lambda one: one["layers"][0]["annotations"].update({oci.TITLE: "/etc/passwd"}),
    lambda one: one["layers"][0]["annotations"].update({oci.TITLE: "jan/../a"}),
    lambda one: one["layers"][0]["annotations"].update({oci.TITLE: one["layers"][1]["annotations"][oci.TITLE]}),
    lambda one: one["layers"][0].pop("annotations"),
    lambda one: one["layers"][0].update(size=5),
    lambda one: one["layers"][0].update(size=-1),
    lambda one: one["layers"][0].update(size=2**64),
    lambda one: one["layers"][0].update(digest=one["layers"][1]["digest"]),
    lambda one: one["layers"][0].update(mediaType="application/vnd.oci.image.layer.v1.tar+gzip"),
    lambda one: one["layers"][0].update(mediaType="application/vnd.loopline.pack.v1"),
    lambda one: one["layers"].reverse() or one["layers"][0]["annotations"].update({oci.EXECUTABLE: "true"}),
    lambda one: one.update(artifactType="application/vnd.other"),
    lambda one: one["config"].update(size=3),
    lambda one: one["config"].update(size=2**40),
    lambda one: one["config"].update(digest="sha512:" + "0" * 128),
    lambda one: one["config"].update(digest="../../blobs"),
    lambda one: one["config"].update(mediaType="application/vnd.oci.image.config.v1+json"),
    lambda one: one.update(layers="many"),
)


def test_a_manifest_that_lies_is_refused(team: Team, stand: Between) -> None:
    """Whatever is changed in it, there is an error of ours and no version."""
    team.ann.add(FEW)
    team.push()
    lied: list[bytes] = []
    stand.wrong = lambda method, path: (
        (200, lied[-1], {"Content-Type": IMAGE}) if lied and "/manifests/" in path and method == "GET" else None
    )
    true = json.dumps(team.manifest())
    for number, change in enumerate(LIES):
        said = json.loads(true)
        change(said)
        lied.append(json.dumps(said).encode())
        with pytest.raises(LooplineError) as caught:
            team.pull()
        assert caught.value.kind in {"manifest-unreadable", "blob-corrupt", "blob-missing"}, number
    assert team.bo.client.do("ls") == ()


def test_what_is_no_manifest_is_refused(team: Team, stand: Between) -> None:
    """Neither nesting nor length nor nonsense does more than an error."""
    team.ann.add(FEW)
    for text in (b"", b"[]", b"null", b"[" * 100_000, b"\xff", b"{}", b"x" * (5 << 20)):
        stand.wrong = answering("/manifests/", text)
        with pytest.raises(Unavailable):
            team.pull()
        with pytest.raises(Conflict):
            team.push()


def test_a_digest_names_what_it_names(team: Team, stand: Between) -> None:
    """By its digest a manifest is pulled only if it has it; nothing is pushed to a digest."""
    team.ann.add(FEW)
    team.push()
    found = team.registry().manifest("main")
    assert found is not None
    address = f"{team.address}@{digest_of(found[0])}"
    stand.wrong = lambda method, path: (200, found[0] + b" ") if "/manifests/" in path and method == "GET" else None
    with pytest.raises(Unavailable) as caught:
        team.pull(address=address)
    assert caught.value.kind == "blob-corrupt"
    stand.wrong = lambda _method, _path: None
    assert team.pull(address=address).version.number == 1
    with pytest.raises(Invalid) as refused:
        team.push(address=address)
    assert refused.value.kind == "bad-tag"


def test_a_damaged_layer_names_the_file(team: Team, stand: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who pulls is told which file is damaged there, and gets no version."""
    monkeypatch.setattr(oci, "SMALL", 1 << 20)
    team.ann.add(MANY)
    team.push()
    large = digest_of(MANY["large"])
    stand.wrong = lambda method, path: (200, b"?" * 100) if large in path and method == "GET" else None
    packs = [one["digest"] for one in team.manifest()["layers"] if one["mediaType"].endswith(".pack.v1")]
    with pytest.raises(LooplineError) as caught:
        team.pull()
    assert (caught.value.kind, caught.value.facts["path"]) == ("blob-corrupt", "large")
    stand.wrong = lambda method, path: (206, b"?" * (4 << 20)) if packs[0] in path and method == "GET" else None
    with pytest.raises(LooplineError) as caught:
        team.pull()
    assert caught.value.kind == "blob-corrupt"
    assert team.bo.client.do("ls") == ()


def test_an_index_that_lies_is_refused(team: Team) -> None:
    """An index of other bytes than it says, or of places that its pack has not, gives an error and no memory is taken for it."""
    from loopline.store.packindex import encode

    team.ann.add(MANY)
    team.push()
    said = team.manifest()
    (pack, index) = (one for one in said["layers"] if "pack" in one["mediaType"])
    places = {bytes.fromhex(digest_of(data)[7:]): (4_000_000_000, 4_000_000_000) for data in MANY.values()}
    root = bytes.fromhex(said["annotations"]["vnd.loopline.root"][7:])
    for data in (
        b"nonsense" * 100,
        encode(places | {root: (8, 4_000_000_000)}, pack["size"]),
        encode(places, pack["size"] + 1),
    ):
        team.registry().put(digest_of(data), data)
        lie(team, layers=[pack, layer(data, index["mediaType"]), *said["layers"][2:]])
        with pytest.raises(LooplineError) as caught:
            team.pull()
        assert caught.value.kind == "store-broken"
    endless = {"mediaType": "application/vnd.loopline.blob.v1", "digest": f"sha256:{root.hex()}", "size": 2**40}
    node = team.ann.client.blobs.read(Digest(f"sha256:{root.hex()}"))
    team.registry().put(digest_of(node), node)
    for several in (
        [pack, {**index, "size": 2**40}],
        [{**pack, "size": 2**50}, {**index, "size": 2**40}],
        [endless],
    ):
        lie(team, layers=[*several, *said["layers"][2:]])
        with pytest.raises(LooplineError) as caught:
            team.pull()
        assert caught.value.kind == "store-broken"


def test_what_was_lost_there_is_sent_again(team: Team, stand: Between) -> None:
    """With `recheck` nothing is believed to be there because a tag says so."""
    team.ann.add(FEW)
    team.push()
    lost = digest_of(FEW["jan/run.sh"])
    gone = [True]
    stand.wrong = lambda method, path: (404, b"") if gone and lost in path and method in {"HEAD", "GET"} else None
    assert team.push().bytes == 0
    assert team.push(recheck=True).bytes == len(FEW["jan/run.sh"])
    gone.clear()
    assert team.pull().version.number == 1


def test_tags_are_named(team: Team) -> None:
    """A branch whose name cannot be one needs one in the address, and a version that a tag is not is not given."""
    team.ann.add(FEW, branch="ann/more")
    with pytest.raises(Invalid) as caught:
        team.push("data/flights@ann%2Fmore")
    assert caught.value.kind == "bad-tag"
    assert team.push("data/flights@ann%2Fmore", f"{team.address}:more").branch == "more"
    assert team.push("data/flights@1").branch == "1"
    with pytest.raises(Invalid):
        team.push("data/flights@1", f"{team.address}:more", branch="other")
    with pytest.raises(NotFound):
        team.pull("data/flights@7", f"{team.address}:more")
    with pytest.raises(NotFound):
        team.pull("data/flights@main")
    assert team.pull("data/flights@1").version.number == 1


def test_long_work_says_how_far_it_is(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file moves the bar while it goes, both ways, and at the end all of it has gone."""
    monkeypatch.setattr(registry, "PART", 1 << 20)
    team.ann.add(FEW)
    told: list[Progress] = []
    pointer = parse_pointer("data/flights", project="flights")
    Sharing(team.ann.client, shared_at(team.address, team.home, new=True), report=told.append).push(pointer)
    assert len({one.done for one in told}) >= 4
    assert told[-1].done == told[-1].total == sum(map(len, FEW.values()))


@pytest.mark.parametrize("files", [FEW, MANY], ids=["few", "many"])
def test_what_is_said_of_paths_goes_along(team: Team, files: dict[str, bytes]) -> None:
    """Content types and metadata arrive, by the config or as a tree, and a version that differs in them alone is another one."""
    team.ann.add(files)
    team.push()
    team.pull()
    root = notes_of(noted(team.ann))
    assert root is not None
    team.push()
    got = team.pull().version
    assert (got.number, notes_of(got)) == (2, root)
    assert whole(team.bo.client.blobs, root) == {"f/x.csv": b'{"type":"text/csv"}'}
    assert team.push().blobs == 0

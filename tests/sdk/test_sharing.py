"""Versions go from one project to another by way of a store, and come back changed."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.checks.document import Document, dump_document
from loopline.datasets.tree import Tree
from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Unavailable
from loopline.loop import silent
from loopline.nouns.artifact import TREE
from loopline.nouns.change import ChangeState, Published
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName, RefName, parse_pointer, parse_ref
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.transfer import Transfer
from loopline.nouns.version import Version
from loopline.sdk.client import Local
from loopline.sdk.sharing import Sharing
from loopline.store.local import LocalBlobs
from loopline.store.marks import marked, unmark
from loopline.testing.loop import loop
from loopline.verbs.commit import commit
from loopline.verbs.staging import look, notes_of, stage, written
from loopline.wiring import store_at
from tests.datasets.test_sending import many, tree, whole

FILES = many(40)
HOME = Path("nowhere")
"""Indexes of far packs would be kept there."""


class Project:
    """A project with a ledger and a store of its own."""

    def __init__(self, name: str, home: Path, actor: str) -> None:
        self.name = name
        self.client = Local(loop(name, actor=actor, blobs=LocalBlobs(home)))

    def add(self, files: dict[str, bytes], branch: str = "main") -> Version:
        """Publish files."""
        asset = AssetName(self.name, "data", "flights")
        added: Published = self.client.do(
            "add",
            asset,
            tree=tree(self.client.blobs, files),
            branch=branch,
            message="more",
            metadata={"files": len(files)},
        )
        return added.version

    def push(self, store: Path | str, what: str = "data/flights", *, dry: bool = False, **asked: Any) -> Transfer:
        """Push."""
        return self._to(store, dry=dry).push(parse_pointer(what, project=self.name), **asked)

    def pull(self, store: Path | str, what: str = "data/flights", **asked: Any) -> Published:
        """Pull."""
        got = self._to(store).pull(parse_pointer(what, project=self.name), **asked)
        assert isinstance(got, Published)
        return got

    def _to(self, store: Path | str, *, dry: bool = False) -> Sharing:
        return Sharing(self.client, store_at(str(store), HOME, new=True), report=silent, dry=dry)

    def files(self, what: str = "data/flights") -> dict[str, bytes]:
        """Read a version."""
        return whole(self.client.blobs, self.client.do("get", what).artifact.digest)


@pytest.fixture
def ann(tmp_path: Path) -> Iterator[Project]:
    """A project with one version."""
    project = Project("flights", tmp_path / "ann", "ann")
    project.add(FILES)
    yield project
    project.client.close()


@pytest.fixture
def bo(tmp_path: Path) -> Iterator[Project]:
    """An empty project."""
    project = Project("trains", tmp_path / "bo", "bo")
    yield project
    project.client.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the shared store will be."""
    return tmp_path / "shared"


def test_a_version_arrives_in_another_project(ann: Project, bo: Project, store: Path) -> None:
    """It has the same tree, message and metadata there, says where it comes from, and its branch has moved by a change."""
    sent = ann.push(store)
    assert (sent.version, sent.branch, sent.blobs) == ("data/flights@1", "main", 20 + 1)
    got = bo.pull(store)
    assert got.change is not None
    assert got.change.state is ChangeState.APPLIED
    assert (got.version.number, got.version.message, got.version.author) == (1, "more", "person:bo")
    assert got.version.artifact == ann.client.do("get", "data/flights").artifact
    origin = got.version.metadata["origin"]
    assert got.version.metadata["files"] == 40
    assert (origin["project"], origin["number"], origin["author"]) == ("flights", 1, "person:ann")
    assert bo.files() == FILES


CONTENTS = st.dictionaries(
    st.sampled_from([f"{a}/{b}" for a in "abc" for b in range(40)]), st.binary(max_size=3), max_size=60
)


@settings(max_examples=6, deadline=None)
@given(st.lists(CONTENTS, min_size=1, max_size=3))
def test_whatever_is_pushed_arrives(tmp_path_factory: pytest.TempPathFactory, versions: list[dict[str, bytes]]) -> None:
    """Any versions, one after the other or all at once, have the same trees in an empty project, and the same files."""
    with tempfile.TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as name:
        home = Path(name)
        ann, bo, cy = (Project(who, home / who, who) for who in ("ann", "bo", "cy"))
        for files in versions:
            version = ann.add(files)
            ann.push(home / "store")
            assert bo.pull(home / "store").version.artifact == version.artifact
            assert bo.files() == files
        assert cy.pull(home / "store").version.artifact == ann.client.do("get", "data/flights").artifact
        assert cy.files() == versions[-1]
        for one in (ann, bo, cy):
            one.client.close()


def test_again_is_a_look(ann: Project, bo: Project, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushed or pulled again nothing is asked of any file or node, and nothing is published."""
    ann.push(store)
    bo.pull(store)

    def never(*_: object) -> None:
        pytest.fail("a blob was asked for")

    with monkeypatch.context() as patch:
        for name in ("missing", "read", "read_all", "get", "put_groups", "put_lacking"):
            patch.setattr(LocalBlobs, name, never)
        assert ann.push(store).blobs == 0
        again = bo.pull(store)
        assert (again.version.number, again.change) == (1, None)


def test_a_next_version_costs_what_differs(ann: Project, bo: Project, store: Path) -> None:
    """It is compared with the nearest ancestor that is marked there, and goes back and forth."""
    ann.push(store)
    bo.pull(store)
    bo.add(FILES | {"new": b"by bo"})
    assert bo.push(store).blobs == 2
    got = ann.pull(store)
    assert (got.version.number, got.version.parents) == (2, (1,))
    assert ann.files()["new"] == b"by bo"
    ann.add(FILES)
    assert ann.push(store).blobs == 0, "a version of before is there"
    assert bo.pull(store).version.number == 3


def test_a_branch_that_went_elsewhere_stays(ann: Project, bo: Project, store: Path) -> None:
    """Neither side overwrites what does not come from what it has, and nothing is sent; another branch may be named."""
    bo.add({"other": b"files"})
    ann.push(store)
    with pytest.raises(Conflict) as caught:
        bo.push(store)
    assert caught.value.kind == "diverged"
    with pytest.raises(Conflict) as caught:
        bo.pull(store)
    assert caught.value.kind == "diverged"
    assert bo.client.blobs.missing([ann.client.do("get", "data/flights").artifact.digest])
    assert bo.pull(store, branch="theirs").version.number == 2
    assert bo.push(store, branch="bo").branch == "bo"
    assert ann.pull(store, "data/flights@bo").version.number == 2
    assert ann.files("data/flights@bo") == {"other": b"files"}


def test_a_branch_that_has_gone_on_stays(ann: Project, bo: Project, store: Path) -> None:
    """What is pulled is behind what is here: nothing happens."""
    ann.push(store)
    bo.pull(store)
    mine = bo.add(FILES | {"new": b"1"})
    assert bo.pull(store) == Published(mine)


def test_versions_are_named_as_here(ann: Project, bo: Project, store: Path) -> None:
    """Numbers, digests and `latest` mean there what they mean here; they move no branch there."""
    root = ann.add({"two": b"2"}).artifact.digest
    assert ann.push(store, "data/flights@1").branch == ""
    with pytest.raises(NotFound) as caught:
        bo.pull(store)
    assert caught.value.kind == "not-pushed"
    ann.push(store)
    assert bo.pull(store, "data/flights@1").version.artifact.digest != root
    assert bo.pull(store, f"data/flights@{root[:19]}").version.artifact.digest == root
    assert bo.pull(store, "data/flights@latest", branch="x").version.artifact.digest == root
    for what in ("data/flights@7", "data/flights@sha256:000000000000", "data/trains@latest"):
        with pytest.raises(NotFound) as caught:
            bo.pull(store, what)
        assert caught.value.kind == "not-pushed"


def test_equal_numbers_of_two_projects_are_two_versions(ann: Project, bo: Project, store: Path) -> None:
    """A number that two projects have pushed is not guessed; each has its digest."""
    bo.add({"other": b"files"})
    ann.push(store)
    bo.push(store, branch="bo")
    with pytest.raises(Conflict) as caught:
        ann.pull(store, "data/flights@1", branch="x")
    assert caught.value.kind == "ambiguous-version"
    for root in caught.value.facts["roots"]:
        ann.pull(store, f"data/flights@{root}", branch="x" + root[7:10])


def test_a_rehearsal_writes_nothing(ann: Project, bo: Project, store: Path) -> None:
    """It says how much would be sent, each way."""
    said = ann.push(store, dry=True)
    assert (said.blobs, said.dry, store.exists()) == (21, True, False)
    ann.push(store)
    got = Sharing(bo.client, store_at(str(store), HOME, new=False), report=silent, dry=True).pull(
        parse_pointer("data/flights", project="trains")
    )
    assert isinstance(got, Transfer)
    assert (got.blobs, got.bytes) == (said.blobs, said.bytes)
    assert list(bo.client.blobs.iter()) == []


def test_a_mark_that_fell_is_found_again(ann: Project, store: Path) -> None:
    """Where a store was cleaned, what is lacking is sent again and the mark is set."""
    ann.push(store)
    other = store_at(str(store), HOME, new=False)
    root = ann.client.do("get", "data/flights").artifact.digest
    unmark(other.named)
    lost = next(Tree(other.blobs, root).iter()).digest
    other.blobs.delete(lost)
    assert ann.push(store).blobs == 1
    assert marked(other.named, root)
    assert other.blobs.read(lost)


def test_what_was_lost_is_brought_back(ann: Project, bo: Project, store: Path) -> None:
    """With `recheck` no mark and no version is believed, on either side."""
    ann.push(store)
    bo.pull(store)
    other = store_at(str(store), HOME, new=False)
    lost = next(Tree(other.blobs, ann.client.do("get", "data/flights").artifact.digest).iter()).digest
    for blobs in (other.blobs, bo.client.blobs):
        blobs.delete(lost)
    assert ann.push(store).blobs == 0
    assert ann.push(store, recheck=True).blobs == 1
    bo.pull(store, recheck=True)
    assert bo.files() == FILES


def test_an_ancestor_that_was_lost_here_does_not_matter(ann: Project, store: Path) -> None:
    """Where the nodes of a marked ancestor are gone, each file is asked for."""
    old = ann.client.do("get", "data/flights").artifact.digest
    ann.push(store)
    ann.add({"two": b"second"})
    ann.client.blobs.delete(old)
    assert ann.push(store).blobs == 2


def test_two_push_at_once(ann: Project, bo: Project, store: Path) -> None:
    """Of two who move a branch from one place, one wins, the other is told, and all bytes are there."""
    ann.push(store)
    bo.pull(store)
    ann.add(FILES | {"a": b"ann"})
    bo.add(FILES | {"b": b"bo"})
    wrong: list[LooplineError] = []

    def push(who: Project) -> None:
        try:
            who.push(store)
        except LooplineError as error:
            wrong.append(error)

    threads = [threading.Thread(target=push, args=(who,)) for who in (ann, bo)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [error.kind for error in wrong] in (["diverged"], ["ref-moved"])
    other = store_at(str(store), HOME, new=False)
    for name in other.named.list("roots"):
        whole(other.blobs, Digest("sha256:" + name))


def test_a_policy_is_asked(ann: Project, bo: Project, store: Path) -> None:
    """A protected branch does not move by a pull: the change waits for its approval."""
    ann.push(store)
    bo.client.do("add", "data/flights", tree=tree(bo.client.blobs, {}))
    rules = Policy("two", ("data/*@*",), approvals=Approvals(1))
    bo.client.do("policy", document=dump_document(Document((rules,), ())).decode(), why="two eyes")
    got = bo.pull(store, branch="kept")
    assert got.change is not None
    assert got.change.state is ChangeState.PROPOSED


def test_only_folders_of_files_are_pushed(ann: Project, store: Path) -> None:
    """A version of anything else is refused."""
    ann.client.do("put", "model/delay", digest=ann.client.blobs.put(b"bytes"))
    with pytest.raises(Invalid) as caught:
        ann.push(store, "model/delay")
    assert caught.value.kind == "not-a-tree"
    assert ann.client.do("get", "data/flights").artifact.media_type == TREE


def test_a_manifest_that_cannot_be_read_is_told(ann: Project, bo: Project, store: Path) -> None:
    """A damaged one stops a pull, and is written anew by the next push of its version."""
    ann.push(store)
    (file,) = (store / "assets" / "data" / "flights" / "versions").iterdir()
    file.chmod(0o644)
    file.write_bytes(b"{")
    with pytest.raises(Unavailable) as caught:
        bo.pull(store)
    assert caught.value.kind == "manifest-unreadable"
    ann.push(store, recheck=True)
    assert bo.pull(store).version.number == 1


def test_a_store_that_cannot_be_written_is_told(ann: Project, store: Path) -> None:
    """The error names the folder, and the branch here and there stays."""
    store.mkdir()
    (store / "packs").write_bytes(b"in the way")
    with pytest.raises(Unavailable) as caught:
        ann.push(store)
    assert caught.value.facts["folder"] == str(store)
    assert replace(ann.client.do("get", "data/flights")).number == 1


def test_a_version_that_was_taken_back_is_not_brought_again(ann: Project, bo: Project, store: Path) -> None:
    """Who has not seen a revert pulls it, and moves no branch back to what was reverted."""
    ann.push(store)
    bo.pull(store)
    bo.add(FILES | {"wrong": b"1"})
    bo.push(store)
    ann.pull(store)
    ann.add(FILES)
    ann.push(store)
    assert bo.push(store).branch == "", "the branch there has gone on"
    assert bo.pull(store).version.number == 3
    assert bo.files() == FILES


def test_equal_files_are_a_common_past(ann: Project, bo: Project, store: Path) -> None:
    """Two projects that have added the same files by themselves can go on from there."""
    bo.add(FILES)
    ann.push(store)
    assert bo.pull(store).change is None
    ann.add(FILES | {"new": b"1"})
    ann.push(store)
    assert bo.pull(store).version.number == 2


def test_what_is_said_of_paths_goes_with_the_files(ann: Project, bo: Project, store: Path) -> None:
    """Content types and metadata of S3 are read in the project that pulled; where the store lacks them the files still come."""
    ref = parse_ref("data/flights@main", project=ann.name)
    ann.add({"a.csv": b"1"})
    stage(ann.client.loop, ref, written("b.html", ann.client.blobs.put(b"2"), 1, notes='{"type":"text/html"}'))
    commit(ann.client.loop, ref)
    ann.push(store)
    pulled = bo.pull(store).version
    over = look(bo.client.loop, parse_ref("data/flights@main", project=bo.name)).overlay(bo.client.loop)
    found = over.find("b.html")
    assert found is not None
    assert over.notes(found) == '{"type":"text/html"}'
    assert notes_of(pulled) is not None
    lost = LocalBlobs(store).path(notes_of(pulled) or Digest(""))
    assert lost is not None
    lost.unlink()
    fresh = Project("planes", store.parent / "planes", "person:cy")
    assert notes_of(fresh.pull(store).version) is None
    assert fresh.files() == {"a.csv": b"1", "b.html": b"2"}


def noted(project: Project) -> Version:
    """Commit a file with a content type."""
    ref = RefName(AssetName(project.name, "data", "flights"), "main")
    blobs = project.client.blobs
    project.client.do(lambda loop: stage(loop, ref, written("x.csv", blobs.put(b"x"), 1, notes='{"type":"text/csv"}')))
    done: Published = project.client.do("commit", ref, message="typed")
    return done.version


def test_what_is_said_of_paths_goes_along(ann: Project, bo: Project, store: Path) -> None:
    """Content types and metadata of files, which are a tree beside theirs, arrive; where they are lost, the files do alone."""
    version = noted(ann)
    root = notes_of(version)
    assert root is not None
    ann.push(store)
    got = bo.pull(store).version
    assert notes_of(got) == root
    assert whole(bo.client.blobs, root) == {"f/x.csv": b'{"type":"text/csv"}'}
    assert ann.push(store).blobs == 0
    cy = Project("ships", store.parent / "cy", "cy")
    LocalBlobs(store).delete(root)
    got = cy.pull(store).version
    assert (notes_of(got), cy.files()["x.csv"]) == (None, b"x")
    cy.client.close()


@pytest.mark.parametrize(
    ("field", "value"), [("event_time", 2**70), ("event_time", -(2**64)), ("metadata", {"notes": "../x"})]
)
def test_what_a_manifest_cannot_mean_ends_in_no_crash(
    bo: Project, ann: Project, store: Path, field: str, value: Any
) -> None:
    """Numbers that no column holds, and texts that are no digests, are refused or left out."""
    ann.push(store)
    (file,) = (store / "assets/data/flights/versions").iterdir()
    said = json.loads(file.read_text(encoding="utf-8")) | {field: value}
    file.chmod(0o644)
    file.write_text(json.dumps(said), encoding="utf-8")
    if field == "metadata":
        assert "notes" not in bo.pull(store).version.metadata
        return
    with pytest.raises(Unavailable) as caught:
        bo.pull(store)
    assert caught.value.kind == "manifest-unreadable"


@pytest.mark.parametrize("address", ["", " "])
def test_no_address_is_not_this_folder(address: str) -> None:
    """Whoever names a variable that is not set does not find a store in the middle of the project."""
    with pytest.raises(Invalid) as caught:
        store_at(address, HOME, new=True)
    assert caught.value.kind == "bad-store-url"


def test_a_damaged_store_is_mended(ann: Project, bo: Project, store: Path) -> None:
    """With `deep` what is there is read, and what is damaged is sent again: packed, alone or large."""
    files = FILES | {"large": os.urandom(2 << 20), "alone": os.urandom(100_000)}
    ann.add(files)
    ann.push(store)
    (pack,) = (store / "packs").glob("*.pack")
    for file in (pack, *(store / "blobs/sha256").iterdir()):
        held = bytearray(file.read_bytes())
        for at in range(len(held) // 3, len(held), len(held) // 40):
            held[at] ^= 1
        file.chmod(0o644)
        file.write_bytes(held)
    assert ann.push(store, recheck=True).blobs == 0
    with pytest.raises(Unavailable):
        bo.pull(store)
    assert 3 <= ann.push(store, deep=True).blobs <= 24
    assert ann.push(store, deep=True).blobs == 0
    bo.pull(store)
    assert bo.files() == files

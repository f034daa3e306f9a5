"""Folders become versions and versions folders, and nobody's work is lost on the way."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from loopline.checks.document import Document, dump_document
from loopline.datasets.copies import Copies
from loopline.datasets.index import Index
from loopline.datasets.parts import Parts
from loopline.datasets.tree import Tree
from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.name import AssetName, Pointer, parse_pointer
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.version import Version
from loopline.sdk.client import Local
from loopline.sdk.lock import Lock
from loopline.sdk.session import session
from loopline.sdk.standing import Stand, straight
from loopline.sdk.workspace import Workspace

FLIGHTS = AssetName("flights", "data", "flights")


@pytest.fixture
def work(client: Local, project: Path) -> Workspace:
    """A workspace whose data folder holds one file, added as version 1."""
    (project / "data" / "flights").mkdir(parents=True)
    (project / "data" / "flights" / "jan.csv").write_text("1")
    made = Workspace(client, session().settings)
    made.add(FLIGHTS, message="first")
    return made


def at(text: str) -> Pointer:
    return parse_pointer(text, project="flights")


def words(work: Workspace, folder: Path | None = None) -> list[tuple[str, str]]:
    return [(one.word, one.path) for one in work.status(FLIGHTS, folder).differences]


def test_add_goes_on(work: Workspace, project: Path) -> None:
    """Each add is the next version; one without changes publishes nothing."""
    folder = project / "data" / "flights"
    assert work.add(FLIGHTS).version.number == 1
    (folder / "feb.csv").write_text("2")
    published = work.add(FLIGHTS, message="February")
    assert (published.version.number, published.version.parents, published.version.message) == (2, (1,), "February")
    assert published.version.metadata == {"files": 2, "bytes": 2}
    assert work.status(FLIGHTS).clean


def test_status_names_what_differs(work: Workspace, project: Path) -> None:
    """Added, changed and removed files are told, and nothing is stored by asking."""
    folder = project / "data" / "flights"
    (folder / "feb.csv").write_text("2")
    assert words(work) == [("added", "feb.csv")]
    work.add(FLIGHTS)
    (folder / "feb.csv").write_text("3")
    (folder / "jan.csv").unlink()
    assert words(work) == [("changed", "feb.csv"), ("removed", "jan.csv")]


def test_two_writers_of_one_branch(work: Workspace, client: Local, project: Path, tmp_path: Path) -> None:
    """Who was not up to date is refused, keeps his files, and is told where the branch stands."""
    work.checkout(at("data/flights"), tmp_path / "other")
    (tmp_path / "other" / "feb.csv").write_text("2")
    work.add(FLIGHTS, tmp_path / "other")
    (project / "data" / "flights" / "mar.csv").write_text("3")
    with pytest.raises(Conflict) as caught:
        work.add(FLIGHTS)
    assert (caught.value.kind, caught.value.facts["expected"], caught.value.facts["found"]) == ("ref-moved", 1, 2)
    assert (project / "data" / "flights" / "mar.csv").exists()
    standing = work.status(FLIGHTS)
    assert (standing.number, standing.newest, standing.clean) == (1, 2, False)


def test_a_branch_is_gone_on_with(work: Workspace, client: Local, project: Path) -> None:
    """After a checkout of a branch, add moves that branch and no other."""
    client.do("branch", "data/flights", "units")
    work.checkout(at("data/flights@units"))
    (project / "data" / "flights" / "jan.csv").write_text("60")
    published = work.add(FLIGHTS)
    assert (published.version.number, published.version.parents) == (2, (1,))
    assert client.do("get", "data/flights@main").number == 1
    assert client.do("get", "data/flights@units").number == 2


def test_a_new_branch_begins_where_the_folder_stands(work: Workspace, client: Local, project: Path) -> None:
    """Adding to a branch that is not there makes it, with the folder's version as parent."""
    (project / "data" / "flights" / "jan.csv").write_text("60")
    assert work.add(FLIGHTS, branch="units").version.parents == (1,)
    assert client.do("get", "data/flights@main").number == 1
    assert work.status(FLIGHTS).branch == "units"


def test_an_old_version_does_not_overwrite_a_branch(work: Workspace, project: Path) -> None:
    """What was built on an old version does not become the newest by accident."""
    folder = project / "data" / "flights"
    (folder / "feb.csv").write_text("2")
    work.add(FLIGHTS)
    work.checkout(at("data/flights@1"))
    assert not (folder / "feb.csv").exists()
    (folder / "jan.csv").write_text("changed")
    with pytest.raises(Conflict):
        work.add(FLIGHTS)


def test_checkout_keeps_work(work: Workspace, project: Path) -> None:
    """Edits that were never added stop a checkout before it touches anything; force overwrites them."""
    folder = project / "data" / "flights"
    (folder / "feb.csv").write_text("2")
    work.add(FLIGHTS)
    (folder / "feb.csv").write_text("mine too")
    with pytest.raises(Conflict) as caught:
        work.checkout(at("data/flights@1"))
    assert caught.value.kind == "local-changes"
    assert (folder / "feb.csv").read_text() == "mine too"
    work.checkout(at("data/flights@1"), force=True)
    assert not (folder / "feb.csv").exists()


def test_a_part_is_added_alone(work: Workspace, client: Local, project: Path, tmp_path: Path) -> None:
    """What was not named stays somebody's work: it is not in the version, is still told, and no checkout overwrites it."""
    folder = project / "data" / "flights"
    for name in ("feb.csv", "mar.csv", "2026/apr.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("2")
    (folder / "jan.csv").write_text("changed")
    assert [one.path for one in work.status(FLIGHTS, parts=Parts(["2026", "feb.csv"])).differences] == [
        "2026/apr.csv",
        "feb.csv",
    ]
    published = work.add(FLIGHTS, parts=Parts(["2026", "feb.csv"]))
    root = published.version.artifact.digest
    assert [one.path for one in Tree(client.blobs, root).iter()] == ["2026/apr.csv", "feb.csv", "jan.csv"]
    assert published.version.metadata["files"] == 3
    assert words(work) == [("changed", "jan.csv"), ("added", "mar.csv")]
    (folder / "feb.csv").unlink()
    assert work.add(FLIGHTS, parts=Parts(["feb.csv"])).version.number == 3
    with pytest.raises(Conflict) as caught:
        work.checkout(at("data/flights@1"))
    assert caught.value.facts["paths"] == ["jan.csv"]
    with pytest.raises(NotFound) as missing:
        work.add(FLIGHTS, parts=Parts(["feb.csv"]))
    assert missing.value.kind == "part-missing"
    assert work.add(FLIGHTS).version.metadata["files"] == 3


def test_a_part_changes_the_version_that_the_folder_stands_at(work: Workspace, project: Path, tmp_path: Path) -> None:
    """A folder that never was in step changes no version by a part; one that holds a part loses nothing that it does not hold."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "feb.csv").write_text("2")
    with pytest.raises(Invalid) as caught:
        work.add(FLIGHTS, other, parts=Parts(["feb.csv"]))
    assert caught.value.kind == "no-version-here"
    (project / "data" / "flights" / "feb.csv").write_text("2")
    work.add(FLIGHTS)
    work.checkout(at("data/flights@main"), tmp_path / "some", only=("/feb.csv",))
    (tmp_path / "some" / "mar.csv").write_text("3")
    with pytest.raises(NotFound):
        work.add(FLIGHTS, tmp_path / "some", parts=Parts(["apr.csv"]))
    assert work.add(FLIGHTS, tmp_path / "some", parts=Parts(["mar.csv", "jan.csv"])).version.metadata["files"] == 3


@pytest.mark.parametrize("moment", ["first file", "note"])
def test_what_a_killed_checkout_left_is_not_added(
    work: Workspace, project: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A folder that may hold files of two versions is refused, and said to be so, until the checkout is done or it is meant."""
    folder = project / "data" / "flights"
    for name in ("feb.csv", "mar.csv"):
        (folder / name).write_text("2")
    (folder / "jan.csv").write_text("2")
    work.add(FLIGHTS)
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        place, name = (Copies, "write_group") if moment == "first file" else (Workspace, "_remember")
        killed.setattr(place, name, _interrupted)
        work.checkout(at("data/flights@1"))
    assert not (folder / "feb.csv").exists()
    assert work.status(FLIGHTS).unfinished
    with pytest.raises(Conflict) as caught:
        work.add(FLIGHTS)
    assert (caught.value.kind, caught.value.facts["version"]) == ("checkout-unfinished", "data/flights@1")
    work.checkout(at("data/flights@1"))
    assert work.status(FLIGHTS).differences == ()
    assert not work.status(FLIGHTS).unfinished
    work.checkout(at("data/flights@main"))
    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(Workspace, "_remember", _interrupted)
        work.checkout(at("data/flights@1"))
    assert work.add(FLIGHTS, mixed=True).version.number == 3
    assert work.status(FLIGHTS).clean


def test_what_a_policy_has_held_is_stood_at_once_it_is_applied(work: Workspace, client: Local, project: Path) -> None:
    """The folder holds the version that waits, and goes on from there when it is on the branch."""
    rules = Document((Policy("data", ("data/*@main",), approvals=Approvals(1, not_author=True)),), ())
    client.do("policy", document=dump_document(rules).decode(), why="two people")
    (project / "data" / "flights" / "jan.csv").write_text("2")
    held = work.add(FLIGHTS)
    assert held.change is not None
    assert work.status(FLIGHTS).number == 1
    client.within("flights", "person:bob").do("approve", held.change.id)
    client.do("apply", held.change.id)
    assert (work.status(FLIGHTS).number, work.status(FLIGHTS).differences) == (2, ())
    for number in (3, 4):
        (project / "data" / "flights" / "jan.csv").write_text(str(number))
        held = work.add(FLIGHTS)
        assert held.change is not None
        assert (held.version.number, held.version.parents) == (number, (number - 1,))
        client.within("flights", "person:bob").do("approve", held.change.id)
        client.do("apply", held.change.id)
    work.add(FLIGHTS, branch="other")


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("number", [1, 2])
def test_an_add_that_was_killed_before_it_was_noted_goes_on(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, saved: bool
) -> None:
    """The version is there, and the folder stands at it: what has changed since is the next one, and nothing is refused."""
    asset, folder = AssetName("flights", "data", "other"), tmp_path / "other"
    folder.mkdir()
    for name in range(number):
        (folder / f"{name}.csv").write_text("1")
        if name + 1 < number:
            work.add(asset, folder)

    def killed(_: Workspace, index: Index, stand: Stand, version: Version) -> None:
        del stand
        if saved:
            index.bases = (version.artifact.digest,)
            index.save()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Workspace, "_remember", killed)
        work.add(asset, folder)
    standing = work.status(asset, folder)
    assert (standing.differences, standing.unfinished) == ((), False)
    assert work.add(asset, folder).version.number == number
    (folder / "0.csv").write_text("2")
    assert work.add(asset, folder).version.number == number + 1


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_rehearsal_remembers_nothing(work: Workspace, client: Local, project: Path) -> None:
    """With a ledger that forgets, the folder still stands where it stood."""
    dry = Workspace(client, session().settings, dry=True)
    (project / "data" / "flights" / "feb.csv").write_text("2")
    dry.add(FLIGHTS)
    stand = work.stand(project / "data" / "flights")
    assert stand is not None
    assert stand.number == 1


def test_what_is_no_folder_of_files(work: Workspace, client: Local, tmp_path: Path) -> None:
    """Missing and empty folders are told; a version that is one file is not checked out."""
    with pytest.raises(NotFound):
        work.add(FLIGHTS, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid) as caught:
        work.add(FLIGHTS, tmp_path / "empty")
    assert caught.value.kind == "no-files"
    client.do("put", "report/x", digest=client.blobs.put(b"x"))
    with pytest.raises(Invalid) as caught:
        work.checkout(at("report/x"), tmp_path / "x")
    assert caught.value.kind == "not-a-tree"


def test_folders_are_remembered(work: Workspace, project: Path, tmp_path: Path) -> None:
    """Every folder that was added or checked out is found again, as long as it is there."""
    work.checkout(at("data/flights"), tmp_path / "other")
    assert work.folders() == [(FLIGHTS, project / "data" / "flights"), (FLIGHTS, tmp_path / "other")]
    (tmp_path / "other" / "jan.csv").unlink()
    (tmp_path / "other").rmdir()
    assert work.folders() == [(FLIGHTS, project / "data" / "flights")]


def test_a_folder_is_found_again(client: Local, project: Path, tmp_path: Path) -> None:
    """The one that it was added from, where none is declared and none has its name; of several, one has to be named."""
    (project / "scans").mkdir()
    (project / "scans" / "x").write_text("1")
    work, scans = Workspace(client, session().settings), AssetName("flights", "data", "scans")
    assert work.folder_of(scans) == project / "data" / "scans"
    work.add(scans, project / "scans")
    (project / "scans" / "x").write_text("2")
    assert work.add(scans).version.number == 2
    work.checkout(at("data/scans@1"), project / "before")
    with pytest.raises(Invalid) as caught:
        work.add(scans)
    assert (caught.value.kind, caught.value.facts["folders"]) == ("which-folder", ["before", "scans"])
    (project / "data" / "scans").mkdir(parents=True)
    assert work.folder_of(scans) == project / "data" / "scans"


def test_a_part_is_worked_on_as_a_part(work: Workspace, client: Local, project: Path, tmp_path: Path) -> None:
    """What was not checked out is neither missing nor removed by adding; what is new or was chosen counts, parts add up."""
    folder, part = project / "data" / "flights", tmp_path / "part"
    for path in ("a/1", "a/2", "b/1", "c.csv"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(path)
    work.add(FLIGHTS)
    work.checkout(at("data/flights"), part, only=("a/",))
    assert (sorted(one.name for one in part.rglob("*")), words(work, part)) == (["1", "2", "a"], [])
    (part / "a" / "1").write_text("changed")
    (part / "a" / "2").unlink()
    (part / "new").write_text("new")
    assert words(work, part) == [("changed", "a/1"), ("removed", "a/2"), ("added", "new")]
    published = work.add(FLIGHTS, part)
    tree = Tree(client.blobs, published.version.artifact.digest)
    assert [one.path for one in tree.iter()] == ["a/1", "b/1", "c.csv", "jan.csv", "new"]
    assert published.version.metadata == {"files": 5, "bytes": tree.bytes}
    assert (work.status(FLIGHTS, part).clean, work.status(FLIGHTS, part).only) == (True, ("a/",))
    with pytest.raises(Conflict) as caught:
        work.checkout(at("data/flights@1"), part, only=("*.csv",))
    assert caught.value.kind == "other-part"
    work.checkout(at("data/flights"), part, only=("*.csv",))
    assert (words(work, part), work.status(FLIGHTS, part).only) == ([], ("a/", "*.csv"))
    (part / "c.csv").unlink()
    assert words(work, part) == [("removed", "c.csv")]
    work.checkout(at("data/flights"), part, force=True)
    assert (words(work, part), work.status(FLIGHTS, part).only, (part / "b" / "1").exists()) == ([], (), True)
    with pytest.raises(Invalid) as bad:
        work.checkout(at("data/flights"), part, only=("a", "!"))
    assert bad.value.kind == "bad-pattern"


def test_all_is_read_again_on_request(work: Workspace, client: Local, project: Path) -> None:
    """A file whose bytes the store has lost is kept once more, though nothing in the folder has changed."""
    time.sleep(0.01)  # so that the next reading is of a file that was written before
    work.add(FLIGHTS)
    digest = client.blobs.put(b"1")
    client.blobs.delete(digest)
    assert work.add(FLIGHTS).version.number == 1
    assert client.blobs.missing([digest]) == {digest}
    assert work.add(FLIGHTS, anew=True).version.number == 1
    assert client.blobs.read(digest) == b"1"


def test_a_folder_has_one_name(
    work: Workspace, client: Local, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it is named from wherever one stands, a folder is the same, and none outside is one of the project's."""
    work.lock()
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    (project / "data" / "flights" / "jan.csv").write_text("2")
    assert work.add(FLIGHTS, Path("../data/flights")).version.number == 2
    assert work.status(FLIGHTS).clean
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "x").write_text("x")
    work.add(AssetName("flights", "data", "other"), Path(os.path.relpath(outside)))
    assert [one.folder for one in Lock(project).read()] == ["data/flights"]
    (project / "link").symlink_to(outside)
    (tmp_path / "beside").mkdir()
    assert straight(Path("../link/../beside")) == (tmp_path / "beside").resolve()
    assert straight(Path("../link")) == project / "link"


def test_a_folder_whose_name_is_not_text_is_refused(work: Workspace, tmp_path: Path) -> None:
    """It is told before anything is published, since nothing could be remembered of it."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    for call in (
        lambda: work.add(FLIGHTS, folder),
        lambda: work.status(FLIGHTS, folder),
        lambda: work.checkout(at("data/flights"), folder),
    ):
        with pytest.raises(Invalid) as caught:
            call()
        assert caught.value.kind == "bad-path"
        str(caught.value).encode()


def test_a_write_through_a_link_is_told_with_what_it_touches(
    work: Workspace, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `status`, `add` and `checkout` alike, once; the bytes become a version, and a copy puts the others back."""
    from loopline.datasets import copies
    from loopline.verbs.repairing import repair
    from loopline.verbs.verify import How

    monkeypatch.setattr(copies, "FICLONE", 0)
    folder, large = project / "data" / "flights", "flights\n" * 8000
    (folder / "large").write_text(large)
    work.add(FLIGHTS)
    linked = tmp_path / "linked"
    assert work.checkout(at("data/flights@2"), linked, link=True)[1].linked == 1
    assert words(work, linked) == []

    def write(text: str) -> None:
        (linked / "large").chmod(0o644)
        with (linked / "large").open("r+") as held:
            held.write(text)

    write("FLIGHTS")
    assert words(work, linked) == [("changed", "large")]
    assert words(work, linked) == [("changed", "large")]
    (said,) = work.said
    assert "large was written through its link" in said
    assert "data/flights@2, data/flights@main" in said
    assert "loopline verify --repair FOLDER" in said
    client = work._client
    assert isinstance(client, Local)
    with pytest.raises(NotFound):
        work.checkout(at("data/flights@2"), tmp_path / "other", link=True)
    assert [one.state for one in repair(client.loop, folder, store=lambda _: client.blobs, how=How(3))] == ["ok"]
    assert work.add(FLIGHTS, linked).version.number == 3
    assert work.checkout(at("data/flights@3"), tmp_path / "third", link=True)[1].linked == 1
    assert (tmp_path / "third" / "large").read_text() == "FLIGHTS" + large[7:]
    work.said.clear()
    linked = tmp_path / "third"
    write("Flights")
    with pytest.raises(Conflict, match="large was changed here"):
        work.checkout(at("data/flights@2"), linked)
    assert len(work.said) == 1
    assert (linked / "large").read_text() == "Flights" + large[7:]
    linked = tmp_path / "fourth"
    assert work.checkout(at("data/flights@2"), linked, link=True)[1].linked == 1
    work.said.clear()
    write("fLIGHTS")
    work.add(FLIGHTS, linked, branch="fourth")
    assert len(work.said) == 1
    assert work.status(FLIGHTS, linked).clean

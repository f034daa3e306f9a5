from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopline.datasets import checkout as module
from loopline.datasets.blocks import Block
from loopline.datasets.build import build_folder
from loopline.datasets.checkout import SCRATCH, checkout
from loopline.datasets.index import Index
from loopline.datasets.only import Only
from loopline.datasets.placing import Place
from loopline.datasets.planning import Planner
from loopline.datasets.standing import status
from loopline.datasets.tree import Tree, build
from loopline.errors import Conflict, Invalid, LooplineError, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.progress import Progress
from loopline.store.memory import MemoryBlobs
from tests.datasets.making import scanned

Files = dict[str, str]


def root_of(blobs: MemoryBlobs, files: Files) -> Digest:
    """Write a tree of files with these texts."""
    return build(blobs, [Entry(p, blobs.put(t.encode()), len(t.encode())) for p, t in sorted(files.items())])


def texts(folder: Path) -> Files:
    """Read a folder."""
    return {one.path: (folder / one.path).read_text() for one in scanned(folder)}


@pytest.fixture
def blobs() -> MemoryBlobs:
    """An empty store."""
    return MemoryBlobs()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "deep" / "data"


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Its index."""
    return Index(tmp_path / "index")


ONE = {"a/1": "one", "a/2": "two", "b": "three", "c/d/e": "four"}
TWO = {"a/1": "one", "a/2": "TWO", "b/x": "five", "f": ""}


def test_a_folder_becomes_the_tree(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """From nothing, to another tree, and back: the folder holds what the tree says, and no scratch file stays."""
    one, two = root_of(blobs, ONE), root_of(blobs, TWO)
    first = checkout(blobs, one, folder, index)
    assert (first.written, first.removed, first.kept, first.bytes) == (4, 0, 0, 15)
    assert texts(folder) == ONE
    second = checkout(blobs, two, folder, Index(index.file))
    assert (second.written, second.removed, second.kept) == (3, 2, 1)
    assert texts(folder) == TWO
    assert sorted(one.name for one in folder.iterdir()) == ["a", "b", "f"]
    checkout(blobs, one, folder, Index(index.file))
    assert texts(folder) == ONE


def test_what_is_there_is_not_written_again(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """Equal files keep their inode, are not even read, and the folder is clean at once."""
    one = root_of(blobs, ONE)
    checkout(blobs, one, folder, index)
    before = {one.path: one.stamp for one in scanned(folder)}
    fresh = Index(index.file)
    assert all(fresh.find(path, stamp) for path, stamp in before.items())
    again = checkout(blobs, one, folder, fresh)
    assert (again.written, again.kept) == (0, 4)
    assert {one.path: one.stamp for one in scanned(folder)} == before
    assert list(status(blobs, one, folder, Index(index.file))) == []


def test_an_edit_right_after_a_checkout_is_seen(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """A file rewritten in place at once, with as many bytes, is somebody's work."""
    one, two = root_of(blobs, ONE), root_of(blobs, TWO)
    checkout(blobs, one, folder, index)
    with (folder / "a" / "2").open("r+") as stream:
        stream.write("TOO")
    with pytest.raises(Conflict) as caught:
        checkout(blobs, two, folder, Index(index.file))
    assert (caught.value.kind, caught.value.facts["paths"]) == ("local-changes", ["a/2"])
    assert texts(folder) == {**ONE, "a/2": "TOO"}


def test_force_overwrites_and_strangers_stay(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """With force edits go; files that no tree knew stay in any case."""
    one, two = root_of(blobs, ONE), root_of(blobs, TWO)
    checkout(blobs, one, folder, index)
    (folder / "a" / "2").write_text("mine")
    (folder / "c" / "mine").write_text("mine")
    checkout(blobs, two, folder, index, force=True)
    assert texts(folder) == {**TWO, "c/mine": "mine"}


def test_work_that_was_published_elsewhere_is_still_protected(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """That status or a build has read an edit does not make it expendable; publishing it (moving the base) does."""
    one, two = root_of(blobs, ONE), root_of(blobs, TWO)
    checkout(blobs, one, folder, index)
    (folder / "a" / "2").write_text("edited")
    built = build_folder(blobs, folder, index)
    with pytest.raises(Conflict):
        checkout(blobs, two, folder, index)
    index.base = built.root
    checkout(blobs, two, folder, index)
    assert texts(folder) == TWO


def test_a_part_is_checked_out_alone(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """Only the chosen files come, and later checkouts know which tree each part is in step with."""
    one, two = root_of(blobs, ONE), root_of(blobs, TWO)
    checkout(blobs, one, folder, index, only=Only(["/a/"]))
    assert texts(folder) == {"a/1": "one", "a/2": "two"}
    checkout(blobs, two, folder, index, only=Only(["/f"]))
    assert texts(folder) == {"a/1": "one", "a/2": "two", "f": ""}
    assert index.base is not None
    assert {e.path for e in Tree(blobs, index.base).iter()} == {"a/1", "a/2", "f"}
    checkout(blobs, two, folder, index)
    assert texts(folder) == TWO


def test_a_mode_is_part_of_a_file(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """A file that only becomes executable is written again as such."""
    digest = blobs.put(b"#!")
    for mode in (0o644, 0o755, 0o644):
        checkout(blobs, build(blobs, [Entry("x", digest, 2, mode)]), folder, index)
        assert bool((folder / "x").stat().st_mode & 0o100) == (mode == 0o755)


@pytest.mark.parametrize("stop", range(6))
def test_a_checkout_that_is_cut_short_can_go_anywhere(
    blobs: MemoryBlobs, folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    """After dying at any step, without a word, each file is old or new, and any next checkout finds nobody's work in its way."""
    one, two, three = root_of(blobs, ONE), root_of(blobs, TWO), root_of(blobs, {"z": "z"})
    checkout(blobs, one, folder, index)
    steps = 0

    class Killed(BaseException):
        pass

    def counted(real: object) -> object:
        def step(*args: object) -> object:
            nonlocal steps
            if steps == stop:
                raise Killed
            steps += 1
            return real(*args)  # type: ignore[operator]

        return step

    with monkeypatch.context() as broken:
        broken.setattr(Place, "put", counted(Place.put))
        broken.setattr(Place, "remove", counted(Place.remove))
        broken.setattr(Index, "learn", lambda *_, **__: None)  # a killed process saves nothing of what it did
        try:
            checkout(blobs, two, folder, Index(index.file))
        except Killed:
            assert stop < 5
    assert all(text in (ONE.get(path), TWO.get(path)) for path, text in texts(folder).items())
    for goal, wanted in ((two, TWO), (three, {"z": "z"}), (one, ONE)):
        checkout(blobs, goal, folder, Index(index.file))
        assert texts(folder) == wanted
    assert Index(index.file).bases == (one,)


def test_a_missing_blob_stops_before_others_are_lost(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """Damage in the store is told, no half file appears, and after mending the same call finishes."""
    one, two = root_of(blobs, ONE), root_of(blobs, TWO)
    checkout(blobs, one, folder, index)
    blobs.held[digest_of(b"TWO")] = b"OWT"
    with pytest.raises(Unavailable) as caught:
        checkout(blobs, two, folder, index)
    assert caught.value.kind == "blob-corrupt"
    assert not (folder / SCRATCH).exists()
    assert set(texts(folder).items()) <= set(ONE.items()) | set(TWO.items())
    blobs.put(b"TWO")
    checkout(blobs, two, folder, Index(index.file))
    assert texts(folder) == TWO


def test_a_base_that_is_gone_protects_everything(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """When the store no longer has the tree that the folder held, every file that differs counts as somebody's work."""
    one, two = root_of(blobs, ONE), root_of(blobs, TWO)
    checkout(blobs, one, folder, index)
    blobs.delete(one)
    with pytest.raises(Conflict) as caught:
        checkout(blobs, two, folder, index)
    assert caught.value.facts["paths"] == ["a/2", "b"]
    assert texts(folder) == ONE


def test_one_checkout_at_a_time_and_no_leftovers(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """While one holds the folder another is refused; what a killed one left in the scratch folder is removed."""
    one = root_of(blobs, ONE)
    scratch = folder / SCRATCH
    scratch.mkdir(parents=True)
    (scratch / "7").write_text("half")
    held = os.open(scratch, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(Conflict) as caught:
        checkout(blobs, one, folder, index)
    assert caught.value.kind == "folder-busy"
    os.close(held)
    checkout(blobs, one, folder, index)
    assert texts(folder) == ONE
    assert not scratch.exists()


def test_nothing_is_written_outside(blobs: MemoryBlobs, folder: Path, index: Index, tmp_path: Path) -> None:
    """Neither a link in the folder, nor one in the place of the scratch folder, nor a path of a hostile tree leads out."""
    out = tmp_path / "out"
    out.mkdir()
    folder.mkdir(parents=True)
    (folder / "a").symlink_to(out)
    for force in (False, True):
        with pytest.raises(Conflict):
            checkout(blobs, root_of(blobs, ONE), folder, index, force=force)
    (folder / SCRATCH).symlink_to(out)
    with pytest.raises(LooplineError):
        checkout(blobs, root_of(blobs, {"x": "1"}), folder, index)
    (folder / SCRATCH).unlink()
    with pytest.raises(Invalid):
        checkout(blobs, root_of(blobs, {".git/hooks/pre-commit": "1"}), folder, index, force=True)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("where", ["folder", "above"])
def test_a_file_in_the_place_of_the_folder_is_told(
    blobs: MemoryBlobs, folder: Path, index: Index, tmp_path: Path, where: str
) -> None:
    """Where no folder can be made, the error says so and names it."""
    blocked = folder if where == "folder" else tmp_path / "deep"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("?")
    with pytest.raises(Unavailable) as caught:
        checkout(blobs, root_of(blobs, ONE), folder, index)
    assert caught.value.kind == "folder-unwritable"


def test_a_checkout_tells_how_far_it_is(blobs: MemoryBlobs, folder: Path, index: Index) -> None:
    """Bytes written go up to the total."""
    reports: list[Progress] = []
    checkout(blobs, root_of(blobs, ONE), folder, index, report=reports.append)
    assert [(one.label, one.done, one.total) for one in reports][-1] == ("write files", 15, 15)


SOME = st.dictionaries(
    st.sampled_from(["a", "b", "c/x", "c/y", "c/z/1", "d/1", "e/1", "e/2"]), st.sampled_from(["", "1", "2"])
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(SOME, min_size=1, max_size=4), st.dictionaries(st.sampled_from(["a", "c/x", "n", "d/2"]), st.just("mine"))
)
def test_any_way_through_trees_ends_in_the_last(tmp_path: Path, steps: list[Files], mine: Files) -> None:
    """Whatever trees a folder went through, it holds the last one and the strangers; an edited file stops it untouched."""
    import tempfile

    blobs = MemoryBlobs()
    place = Path(tempfile.mkdtemp(dir=tmp_path))
    folder = place / "data"
    held: Files = {}
    for files in steps:
        checkout(blobs, root_of(blobs, files), folder, Index(place / "index"))
        assert texts(folder) == files
        held = files
    for path, text in mine.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    goal = {path: text for path, text in held.items() if path != "a"} | {"c/x": "1"}
    clash = mine.keys() & (goal.keys() | held.keys())
    if clash:
        before = texts(folder)
        with pytest.raises(Conflict) as caught:
            checkout(blobs, root_of(blobs, goal), folder, Index(place / "index"))
        assert set(caught.value.facts["paths"]) == clash
        assert texts(folder) == before
    else:
        checkout(blobs, root_of(blobs, goal), folder, Index(place / "index"))
        assert texts(folder) == goal | mine


def test_a_folder_whose_index_cannot_be_read_is_left_alone(blobs: MemoryBlobs, folder: Path, tmp_path: Path) -> None:
    """Nobody knows which version it holds: the error names the index, and says nothing of changes that nobody made."""
    one, two = root_of(blobs, ONE), root_of(blobs, TWO)
    checkout(blobs, one, folder, Index(tmp_path / "index"))
    (tmp_path / "index").unlink()
    (tmp_path / "index").mkdir()  # reading it fails, whoever reads
    with pytest.raises(Unavailable) as caught:
        checkout(blobs, two, folder, Index(tmp_path / "index"))
    assert (caught.value.kind, caught.value.facts["path"]) == ("index-unreadable", str(tmp_path / "index"))
    assert texts(folder) == ONE


def test_names_that_a_file_system_takes_for_one_are_refused(
    blobs: MemoryBlobs, folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files and folders that differ in case or in how an accent is written: both are named, and nothing is written over."""
    fine = root_of(blobs, {"a/1": "1", "a/2": "2", "b": "3"})
    checkout(blobs, fine, folder, index)
    monkeypatch.setattr(module, "_folds", lambda _: True)
    for files in (
        {"read.md": "1", "README": "2", "ReadMe": "3"},
        {"d/x": "1", "D/y": "2"},
        {"\u00e9": "1", "e\u0301": "2"},
    ):
        with pytest.raises(Invalid) as caught:
            checkout(blobs, root_of(blobs, files), folder, index)
        assert caught.value.kind == "names-collide"
        assert texts(folder) == {"a/1": "1", "a/2": "2", "b": "3"}
    checkout(blobs, fine, folder, index)


def test_removing_costs_what_is_removed(
    blobs: MemoryBlobs, folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of a folder are forgotten together, not one after the other with all that stay."""
    checkout(blobs, root_of(blobs, {f"a/{number}": "" for number in range(100)}), folder, index)
    forgotten, remove = list[Block](), Block.remove

    def counting(block: Block, names: list[str]) -> None:
        forgotten.append(block)
        remove(block, names)

    monkeypatch.setattr(Block, "remove", counting)
    assert checkout(blobs, root_of(blobs, {"a/1": ""}), folder, index).removed == 99
    assert (len(forgotten), len(index)) == (1, 1)


@pytest.mark.parametrize("path", ["a/1", "a/2", "b"])
def test_what_is_written_while_it_is_at_work_is_not_lost(
    blobs: MemoryBlobs, folder: Path, index: Index, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is changed after all was looked at stops it, whether it is to be replaced or removed or was not there."""
    files = {"a/2": "two", "b": "three", "c": "four"}
    checkout(blobs, root_of(blobs, files), folder, index)
    wanted, plan = root_of(blobs, {"a/1": "one", "a/2": "TWO", "c": "FOUR"}), Planner.plan

    def later(self: Planner, *more: object) -> object:
        done = plan(self, *more)  # type: ignore[arg-type]
        (folder / path).write_text("mine")
        return done

    monkeypatch.setattr(Planner, "plan", later)
    with pytest.raises(Conflict) as caught:
        checkout(blobs, wanted, folder, index)
    assert (caught.value.kind, caught.value.facts["paths"]) == ("local-changes", [path])
    assert (folder / path).read_text() == "mine"
    monkeypatch.undo()
    checkout(blobs, wanted, folder, index, force=True)
    assert (folder / "c").read_text() == "FOUR"


def test_a_scratch_folder_that_another_has_just_removed_is_made_again(
    blobs: MemoryBlobs, folder: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Holding one that is gone would keep nobody else out."""
    lock, times = fcntl.flock, []

    def late(number: int, how: int) -> None:
        times.append(number)
        if len(times) == 1:
            (folder / SCRATCH).rmdir()
        lock(number, how)

    monkeypatch.setattr(fcntl, "flock", late)
    checkout(blobs, root_of(blobs, ONE), folder, index)
    assert texts(folder) == ONE

"""Putting lost bytes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Invalid, LooplineError, Unavailable
from loopline.nouns.digest import Digest, digest_of, short
from loopline.nouns.name import RefName
from loopline.store.local import LocalBlobs
from loopline.testing.loop import loop
from loopline.verbs.commit import commit
from loopline.verbs.repairing import repair
from loopline.verbs.staging import notes_of, stage, written
from loopline.verbs.verify import How

from .conftest import DATA, World

DEEP = How(3)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give a loop on a folder with a version of two files."""
    made = World(loop(blobs=LocalBlobs(tmp_path / "store"), work=tmp_path / "cache"))
    made.data(a_csv=b"1\n", b_csv=b"2\n")
    return made


def lose(world: World, *bodies: bytes) -> None:
    """Damage the first, lose the others, and the root above them."""
    world.damage(digest_of(bodies[0]))
    for body in bodies[1:]:
        world.loop.blobs.delete(digest_of(body))


def states(world: World, source: Path) -> dict[str, str]:
    """Repair, and give how each blob stands."""
    return {one.name: one.state for one in repair(world.loop, source, store=LocalBlobs, how=DEEP)}


def root_of(world: World) -> Digest:
    """Give the tree of the version."""
    return world.do("show", "data/flights@1").artifact.digest  # type: ignore[no-any-return]


def test_a_store_gives_back_what_another_has_lost(world: World, tmp_path: Path) -> None:
    """Nodes first, and then what they show to be lost; the damaged bytes are kept aside."""
    copy = LocalBlobs(tmp_path / "copy" / ".loopline")
    for digest in world.loop.blobs.iter():
        copy.put(world.loop.blobs.read(digest))
    root = root_of(world)
    lose(world, b"1\n", b"2\n")
    world.loop.blobs.delete(root)
    assert states(world, tmp_path / "copy") == dict.fromkeys(
        map(short, (root, digest_of(b"1\n"), digest_of(b"2\n"))), "ok"
    )
    assert [one.state for one in world.do("verify", deep=True)] == ["ok", "ok"]
    assert [file.read_bytes() for file in (tmp_path / "store" / "damaged").iterdir()] == [b"1\n!"]
    assert states(world, tmp_path / "copy") == {"blobs": "ok"}


def test_a_working_folder_gives_back_files_that_it_still_has(world: World, tmp_path: Path) -> None:
    """By their bytes, whatever they are called; one that was changed since then is not taken."""
    folder = tmp_path / "work"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "other name").write_bytes(b"1\n")
    (folder / "b.csv").write_bytes(b"changed\n")
    lose(world, b"1\n", b"2\n")
    assert states(world, folder) == {short(digest_of(b"1\n")): "ok", short(digest_of(b"2\n")): "fail"}
    assert world.loop.blobs.read(digest_of(b"1\n")) == b"1\n"


def test_a_store_that_is_damaged_itself_gives_nothing(world: World, tmp_path: Path) -> None:
    """Its bytes are compared with their names before anything is moved."""
    copy = LocalBlobs(tmp_path / "copy")
    digest = copy.put(b"1\n")
    file = Path(copy.file_of(bytes.fromhex(digest[7:])))
    file.chmod(0o644)
    file.write_bytes(b"9\n")
    lose(world, b"1\n")
    assert states(world, tmp_path / "copy") == {short(digest): "fail"}
    assert not (tmp_path / "store" / "damaged").exists()


def test_a_source_that_is_no_folder_is_refused(world: World, tmp_path: Path) -> None:
    """Nothing is looked at then."""
    with pytest.raises(Invalid) as caught:
        repair(world.loop, tmp_path / "nowhere", store=LocalBlobs, how=DEEP)
    assert caught.value.kind == "no-folder"


def test_what_is_said_of_paths_is_looked_at_and_put_back(world: World, tmp_path: Path) -> None:
    """Notes of a version are part of it: lost ones are named and come back, nodes and what they hold."""
    ref = RefName(DATA, "main")
    stage(world.loop, ref, written("c.html", world.loop.blobs.put(b"3\n"), 2, notes='{"type":"text/html"}'))
    notes = notes_of(commit(world.loop, ref).version)
    assert notes is not None
    copy = LocalBlobs(tmp_path / "copy" / ".loopline")
    for digest in world.loop.blobs.iter():
        copy.put(world.loop.blobs.read(digest))
    said = digest_of(b'{"type":"text/html"}')
    for lost in (said, notes):
        world.loop.blobs.delete(lost)
        bad = next(one for one in world.do("verify") if one.state == "fail")
        assert (bad.name, "notes" in bad.text) == (short(lost), True)
        assert bad.touches == ("data/flights@2", "data/flights@main")
    assert states(world, tmp_path / "copy") == {short(notes): "ok", short(said): "ok"}


class Changing:
    """A store that gives other bytes than it has shown, or breaks off."""

    def __init__(self, *pieces: bytes | LooplineError) -> None:
        self.pieces = pieces

    def verify(self, _: Digest) -> None:
        """Find all to be right."""

    def get(self, _: Digest) -> Iterator[bytes]:
        """Give them."""
        for one in self.pieces:
            if isinstance(one, LooplineError):
                raise one
            yield one


@pytest.mark.parametrize("pieces", [[b"evil"], [b"1", Unavailable("it rots", kind="blob-damaged")]])
def test_a_copy_that_changes_puts_nothing_back(world: World, tmp_path: Path, pieces: Any) -> None:
    """What is put back is what its name says, whatever the other store has said before."""
    lose(world, b"1\n")
    (tmp_path / "copy" / "blobs" / "sha256").mkdir(parents=True)
    found = repair(world.loop, tmp_path / "copy", store=lambda _: Changing(*pieces), how=DEEP)  # type: ignore[arg-type,return-value]
    assert [one.state for one in found] == ["fail"]


def test_a_folder_of_files_may_have_one_called_packs(world: World, tmp_path: Path) -> None:
    """A folder is taken for a store by what lies in it, not by a name that people use, too."""
    (tmp_path / "files" / "packs").mkdir(parents=True)
    (tmp_path / "files" / "packs" / "a.csv").write_bytes(b"1\n")
    lose(world, b"1\n")
    assert states(world, tmp_path / "files") == {short(digest_of(b"1\n")): "ok"}

"""What a reclaim moves out of a store, and how it comes back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from loopline.errors import Conflict
from loopline.nouns.digest import Digest
from loopline.store.local import LocalBlobs
from loopline.store.marks import mark, marked
from loopline.store.named import LocalNamed

SMALL = [f"row {number}\n".encode() * 10 for number in range(40)]
LARGE = b"x" * (9 << 20)


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    """Give a store with a pack, a file and a large file with sums."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_all(SMALL)
    blobs.put(b"alone")
    blobs.put(LARGE)
    return blobs


def seen(folder: Path) -> set[Digest]:
    """List the store as another process does."""
    return set(LocalBlobs(folder).iter())


def test_what_is_moved_is_listed_there_and_no_more_here(blobs: LocalBlobs, tmp_path: Path) -> None:
    """Packed, alone or large: it is not listed in the store, and whole in the trash; what stays is as it was."""
    every = seen(tmp_path)
    going = {*blobs.put_all(SMALL[:5]), blobs.put(b"alone"), blobs.put(LARGE)}
    moved, size = blobs.trash.take(7, going)
    assert (moved, size) == (7, sum(map(len, (*SMALL[:5], b"alone", LARGE))))
    assert seen(tmp_path) == every - going
    assert blobs.trash.numbers() == [7]
    assert set(blobs.trash.iter(7)) == going
    assert blobs.trash.take(8, going) == (0, 0), "nothing of it is here"
    for digest in every - going:
        LocalBlobs(tmp_path).verify(digest)


@pytest.mark.parametrize("asks", ["read", "get", "range", "size", "missing", "verify", "read_all"])
def test_who_asks_takes_it_back(blobs: LocalBlobs, tmp_path: Path, asks: str) -> None:
    """Each way to ask finds what is in the trash, in a process that knows the store from before and in a new one."""
    going = [blobs.put_all(SMALL)[3], blobs.put(b"alone"), blobs.put(LARGE)]
    for number, (here, digest) in enumerate((one, two) for one in (blobs, LocalBlobs(tmp_path)) for two in going):
        blobs.trash.take(number + 1, [digest])
        match asks:
            case "missing":
                assert here.missing([digest]) == set()
            case "size":
                assert here.size(digest) is not None
            case "range":
                assert b"".join(here.range(digest, 0, 3))
            case "read_all":
                assert dict(here.read_all([digest]))
            case "get":
                assert b"".join(here.get(digest))
            case _:
                getattr(here, asks)(digest)
        assert digest in seen(tmp_path)


def test_a_store_that_cannot_be_written_reads_what_is_in_the_trash(
    blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken back there, and nothing is missing."""
    going = [blobs.put_all(SMALL)[3], blobs.put(b"alone")]
    blobs.trash.take(1, going)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(os, "rename", refuse)
    assert [blobs.read(one) for one in going] == [SMALL[3], b"alone"]


def test_a_pack_of_which_little_is_left_is_written_anew(blobs: LocalBlobs, tmp_path: Path) -> None:
    """The old one goes, what is left is whole, and a process that knew the old one reads on."""
    knows = LocalBlobs(tmp_path)
    digests = knows.put_all(SMALL)
    old = {path.name for path in (tmp_path / "packs").glob("*.pack")}
    blobs.trash.take(1, digests[:15])
    assert {path.name for path in (tmp_path / "packs").glob("*.pack")} == old, "more than half is left"
    blobs.trash.take(2, digests[15:25])
    assert old.isdisjoint(path.name for path in (tmp_path / "packs").glob("*.pack"))
    assert not list((tmp_path / "packs").glob("*.gone"))
    assert [knows.read(one) for one in digests[25:]] == SMALL[25:]
    assert [knows.read(one) for one in digests[:25]] == SMALL[:25]


def test_what_is_damaged_stays_where_it_is(blobs: LocalBlobs, tmp_path: Path) -> None:
    """A record that is no longer what its name says is not moved, and its pack is not written anew without it."""
    digests = blobs.put_all(SMALL)
    (pack,) = (tmp_path / "packs").glob("*.pack")
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes().replace(SMALL[3], b"!" * len(SMALL[3])))
    assert LocalBlobs(tmp_path).trash.take(1, digests[:39])[0] == 38
    assert pack.exists()
    assert {digests[3], digests[39]} <= seen(tmp_path)


def test_what_is_emptied_is_gone(blobs: LocalBlobs, tmp_path: Path) -> None:
    """All that one reclaim has moved, but for what was taken back; doing it again changes nothing."""
    one, two = blobs.put_all(SMALL)[:2]
    blobs.trash.take(1, [one, two])
    assert blobs.trash.revive([one]) == {one}
    for _ in range(2):
        blobs.trash.empty(1)
        assert LocalBlobs(tmp_path).missing([one, two]) == {two}
    assert blobs.put(SMALL[1]) == two, "it can be stored again"


def test_one_collects_at_a_time(blobs: LocalBlobs, tmp_path: Path) -> None:
    """A second one is refused until the first is done."""
    with blobs.trash.alone(), pytest.raises(Conflict) as caught, LocalBlobs(tmp_path).trash.alone():
        pass
    assert caught.value.kind == "gc-running"
    with LocalBlobs(tmp_path).trash.alone():
        pass


def test_marks_of_whole_trees_fall_first(blobs: LocalBlobs, tmp_path: Path) -> None:
    """Who pushes to this store later looks at what is there, and believes no mark that was made before something went."""
    named, root = LocalNamed(blobs), blobs.put(b"root")
    mark(named, root)
    assert marked(named, root)
    blobs.trash.take(1, [blobs.put(b"leaf")])
    assert not marked(named, root)

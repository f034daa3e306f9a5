"""Blobs whose bytes lie in a folder or a bucket that somebody has registered."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import obstore
import pytest

from loopline.errors import LooplineError, NotFound, Refused, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.store.blobs import Blobs, sums_of
from loopline.store.foreign import WithForeign, foreign_of, register, room_of, sizes_of
from loopline.store.leased import Leased
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs
from loopline.store.named import LocalNamed, ObjectNamed
from loopline.store.objects import ObjectBlobs
from loopline.store.sidecars import Foreign
from loopline.store.sources import Stamp, file_stamp, source_at
from loopline.testing.blobs import BlobsSuite
from loopline.wiring import blobs_at

BIG = os.urandom((9 << 20) + 5)


def in_folder(folder: Path) -> WithForeign:
    """Open a folder as the program does."""
    local = LocalBlobs(folder)
    return WithForeign(local, LocalNamed(local), sums=local)


def rows_of(source: Path) -> list[Foreign]:
    """Say where the files of a folder lie."""
    files = sorted(file for file in source.iterdir())
    return [Foreign(digest_of(file.read_bytes()), str(source), file.name, file_stamp(file.stat())) for file in files]


@pytest.fixture
def blobs(tmp_path: Path) -> WithForeign:
    """Give a store that knows three files elsewhere."""
    source = tmp_path / "elsewhere"
    source.mkdir()
    for name, data in {"big": BIG, "empty": b"", "small": b"elsewhere"}.items():
        (source / name).write_bytes(data)
    made = in_folder(tmp_path / "store")
    assert register(made, rows_of(source)) == 3
    return made


class TestWithForeign(BlobsSuite):
    """It keeps every promise of the store inside, beside what lies elsewhere."""

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        """Give an empty store."""
        return in_folder(tmp_path / "store")


def test_what_lies_elsewhere_reads_as_what_is_kept(blobs: WithForeign) -> None:
    """Every method of a store finds it, in another process too, and the store takes no byte of it."""
    names = [digest_of(one) for one in (b"", BIG, b"elsewhere")]
    other: WithForeign = pickle.loads(pickle.dumps(blobs))
    kept = blobs.put(b"kept")
    assert dict(other.read_all([*names, kept]))[names[1]] == BIG
    assert other.read(names[2]) == b"".join(other.get(names[2])) == b"elsewhere"
    assert [other.size(one) for one in names] == [0, len(BIG), 9]
    assert sizes_of(other, [*names, kept, digest_of(b"x")]) == dict(
        zip([*names, kept, digest_of(b"x")], [0, len(BIG), 9, 4, None], strict=True)
    )
    assert other.missing([*names, digest_of(b"x")]) == {digest_of(b"x")}
    assert sorted(other.iter()) == sorted([*names, kept])
    assert other.path(names[1]) is None, "nobody links or changes somebody else's file"
    assert (room_of(Leased(other, lambda: None), names[1]), room_of(other, kept)) == (0, 4)
    other.verify(names[1])
    assert sorted(blobs.keeps.iter()) == [kept]


def test_sums_of_what_lies_elsewhere_are_told(blobs: WithForeign) -> None:
    """Who reads parts of it from far away gets the sums of its pieces, so that all of it need not travel."""
    for store in (blobs, Leased(blobs, lambda: None), pickle.loads(pickle.dumps(blobs))):
        sums = sums_of(store, digest_of(BIG))
        assert sums is not None
        assert sums.holds(3, BIG[3 << 20 : 4 << 20])
        assert sums_of(store, digest_of(b"elsewhere")) is None
        with pytest.raises(NotFound):
            sums_of(store, digest_of(b"x"))


def test_a_part_of_a_large_one_is_held_against_its_sums(blobs: WithForeign, tmp_path: Path) -> None:
    """A range reads the pieces in which it lies; a change that no stamp tells is found in them, and elsewhere is not read."""
    digest, file = digest_of(BIG), tmp_path / "elsewhere" / "big"
    for start, length in ((0, 5), (1 << 20, 3 << 20), (len(BIG) - 7, 100), (len(BIG), 4), (5, 0)):
        assert b"".join(blobs.range(digest, start, length)) == BIG[start : start + length]
    times = file.stat()
    with file.open("r+b") as opened:
        opened.seek(5 << 20)
        opened.write(b"rot")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert b"".join(blobs.range(digest, 0, 100)) == BIG[:100]
    with pytest.raises(Unavailable) as caught:
        list(blobs.range(digest, (5 << 20) + 100, 10))
    assert (caught.value.kind, caught.value.facts["source"]) == ("blob-corrupt", str(file))


@pytest.mark.parametrize(
    ("change", "kind"), [("gone", "blob-missing"), ("other", "blob-corrupt"), ("rot", "blob-corrupt")]
)
def test_a_source_that_changed_is_damage_that_names_it(
    blobs: WithForeign, tmp_path: Path, change: str, kind: str
) -> None:
    """Whoever reads is told which file it was and what to do; putting the same bytes mends, and is read from then on."""
    file, digest = tmp_path / "elsewhere" / "small", digest_of(b"elsewhere")
    times = file.stat()
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(b"else-here")
        os.utime(file, ns=(0, times.st_mtime_ns if change == "rot" else 0))
    for read in (blobs.read, blobs.verify, lambda one: list(blobs.get(one)), lambda one: list(blobs.range(one, 0, 3))):
        with pytest.raises(LooplineError) as caught:
            read(digest)
        assert (caught.value.kind, caught.value.facts["source"]) == (kind, str(file))
        assert "register" in caught.value.hint
    assert blobs.missing([digest]) == ({digest} if change != "rot" else set())
    assert blobs.size(digest) == (None if change != "rot" else 9)
    blobs.put(b"elsewhere")
    assert (blobs.read(digest), blobs.missing([digest])) == (b"elsewhere", set())


def test_deleting_forgets_and_leaves_the_source(blobs: WithForeign, tmp_path: Path) -> None:
    """A blob that is deleted is not there any more; the file is, and the others are."""
    assert blobs.delete(digest_of(b"elsewhere"))
    assert not blobs.delete(digest_of(b"elsewhere"))
    with pytest.raises(NotFound):
        blobs.read(digest_of(b"elsewhere"))
    assert (tmp_path / "elsewhere" / "small").read_bytes() == b"elsewhere"
    assert in_folder(tmp_path / "store").missing([digest_of(BIG)]) == set()


def test_objects_of_a_bucket(bucket: str, tmp_path: Path) -> None:
    """They are read where they are, a part by requests for that part; one that was replaced is damage."""
    far = ObjectBlobs(bucket)
    digests: list[Digest] = []
    rows = []
    for key, data in {"a/big": BIG, "a/empty": b"", "b": b"object"}.items():
        obstore.put(far._store, key, data)
        stamp = source_at(bucket).look(key)
        assert stamp is not None
        digests.append(digest_of(data))
        rows.append(Foreign(digests[-1], bucket, key, stamp))
    blobs = in_folder(tmp_path / "store")
    register(blobs, rows)
    assert dict(blobs.read_all(digests)) == dict(zip(digests, (BIG, b"", b"object"), strict=True))
    assert b"".join(blobs.range(digests[0], 3 << 20, 10)) == BIG[3 << 20 : (3 << 20) + 10]
    obstore.put(far._store, "b", b"another")
    obstore.delete(far._store, "a/empty")
    assert blobs.missing(digests) == {digests[1], digests[2]}
    for digest, kind in ((digests[1], "blob-missing"), (digests[2], "blob-corrupt")):
        with pytest.raises(LooplineError) as caught:
            blobs.read(digest)
        assert caught.value.kind == kind
        assert str(caught.value.facts["source"]).startswith(bucket)


def test_sidecars_of_an_object_store(bucket: str, tmp_path: Path) -> None:
    """A store in a bucket knows what lies elsewhere, for every machine; what is condemned is taken back by who asks."""
    (tmp_path / "elsewhere").mkdir()
    for name in "ab":
        (tmp_path / "elsewhere" / name).write_bytes(name.encode())
    first, second = (blobs_at(bucket, str(tmp_path / home), "1000000") for home in ("one", "two"))
    assert register(first, rows_of(tmp_path / "elsewhere")) == 2
    names = [digest_of(b"a"), digest_of(b"b"), first.put(b"c")]
    assert dict(second.read_all(names)) == dict(zip(names, (b"a", b"b", b"c"), strict=True))
    objects = ObjectBlobs(bucket)
    trash = WithForeign(objects, ObjectNamed(objects), sums=LocalBlobs(tmp_path)).trash
    assert trash is not None
    assert trash.take(1, names[:2]) == (2, 0)
    assert blobs_at(bucket, str(tmp_path / "three"), "1000000").missing(names[:1]) == set()
    trash.empty(1)
    again: Blobs = pickle.loads(pickle.dumps(blobs_at(bucket, str(tmp_path / "four"), "1000000")))
    assert again.missing(names) == {names[1]}


def test_who_cannot_know_such_says_so(tmp_path: Path) -> None:
    """A store without sidecars refuses; one that is leased is known as a writer first."""
    with pytest.raises(Refused) as caught:
        register(MemoryBlobs(), [])
    assert caught.value.kind == "no-foreign"
    assert foreign_of(MemoryBlobs()) is None
    held: list[int] = []
    assert register(Leased(in_folder(tmp_path), lambda: held.append(1)), []) == 0
    assert held == [1]
    with pytest.raises(ValueError, match="not how a source is written"):
        register(in_folder(tmp_path), [Foreign(digest_of(b""), f"{tmp_path}/", "x", Stamp(0, ""))])

"""Small blobs in packs of an object store."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.store import far
from loopline.store.blobs import Blobs
from loopline.store.far import SMALL, FarBlobs
from loopline.store.objects import ObjectBlobs
from loopline.testing.blobs import BlobsSuite
from tests.store.conftest import Between
from tests.store.test_objects import overwrite

ITEMS = [b"%d" % number * 50 for number in range(200)]
NAMES = [digest_of(data) for data in ITEMS]


def in_memory() -> ObjectBlobs:
    from obstore.store import MemoryStore

    return ObjectBlobs("memory://", store=MemoryStore())


def fill(blobs: FarBlobs) -> None:
    """Put what is known to be lacking."""
    assert sorted(one for some in blobs.put_lacking(zip(NAMES, ITEMS, strict=True)) for one in some) == sorted(NAMES)


class TestFarBlobs(BlobsSuite):
    """The shipped suite."""

    @pytest.fixture
    def blobs(self) -> Blobs:
        """Give an empty store."""
        return FarBlobs(in_memory())

    def damage(self, blobs: Blobs, digest: Digest, data: bytes) -> None:
        """Overwrite the object."""
        assert isinstance(blobs, FarBlobs)
        overwrite(blobs.objects, digest, data)


def test_many_small_ones_are_two_objects(bucket: str, tmp_path: Path) -> None:
    """They come together as a pack and its index; every method and another process finds each of them there."""
    blobs = FarBlobs(ObjectBlobs(bucket), tmp_path)
    fill(blobs)
    assert list(blobs.objects.iter()) == []
    assert sorted(name.rpartition(".")[2] for name in blobs.named.list("packs")) == ["idx", "pack"]
    other: FarBlobs = pickle.loads(pickle.dumps(blobs))
    assert dict(other.read_all(NAMES)) == dict(zip(NAMES, ITEMS, strict=True))
    assert other.missing([*NAMES, digest_of(b"x")]) == {digest_of(b"x")}
    assert sorted(other.iter()) == sorted(NAMES)
    assert (other.read(NAMES[3]), other.size(NAMES[3])) == (ITEMS[3], len(ITEMS[3]))
    assert b"".join(other.range(NAMES[150], 10, 20)) == ITEMS[150][10:30]
    assert b"".join(other.get(NAMES[5])) == ITEMS[5]
    assert len(list(tmp_path.glob("*.idx"))) == 1


def test_large_ones_are_objects(bucket: str) -> None:
    """What is above the limit is an object of its own."""
    blobs, data = FarBlobs(ObjectBlobs(bucket)), os.urandom(SMALL + 1)
    assert list(blobs.put_lacking([(digest_of(data), data), (digest_of(b"1"), b"1")]))
    assert sorted(blobs.objects.iter()) == sorted([digest_of(data), digest_of(b"1")])


def test_what_another_has_packed_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has looked before finds by name what was packed since, and half a minute later that it was deleted."""
    objects = in_memory()
    mine, theirs = FarBlobs(objects), FarBlobs(objects)
    assert mine.size(NAMES[0]) is None
    fill(theirs)
    assert mine.size(NAMES[0]) == len(ITEMS[0])
    assert mine.read(NAMES[1]) == ITEMS[1]
    assert theirs.delete(NAMES[0])
    assert not theirs.delete(NAMES[0])
    assert mine.size(NAMES[0]) == len(ITEMS[0])
    monkeypatch.setattr(far, "_FRESH_S", -1.0)
    assert mine.size(NAMES[0]) is None
    assert mine.missing(NAMES) == {NAMES[0]}
    assert sorted(mine.iter()) == sorted(NAMES[1:])


def test_a_damaged_pack_is_told_and_mended() -> None:
    """Wrong bytes of a pack are never given; put again, the blob is read from its object."""
    import obstore

    blobs = FarBlobs(in_memory())
    fill(blobs)
    name = next(name for name in blobs.named.list("packs") if name.endswith(".pack"))
    held = blobs.named.find(f"packs/{name}")
    assert held is not None
    obstore.put(
        blobs.objects._store, f"packs/{name}", held.replace(ITEMS[7], b"?" * len(ITEMS[7]), 1), mode="overwrite"
    )
    for ask in (lambda: blobs.read(NAMES[7]), lambda: dict(blobs.read_all(NAMES)), lambda: blobs.verify(NAMES[7])):
        with pytest.raises(Unavailable) as caught:
            ask()
        assert (caught.value.kind, caught.value.facts["digest"]) == ("blob-corrupt", NAMES[7])
    blobs.put(ITEMS[7])
    assert dict(blobs.read_all(NAMES)) == dict(zip(NAMES, ITEMS, strict=True))


def test_a_damaged_index_is_told() -> None:
    """An index that is not as it was written hides nothing: it is an error."""
    blobs = FarBlobs(in_memory())
    fill(blobs)
    name = next(name for name in blobs.named.list("packs") if name.endswith(".idx"))
    held = blobs.named.find(f"packs/{name}")
    assert held is not None
    blobs.named.put(f"packs/{name}", held[:-1] + b"?")
    with pytest.raises(Unavailable) as caught:
        FarBlobs(blobs.objects).missing(NAMES)
    assert caught.value.kind == "store-broken"


def test_a_copy_of_an_index_that_was_cut_is_read_again(tmp_path: Path) -> None:
    """What is left of a copy after a loss of power is replaced."""
    blobs = FarBlobs(in_memory(), tmp_path)
    fill(blobs)
    assert blobs.missing(NAMES) == set()
    (file,) = tmp_path.glob("*.idx")
    file.write_bytes(file.read_bytes()[:100])
    assert FarBlobs(blobs.objects, tmp_path).missing(NAMES) == set()


def test_a_pack_without_an_index_is_not_there(between: Between, bucket: str) -> None:
    """Where the index could not be written, nothing is acknowledged, and the same again brings all."""
    blobs = FarBlobs(ObjectBlobs(bucket))
    between.wrong = lambda method, path: (403, b"") if method == "PUT" and ".idx" in path else None
    with pytest.raises(Unavailable) as caught:
        fill(blobs)
    assert caught.value.kind == "store-refused"
    assert blobs.missing(NAMES) == set(NAMES)
    between.wrong = lambda _method, _path: None
    fill(blobs)
    assert blobs.missing(NAMES) == set()
    puts = [path for method, path in between.seen if method == "PUT"]
    assert len(puts) == 4


def test_many_that_are_put_are_one_pack(bucket: str) -> None:
    """What is new goes into a pack, what is there is not sent again; a few are objects."""
    blobs = FarBlobs(ObjectBlobs(bucket))
    large = os.urandom(SMALL + 1)
    assert blobs.put_all([*ITEMS[:100], large]) == [*NAMES[:100], digest_of(large)]
    assert blobs.put_all(ITEMS) == NAMES
    assert sorted(name.rpartition(".")[2] for name in blobs.named.list("packs")) == ["idx", "idx", "pack", "pack"]
    assert blobs.put_all(ITEMS) == NAMES
    assert len(list(blobs.named.list("packs"))) == 4
    assert list(blobs.objects.iter()) == [digest_of(large)]
    blobs.put_all([b"a", b"b"])
    assert sorted(blobs.objects.iter()) == sorted([digest_of(large), digest_of(b"a"), digest_of(b"b")])
    assert sorted(FarBlobs(ObjectBlobs(bucket)).iter()) == sorted({*NAMES, *blobs.objects.iter()})


def test_what_a_pack_holds_damaged_is_mended_by_putting_it_again() -> None:
    """Together with many others, which stay where they are."""
    import obstore

    blobs = FarBlobs(in_memory())
    fill(blobs)
    name = next(name for name in blobs.named.list("packs") if name.endswith(".pack"))
    held = blobs.named.find(f"packs/{name}") or b""
    obstore.put(blobs.objects._store, f"packs/{name}", held.replace(ITEMS[7], b"?" * len(ITEMS[7]), 1))
    blobs.put_all(ITEMS)
    assert list(blobs.objects.iter()) == [NAMES[7]]
    assert blobs.read(NAMES[7]) == ITEMS[7]

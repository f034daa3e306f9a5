"""Blobs that are far away, with copies here."""

from __future__ import annotations

import os
import pickle
from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest

from loopline.errors import NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.store.blobs import CHUNK, Blobs
from loopline.store.cached import Cached
from loopline.store.objects import ObjectBlobs
from loopline.testing.blobs import BlobsSuite, SharedBlobsSuite
from tests.store.conftest import Between
from tests.store.test_objects import overwrite

BIG = os.urandom(3 * CHUNK + 17)


def in_memory(folder: Path, *, limit: int = 1 << 30, grace: float = 300.0) -> Cached:
    """Give a store in memory with copies in a folder."""
    from obstore.store import MemoryStore

    return Cached(ObjectBlobs("memory://", store=MemoryStore()), folder / "copies", limit=limit, grace=grace)


def copies(blobs: Cached) -> set[Digest]:
    """Give what is here."""
    return set(blobs.near.iter())


def spoil(blobs: Cached, digest: Digest, data: bytes) -> None:
    """Change a copy behind everybody's back."""
    path = blobs.near.path(digest)
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(data)


class TestCachedInMemory(BlobsSuite):
    """The shipped suite."""

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        """Give an empty store."""
        return in_memory(tmp_path)

    def damage(self, blobs: Blobs, digest: Digest, data: bytes) -> None:
        """Overwrite the object, and take its copy away."""
        cached = cast("Cached", blobs)
        cached.near.delete(digest)
        overwrite(cast("Blobs", cached.far), digest, data)


class TestCachedOnS3(SharedBlobsSuite):
    """The shipped suite, over HTTP, with processes that share the copies."""

    tried, many = 10, 100

    @pytest.fixture
    def blobs(self, bucket: str, tmp_path: Path) -> Blobs:
        """Give an empty store in a bucket."""
        return Cached(ObjectBlobs(bucket), tmp_path / "copies", limit=1 << 30)

    def damage(self, blobs: Blobs, digest: Digest, data: bytes) -> None:
        """Overwrite the object, and take its copy away."""
        cached = cast("Cached", blobs)
        cached.near.delete(digest)
        overwrite(cast("Blobs", cached.far), digest, data)


def test_what_was_read_once_is_read_from_here(between: Between, bucket: str, tmp_path: Path) -> None:
    """A second read, a stream and a file to open cost no request."""
    ObjectBlobs(bucket).put_all([b"small", BIG])
    blobs = Cached(ObjectBlobs(bucket), tmp_path, limit=1 << 30)
    assert blobs.read(digest_of(b"small")) == b"small"
    assert b"".join(blobs.get(digest_of(BIG))) == BIG
    between.seen.clear()
    for data in (b"small", BIG):
        path = blobs.path(digest_of(data))
        assert path is not None
        assert path.read_bytes() == data == blobs.read(digest_of(data)) == b"".join(blobs.get(digest_of(data)))
    assert between.seen == []


def test_what_is_there_is_said_by_the_store_alone(tmp_path: Path) -> None:
    """A copy does not make a blob exist: what another has deleted is missing, also here."""
    blobs = in_memory(tmp_path)
    digest = blobs.put(b"x")
    blobs.far.delete(digest)
    assert copies(blobs) == {digest}
    assert (blobs.missing([digest]), blobs.size(digest), list(blobs.iter())) == ({digest}, None, [])
    assert blobs.put(b"x") == digest
    assert blobs.missing([digest]) == set()


@pytest.mark.parametrize("way", ["put", "put_all", "put_file", "writer"])
def test_every_way_of_writing_leaves_a_copy(tmp_path: Path, way: str) -> None:
    """Who wrote something can open its file without fetching it."""
    blobs = in_memory(tmp_path)
    (tmp_path / "source").write_bytes(BIG)
    match way:
        case "put":
            blobs.put(BIG)
        case "put_all":
            blobs.put_all([BIG])
        case "put_file":
            assert blobs.put_file(tmp_path / "source") == (digest_of(BIG), len(BIG))
        case _:
            with blobs.writer() as writer:
                writer.write(BIG)
                writer.commit()
    assert copies(blobs) == {digest_of(BIG)}
    assert blobs.far.read(digest_of(BIG)) == BIG


def test_the_copies_are_bounded(tmp_path: Path) -> None:
    """Beyond the limit the least used go first, and nothing is lost by it."""
    blobs = in_memory(tmp_path, limit=10_000, grace=0.0)
    items = [bytes([number]) * 1000 for number in range(30)]
    for age, data in enumerate(items):
        digest = blobs.put(data)
        path = blobs.near.path(digest)
        if path is not None:
            os.utime(path, (age, age))
        if age == 4:
            os.utime(blobs.near._where(digest_of(items[0])), (1000, 1000))  # somebody uses the first one
    held = sum(blobs.near.size(digest) or 0 for digest in copies(blobs))
    assert 0 < held <= 10_000
    assert digest_of(items[0]) in copies(blobs)
    assert digest_of(items[1]) not in copies(blobs)
    assert [blobs.read(digest_of(data)) for data in items] == items


def test_a_limit_also_counts_what_others_left(tmp_path: Path) -> None:
    """A process that opens a full folder lets old copies go with its first own."""
    first = in_memory(tmp_path, limit=1 << 20, grace=0.0)
    for number in range(20):
        first.put(bytes([number]) * 1000)
    second = in_memory(tmp_path, limit=5_000, grace=0.0)
    second.put(b"mine")
    assert sum(second.near.size(digest) or 0 for digest in copies(second)) <= 5_000


def test_a_copy_in_use_stays(tmp_path: Path) -> None:
    """A file that was just given is not taken away, although the limit is passed."""
    blobs = in_memory(tmp_path, limit=1000)
    path = blobs.path(blobs.put(b"a" * 900))
    for number in range(5):
        blobs.put(bytes([number]) * 900)
    assert path is not None
    assert path.read_bytes() == b"a" * 900


def test_what_is_larger_than_the_limit_passes_through(tmp_path: Path) -> None:
    """A blob that does not fit is read and written whole, and has no file here."""
    blobs = in_memory(tmp_path, limit=CHUNK)
    (tmp_path / "big").write_bytes(BIG)
    digest, _ = blobs.put_file(tmp_path / "big")
    assert copies(blobs) == set()
    assert b"".join(blobs.get(digest)) == BIG == blobs.read(digest)
    assert (blobs.path(digest), copies(blobs)) == (None, set())


@pytest.mark.parametrize("wrong", [b"", b"x", b"wrong!"])
def test_a_small_damaged_copy_is_replaced_unseen(tmp_path: Path, wrong: bytes) -> None:
    """A copy whose bytes are not those of its name is fetched again, by reading and by streaming."""
    blobs = in_memory(tmp_path)
    digest = blobs.put(b"right!")
    for ask in (blobs.read, lambda name: b"".join(blobs.get(name))):
        spoil(blobs, digest, wrong)
        assert ask(digest) == b"right!"
        assert blobs.near.read(digest) == b"right!"


def test_a_large_damaged_copy_fails_one_reader(tmp_path: Path) -> None:
    """A stream of a damaged copy never gives it to the end, and the next reader has the right bytes."""
    blobs = in_memory(tmp_path)
    digest = blobs.put(BIG)
    spoil(blobs, digest, BIG[:-1] + bytes([BIG[-1] ^ 1]))
    given: list[bytes] = []
    with pytest.raises(Unavailable) as caught:
        given.extend(blobs.get(digest))
    assert caught.value.kind == "blob-corrupt"
    assert sum(map(len, given)) < len(BIG)
    assert b"".join(blobs.get(digest)) == BIG


def test_verifying_looks_at_the_store_and_mends_the_copy(tmp_path: Path) -> None:
    """A sound copy does not hide that the store's blob is damaged, and a damaged copy goes."""
    blobs = in_memory(tmp_path)
    digest = blobs.put(b"right")
    spoil(blobs, digest, b"wrong")
    blobs.verify(digest)
    assert copies(blobs) == set()
    blobs.read(digest)
    overwrite(cast("Blobs", blobs.far), digest, b"wrong")
    with pytest.raises(Unavailable):
        blobs.verify(digest)


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    """Where no copy can be kept, small writes and all reads go to the store."""
    (tmp_path / "copies").write_text("a file in the way")
    blobs = in_memory(tmp_path)
    digests = blobs.put_all([b"x", BIG])
    assert blobs.put(b"y") == digest_of(b"y")
    assert b"".join(blobs.get(digests[1])) == BIG
    assert blobs.read(digests[0]) == b"x"
    with pytest.raises(NotFound):
        blobs.read(digest_of(b"nowhere"))


def test_an_upload_that_failed_leaves_no_copy(between: Between, bucket: str, tmp_path: Path) -> None:
    """What the store did not take is not kept here either."""
    blobs = Cached(ObjectBlobs(bucket), tmp_path, limit=1 << 30)
    between.wrong = lambda method, _path: (
        (403, b"<Error><Code>AccessDenied</Code></Error>") if method == "PUT" else None
    )
    with pytest.raises(Unavailable) as caught, blobs.writer() as writer:
        writer.write(b"x")
        writer.commit()
    assert caught.value.kind == "store-refused"
    assert copies(blobs) == set()


def test_a_reader_that_leaves_early_keeps_nothing(tmp_path: Path) -> None:
    """Half a stream makes no copy and leaves no file."""
    blobs = in_memory(tmp_path)
    digest = blobs.far.put(BIG)
    stream = blobs.get(digest)
    next(stream)
    cast("Generator[bytes]", stream).close()
    assert copies(blobs) == set()
    assert [one for one in (tmp_path / "copies" / "tmp").iterdir() if one.is_file()] == []


def test_another_process_shares_the_copies(bucket: str, tmp_path: Path) -> None:
    """A store is sent by its address, folder and limit."""
    blobs = pickle.loads(pickle.dumps(Cached(ObjectBlobs(bucket), tmp_path, limit=77, grace=3.0)))
    assert (blobs.limit, blobs.grace, blobs.near.folder, blobs.far.url) == (77, 3.0, tmp_path, bucket)


def test_many_that_are_lacking_are_sent_as_the_store_takes_them(tmp_path: Path) -> None:
    """What somebody knows to be missing goes into packs where the store has them, else each as it is."""
    from obstore.store import MemoryStore

    from loopline.store.far import FarBlobs

    items = [(digest_of(data), data) for data in (b"%d" % number for number in range(50))]
    far = FarBlobs(ObjectBlobs("memory://", store=MemoryStore()))
    for blobs in (Cached(far, tmp_path / "a", limit=1 << 20), in_memory(tmp_path / "b")):
        assert sorted(one for some in blobs.put_lacking(items) for one in some) == sorted(name for name, _ in items)
        assert dict(blobs.read_all(name for name, _ in items)) == dict(items)
    assert list(far.objects.iter()) == []

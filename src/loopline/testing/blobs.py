"""blobs: the suite that every Blobs must pass.

    class TestLocalBlobs(SharedBlobsSuite):
        @pytest.fixture
        def blobs(self, tmp_path): return LocalBlobs(tmp_path)

`BlobsSuite` is for what one process keeps; `SharedBlobsSuite` adds processes, and sends `blobs` to them by pickling.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.errors import Invalid, LooplineError, NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.store.blobs import CHUNK, Blobs

ABSENT = digest_of(b"never stored")
BIG = bytes(range(256)) * (3 * CHUNK // 256) + b"tail"

NO_DIGESTS = (
    "",
    "sha256:",
    "sha256:../../secret",
    "sha256:" + "../" * 20 + "TMP/secret",
    "sha256:" + "A" * 64,
    f"{ABSENT}\n",
    f"{ABSENT}0",
)


class BlobsSuite:
    """Needs a fixture `blobs` that gives an empty store, and `damage` where `path` gives no files."""

    tried = 30
    """How many examples make a claim about any bytes. A store behind a network may take fewer."""
    many = 700
    """How many blobs are put at once. The same holds."""

    @pytest.fixture
    def blobs(self) -> Blobs:
        """Give an empty store."""
        raise NotImplementedError

    def damage(self, blobs: Blobs, digest: Digest, data: bytes) -> None:
        """Replace the kept bytes of a blob behind the store's back."""
        path = blobs.path(digest)
        assert path is not None, "override damage() for a store without files"
        path.chmod(0o644)
        path.write_bytes(data)

    def test_what_was_put_is_read(self, blobs: Blobs) -> None:
        """Any bytes come back under the digest that they have, in any grouping and order."""

        @settings(max_examples=self.tried, deadline=None)
        @given(items=st.lists(st.binary(max_size=300), max_size=8))
        def holds(items: list[bytes]) -> None:
            assert blobs.put_all(items) == [digest_of(data) for data in items]
            for data in items:
                digest = blobs.put(data)
                assert blobs.read(digest) == data == b"".join(blobs.get(digest))
                assert blobs.size(digest) == len(data)
            assert {digest_of(data) for data in items} <= set(blobs.iter())

        holds()

    def test_writer_gives_the_digest_of_all_chunks(self, blobs: Blobs) -> None:
        """A blob does not remember in which chunks it was written."""

        @settings(max_examples=self.tried, deadline=None)
        @given(chunks=st.lists(st.binary(max_size=100), max_size=6))
        def holds(chunks: list[bytes]) -> None:
            whole = b"".join(chunks)
            with blobs.writer() as writer:
                for chunk in chunks:
                    writer.write(chunk)
                assert writer.commit() == (digest_of(whole), len(whole))
            assert blobs.read(digest_of(whole)) == whole

        holds()

    def test_a_big_blob_streams_in_chunks(self, blobs: Blobs) -> None:
        """A stream gives bounded chunks, none of them empty."""
        sizes = [len(chunk) for chunk in blobs.get(blobs.put(BIG))]
        assert sum(sizes) == len(BIG)
        assert 0 < min(sizes) <= max(sizes) <= CHUNK

    def test_a_file_is_kept_as_it_is(self, blobs: Blobs, tmp_path: Path) -> None:
        """put_file gives digest and size of what the file holds, and leaves the file alone."""
        source = tmp_path / "source.bin"
        source.write_bytes(BIG)
        assert blobs.put_file(source) == (digest_of(BIG), len(BIG))
        assert blobs.read(digest_of(BIG)) == BIG == source.read_bytes()

    def test_a_file_that_is_not_there_is_an_os_error(self, blobs: Blobs, tmp_path: Path) -> None:
        """A missing source is the caller's affair: it is not reported as a missing blob."""
        with pytest.raises(FileNotFoundError):
            blobs.put_file(tmp_path / "nothing")

    def test_many_blobs_at_once(self, blobs: Blobs) -> None:
        """put_all takes any iterable, repeats included, and answers in its order."""
        items = [str(number % self.many).encode() for number in range(self.many * 3 // 2)]
        assert blobs.put_all(iter(items)) == [digest_of(data) for data in items]
        assert len(set(blobs.iter())) == self.many
        assert blobs.put_all([]) == []

    def test_items_that_raise_are_the_callers_error(self, blobs: Blobs) -> None:
        """An iterable that raises leaves whole blobs or none."""

        def items() -> Iterator[bytes]:
            yield b"first"
            msg = "no more"
            raise KeyError(msg)

        with pytest.raises(KeyError):
            blobs.put_all(items())
        assert set(blobs.iter()) <= {digest_of(b"first")}

    def test_putting_twice_keeps_one(self, blobs: Blobs) -> None:
        """The same bytes are the same blob."""
        assert blobs.put(b"same") == blobs.put(b"same")
        assert list(blobs.iter()) == [digest_of(b"same")]

    def test_what_is_not_there_is_not_found(self, blobs: Blobs) -> None:
        """A missing blob raises with its digest when it is asked for, not when it is read."""
        for ask in (blobs.read, blobs.get, blobs.verify):
            with pytest.raises(NotFound) as caught:
                ask(ABSENT)
            assert (caught.value.kind, caught.value.facts["digest"]) == ("blob-missing", ABSENT)
        assert blobs.size(ABSENT) is None
        assert blobs.path(ABSENT) is None

    @pytest.mark.parametrize("name", NO_DIGESTS)
    def test_what_is_no_digest_is_refused(self, blobs: Blobs, tmp_path: Path, name: str) -> None:
        """A name that is not sha256: and 64 hex digits is looked for nowhere, whatever stands at the place that it spells."""
        (tmp_path / "secret").write_bytes(b"of the machine")
        wrong = Digest(name.replace("TMP", str(tmp_path)))
        for ask in (
            blobs.read, blobs.get, blobs.size, blobs.verify, lambda one: blobs.missing([one]),
            lambda one: list(blobs.read_all([one])), lambda one: blobs.range(one, 0, 1),
        ):  # fmt: skip
            with pytest.raises(Invalid) as caught:
                ask(wrong)
            assert caught.value.kind == "bad-digest"
        with pytest.raises(LooplineError):
            blobs.delete(wrong)
        assert (tmp_path / "secret").exists()
        with contextlib.suppress(Invalid):
            assert blobs.path(wrong) is None

    def test_many_are_read_at_once(self, blobs: Blobs) -> None:
        """read_all gives each of many once, whatever its size, and raises for one that is not there."""
        items = [str(number).encode() * (1 + number * 40) for number in range(40)] + [BIG, b""]
        digests = blobs.put_all(items)
        assert sorted(blobs.read_all([*digests, *digests[:5]])) == sorted(zip(digests, items, strict=True))
        assert list(blobs.read_all([])) == []
        with pytest.raises(NotFound):
            list(blobs.read_all([*digests, ABSENT]))

    def test_a_part_of_a_blob(self, blobs: Blobs) -> None:
        """A range gives the bytes between two places, as far as there are any; a missing blob raises at the call."""
        huge = BIG * 3
        for data in (b"a small one", BIG, huge):
            digest = blobs.put(data)
            for start, length in (
                (0, 4),
                (3, 5),
                (CHUNK - 1, 2 * CHUNK + 2),
                (len(data) - 2, 10),
                (len(data) + 5, 3),
                (0, 1 << 40),
            ):
                assert b"".join(blobs.range(digest, start, length)) == data[start : start + length]
        with pytest.raises(NotFound):
            blobs.range(ABSENT, 0, 1)

    def test_missing_gives_what_is_not_there(self, blobs: Blobs) -> None:
        """missing() is the difference between a list and the store."""
        assert blobs.missing([ABSENT, blobs.put(b"here")]) == {ABSENT}
        assert blobs.missing([]) == set()

    @pytest.mark.parametrize("wrong", [b"", b"x", BIG[:-1], BIG[:-1] + b"?", BIG + b"?"])
    def test_a_damaged_blob_is_never_read_to_the_end(self, blobs: Blobs, wrong: bytes) -> None:
        """Cut, lengthened or changed bytes raise, and a stream raises before it has given as much as was promised."""
        digest = blobs.put(BIG)
        self.damage(blobs, digest, wrong)
        for ask in (blobs.read, blobs.verify, lambda name: b"".join(blobs.get(name))):
            with pytest.raises(Unavailable) as caught:
                ask(digest)
            assert (caught.value.kind, caught.value.facts["digest"]) == ("blob-corrupt", digest)
        given: list[bytes] = []
        with pytest.raises(Unavailable):
            given.extend(blobs.get(digest))
        assert sum(map(len, given)) < max(1, len(wrong))

    @pytest.mark.parametrize("way", ["put", "put_all", "writer", "put_file"])
    def test_putting_the_bytes_again_mends_a_damaged_blob(self, blobs: Blobs, tmp_path: Path, way: str) -> None:
        """Every way of writing mends what was damaged, also where the size did not change."""
        digest = blobs.put(b"right")
        self.damage(blobs, digest, b"wrong")
        match way:
            case "put":
                blobs.put(b"right")
            case "put_all":
                blobs.put_all([b"other", b"right"])
            case "writer":
                with blobs.writer() as writer:
                    writer.write(b"right")
                    writer.commit()
            case _:
                (tmp_path / "right").write_bytes(b"right")
                blobs.put_file(tmp_path / "right")
        assert blobs.read(digest) == b"right"

    def test_a_writer_left_without_commit_leaves_nothing(self, blobs: Blobs) -> None:
        """Neither leaving the block nor an error in it makes a blob."""
        with blobs.writer() as writer:
            writer.write(b"half")
        msg = "in the middle"
        with pytest.raises(KeyError), blobs.writer() as writer:
            writer.write(b"half")
            raise KeyError(msg)
        assert list(blobs.iter()) == []

    def test_a_writer_ends_with_its_commit(self, blobs: Blobs) -> None:
        """Writing or committing after the commit is an error, and changes nothing."""
        with blobs.writer() as writer:
            writer.write(b"all")
            writer.commit()
            with pytest.raises(ValueError, match="committed"):
                writer.write(b"more")
            with pytest.raises(ValueError, match="committed"):
                writer.commit()
        assert list(blobs.iter()) == [digest_of(b"all")]

    def test_delete_forgets(self, blobs: Blobs) -> None:
        """A deleted blob is gone, and deleting it again says that it was not there."""
        digest = blobs.put(b"old")
        assert (blobs.delete(digest), blobs.delete(digest)) == (True, False)
        assert blobs.missing([digest]) == {digest}
        assert list(blobs.iter()) == []

    def test_a_file_to_read_without_copying(self, blobs: Blobs) -> None:
        """Where path() gives a file, it holds exactly the blob, and nobody may write it."""
        path = blobs.path(blobs.put(b"as it is"))
        assert path is None or (path.read_bytes() == b"as it is" and path.stat().st_mode & 0o222 == 0)

    def test_threads_that_write_the_same_bytes(self, blobs: Blobs) -> None:
        """Writers of the same bytes do not disturb each other, nor a reader, whichever way they write."""
        wrong: list[BaseException] = []

        def work(turn: int) -> None:
            try:
                _write_and_read(blobs, turn)
            except BaseException as caught:  # noqa: BLE001 - a thread's error must reach the test
                wrong.append(caught)

        threads = [threading.Thread(target=work, args=(turn,)) for turn in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert set(blobs.iter()) == {digest_of(data) for data in _shared()}


class SharedBlobsSuite(BlobsSuite):
    """For a store that several processes open."""

    def test_processes_that_write_the_same_bytes(self, blobs: Blobs) -> None:
        """Writers of the same bytes in several processes all succeed, and one blob of each comes of it."""
        spawn = multiprocessing.get_context("spawn")
        processes = [spawn.Process(target=_write_and_read, args=(blobs, turn)) for turn in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0] * 4
        assert set(blobs.iter()) == {digest_of(data) for data in _shared()}


def _shared() -> list[bytes]:
    return [str(number).encode() * 2000 for number in range(25)]


def _write_and_read(blobs: Blobs, turn: int) -> None:
    items = _shared()
    if turn % 2:
        blobs.put_all(items)
    else:
        for data in items:
            with blobs.writer() as writer:
                writer.write(data)
                writer.commit()
    for data in items:
        assert blobs.read(digest_of(data)) == data

"""Many small blobs in packs."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from loopline.errors import NotFound, Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.store import folding, packs
from loopline.store.blobs import Blobs
from loopline.store.local import LocalBlobs
from loopline.testing.blobs import SharedBlobsSuite

ITEMS = [f"flight {number}".encode() * 3 for number in range(40)]
DIGESTS = [digest_of(data) for data in ITEMS]


def ident(digest: Digest) -> bytes:
    """Give the 32 bytes of a digest."""
    return bytes.fromhex(digest[7:])


def forge(blobs: LocalBlobs, digest: Digest, data: bytes) -> None:
    """Have a pack in which a blob's name stands at other bytes, in place of what is kept under it."""
    blobs.delete(digest)
    packing = blobs.packs.begin()
    packing.add([(ident(digest), data)])
    packing.seal()


class TestPackedBlobs(SharedBlobsSuite):
    """The shipped suite, over a store in which all that is put goes into packs."""

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        """Give an empty store."""
        return LocalBlobs(tmp_path / "store", small=1 << 30, several=1)

    def damage(self, blobs: Blobs, digest: Digest, data: bytes) -> None:
        """Put other bytes into a pack."""
        assert isinstance(blobs, LocalBlobs)
        forge(blobs, digest, data)


def files(folder: Path, end: str = "") -> list[Path]:
    """List the files of packs."""
    return sorted(path for path in (folder / "packs").glob(f"*{end}"))


def open_files() -> int:
    """Count the files that this process has open; nothing where the system does not say it so."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.exists() else 0


def flip(path: Path, at: int) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.chmod(0o644)
    path.write_bytes(data)


def test_several_small_blobs_are_one_pack(tmp_path: Path) -> None:
    """Sixteen small ones that come together make a pack; fewer, and larger ones, are files; all of them are read-only."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_all([*ITEMS[:15], bytes(40_000)])
    assert files(tmp_path) == []
    assert len(list((tmp_path / "blobs" / "sha256").iterdir())) == 16
    blobs.put_all([*ITEMS, bytes(50_000)])
    pack, index = sorted(files(tmp_path), key=lambda path: path.suffix, reverse=True)
    assert (pack.suffix, index.suffix) == (".pack", ".idx")
    assert [path.stat().st_mode & 0o777 for path in (pack, index)] == [0o444, 0o444]
    assert len(list((tmp_path / "blobs" / "sha256").iterdir())) == 17
    assert set(LocalBlobs(tmp_path).iter()) == {*DIGESTS, digest_of(bytes(40_000)), digest_of(bytes(50_000))}
    assert blobs.path(DIGESTS[0]) is not None
    assert blobs.path(DIGESTS[20]) is None


def test_what_is_packed_is_not_packed_again(tmp_path: Path) -> None:
    """What any pack holds is not written again, and two processes that pack the same count it once."""
    first, second = LocalBlobs(tmp_path), LocalBlobs(tmp_path)
    assert list(second.iter()) == []
    first.put_all(ITEMS)
    second.put_all([*ITEMS, b"new"])
    assert len(files(tmp_path, ".pack")) == 1
    packing = second.packs.begin()
    packing.add([(ident(digest), data) for digest, data in zip(DIGESTS, ITEMS, strict=True)])
    packing.seal()
    assert sorted(first.iter()) == sorted([*DIGESTS, digest_of(b"new")])
    assert first.delete(DIGESTS[3])
    assert first.size(DIGESTS[3]) is None, "it is gone from both"


def test_what_others_pack_is_seen(tmp_path: Path) -> None:
    """A store that was opened before finds what another has packed, by every question."""
    for ask in (
        lambda blobs: blobs.read(DIGESTS[5]) == ITEMS[5],
        lambda blobs: b"".join(blobs.get(DIGESTS[5])) == ITEMS[5],
        lambda blobs: blobs.size(DIGESTS[5]) == len(ITEMS[5]),
        lambda blobs: blobs.missing(DIGESTS) == set(),
        lambda blobs: dict(blobs.read_all(DIGESTS)) == dict(zip(DIGESTS, ITEMS, strict=True)),
        lambda blobs: b"".join(blobs.range(DIGESTS[5], 2, 5)) == ITEMS[5][2:7],
        lambda blobs: set(blobs.iter()) == set(DIGESTS),
    ):
        with tempfile.TemporaryDirectory() as name:
            old = LocalBlobs(Path(name))
            assert old.missing(DIGESTS) == set(DIGESTS)
            LocalBlobs(Path(name)).put_all(ITEMS)
            assert ask(old)


def test_what_others_delete_is_seen(tmp_path: Path) -> None:
    """Neither size nor missing says that a blob is there which another process has deleted, and putting it again keeps it."""
    old, other = LocalBlobs(tmp_path), LocalBlobs(tmp_path)
    old.put_all(ITEMS)
    assert old.size(DIGESTS[7]) is not None
    assert other.delete(DIGESTS[7])
    assert old.size(DIGESTS[7]) is None
    assert other.delete(DIGESTS[8])
    assert old.missing(DIGESTS) == {DIGESTS[7], DIGESTS[8]}
    assert old.delete(DIGESTS[8]) is False
    old.put_all(ITEMS)
    assert LocalBlobs(tmp_path).missing(DIGESTS) == set()
    assert sorted(LocalBlobs(tmp_path).iter()) == sorted(DIGESTS)


def test_a_folder_that_has_settled_is_not_listed_again(tmp_path: Path) -> None:
    """What others pack or delete is seen also where the folder's time says that nothing happened for long."""
    old, other = LocalBlobs(tmp_path), LocalBlobs(tmp_path)
    other.put_all(ITEMS)
    other.delete(DIGESTS[0])
    os.utime(tmp_path / "packs", (1, 1))
    assert old.missing(DIGESTS) == {DIGESTS[0]}
    (tmp_path / "packs" / "listing-would-fail.idx").mkdir()
    (tmp_path / "packs" / "listing-would-fail.pack").mkdir()
    os.utime(tmp_path / "packs", (1, 1))
    assert old.missing(DIGESTS) == {DIGESTS[0]}, "it was not listed"
    (tmp_path / "packs" / "listing-would-fail.idx").rmdir()
    (tmp_path / "packs" / "listing-would-fail.pack").rmdir()
    other.delete(DIGESTS[1])
    os.utime(tmp_path / "packs", (1, 1))
    assert old.missing(DIGESTS) == {DIGESTS[0], DIGESTS[1]}
    other.put_all([data * 2 for data in ITEMS])
    assert old.missing([digest_of(data * 2) for data in ITEMS]) == set()


def test_a_pack_of_which_all_is_deleted_goes(tmp_path: Path) -> None:
    """The last deletion of a pack removes its files."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_all(ITEMS)
    for digest in DIGESTS:
        assert len(files(tmp_path, ".pack")) == 1
        assert blobs.delete(digest)
    assert files(tmp_path) == []
    assert list(blobs.iter()) == []


def test_a_deletion_that_was_cut_is_none(tmp_path: Path) -> None:
    """Half an id at the end of what was deleted is passed over, and what is deleted next is read right."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_all(ITEMS)
    blobs.delete(DIGESTS[0])
    (gone,) = files(tmp_path, ".gone")
    with gone.open("ab") as file:
        file.write(ident(DIGESTS[1])[:20])
    assert LocalBlobs(tmp_path).missing(DIGESTS) == {DIGESTS[0]}
    LocalBlobs(tmp_path).delete(DIGESTS[2])
    assert LocalBlobs(tmp_path).missing(DIGESTS) == {DIGESTS[0], DIGESTS[2]}


def test_a_size_is_right_though_an_index_is_damaged(tmp_path: Path) -> None:
    """A flipped bit in the length of a blob makes no part of it shorter."""
    LocalBlobs(tmp_path).put_all(ITEMS)
    (index,) = files(tmp_path, ".idx")
    index.chmod(0o644)
    whole = index.read_bytes()
    for warm in (False, True):
        for at in range(len(whole) - 16 - 8 * len(ITEMS) + 4, len(whole) - 16, 8):
            index.write_bytes(whole[:at] + bytes([whole[at] ^ 8]) + whole[at + 1 :])
            blobs = LocalBlobs(tmp_path)
            if warm:
                assert blobs.missing(DIGESTS) == set()
            for data, digest in zip(ITEMS, DIGESTS, strict=True):
                assert blobs.size(digest) == len(data)
                assert b"".join(blobs.range(digest, 1, 100)) == data[1:]
            index.chmod(0o644)


def test_deleting_reads_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who deletes many of a pack does not read each time what was deleted before; what others delete is learned."""
    blobs, other = LocalBlobs(tmp_path), LocalBlobs(tmp_path)
    digests = blobs.put_all(b"%d" % number for number in range(200))
    assert other.delete(digests[0])
    read, pread = list[int](), os.pread

    def counting(number: int, size: int, at: int) -> bytes:
        read.append(size)
        return pread(number, size, at)

    monkeypatch.setattr(os, "pread", counting)
    assert [blobs.delete(digest) for digest in digests[:-1]] == [False] + [True] * 198
    assert sum(read) <= 64
    assert other.missing(digests) == set(digests[:-1])


def test_a_pack_that_vanished_is_looked_for_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When packs are written anew under other names, a reader that knew the old ones reads the new ones."""
    monkeypatch.setattr(packs, "_OPEN", 0)
    old, other = LocalBlobs(tmp_path), LocalBlobs(tmp_path)
    old.put_all(ITEMS)
    before = files(tmp_path)
    packing = other.packs.begin()
    packing.add([(ident(digest), data) for digest, data in zip(DIGESTS, ITEMS, strict=True)])
    packing.seal()
    for path in before:
        path.unlink()
    assert old.read(DIGESTS[0]) == ITEMS[0]
    assert dict(old.read_all(DIGESTS)) == dict(zip(DIGESTS, ITEMS, strict=True))
    for path in files(tmp_path):
        path.unlink()
    with pytest.raises(NotFound):
        old.read(DIGESTS[0])
    assert old.size(DIGESTS[0]) is None


@pytest.mark.parametrize("end", [".pack", ".idx", ".gone"])
def test_a_flipped_bit_is_never_served(tmp_path: Path, end: str) -> None:
    """Whichever bit of a pack's files is wrong: a blob is read right, or it is said to be damaged; an index is made again."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_all(ITEMS)
    blobs.delete(DIGESTS[0])
    (path,) = files(tmp_path, end)
    whole, wrong = path.read_bytes(), 0
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        flip(path, at)
        found = LocalBlobs(tmp_path)
        for digest, data in zip(DIGESTS[1:], ITEMS[1:], strict=True):
            try:
                assert found.read(digest) == data
            except Unavailable as caught:
                assert (caught.kind, caught.facts["digest"]) == ("blob-corrupt", digest)
                wrong += 1
        if end == ".idx":
            assert found.missing([digest_of(b"never")]), "before this is said, indexes are looked at"
            assert path.read_bytes() == whole, "it was made again"
        path.chmod(0o644)
        path.write_bytes(whole)
    assert (wrong > 0) == (end == ".pack")


def test_a_damaged_index_is_no_reason_to_say_missing(tmp_path: Path) -> None:
    """Whatever is wrong with an index, or how much of it is left, all that the pack holds is found."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_all(ITEMS)
    (index,) = files(tmp_path, ".idx")
    whole = index.read_bytes()
    for at in (0, 9, 17, 40, len(whole) // 2, len(whole) - 1):
        for ask in (
            lambda: LocalBlobs(tmp_path).missing(DIGESTS),
            lambda: [d for d in DIGESTS if not LocalBlobs(tmp_path).size(d)],
        ):
            flip(index, at)
            assert not ask()
            index.chmod(0o644)
            index.write_bytes(whole)
    for cut in (0, 7, 30, len(whole) - 5):
        index.chmod(0o644)
        index.write_bytes(whole[:cut])
        assert dict(LocalBlobs(tmp_path).read_all(DIGESTS)) == dict(zip(DIGESTS, ITEMS, strict=True))


def test_a_cut_pack_loses_what_was_cut(tmp_path: Path) -> None:
    """Blobs in front of the cut are read, those behind it are said to be damaged, and putting all again mends all."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_all(ITEMS)
    (pack,) = files(tmp_path, ".pack")
    pack.chmod(0o644)
    os.truncate(pack, pack.stat().st_size // 2)
    whole = 0
    for digest, data in zip(DIGESTS, ITEMS, strict=True):
        try:
            whole += LocalBlobs(tmp_path).read(digest) == data
        except Unavailable as caught:
            assert caught.kind == "blob-corrupt"
    assert 10 < whole < 30
    LocalBlobs(tmp_path).put_all(ITEMS)
    assert [LocalBlobs(tmp_path).read(digest) for digest in DIGESTS] == ITEMS
    assert sorted(LocalBlobs(tmp_path).iter()) == sorted(DIGESTS)


def test_a_newer_pack_is_not_taken_for_damage(tmp_path: Path) -> None:
    """A pack of a format that is not known yet is refused with what to do; its blobs are not said to be missing."""
    LocalBlobs(tmp_path).put_all(ITEMS)
    for path in files(tmp_path):
        flip(path, 6)
    for ask in (lambda: LocalBlobs(tmp_path).read(DIGESTS[0]), lambda: LocalBlobs(tmp_path).missing(DIGESTS)):
        with pytest.raises(Unavailable) as caught:
            ask()
        assert caught.value.kind == "store-newer"


def test_the_next_writer_removes_half_packs(tmp_path: Path) -> None:
    """A pack whose process died before its index was there goes, one that is being written stays."""
    code = (
        "import os, sys; from pathlib import Path; from loopline.store import packindex\n"
        "from loopline.store.local import LocalBlobs\n"
        "packindex.encode = lambda *_: os.kill(os.getpid(), 9)\n"
        "LocalBlobs(Path(sys.argv[1])).put_all([str(number).encode() for number in range(20)])"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (left,) = files(tmp_path)
    assert left.suffix == ".pack"
    assert list(LocalBlobs(tmp_path).iter()) == []
    living = LocalBlobs(tmp_path).packs.begin()
    assert not left.exists()
    living.add([(ident(DIGESTS[0]), ITEMS[0])])
    LocalBlobs(tmp_path).put(b"other")
    living.seal()
    assert LocalBlobs(tmp_path).read(DIGESTS[0]) == ITEMS[0]


def test_many_packs_need_few_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many packs there are, few files are open at a time, and what is read meanwhile is right."""
    monkeypatch.setattr(packs, "_OPEN", 3)
    monkeypatch.setattr(packs, "MOST", 100)  # and no memory of where each blob is
    blobs, before = LocalBlobs(tmp_path, several=1), open_files()
    for data in ITEMS:
        blobs.put(data)
    for _ in range(2):
        assert [blobs.read(digest) for digest in DIGESTS] == ITEMS
        assert dict(blobs.read_all(DIGESTS * 3)) == dict(zip(DIGESTS, ITEMS, strict=True))
    assert sorted(blobs.iter()) == sorted(DIGESTS)
    assert open_files() <= before + 5


def test_a_forked_process_reads_and_packs(tmp_path: Path) -> None:
    """A child by fork uses the store of its parent, also while a thread of the parent holds its lock."""
    blobs = LocalBlobs(tmp_path)
    blobs.put_all(ITEMS)
    assert blobs.read(DIGESTS[0]) == ITEMS[0]
    with blobs.packs._alone():
        child = multiprocessing.get_context("fork").Process(target=_use, args=(blobs,))
        child.start()
        child.join(30)
    assert child.exitcode == 0
    assert blobs.read(digest_of(b"child 3")) == b"child 3"


def _use(blobs: LocalBlobs) -> None:
    assert blobs.read(DIGESTS[1]) == ITEMS[1]
    blobs.put_all([f"child {number}".encode() for number in range(20)])


class Folder(RuleBasedStateMachine):
    """Two processes' views of one store, opened anew now and then, beside a dictionary of what must be in it."""

    several: int = 4
    known = Bundle("known")

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.views = [self.open(), self.open()]
        self.held: dict[Digest, bytes] = {}

    def open(self) -> LocalBlobs:
        """Open the store as another process would."""
        return LocalBlobs(Path(self.home.name), small=100, several=self.several)

    @rule(target=known, view=st.integers(0, 1), data=st.lists(st.binary(max_size=120), max_size=12))
    def put_all(self, view: int, data: list[bytes]) -> list[Digest]:
        """Put several."""
        digests = self.views[view].put_all(data)
        self.held |= dict(zip(digests, data, strict=True))
        return digests

    @rule(view=st.integers(0, 1), digests=known)
    def delete(self, view: int, digests: list[Digest]) -> None:
        """Delete some."""
        for digest in digests[::2]:
            assert self.views[view].delete(digest) == (self.held.pop(digest, None) is not None)

    @rule(view=st.integers(0, 1), digests=known)
    def read(self, view: int, digests: list[Digest]) -> None:
        """Ask for some, in every way."""
        blobs = self.views[view]
        here = [digest for digest in digests if digest in self.held]
        assert blobs.missing(digests) == set(digests) - set(here)
        assert dict(blobs.read_all(here)) == {digest: self.held[digest] for digest in here}
        for digest in digests:
            data = self.held.get(digest)
            assert blobs.size(digest) == (None if data is None else len(data))
            if data is not None:
                assert blobs.read(digest) == data == b"".join(blobs.get(digest))

    @rule(view=st.integers(0, 1), which=st.integers(0, 3))
    def repack(self, view: int, which: int) -> None:
        """Write what is left of a pack into another one, as a collector does, and remove it."""
        blobs = self.views[view]
        blobs.packs.reload()
        found = sorted(blobs.packs.listed(), key=lambda pack: pack.name)[which : which + 1]
        for pack in found:
            packing = blobs.packs.begin()
            packing.add([(one, blobs.read(Digest("sha256:" + one.hex()))) for one in pack.ids()])
            packing.seal()
            for end in (".idx", ".pack", ".gone"):
                Path(pack.file).with_suffix(end).unlink(missing_ok=True)

    @rule(view=st.integers(0, 1))
    def fold(self, view: int) -> None:
        """Write packs together."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folding, "_FOLD", 2)
            folding.fold(self.views[view].packs)

    @rule(view=st.integers(0, 1))
    def reopen(self, view: int) -> None:
        """Begin anew."""
        self.views[view] = self.open()

    @rule(view=st.integers(0, 1))
    def remember(self, view: int) -> None:
        """Have a view remember where everything is."""
        self.views[view].packs.ready(1000)

    @invariant()
    def lists(self) -> None:
        """Each view lists everything once."""
        for blobs in self.views:
            assert sorted(blobs.iter()) == sorted(self.held)

    def teardown(self) -> None:
        """Remove the folder."""
        self.home.cleanup()


TestFolder = Folder.TestCase
TestFolder.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


def test_threads_share_a_store(tmp_path: Path) -> None:
    """Threads that pack, read, delete and list at once see whole blobs only."""
    blobs = LocalBlobs(tmp_path)
    wrong: list[BaseException] = []

    def work(turn: int) -> None:
        own = [f"{turn} {number}".encode() for number in range(60)]
        try:
            for part in range(0, 60, 20):
                digests = blobs.put_all(own[part : part + 20])
                assert dict(blobs.read_all(digests)) == dict(zip(digests, own[part : part + 20], strict=True))
                assert blobs.missing(digests) == set()
                assert blobs.delete(digests[0])
                assert blobs.size(digests[0]) is None
                assert set(digests[1:]) <= set(blobs.iter())
        except BaseException as caught:  # noqa: BLE001 - a thread's error must reach the test
            wrong.append(caught)

    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(list(blobs.iter())) == 6 * 57

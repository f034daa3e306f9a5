"""Many blobs that are put at once."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.nouns.digest import digest_of
from loopline.store import intake
from loopline.store.blobs import Blobs, put_groups
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs
from tests.mounting import mounted

SIZES = (0, 10, 4096, 32 << 10, (32 << 10) + 1, 100_000)


def mixed(count: int) -> list[bytes]:
    """Give blobs of several sizes, some of them twice."""
    different = max(1, count * 2 // 3)
    return [str(at % different).encode().rjust(SIZES[at % different % len(SIZES)], b".") for at in range(count)]


@pytest.fixture
def small_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let packs end after a million bytes, so that many become durable while others are filled."""
    monkeypatch.setattr(intake, "PACK", 1_000_000)
    monkeypatch.setattr(intake, "_BATCH", 20)


@pytest.mark.usefixtures("small_turns")
def test_many_packs_of_one_call(tmp_path: Path) -> None:
    """However blobs fall into packs and files, each is there once, and digests come in order."""
    items = mixed(1000)
    blobs = LocalBlobs(tmp_path)
    groups = list(blobs.put_groups(iter(items)))
    assert len(groups) > 15
    assert list(itertools.chain.from_iterable(groups)) == [digest_of(data) for data in items]
    assert len(list((tmp_path / "packs").glob("*.pack"))) > 10
    again = LocalBlobs(tmp_path)
    assert sorted(again.iter()) == sorted({digest_of(data) for data in items})
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert again.put_all(items) == [digest_of(data) for data in items]
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert dict(again.read_all([digest_of(data) for data in items])) == {digest_of(data): data for data in items}


@pytest.mark.usefixtures("small_turns")
def test_a_group_is_durable_when_it_is_given(tmp_path: Path) -> None:
    """Each digest that was given is read by another process's view at once, while more is taken."""
    for group in LocalBlobs(tmp_path).put_groups(iter(mixed(400))):
        other = LocalBlobs(tmp_path)
        assert other.missing(group) == set()
        assert len(dict(other.read_all(group))) == len(set(group))


@pytest.mark.usefixtures("small_turns")
@pytest.mark.parametrize("end", ["raise", "close"])
@pytest.mark.parametrize("count", [3, 50, 500])
def test_what_was_taken_is_kept_when_it_ends_early(tmp_path: Path, end: str, count: int) -> None:
    """An iterable that raises, by whatever is raised, or a caller that goes away, loses nothing that was taken."""
    items = mixed(count)

    def stopping() -> Iterator[bytes]:
        yield from items
        raise KeyboardInterrupt

    groups = LocalBlobs(tmp_path).put_groups(stopping())
    given = 0
    if end == "raise":
        with pytest.raises(KeyboardInterrupt):
            for group in groups:
                given += len(group)
        kept = items
    else:
        given = len(next(groups)) if count == 500 else 0
        groups.close()  # type: ignore[attr-defined] # a generator
        kept = items[:given]
    assert LocalBlobs(tmp_path).missing([digest_of(data) for data in kept]) == set()
    assert list((tmp_path / "tmp").glob("*") if (tmp_path / "tmp").exists() else []) == []


def test_a_full_disk_leaves_no_half_pack() -> None:
    """What does not fit raises disk-full and leaves nothing; what was acknowledged before is there."""
    with tempfile.TemporaryDirectory() as name, mounted(Path(name), "-t", "tmpfs", "-o", "size=3m", "tmpfs"):
        blobs = LocalBlobs(Path(name))
        first = blobs.put_all([os.urandom(20_000) for _ in range(40)])
        with pytest.raises(Unavailable) as caught:
            blobs.put_all([os.urandom(20_000) for _ in range(200)])
        assert caught.value.kind == "disk-full"
        assert sorted(path.suffix for path in (Path(name) / "packs").iterdir()) == [".idx", ".pack"]
        assert list((Path(name) / "tmp").iterdir()) == []
        assert LocalBlobs(Path(name)).missing(first) == set()
        assert blobs.missing(blobs.put_all([os.urandom(100) for _ in range(20)])) == set()


@pytest.mark.usefixtures("small_turns")
def test_packs_are_sealed_where_no_thread_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the interpreter ends, packs become durable one after the other."""

    def refused(_: threading.Thread) -> None:
        msg = "can't create new thread at interpreter shutdown"
        raise RuntimeError(msg)

    items = mixed(300)
    monkeypatch.setattr(threading.Thread, "start", refused)
    assert LocalBlobs(tmp_path).put_all(items) == [digest_of(data) for data in items]
    assert LocalBlobs(tmp_path).missing([digest_of(data) for data in items]) == set()


@pytest.mark.parametrize("there", [0, 200])
def test_what_has_a_file_is_not_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: int) -> None:
    """A blob that has a file of its own stays there, whether files are listed or asked for; a damaged one is mended."""
    monkeypatch.setattr(intake, "_LISTED", 100)
    blobs = LocalBlobs(tmp_path)
    for number in range(there):
        blobs.put(f"in the way {number}".encode())
    digest = blobs.put(b"a file")
    path = blobs.path(digest)
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(b"wrong!")
    blobs.put_all([b"a file", *(str(number).encode() for number in range(300))])
    assert path.read_bytes() == b"a file"
    blobs.put_all([b"a file", *(str(number).encode() * 2 for number in range(300))])
    assert len(list(blobs.iter())) == len(set(blobs.iter()))


@pytest.mark.parametrize("blobs", [MemoryBlobs(), LocalBlobs(Path("/nowhere"), several=0)])
def test_any_store_takes_groups(blobs: Blobs, tmp_path: Path) -> None:
    """A store without groups of its own takes them by put_all."""
    if isinstance(blobs, LocalBlobs):
        blobs = LocalBlobs(tmp_path, several=0)
    items = mixed(1100)
    assert list(itertools.chain.from_iterable(put_groups(blobs, iter(items)))) == [digest_of(data) for data in items]
    assert not (tmp_path / "packs").exists()

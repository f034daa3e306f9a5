"""Trees go from one store to another: all of what is lacking, and no more is looked at than differs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.datasets.edit import edit
from loopline.datasets.nodes import encode
from loopline.datasets.sending import Known, Sent, send
from loopline.datasets.tree import EMPTY, Tree, build
from loopline.errors import NotFound, Unavailable
from loopline.loop import silent
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.nouns.progress import Progress
from loopline.store.blobs import CHUNK, Blobs
from loopline.store.local import LocalBlobs
from loopline.store.memory import MemoryBlobs


class Watched(MemoryBlobs):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = self.asked = 0

    def read(self, digest: Digest) -> bytes:
        """Count, and read."""
        self.reads += 1
        return super().read(digest)

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Count, and say."""
        names = list(digests)
        self.asked += len(names)
        return super().missing(names)


def tree(blobs: Blobs, files: dict[str, bytes]) -> Digest:
    """Keep files and their tree."""
    names = sorted(files, key=str.encode)
    digests = blobs.put_all(files[name] for name in names)
    return build(blobs, [Entry(name, digest, len(files[name])) for name, digest in zip(names, digests, strict=True)])


def whole(blobs: Blobs, root: Digest) -> dict[str, bytes]:
    """Read all of a tree."""
    found = Tree(blobs, root)
    found.verify()
    return {entry.path: blobs.read(entry.digest) for entry in found.iter()}


def many(count: int, start: int = 0) -> dict[str, bytes]:
    return {f"d{number // 100:04d}/f{number:06d}": b"%d" % (number // 2) for number in range(start, start + count)}


CONTENT = st.tuples(st.integers(0, 1500), st.integers(0, 400), st.integers(1, 60))


@settings(max_examples=40, deadline=None)
@given(CONTENT, CONTENT)
def test_a_tree_arrives_beside_any_other(new: tuple[int, int, int], old: tuple[int, int, int]) -> None:
    """Whatever tree the target has whole, all of the new one is there afterwards, and exactly what was lacking is sent."""

    def content(size: int, start: int, step: int) -> dict[str, bytes]:
        files = many(size, start)
        return files | {name: data + b"changed" for name, data in list(files.items())[::step]}

    source, target = MemoryBlobs(), MemoryBlobs()
    before, root = tree(source, content(*old)), tree(source, content(*new))
    send(source, target, before, report=silent)
    had = dict(target.held)
    sent = send(source, target, root, known=Known(source, before), report=silent)
    assert whole(target, root) == content(*new)
    lacking = target.held.keys() - had.keys()
    assert sent == Sent(len(lacking), sum(len(target.held[one]) for one in lacking))


def test_the_cost_follows_the_differences() -> None:
    """Of 20,000 files of which one has changed, a few nodes are read and a few hundred names are asked for."""
    source, target = Watched(), Watched()
    root = tree(source, many(20_000))
    send(source, target, root, report=silent)
    changed = source.put(b"new")
    new = edit(source, root, {"d0100/f010000": Entry("d0100/f010000", changed, 3)})
    source.reads = target.asked = 0
    sent = send(source, target, new, known=Known(source, root), report=silent)
    assert source.reads < 12
    assert target.asked < 20
    assert sent.blobs <= 4


def test_who_was_interrupted_goes_on() -> None:
    """What is there is not sent again."""
    source, target = MemoryBlobs(), MemoryBlobs()
    root = tree(source, many(3000))
    send(source, target, root, report=silent)
    for digest in list(target.held)[:100]:
        target.delete(digest)
    assert send(source, target, root, report=silent).blobs == 100
    assert whole(target, root) == many(3000)


def test_a_rehearsal_counts(tmp_path: Path) -> None:
    """With `dry` nothing is written, and exactly that is counted which is sent afterwards."""
    source, target = LocalBlobs(tmp_path / "a"), LocalBlobs(tmp_path / "b")
    root = tree(source, many(300) | {"large": os.urandom(CHUNK + 1)})
    counted = send(source, target, root, report=silent, dry=True)
    assert list(target.iter()) == []
    assert counted == send(source, target, root, report=silent)
    assert send(source, target, root, report=silent, dry=True) == Sent()


def test_folders_send_packs_and_files(tmp_path: Path) -> None:
    """Small blobs arrive in packs, large ones as files, and progress ends with all bytes."""
    source, target = LocalBlobs(tmp_path / "a"), LocalBlobs(tmp_path / "b")
    files = many(2000) | {f"large/{n}": os.urandom(CHUNK + n) for n in (1, 2, 3)} | {"middle": os.urandom(100_000)}
    root = tree(source, files)
    told: list[Progress] = []
    send(source, target, root, report=told.append, label="push")
    assert whole(target, root) == files
    assert len(list((tmp_path / "b" / "blobs" / "sha256").iterdir())) == 4
    size = sum(map(len, files.values()))
    assert told[-1] == Progress("push", size, size, "B")
    assert all(one.done <= size for one in told)


@pytest.mark.parametrize("size", [10, CHUNK + 10])
@pytest.mark.parametrize("way", ["missing", "damaged", "unreadable"])
def test_a_lost_file_is_named(tmp_path: Path, size: int, way: str) -> None:
    """Who lost a blob is told which file it was, and the target has no wrong bytes under its name."""
    source, target = LocalBlobs(tmp_path / "a"), LocalBlobs(tmp_path / "b")
    root = tree(source, {"jan/1.csv": os.urandom(size), "feb.csv": b"2"})
    digest = next(entry.digest for entry in Tree(source, root).iter() if entry.path == "jan/1.csv")
    path = source.path(digest)
    assert path is not None
    path.chmod(0o644)
    if way == "damaged":
        path.write_bytes(b"x" * size)
    else:
        path.unlink()
    if way == "unreadable":
        path.mkdir()
    with pytest.raises((NotFound, Unavailable)) as caught:
        send(source, target, root, report=silent)
    assert (
        caught.value.kind
        == {"missing": "blob-missing", "damaged": "blob-corrupt", "unreadable": "blob-unreadable"}[way]
    )
    assert caught.value.facts["path"] == "jan/1.csv"
    assert target.missing([digest])


def test_a_tree_of_nothing_arrives() -> None:
    """The empty tree has one node."""
    source, target = MemoryBlobs(), MemoryBlobs()
    assert tree(source, {}) == EMPTY
    assert send(source, target, EMPTY, report=silent).blobs == 1
    assert whole(target, EMPTY) == {}


def test_a_node_that_lies_is_refused() -> None:
    """A tree whose inner node promises other counts than its children have is not sent."""
    from loopline.datasets.nodes import Item, decode, encode

    source = MemoryBlobs()
    root = tree(source, many(2000))
    items: list[Item] = [
        (key, raw, count + 1, size) for key, raw, count, size in decode(source.read(root), root).items()
    ]
    forged = source.put(encode(1, items)[1])
    with pytest.raises(Unavailable) as caught:
        send(source, MemoryBlobs(), forged, report=silent)
    assert caught.value.kind == "tree-corrupt"
    assert caught.value.facts["digest"] != digest_of(b"")


def test_a_tree_that_lies_does_not_arrive() -> None:
    """Leaves that overlap, and sizes that are not those of the files, are refused: lookups would find one of two files."""
    blobs = MemoryBlobs()
    digest = blobs.put(b"x")
    raw = bytes.fromhex(digest[7:])
    leaves = [encode(0, [(one, raw, 1, 0) for one in sorted(keys)]) for keys in ((b"a", b"m"), (b"b", b"z"))]
    top, data = encode(1, [leaf[0] for leaf in leaves])
    sized, lying = encode(0, [(b"a", raw, 2, 0)])
    for held in (data, lying, *(leaf[1] for leaf in leaves)):
        blobs.put(held)
    for root in (top[1], sized[1]):
        target = MemoryBlobs()
        with pytest.raises(Unavailable) as caught:
            send(blobs, target, Digest("sha256:" + root.hex()), report=silent)
        assert caught.value.kind == "tree-corrupt"
        assert Digest("sha256:" + root.hex()) not in target.held

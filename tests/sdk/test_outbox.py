"""Bytes that a server did not take wait in a folder, arrive whole with all that is below them, and are forgotten then."""

from __future__ import annotations

from pathlib import Path

import pytest

from loopline.datasets.folders import TreeFolders
from loopline.datasets.tree import Tree, build
from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.entry import Entry
from loopline.sdk.outbox import deliver, open_outbox
from loopline.store.blobs import Blobs
from loopline.store.memory import MemoryBlobs


@pytest.fixture
def outbox(tmp_path: Path) -> Blobs:
    """An empty outbox."""
    return open_outbox(tmp_path)


def folder(tmp_path: Path, outbox: Blobs) -> Digest:
    """Put a folder of three files into it, one of them large."""
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    (source / "a.txt").write_bytes(b"a")
    (source / "sub" / "b.txt").write_bytes(b"b")
    (source / "large.bin").write_bytes(b"l" * (3 << 20))
    return TreeFolders(outbox).store(source)


def test_a_tree_arrives_with_its_files(tmp_path: Path, outbox: Blobs) -> None:
    """Everything that a root reaches is sent, and nothing of it stays."""
    root, there = folder(tmp_path, outbox), MemoryBlobs()
    deliver(outbox, there, root)
    assert [one.path for one in Tree(there, root).iter()] == ["a.txt", "large.bin", "sub/b.txt"]
    assert b"".join(there.get(digest_of(b"l" * (3 << 20)))) == b"l" * (3 << 20)
    assert list(outbox.iter()) == []


def test_one_blob_arrives(outbox: Blobs) -> None:
    """What is no tree is sent as it is, and sending it again does nothing."""
    there, digest = MemoryBlobs(), outbox.put(b"report")
    deliver(outbox, there, digest)
    deliver(outbox, there, digest)
    assert (there.read(digest), list(outbox.iter())) == (b"report", [])


def test_what_lies_in_a_pack_arrives(tmp_path: Path, outbox: Blobs) -> None:
    """Small files that were stored together have no files of their own there: they are sent like others, and forgotten."""
    files = {f"{number:03}.txt": str(number).encode() for number in range(40)}
    digests = outbox.put_all(files.values())
    assert outbox.path(digests[0]) is None
    entries = [
        Entry(name, digest, len(data), 0o644) for (name, data), digest in zip(files.items(), digests, strict=True)
    ]
    there = MemoryBlobs()
    deliver(outbox, there, build(outbox, entries))
    assert there.missing(digests) == set()
    assert list(outbox.iter()) == []
    assert list((tmp_path / "outbox" / "packs").iterdir()) == []


def test_a_server_that_fails_takes_nothing_away(tmp_path: Path, outbox: Blobs) -> None:
    """Where sending fails in the middle everything stays, and a later try sends it."""
    root = folder(tmp_path, outbox)
    kept = set(outbox.iter())

    class Full(MemoryBlobs):
        def put_file(self, path: Path) -> tuple[Digest, int]:
            raise Unavailable("full", kind="disk-full")

    with pytest.raises(Unavailable):
        deliver(outbox, Full(), root)
    assert set(outbox.iter()) == kept
    there = MemoryBlobs()
    deliver(outbox, there, root)
    assert Tree(there, root).count == 3


def test_only_what_is_missing_is_sent(tmp_path: Path, outbox: Blobs) -> None:
    """Files that the server holds are not read again."""
    root, there = folder(tmp_path, outbox), MemoryBlobs()
    large = there.put(b"l" * (3 << 20))
    sent: list[Path] = []

    def put_file(path: Path) -> tuple[Digest, int]:
        sent.append(path)
        return MemoryBlobs.put_file(there, path)

    there.put_file = put_file  # type: ignore[method-assign]
    deliver(outbox, there, root)
    assert sent == []
    assert outbox.missing([large]) == {large}

"""What a reclaim does with blobs that lie elsewhere."""

from __future__ import annotations

from pathlib import Path

from loopline.nouns.digest import digest_of
from loopline.store.foreign import register
from tests.store.test_foreign import in_folder, rows_of


def test_a_reclaim_forgets_where_and_leaves_the_source(tmp_path: Path) -> None:
    """Condemned ones are in no list and still readable; what was asked for is kept, the rest forgotten; no file is touched."""
    source = tmp_path / "elsewhere"
    source.mkdir()
    for name in "abc":
        (source / name).write_bytes(name.encode())
    blobs = in_folder(tmp_path / "store")
    register(blobs, rows_of(source))
    blobs.put(b"c")
    digests = [digest_of(name.encode()) for name in "abc"]
    trash = blobs.trash
    assert trash is not None
    with trash.alone():
        assert trash.take(3, digests) == (3, 1), "only what was kept gives back room"
    assert list(in_folder(tmp_path / "store").iter()) == []
    assert (trash.numbers(), set(trash.iter(3))) == ([3], set(digests))
    assert blobs.read(digests[0]) == b"a"
    assert trash.revive(digests[2:]) == {digests[2]}
    trash.empty(3)
    assert in_folder(tmp_path / "store").missing(digests) == {digests[1]}
    assert trash.numbers() == []
    assert sorted(file.name for file in source.iterdir()) == ["a", "b", "c"]

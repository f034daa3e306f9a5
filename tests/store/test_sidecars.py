"""What a store knows of bytes that lie elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.errors import Unavailable
from loopline.nouns.digest import digest_of
from loopline.store.local import LocalBlobs
from loopline.store.named import LocalNamed
from loopline.store.sidecars import Foreign, Sidecars
from loopline.store.sources import Stamp
from loopline.store.system import SystemIds


def ident(number: int) -> bytes:
    """Give 32 bytes."""
    return bytes.fromhex(digest_of(b"%d" % number)[7:])


def row(number: int, key: str = "", source: str = "s3://a/b") -> Foreign:
    """Make one."""
    return Foreign(digest_of(b"%d" % number), source, key or f"é/{number:04}", Stamp(number, '"etag"'))


def opened(folder: Path) -> Sidecars:
    """Open them."""
    return Sidecars(LocalNamed(LocalBlobs(folder)))


def test_what_is_added_is_found_by_everybody(tmp_path: Path) -> None:
    """Rows are found by digest and by source, in the order of keys; several sidecars answer as one."""
    mine, other = opened(tmp_path), opened(tmp_path)
    assert other.find(ident(1)) == []
    mine.add(row(number) for number in (3, 1, 2))
    mine.add([row(1, "again", source="/folder"), row(9, "é/0002")])
    assert other.find(ident(3)) == [row(3)]
    assert other.find_all([ident(1), ident(7)]) == {ident(1): [row(1), row(1, "again", source="/folder")]}
    assert [one.key for one in other.rows("s3://a/b")] == ["é/0001", "é/0002", "é/0002", "é/0003"]
    assert list(other.rows("/nowhere")) == []
    assert len(list(other.live())) == 5


def test_many_small_ones_become_one(tmp_path: Path) -> None:
    """Nothing is lost by writing them into one, not even what a key had before."""
    mine = opened(tmp_path)
    for number in range(20):
        mine.add([row(number), row(100 + number, "same")])
    mine.fold()
    assert len(mine.all()) == 1
    assert len(list(mine.live())) == 40
    assert opened(tmp_path).find(ident(103)) == [row(103, "same")]


def test_who_looks_while_they_become_one_misses_nothing(tmp_path: Path) -> None:
    """A sidecar that goes between the look at what there is and its opening was written into another, which is read."""
    mine = opened(tmp_path)
    for number in range(20):
        mine.add([row(number)])

    class Slow(LocalNamed):
        def list(self, folder: str) -> Iterator[str]:
            names = [*super().list(folder)]
            mine.fold()
            return iter(names)

    assert Sidecars(Slow(LocalBlobs(tmp_path))).find(ident(3)) == [row(3)]


def test_what_is_condemned_is_kept_by_whoever_asks(tmp_path: Path) -> None:
    """It is in no list, until somebody asks; what nobody asked for is forgotten for good, and the rest stays."""
    mine, other = opened(tmp_path), opened(tmp_path)
    mine.add(row(number) for number in range(5))
    assert mine.condemn(7, {ident(1), ident(2), ident(99)}) == {ident(1), ident(2)}
    assert mine.condemn(7, {ident(3)}) == {ident(3)}
    assert (mine.numbers(), sorted(mine.condemned(7))) == ({7}, sorted(map(ident, (1, 2, 3))))
    assert sorted(one.stamp.size for one in other.live()) == [0, 4]
    assert other.find(ident(2)) == [row(2)]
    assert sorted(one.stamp.size for one in other.live()) == [0, 2, 4]
    mine.forget(7)
    mine.forget(7)
    assert [bool(other.find(ident(number))) for number in range(5)] == [True, False, True, False, True]
    assert mine.numbers() == set()


def test_what_is_added_anew_outlives_a_forgetting(tmp_path: Path) -> None:
    """A row that came after another one of its digest was condemned is not forgotten with it."""
    mine = opened(tmp_path)
    mine.add([row(1), row(2)])
    mine.condemn(1, {ident(1)})
    mine.add([row(1, "new")])
    mine.forget(1)
    assert mine.find(ident(1)) == [row(1, "new")]
    assert mine.remove(ident(1))
    assert mine.find(ident(1)) == []


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    """Rows without an index go after a day, and lists about no sidecar at once; what somebody may be writing stays."""
    mine, named = opened(tmp_path), LocalNamed(LocalBlobs(tmp_path))
    mine.add([row(1), row(2)])
    mine.condemn(1, {ident(1)})
    old, new = "01" + "0" * 30, SystemIds().new()
    for name in (f"{old}.rows", f"{new}.rows", f"00000002.{old}.dead", "other"):
        named.put(f"foreign/{name}", b"x")
    mine.forget(1)
    left = set(named.list("foreign"))
    assert {f"{new}.rows", "other"} < left
    assert not {one for one in left if old in one}
    assert mine.find(ident(2)) == [row(2)]


def test_what_the_disk_does_not_give_is_told(tmp_path: Path) -> None:
    """As what cannot be read, and not as an error of the system that nobody expects."""
    opened(tmp_path).add([row(1)])
    (rows,) = (tmp_path / "foreign").glob("*.rows")
    rows.unlink()
    rows.mkdir()
    with pytest.raises(Unavailable) as caught:
        opened(tmp_path).find(ident(1))
    assert caught.value.kind == "file-unreadable"


def test_damage_is_told(tmp_path: Path) -> None:
    """One flipped bit in either file is an error that names it; rows without an index are not seen."""
    mine = opened(tmp_path)
    mine.add([row(1), row(2)])
    for file in sorted((tmp_path / "foreign").iterdir()):
        data = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(data[:-30] + bytes([data[-30] ^ 1]) + data[-29:])
        with pytest.raises(Unavailable) as caught:
            opened(tmp_path).find(ident(1))
        assert file.stem in caught.value.message
        file.write_bytes(data)
    next((tmp_path / "foreign").glob("*.idx")).unlink()
    assert opened(tmp_path).find(ident(1)) == []

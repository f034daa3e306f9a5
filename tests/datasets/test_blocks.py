from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.datasets.blocks import (
    EXECUTABLE,
    IGNORED,
    LINK,
    NO_DIGEST,
    UNREAD,
    Block,
    Listing,
    Stamp,
    pack,
    pack_all,
    pack_stamp,
)
from loopline.nouns.digest import digest_of
from loopline.nouns.entry import Entry

RAW = bytes.fromhex(digest_of(b"abc")[7:])
ROWS = st.lists(
    st.tuples(
        st.text("abé ", min_size=1, max_size=3),
        st.integers(0, 2**40),
        st.sampled_from([0, EXECUTABLE, LINK, EXECUTABLE | LINK, IGNORED, UNREAD, UNREAD | EXECUTABLE]),
    ),
    unique_by=lambda row: row[0],
    max_size=6,
)


def stamp(number: int) -> Stamp:
    """A stamp of some file."""
    return Stamp(number, number + 1, number + 2, number + 3, 4)


def test_a_stamp_is_what_the_system_says(tmp_path: Path) -> None:
    """Packed from a status or from its parts it is the same; one that proves nothing is another, of the same size."""
    (tmp_path / "x").write_text("xyz")
    status = (tmp_path / "x").stat()
    known = Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
    assert pack(status) == pack_stamp(known) != pack_stamp(known, proves=False)
    listing = Listing()
    listing.add("x", pack_stamp(known, proves=False), RAW, 0)
    assert listing.block().size(0) == 3


@given(ROWS, ROWS, st.sets(st.text("abé ", min_size=1, max_size=3)))
def test_a_block_is_a_table(
    first: list[tuple[str, int, int]], later: list[tuple[str, int, int]], gone: set[str]
) -> None:
    """However rows were written, over others or removed, a block holds what a dictionary would, in the order of writing."""
    listing = Listing()
    for name, number, flag in first:
        listing.add(name, pack_stamp(stamp(number)), RAW, flag)
    block, twin = listing.block(), {name: (number, flag) for name, number, flag in first}
    for name, number, flag in later:
        block.put(name, pack_stamp(stamp(number)), RAW, flag, at=block.find(name))
        twin[name] = (number, flag)
    block.remove(gone)
    twin = {name: row for name, row in twin.items() if name not in gone}
    again = Block(*block.columns())
    assert [len(column) for column in again.columns()] == list(Block.sizes_of(len(again.names), len(twin)))
    for one in (block, again):
        assert one.listed() == list(twin)
        assert len(one) == sum(not flag & (IGNORED | UNREAD) for _, flag in twin.values())
        assert sorted(one.silent()) == sorted(name for name, (_, flag) in twin.items() if flag & (IGNORED | UNREAD))
        assert [(name, seen) for name, seen, _ in one.unread()] == [
            (name, stamp(number)) for name, (number, flag) in twin.items() if flag & UNREAD
        ]
        assert one.sizes() == [number for number, flag in twin.values() if flag & UNREAD]
        assert one.is_plain() == all(flag <= EXECUTABLE for _, flag in twin.values())
        for at, (name, (number, flag)) in enumerate(twin.items()):
            assert (one.find(name), one.unpack(at), one.flag(at), one.digest(at)) == (at, stamp(number), flag, RAW)
            mode = 0o755 if flag & EXECUTABLE else 0o644
            known = Entry(f"d/{name}", digest_of(b"abc"), number, mode)
            assert one.entry(f"d/{name}", at) == (None if flag & (IGNORED | UNREAD) else known)
        assert one.find("nobody") is None


def test_what_is_other_is_found_by_place() -> None:
    """Equal stamps are one comparison; of others the places are given."""
    listing = Listing()
    stamps = [pack_stamp(stamp(number)) for number in range(5)]
    for number, one in enumerate(stamps):
        listing.add(f"{number}", one, NO_DIGEST, 0)
    block = listing.block()
    assert block.other(bytearray(b"".join(stamps))) == []
    other = [*stamps[:2], pack_stamp(stamp(9)), stamps[3], pack_stamp(stamp(7))]
    assert block.other(bytearray(b"".join(other))) == [2, 4]


def test_all_stamps_of_a_folder_are_those_of_each(tmp_path: Path) -> None:
    """Many files are looked at as one is; a link or a folder among them is told, and one that is gone raises."""
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    number = os.open(tmp_path, os.O_RDONLY)
    try:
        names = os.listdir(number)  # noqa: PTH208 (as a scan does)
        every = b"".join(pack((tmp_path / name).lstat()) for name in names)
        assert bytes(pack_all(number, names) or b"") == every
        (tmp_path / "d").symlink_to("a")
        assert pack_all(number, ["a", "d"]) is None
        assert pack_all(number, ["a", "."]) is None
        with pytest.raises(FileNotFoundError):
            pack_all(number, ["a", "e"])
    finally:
        os.close(number)

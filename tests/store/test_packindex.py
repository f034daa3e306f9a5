"""Where the blobs of a pack lie."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.store.packindex import PackIndex, encode, open_index


def places(count: int) -> dict[bytes, tuple[int, int]]:
    """Give places of so many blobs."""
    return {sha256(str(number).encode()).digest(): (number * 7, number) for number in range(count)}


@pytest.mark.parametrize("count", [0, 1, 7, 8, 500, 7000])
def test_what_is_written_is_found(tmp_path: Path, count: int) -> None:
    """Each id has its place, no other has one, and all are listed in order, whatever their number."""
    wanted = places(count)
    (tmp_path / "some.idx").write_bytes(encode(wanted, 77))
    index = open_index(str(tmp_path / "some.idx"))
    assert index.sound()
    assert (index.count, index.size) == (count, 77)
    assert list(index.ids()) == sorted(wanted)
    assert all(index.find(ident) == place for ident, place in wanted.items())
    assert all(index.find(ident) is None for ident in places(count + 200) if ident not in wanted)


@settings(deadline=None, max_examples=60)
@given(
    ids=st.sets(
        st.sampled_from([b"a" * 32, b"a" * 31 + b"b", b"ab" * 16, b"ba" * 16, *(bytes([n]) * 32 for n in range(256))])
    )
)
def test_ids_that_are_alike_are_told_apart(ids: set[bytes]) -> None:
    """An id that happens to stand across two others is not taken for one that is there."""
    index = PackIndex(encode({ident: (number, number) for number, ident in enumerate(sorted(ids))}, 0))
    for number, ident in enumerate(sorted(ids)):
        assert index.find(ident) == (number, number)
    for ident in (b"b" + b"a" * 31, b"a" * 30 + b"ba", b"ba" * 16, bytes(31) + b"\x01"):
        assert (index.find(ident) is not None) == (ident in ids)


def test_damage_is_noticed(tmp_path: Path) -> None:
    """Whatever byte is wrong: it is no index, or it is not sound; and searching it raises nothing."""
    wanted = places(100)
    whole = encode(wanted, 77)
    for at in range(0, len(whole), 5):
        data = whole[:at] + bytes([whole[at] ^ 0x81]) + whole[at + 1 :]
        try:
            index = PackIndex(data)
        except ValueError:
            continue
        assert not index.sound()
        for ident in wanted:
            index.find(ident)
    for cut in (0, 3, 20, len(whole) - 1):
        (tmp_path / "cut.idx").write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"."):
            open_index(str(tmp_path / "cut.idx"))
    with pytest.raises(FileNotFoundError):
        open_index(str(tmp_path / "none.idx"))

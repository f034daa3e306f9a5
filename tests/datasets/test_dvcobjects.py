"""Hashes, places and lists as DVC has them; the expected values were made by DVC 3.67.1 itself."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.datasets.dvcobjects import BLOCK, LEGACY, is_hash, listed, listing, place_of, sums_of
from loopline.errors import Invalid

ONE = "0" * 31 + "1"
PARTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
    lambda part: part not in (".", "..") and not set(part) & set("/\0")
)
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


@pytest.mark.parametrize(
    ("data", "legacy"),
    [
        (b"a\r\nb\r\n", "dd8c6a395b5dd36c56d23275028f526c"),
        (b"a" * (BLOCK - 1) + b"\r\n" + b"b\r\n", "deb8178cc400550795d42d701b97846d"),
        (b"\x00\r\n", "692c8022360661692872fdc730517229"),
        (b"a\r\n" * 10 + b"a" * (BLOCK - 30) + b"\x00\r\n", "3a64c5f5bb88f80a474e1bfd8e706450"),
        (b"\x00\r\n" + b"a" * (BLOCK - 3) + b"a\r\n", "a6abff6d7b9b8df776b666d907b27457"),
        (b"\xff\r\n" * 100, "77d511442cc5d6cffa3068bc4a11a0c5"),
        (b"", "d41d8cd98f00b204e9800998ecf8427e"),
    ],
)
def test_bytes_have_the_hashes_that_dvc_gives_them(data: bytes, legacy: str) -> None:
    """Text is hashed by DVC 2 without carriage returns, as each block of a MiB is text or not; by DVC 3 as it is."""
    summing = sums_of(data, LEGACY)
    assert summing.value == legacy
    assert summing.is_(legacy)
    assert summing.md5 == sums_of(data).value == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert sums_of(data).is_(legacy) == (summing.md5 == legacy)


def test_the_first_block_may_have_said_for_all() -> None:
    """Before it looked at each block, DVC took a whole file for text by its beginning: such hashes are known as well."""
    data = b"a\r\n" + b"a" * (BLOCK - 3) + b"\x00\r\n"
    old = hashlib.md5(data.replace(b"\r\n", b"\n"), usedforsecurity=False).hexdigest()
    assert sums_of(data, LEGACY).is_(old)
    assert sums_of(data, LEGACY).value != old


def test_a_list_has_the_bytes_that_dvc_writes() -> None:
    """Sorted by path, as JSON in ASCII: so the folder has the same hash."""
    data = listing(dict.fromkeys(["b", "a/x y", "a-b", "\u00fc/\u6587", "z\U0001f600", "q'\"\\\n"], ONE))
    assert sums_of(data).md5 == "33c8726bdb1d4c1190101a87806dbc14"


@settings(max_examples=40)
@given(st.dictionaries(PATHS, st.just(ONE)))
def test_a_list_is_read_as_it_was_written(files: dict[str, str]) -> None:
    """Whatever files are called."""
    assert listed(listing(files), "x.dir") == files


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"{", "bad-dvc-object"),
        (b"{}", "bad-dvc-object"),
        (b'[{"md5": "1", "relpath": "a"}]', "bad-dvc-object"),
        (f'[{{"md5": "{ONE}.dir", "relpath": "a"}}]'.encode(), "bad-dvc-object"),
        (f'[{{"md5": "{ONE}", "relpath": "../a"}}]'.encode(), "bad-path"),
        (f'[{{"md5": "{ONE}", "relpath": "/a"}}]'.encode(), "bad-path"),
    ],
)
def test_a_list_that_is_none_is_refused(data: bytes, kind: str) -> None:
    """No path of it leads out of the folder."""
    with pytest.raises(Invalid) as caught:
        listed(data, "x.dir")
    assert caught.value.kind == kind


def test_objects_lie_where_dvc_has_them() -> None:
    """Those of DVC 3 in a folder of their own, those of DVC 2 at the root."""
    assert place_of("ab" + "c" * 30) == f"files/md5/ab/{'c' * 30}"
    assert place_of("ab" + "c" * 30 + ".dir", LEGACY) == f"ab/{'c' * 30}.dir"
    assert [is_hash(one) for one in ("a" * 32, "a" * 32 + ".dir", "a" * 31, "../" + "a" * 29)] == [
        True,
        True,
        False,
        False,
    ]

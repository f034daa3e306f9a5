from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.datasets.path import after_prefix, are_paths, check_path
from loopline.errors import Invalid

GOOD = [
    "a",
    "a/b",
    ".hidden",
    "..a",
    "a..",
    "a/...",
    "x\\y",
    "über/naïve",
    "e\u0301",
    "a b/\n",
    "-",
    "x" * 4096,
    "C:/x",
]
BAD = ["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "./a", "a\0b", "\udcff", "x" * 4097, "é" * 2049]


@pytest.mark.parametrize("path", GOOD)
def test_a_plain_relative_path_is_its_bytes(path: str) -> None:
    """What can name a file is kept as its UTF-8 bytes, unnormalised."""
    assert check_path(path) == path.encode()


@pytest.mark.parametrize("path", BAD)
def test_what_cannot_name_a_file_is_refused(path: str) -> None:
    """A path that is empty, absolute, climbing, overlong or not UTF-8 is refused as a bad path."""
    with pytest.raises(Invalid) as caught:
        check_path(path)
    assert caught.value.kind == "bad-path"
    assert caught.value.facts["path"] == path


@given(st.lists(st.one_of(st.sampled_from(GOOD + BAD), st.text("a./\0", max_size=6)), max_size=6))
def test_many_paths_are_judged_as_each_alone(paths: list[str]) -> None:
    """Judging keys together finds a bad one wherever it stands."""

    def good(path: str) -> bool:
        try:
            return bool(check_path(path))
        except Invalid:
            return False

    assert are_paths([path.encode(errors="surrogatepass") for path in paths]) == all(map(good, paths))


def test_the_bound_of_a_prefix_is_above_all_that_start_with_it() -> None:
    """No key with the prefix reaches the bound, and the next folder does."""
    bound = after_prefix(b"a/")
    assert bound is not None
    assert b"a/\xff\xff" < bound <= b"a0"
    assert after_prefix(b"") is None

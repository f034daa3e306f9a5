from __future__ import annotations

import pytest

from loopline.faces.prefixes import Prefixes


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/s3", "s3"), ("/s3/", "s3"), ("/s3/a/b", "s3"), ("/s3a", None), ("//s3", None), ("/x/s3", None), ("/S3", None),
        ("/api/2.0", "two"), ("/api/2.0/x", "two"), ("/api/2.0x", None), ("/api", None), ("/api/", None), ("/", None), ("", None),
    ],
)  # fmt: skip
def test_a_path_lies_below_whole_words(path: str, found: str | None) -> None:
    """A word that only begins so is another word."""
    assert Prefixes({"/s3": "s3", "/api/2.0": "two"}).find(path) == found


@pytest.mark.parametrize("prefix", ["", "/", "s3", "/s3/", "/a/b/c"])
def test_what_is_not_one_word_or_two_is_refused(prefix: str) -> None:
    """Nothing would ever be found there."""
    with pytest.raises(ValueError, match="one word or two"):
        Prefixes({prefix: 1})

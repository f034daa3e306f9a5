"""What S3 says of an object, as it is kept."""

from __future__ import annotations

import json

import pytest

from loopline.faces.s3 import notes


def test_what_is_written_is_read() -> None:
    """Notes of every kind come back as they were said."""
    said = notes.of_headers({
        "content-type": "text/csv", "cache-control": "no-store", "x-amz-meta-who": "Ann\tand Bo", "x-amz-tagging": "a=b%0Ac",
    })  # fmt: skip
    said |= {"etag": "0" * 32 + "-2", "of": "0" * 16, "parts": [[5, 2]], "sums": {"CRC32": "AAAAAA==-2"}}
    assert notes.read(notes.written(said)) == said


@pytest.mark.parametrize(
    "said",
    [
        [], "x", {"type": 1}, {"type": "a\r\nSet-Cookie: b"}, {"headers": {"cache-control": "a\nb"}}, {"headers": ["a"]},
        {"meta": {"a: b\r\nc": "d"}}, {"meta": {"a": 1}}, {"tags": {"a": 1}}, {"parts": [["a", 1]]}, {"parts": 3},
        {"etag": "a\r\nb"}, {"sums": "x"}, {"type": "\ud800"}, {"other": 1},
    ],
)  # fmt: skip
def test_what_we_would_not_have_written_is_passed_over(said: object) -> None:
    """Notes that came with somebody's own tree put no lines into an answer, and break none."""
    assert notes.read(json.dumps(said)) == {}
    assert notes.read("{") == {}
    assert notes.read("[" * 100_000) == {}

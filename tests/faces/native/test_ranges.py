from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.datastructures import Headers

from loopline.errors import Invalid
from loopline.faces.native.ranges import part_of, unchanged

from .test_blobs import BODY, DIGEST, put

if TYPE_CHECKING:
    from .conftest import Face


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", (0, 1)), ("bytes=0-", (0, 100)), ("bytes=99-", (99, 1)), ("bytes=10-19", (10, 10)),
        ("bytes=10-1000", (10, 90)),
        ("bytes=-1", (99, 1)), ("bytes=-1000", (0, 100)), ("bytes=5-4", None), ("bytes=-", None), ("bytes=a-b", None),
        ("bytes=0-1,3-4", None), ("items=0-1", None), ("bytes= 0-1 ", (0, 2)), ("bytes=0-1x", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)  # fmt: skip
def test_a_range_is_understood_or_left_alone(asked: str, part: tuple[int, int] | None) -> None:
    """One range of bytes gives a part; what is no such range gives the whole blob."""
    assert part_of(Headers({"range": asked}), DIGEST, 100) == part


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_outside_is_an_error(asked: str) -> None:
    """Bytes that are not there are a 416 that says how many there are."""
    with pytest.raises(Invalid) as caught:
        part_of(Headers({"range": asked}), DIGEST, 100)
    assert (caught.value.kind, caught.value.facts["size"]) == ("bad-range", 100)


def test_a_condition_decides_whether_a_range_counts() -> None:
    """If-Range with another validator gives the whole; If-None-Match takes lists, weak ones and a star."""
    fresh, stale = {"range": "bytes=0-1", "if-range": f'"{DIGEST}"'}, {"range": "bytes=0-1", "if-range": '"x"'}
    assert part_of(Headers(fresh), DIGEST, 10) == (0, 2)
    assert part_of(Headers(stale), DIGEST, 10) is None
    assert unchanged(Headers({"if-none-match": f'"a", W/"{DIGEST}"'}), DIGEST)
    assert unchanged(Headers({"if-none-match": "*"}), DIGEST)
    assert not unchanged(Headers({"if-none-match": '"a"'}), DIGEST)


def test_parts_join_to_the_whole(face: Face) -> None:
    """A download that goes on by ranges gives the same bytes; the statuses and headers say so."""
    put(face)
    first = face.get(f"/blobs/{DIGEST}", headers={"Range": "bytes=0-999"})
    rest = face.get(f"/blobs/{DIGEST}", headers={"Range": "bytes=1000-", "If-Range": f'"{DIGEST}"'})
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.content + rest.content == BODY
    assert rest.headers["content-range"] == f"bytes 1000-{len(BODY) - 1}/{len(BODY)}"
    outside = face.get(f"/blobs/{DIGEST}", headers={"Range": f"bytes={len(BODY)}-"})
    assert (outside.status_code, outside.headers["content-range"]) == (416, f"bytes */{len(BODY)}")
    known = face.get(f"/blobs/{DIGEST}", headers={"If-None-Match": f'"{DIGEST}"'})
    assert (known.status_code, known.content) == (304, b"")


def test_a_range_of_a_store_without_files(face: Face) -> None:
    """Where the store has no local file, a range is cut out of the stream."""
    from dataclasses import replace

    from loopline.faces.desk import Desk
    from loopline.store.memory import MemoryBlobs

    from .conftest import Face as NewFace

    other = NewFace(Desk(replace(face.loop, blobs=MemoryBlobs())))
    put(other)
    for first, last in ((0, 0), (5, 4999), (10_000, 10_239)):
        got = other.get(f"/blobs/{DIGEST}", headers={"Range": f"bytes={first}-{last}"})
        assert got.content == BODY[first : last + 1]
    other.desk.threads.shutdown()

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.s3 import listing
from loopline.faces.s3.addressing import Place
from loopline.faces.s3.listing import Bucket, beyond, page
from loopline.nouns.name import AssetName, RefName
from loopline.verbs.branch import branch
from loopline.verbs.commit import commit
from loopline.verbs.staging import look

if TYPE_CHECKING:
    import pytest

    from loopline.loop import Loop
    from loopline.verbs.staging import View

    from .conftest import Door

PARTS = st.lists(st.sampled_from(["a", "b", "/", "//", "é", "\U0010ffff", "-", "0"]), min_size=1, max_size=6).map(
    "".join
)


class Sorted:
    """Keys in a list."""

    def __init__(self, keys: set[str]) -> None:
        self.keys = sorted(keys)

    def iter(self, prefix: str, start: str) -> Iterator[tuple[str, str]]:
        """Give them."""
        return ((key, key) for key in self.keys if key.startswith(prefix) and key >= start)


def _plainly(keys: set[str], prefix: str, delimiter: str) -> list[str]:
    lines = []
    for key in sorted(key for key in keys if key.startswith(prefix)):
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        line = key if at < 0 else f"prefix {key[: at + len(delimiter)]}"
        if line not in lines:
            lines.append(line)
    return lines


@given(
    st.sets(PARTS, max_size=12),
    st.sampled_from(["", "a", "a/", "é"]),
    st.sampled_from(["", "/", "a", "//"]),
    st.integers(1, 4),
)
def test_pages_together_are_the_whole_listing(keys: set[str], prefix: str, delimiter: str, limit: int) -> None:
    """Page after page each key and each common prefix comes once, in order, whatever the delimiter."""
    lines: list[str] = []
    after = ""
    for _ in range(50):
        found = page(Sorted(keys), prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        assert len(found.objects) + len(found.prefixes) <= limit
        merged = sorted([*found.objects, *(f"{one}\0" for one in found.prefixes)])
        lines += [one if not one.endswith("\0") else f"prefix {one[:-1]}" for one in merged]
        if not found.truncated:
            break
        after = found.last
    assert lines == _plainly(keys, prefix, delimiter)


@given(PARTS, PARTS)
def test_beyond_is_above_every_key_that_begins_so(prefix: str, rest: str) -> None:
    """What is passed over is passed over whole, and nothing behind it is left out."""
    above = beyond(prefix)
    assert above is None or (prefix + rest < above and not above.startswith(prefix))


def test_branches_are_opened_when_it_is_their_turn(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page costs the branches that it shows, however many there are; keys are in order also where names lie in each other."""
    raw = AssetName("flights", "data", "raw-flights")
    for path in ("-", "b/c", "x"):
        door.put(f"/raw-flights/{path}")
    commit(door.served.loop, RefName(raw, "main"))
    for name in ("a", "a-b", "a/b", "a0"):
        branch(door.served.loop, raw, name)
    seen = []
    real = look

    def watched(loop: Loop, ref: RefName) -> View:
        seen.append(ref.ref)
        return real(loop, ref)

    place = Place("raw", raw, None, auto_commit=False, created_at=0, row=False)
    names = ("a-b", "a", "a/b", "a0", "main")
    every = sorted(f"{name}/{path}" for name in names for path in ("-", "b/c", "x"))
    found = page(Bucket(door.served.loop, place), prefix="", delimiter="", after="", limit=100)
    assert [key for key, _, _ in found.objects] == every
    monkeypatch.setattr(listing, "look", watched)
    page(Bucket(door.served.loop, place), prefix="", delimiter="", after="", limit=2)
    assert seen == ["a-b"]

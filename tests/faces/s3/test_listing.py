from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from loopline.faces.s3.listing import beyond, page

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

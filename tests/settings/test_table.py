"""table: lengths of time, and keys that are known because somebody takes them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.settings.table import Source, Table, duration_of, size_of


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30m", timedelta(minutes=30)),
        ("5ms", timedelta(milliseconds=5)),
        ("1m5s", timedelta(seconds=65)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        ("1d12h", timedelta(hours=36)),
        ("1h 30m", timedelta(minutes=90)),
        ("45s", timedelta(seconds=45)),
        ("", None),
        ("7", None),
        ("d", None),
        ("-1d", None),
        ("1.5h", None),
        ("1h1d", None),
        ("99999999d", None),
        ("9999999999d", None),
        ("1d\n", None),
    ],
)
def test_lengths_of_time(text: str, length: timedelta | None) -> None:
    """Numbers with units from large to small are a length of time; nothing else is."""
    assert duration_of(text) == length


@given(st.text(max_size=20))
def test_any_text_is_a_length_or_none(text: str) -> None:
    """No text makes the reading of lengths fail."""
    found = duration_of(text)
    assert found is None or found >= timedelta(0)


def test_what_nobody_took_is_unknown() -> None:
    """A key is refused when nobody asked for it, the first in the file first."""
    table = Table(Source("f.toml", "b = 1\nz = 2\na = 3\n"), (), {"b": 1, "z": 2, "a": 3})
    assert table.whole("b", 0) == 1
    with pytest.raises(Invalid) as caught:
        table.done()
    assert (caught.value.kind, caught.value.facts["word"], caught.value.facts["line"]) == ("unknown-key", "z", 2)
    assert table.whole("z", 0) + table.whole("a", 0) == 5
    table.done()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("10B", 10),
        ("500MB", 500_000_000),
        ("50GiB", 50 << 30),
        (" 2 kB ", 2000),
        ("1KiB", 1024),
        ("1.5GB", None),
        ("-1", None),
        ("GB", None),
        ("5 G", None),
        ("", None),
        ("9" * 16, None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    """A number with a unit is a number of bytes; nothing else is."""
    assert size_of(text) == size

"""instants: times as people write them."""

from __future__ import annotations

import pytest

from loopline.errors import Invalid
from loopline.verbs.instants import instant


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1970-01-02", 86_400_000_000),
        ("1970-01-01T02:00+02:00", 0),
        ("1969-12-31T23:59:59.999999", -1),
        ("-5", -5),
        ("7", 7),
    ],
)
def test_times_are_read(written: str, expected: int) -> None:
    """ISO 8601, UTC without a zone, exact to the microsecond, or a number."""
    assert instant(written) == expected


@pytest.mark.parametrize("written", ["", "yesterday", "9" * 30, "2013-13-01", "--5", "0001-01-01T00:00+99:00"])
def test_what_is_no_time_is_refused(written: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(Invalid):
        instant(written)

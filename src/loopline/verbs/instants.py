"""instants: times as people write them, for the verbs that ask about a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from loopline.errors import Invalid

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def instant(written: str) -> int:
    """Take a day or time as ISO 8601 writes it (UTC where it names no zone), or microseconds since the epoch. Raise Invalid."""
    number = written.removeprefix("-")
    if number.isascii() and number.isdigit() and len(number) < 19:
        return int(written)
    try:
        time = datetime.fromisoformat(written)
        return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        raise Invalid(
            f"{written[:100]!r} is no time", kind="bad-value", hint="write for example 2026-07-01 or 2026-07-01T09:30",
            value=written[:100],
        ) from None  # fmt: skip

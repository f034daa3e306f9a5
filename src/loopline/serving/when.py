"""when: the event time of rows, as a client says it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from loopline.nouns.datatype import unpack
from loopline.serving.question import Question

HEADER: Final = "header:"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LAST: Final = 253_402_300_800.0
"""Seconds until the year 10000."""


def event_times(question: Question, where: str, now: int) -> list[int]:
    """Give microseconds since the epoch, one for each row, or one for all.

    `where` names a header (`header:x-time`), a parameter of the request, or an input column. A number is seconds since the
    epoch, a text ISO 8601 (UTC where it names no zone). What says no time is now: a prediction without one still counts.
    """
    if not where:
        return [now]
    if where.startswith(HEADER):
        return [_time(question.headers.get(where.removeprefix(HEADER).lower()), now)]
    if where in question.parameters:
        return [_time(question.parameters[where], now)]
    for one in question.columns:
        if one.name == where and one.width == 1:
            values: Sequence[Any] = unpack(one.type, one.data) if isinstance(one.data, bytes) else one.data
            return [_time(value, now) for value in values]
    return [now]


def _time(value: Any, now: int) -> int:
    if isinstance(value, bool) or value is None:
        return now
    if isinstance(value, int | float):
        return int(value * 1e6) if -_LAST < value < _LAST else now
    try:
        found = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return now
    return ((found if found.tzinfo else found.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND

"""The event time of rows."""

from __future__ import annotations

from typing import Any

import pytest

from loopline.nouns.datatype import pack
from loopline.serving.question import Given, Question
from loopline.serving.when import event_times

NOW = 1_700_000_000_000_000


def asked(value: Any = None, **more: Any) -> Question:
    """A question of two rows, one of whose columns may say a time."""
    columns = [Given("at", "", 1, value)] if value is not None else [Given("x", "", 1, [1, 2])]
    return Question("q", 2, columns, **more)


@pytest.mark.parametrize(
    ("said", "micros"),
    [
        (1372636800, 1372636800_000_000),
        (1372636800.25, 1372636800_250_000),
        ("2013-07-01T00:00:00Z", 1372636800_000_000),
        ("2013-06-30T20:00:00-04:00", 1372636800_000_000),
        ("2013-07-01", 1372636800_000_000),
        ("1912-06-23", -1815350400_000_000),
        ("soon", NOW),
        (None, NOW),
        (True, NOW),
        (float("inf"), NOW),
        (1e300, NOW),
        ([], NOW),
    ],
)
def test_what_a_client_says_is_a_time_or_it_is_now(said: Any, micros: int) -> None:
    """Seconds and ISO 8601 are understood, and what makes no sense still counts as a prediction of now."""
    assert event_times(asked([said, said]), "at", NOW) == [micros, micros]
    assert event_times(asked(parameters={"at": said}), "at", NOW) == [micros]


def test_a_header_a_parameter_or_a_column_may_say_it() -> None:
    """A header speaks for all rows, a parameter goes before a column, and raw tensors are read, too."""
    question = asked([0, 60], headers={"x-time": "2013-07-01T00:00:00Z"}, parameters={})
    assert event_times(question, "header:X-Time", NOW) == [1372636800_000_000]
    assert event_times(question, "at", NOW) == [0, 60_000_000]
    assert event_times(Question("q", 2, [Given("at", "FP64", 1, pack("FP64", [0.5, 1.0]))]), "at", NOW) == [
        500_000,
        1_000_000,
    ]
    assert event_times(question, "nothing", NOW) == [NOW]
    assert event_times(question, "", NOW) == [NOW]

"""Calls go side by side, and what one of them raises is raised."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from loopline.sdk.together import together


def test_calls_go_side_by_side() -> None:
    """Three calls that wait for each other all come through."""
    meet = threading.Barrier(3, timeout=10)
    tasks: list[Callable[[], None]] = [lambda: (meet.wait(), None)[1]] * 3
    together(tasks, at_once=3)


def test_no_more_than_asked_for_at_a_time() -> None:
    """Never more calls run than `at_once`."""
    guard, now, most = threading.Lock(), [0], [0]

    def task() -> None:
        with guard:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.01)
        with guard:
            now[0] -= 1

    together([task] * 12, at_once=3)
    assert most[0] <= 3
    assert now == [0]


def test_the_first_error_is_raised_and_nothing_else_begins() -> None:
    """After an error no further call is begun."""
    begun: list[int] = []

    def fail() -> None:
        raise KeyError("no")

    with pytest.raises(KeyError):
        together([fail, *[lambda: begun.append(1)] * 50], at_once=1)
    assert begun == []


def test_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the interpreter takes no thread any more, the calls are made one after the other."""

    def no(self: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", no)
    done: list[int] = []
    together([lambda: done.append(1)] * 5, at_once=4)
    assert done == [1] * 5

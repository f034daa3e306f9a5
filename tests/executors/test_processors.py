"""Who gets how many processors."""

from __future__ import annotations

import os

import pytest

from loopline.executors.processors import shared
from loopline.store.system import processors
from tests.conftest import cannot


def test_the_processors_of_this_process_are_counted() -> None:
    """What the process is pinned to counts, not what the machine has."""
    if not hasattr(os, "sched_setaffinity"):
        cannot("this system pins no process")
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert processors() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert processors() == len(before)


@pytest.mark.parametrize(("workers", "share"), [(1, "8"), (2, "4"), (3, "2"), (20, "1")])
def test_workers_fill_the_machine_once(monkeypatch: pytest.MonkeyPatch, workers: int, share: str) -> None:
    """Each of so many workers gets an equal share of the processors, and at least one."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("loopline.executors.processors.processors", lambda: 8)
    assert shared(workers) == {"OMP_NUM_THREADS": share}


def test_what_the_caller_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of threads that somebody chose is not changed."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert shared(2) == {}

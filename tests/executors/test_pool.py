"""Which worker runs which job."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loopline.executors.pool import Pool
from loopline.nouns.job import End, Job, Outcome
from loopline.store.system import SystemClock

ECHO, PID = "loopline.testing.jobs:echo", "loopline.testing.jobs:pid"


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    """Give a pool of two whose scratch folders are made below a folder that is not there yet."""
    pool = Pool(SystemClock(), size=2, scratch=tmp_path / "a" / "scratch", grace=0.5)
    yield pool
    pool.stop()
    while not pool.empty:
        pool.turn()
    pool.close()


def finish(pool: Pool, *jobs: Job) -> list[Outcome]:
    """Run jobs to their end."""
    for job in jobs:
        pool.add(job)
    known: list[Outcome] = []
    end = time.monotonic() + 30
    while len(known) < len(jobs):
        assert time.monotonic() < end
        known += pool.turn()
    return known


def test_workers_are_kept_apart_by_their_paths(pool: Pool, tmp_path: Path) -> None:
    """Three import paths and two workers: an idle one makes room, and none is ever used for another path."""
    seen: dict[bytes, tuple[str, ...]] = {}
    for turn in range(9):
        paths = (str(tmp_path / str(turn % 3)),)
        (outcome,) = finish(pool, Job(str(turn), PID, b"", paths=paths))
        assert seen.setdefault(outcome.value, paths) == paths


def test_a_worker_that_was_started_early_takes_the_first_job(pool: Pool) -> None:
    """start() makes one worker that any import path may have."""
    pool.start()
    (early,) = (process.pid for process in pool._processes)
    (outcome,) = finish(pool, Job("a", PID, b"", paths=("/anywhere",)))
    assert outcome.value == str(early).encode()


def test_no_more_workers_than_asked_for(pool: Pool) -> None:
    """Many jobs share the workers that there may be."""
    outcomes = finish(pool, *(Job(str(number), PID, b"") for number in range(40)))
    assert len({outcome.value for outcome in outcomes}) <= 2


def test_scratch_folders_are_gone_after_the_jobs(pool: Pool, tmp_path: Path) -> None:
    """Also of those that left files, and of those that died."""
    finish(pool, Job("a", "loopline.testing.jobs:where", b""), Job("b", "loopline.testing.jobs:exits", b"1"))
    assert list((tmp_path / "a" / "scratch").iterdir()) == []


def test_a_process_that_cannot_start_is_an_outcome(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room for another process ends the job, not the pool."""
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/nowhere/python")
        (outcome,) = finish(pool, Job("a", ECHO, b"x"))
    assert outcome.end is End.DIED
    assert "could not be started" in outcome.error
    assert finish(pool, Job("b", ECHO, b"x"))[0].value == b"x"


def test_a_scratch_folder_that_cannot_be_made_is_an_outcome(tmp_path: Path) -> None:
    """A file in the way of the scratch folder ends the job with a reason."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    pool = Pool(SystemClock(), size=1, scratch=tmp_path / "file" / "x", grace=0.5)
    (outcome,) = finish(pool, Job("a", ECHO, b"x"))
    assert (outcome.end, "could not be started" in outcome.error) == (End.DIED, True)
    pool.stop()
    while not pool.empty:
        pool.turn()
    pool.close()

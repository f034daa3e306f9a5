"""local: jobs in warm processes of this machine."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from loopline.errors import Unavailable
from loopline.executors.logs import CAP
from loopline.executors.pool import Pool
from loopline.executors.processors import shared
from loopline.nouns.clock import Clock
from loopline.nouns.job import Job, Outcome
from loopline.store.system import processors


class LocalExecutor:
    """Runs up to `workers` jobs at a time (0: one for each processor this process may use), each in its own process.

    Workers stay warm between jobs with the same `paths`. They die with this process, however it ends. They share the
    processors: OMP_NUM_THREADS is processors ÷ workers, unless it is set already.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        workers: int = 0,
        scratch: Path | None = None,
        grace: float = 5.0,
        log_cap: int = CAP,
        python: str = "",
    ) -> None:
        """`scratch` takes the folders of jobs without one; `grace`: seconds between asking a job to stop and killing it.

        `python` is the interpreter of another environment that has Loopline, too.
        """
        size = workers or processors()
        self._pool = Pool(
            clock, size=size, scratch=scratch, grace=grace, cap=log_cap, python=python,
            variables=shared(size),
        )  # fmt: skip
        self._grace = grace
        self._news = threading.Condition()
        self._asked: list[Job | str | None] = []
        self._submitted: set[str] = set()
        self._outstanding = 0
        self._known: list[Outcome] = []
        self._closed = False
        self._broken: BaseException | None = None
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        os.set_blocking(self._reader, False)
        self._pool.watch(self._reader)
        self._thread = threading.Thread(target=self._run, name="loopline-executor", daemon=True)
        self._thread.start()

    def start(self) -> None:
        """Start a worker now, so that the first job finds it ready. Come back at once."""
        self._ask(None)

    def submit(self, job: Job) -> None:
        """Take a job."""
        with self._news:
            if self._closed:
                raise Unavailable(
                    "this executor was closed", kind="executor-closed", hint="open another one", job=job.id
                )
            if job.id in self._submitted:
                return
            self._submitted.add(job.id)
            self._outstanding += 1
        self._ask(job)

    def outcomes(self, timeout: float | None = None) -> list[Outcome]:
        """Give what has ended since the last call."""
        with self._news:
            self._news.wait_for(lambda: self._known or not self._outstanding or self._broken, timeout)
            if self._broken is not None:
                raise self._broken
            known, self._known = self._known, []
            self._outstanding -= len(known)
            return known

    def cancel(self, job_id: str) -> None:
        """Ask for the end of a job."""
        self._ask(job_id)

    def close(self) -> None:
        """Cancel what is left and wait until every process is gone: `grace` seconds where one does not listen."""
        with self._news:
            self._closed = True
        self._wake()
        self._thread.join()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close."""
        self.close()

    def _ask(self, what: Job | str | None) -> None:
        with self._news:
            self._asked.append(what)
        self._wake()

    def _wake(self) -> None:
        with self._news:
            if self._writer >= 0:
                with contextlib.suppress(BlockingIOError):  # full: then it wakes anyway
                    os.write(self._writer, b"!")

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as caught:  # noqa: BLE001 - whoever waits for outcomes has to learn of it
            self._pool.kill()
            with self._news:
                self._broken = caught
        finally:
            with self._news:
                self._closed = True
                for number in (self._reader, self._writer):
                    os.close(number)
                self._reader = self._writer = -1
                self._news.notify_all()
            self._pool.close()

    def _work(self) -> None:
        pool = self._pool
        while True:
            self._publish(pool.turn())
            with contextlib.suppress(BlockingIOError):
                os.read(self._reader, 1 << 16)
            with self._news:
                asked, self._asked = self._asked, []
                closed = self._closed
            for what in asked:
                match what:
                    case None:
                        pool.start()
                    case Job():
                        pool.add(what)
                    case str():
                        pool.cancel(what)
            if closed:
                pool.stop()
                if pool.empty:
                    self._publish(pool.turn(wait=False))
                    return

    def _publish(self, outcomes: list[Outcome]) -> None:
        if outcomes:
            with self._news:
                self._known += outcomes
                self._news.notify_all()

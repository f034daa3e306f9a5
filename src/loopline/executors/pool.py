"""pool: which worker runs which job. Used by one thread; it waits only in `turn`."""

from __future__ import annotations

import contextlib
import selectors
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from loopline.executors.logs import CAP, CappedLog
from loopline.executors.process import Process, describe
from loopline.nouns.clock import Clock
from loopline.nouns.job import End, Job, Outcome

_POLL: Final = 0.05
"""Seconds between looks at processes, where the system cannot tell of their end."""
_ONE_LINE: Final = 2_000


class Pool:
    """Up to `size` workers at work. A worker belongs to the import path of its first job."""

    def __init__(
        self,
        clock: Clock,
        *,
        size: int,
        scratch: Path | None,
        grace: float,
        cap: int = CAP,
        python: str = "",
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._clock = clock
        self._variables = variables
        self._size = size
        self._grace = grace
        self._cap = cap
        self._python = python
        self._scratch = scratch
        self._queue: deque[Job] = deque()
        self._processes: list[Process] = []
        self._outcomes: list[Outcome] = []
        self._selector = selectors.DefaultSelector()

    @property
    def empty(self) -> bool:
        """Whether no process is left."""
        return not self._processes

    def watch(self, number: int) -> None:
        """End a turn when there is something to read here."""
        self._selector.register(number, selectors.EVENT_READ)

    def start(self) -> None:
        """Start one worker before there is a job for it, where there is room."""
        if len(self._processes) < self._size:
            with contextlib.suppress(OSError):  # the first job will say what is wrong
                self._spawn()

    def add(self, job: Job) -> None:
        """Take a job."""
        self._queue.append(job)

    def cancel(self, job_id: str) -> None:
        """Stop a job, wherever it is."""
        for job in self._queue:
            if job.id == job_id:
                self._queue.remove(job)
                self._ended(job, End.CANCELLED, error="it was cancelled before it began")
                return
        for process in self._processes:
            if process.job is not None and process.job.id == job_id and not process.cancelled:
                process.terminate(time.monotonic() + self._grace)

    def stop(self) -> None:
        """Cancel everything and let every worker go."""
        while self._queue:
            self._ended(self._queue.popleft(), End.CANCELLED, error="it was cancelled before it began")
        for process in self._processes:
            if process.job is None:
                process.retire(time.monotonic() + self._grace)
            elif not process.cancelled:
                process.terminate(time.monotonic() + self._grace)

    def kill(self) -> None:
        """Kill every worker now."""
        for process in self._processes:
            process.kill()

    def turn(self, *, wait: bool = True) -> list[Outcome]:
        """Give out jobs, wait until something happens, see to it, and give what has ended."""
        self._assign()
        patience = self._patience() if wait and not self._outcomes else 0
        ready = {key.fd for key, _ in self._selector.select(patience)}
        for process in list(self._processes):
            self._tend(process, ready)
        self._assign()
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def close(self) -> None:
        """Let go of the selector."""
        self._selector.close()

    def _patience(self) -> float | None:
        ends = [process.kill_at for process in self._processes if process.kill_at is not None]
        wait = max(0.0, min(ends) - time.monotonic()) if ends else None
        if any(process.sentinel < 0 for process in self._processes):
            return _POLL if wait is None else min(wait, _POLL)
        return wait

    def _tend(self, process: Process, ready: set[int]) -> None:
        if process.requests in ready:
            process.send()
            if not process.unsent:
                self._selector.unregister(process.requests)
        if process.output in ready and not process.listen():
            self._selector.unregister(process.output)
        if process.answers in ready:
            self._hear(process)
        if process.kill_at is not None and process.kill_at <= time.monotonic():
            process.kill()
        if process.sentinel in ready or process.gone():
            self._bury(process)

    def _hear(self, process: Process) -> None:
        answer = process.answer()
        job = process.job
        if answer is None or job is None or process.cancelled:
            if process.cancelled and answer is not None:
                process.kill()  # it stopped as it was asked to: end what it has started, too
            return
        end, value, error, trace = answer
        process.finish()
        self._clear(process)
        self._ended(job, End(end.decode()), process.started_at, value=value, error=error.decode(), trace=trace.decode())

    def _bury(self, process: Process) -> None:
        self._hear(process)
        job = process.job
        for number in (process.requests, process.answers, process.output, process.sentinel):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(number)
        status = process.reap()
        self._processes.remove(process)
        self._clear(process)
        if job is not None and process.cancelled:
            self._ended(job, End.CANCELLED, process.started_at, error="it was cancelled")
        elif job is not None:
            self._ended(job, End.DIED, process.started_at, error=describe(status))

    def _assign(self) -> None:
        while self._queue:
            job = self._queue[0]
            try:
                process = self._worker(job.paths)
                if process is None:
                    return
                self._give(process, job)
            except OSError as caught:
                self._ended(job, End.DIED, error=f"its process could not be started: {caught}"[:_ONE_LINE])
            self._queue.popleft()

    def _worker(self, paths: tuple[str, ...]) -> Process | None:
        """Find an idle worker of these paths, or a fresh one; None where there is no room."""
        idle = [process for process in self._processes if process.idle]
        for process in idle:
            if process.paths == paths:
                return process
        for process in idle:
            if process.paths is None:
                return process
        if sum(not process.retired for process in self._processes) >= self._size:
            if not idle:
                return None
            idle[0].retire(time.monotonic() + self._grace)
        return self._spawn()

    def _spawn(self) -> Process:
        process = Process(self._python, variables=self._variables)
        self._processes.append(process)
        for number in (process.answers, process.output, process.sentinel):
            if number >= 0:
                self._selector.register(number, selectors.EVENT_READ)
        return process

    def _give(self, process: Process, job: Job) -> None:
        process.started_at = self._clock.now()
        folder = job.folder
        if not folder:
            if self._scratch is not None:
                self._scratch.mkdir(parents=True, exist_ok=True)
            folder = process.scratch = tempfile.mkdtemp(prefix="job-", dir=self._scratch)
        process.give(job, folder=folder, log=CappedLog(job.log, self._cap) if job.log else None)
        if process.unsent:
            self._selector.register(process.requests, selectors.EVENT_WRITE)

    def _clear(self, process: Process) -> None:
        if process.scratch:
            try:
                Path(process.scratch).rmdir()  # most are empty
            except OSError:
                shutil.rmtree(process.scratch, ignore_errors=True)
            process.scratch = ""

    def _ended(
        self, job: Job, end: End, started: int = 0, *, value: bytes = b"", error: str = "", trace: str = ""
    ) -> None:
        now = self._clock.now()
        self._outcomes.append(Outcome(job.id, end, value, error, trace, started or now, now))

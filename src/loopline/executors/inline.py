"""inline: jobs in this process, one after the other, for tests and debugging."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from loopline.errors import Invalid, Unavailable
from loopline.executors.call import perform
from loopline.nouns.clock import Clock
from loopline.nouns.job import End, Job, Outcome


class InlineExecutor:
    """Runs the next job when `outcomes` is asked, in the calling thread.

    A debugger and a print without a log reach the terminal. A running job cannot be cancelled; one that kills its
    process kills this one; KeyboardInterrupt ends the caller, not only the job.
    """

    def __init__(self, clock: Clock, *, workers: int = 1, scratch: Path | None = None, python: str = "") -> None:
        """Take what other executors take; `workers` and `scratch` make no difference. Raise Invalid for another `python`."""
        del workers, scratch
        if python:
            raise Invalid(
                "the inline executor has one Python, this one",
                kind="other-python",
                hint="use the local executor",
                python=python,
            )
        self._clock = clock
        self._queue: deque[Job] = deque()
        self._submitted: set[str] = set()
        self._known: list[Outcome] = []
        self._closed = False

    def start(self) -> None:
        """Do nothing: there is no process to start."""

    def submit(self, job: Job) -> None:
        """Take a job."""
        if self._closed:
            raise Unavailable("this executor was closed", kind="executor-closed", hint="open another one", job=job.id)
        if job.id not in self._submitted:
            self._submitted.add(job.id)
            self._queue.append(job)

    def outcomes(self, timeout: float | None = None) -> list[Outcome]:  # noqa: ARG002 - a job takes what it takes
        """Give what is known; where that is nothing, run one job."""
        if not self._known and self._queue:
            self._known.append(self._run(self._queue.popleft()))
        known, self._known = self._known, []
        return known

    def cancel(self, job_id: str) -> None:
        """Take a job that has not begun out of the queue."""
        for job in self._queue:
            if job.id == job_id:
                self._queue.remove(job)
                self._drop(job)
                return

    def close(self) -> None:
        """Cancel what has not begun."""
        self._closed = True
        while self._queue:
            self._drop(self._queue.popleft())

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close."""
        self.close()

    def _drop(self, job: Job) -> None:
        now = self._clock.now()
        error = "it was cancelled before it began"
        self._known.append(Outcome(job.id, End.CANCELLED, error=error, started_at=now, ended_at=now))

    def _run(self, job: Job) -> Outcome:
        started = self._clock.now()
        try:
            with _imports(job.paths), _variables(job.variables), _folder(job.folder), _printed(job.log):
                end, value, error, trace = perform(job.call, job.payload, through=(KeyboardInterrupt,))
        except (OSError, ValueError) as caught:  # no such folder, no such name for a variable, no room for the log
            end, value, error, trace = End.RAISED, b"", f"{type(caught).__name__}: {caught}", ""
        return Outcome(job.id, End(end), value, error, trace, started, self._clock.now())


@contextlib.contextmanager
def _imports(paths: tuple[str, ...]) -> Iterator[None]:
    """Put folders in front of the import path, and forget afterwards which modules came from there."""
    before = list(sys.path)
    sys.path[:0] = paths
    try:
        yield
    finally:
        sys.path[:] = before
        roots = tuple(f"{path}/" for path in paths)
        for name, module in sys.modules.copy().items():
            if roots and (getattr(module, "__file__", None) or "").startswith(roots):
                del sys.modules[name]


@contextlib.contextmanager
def _variables(pairs: tuple[tuple[str, str], ...]) -> Iterator[None]:
    before = dict(os.environ)
    try:
        os.environ.update(pairs)
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


@contextlib.contextmanager
def _folder(folder: str) -> Iterator[None]:
    before = Path.cwd()
    with contextlib.ExitStack() as stack:
        os.chdir(folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="job-")))
        stack.callback(os.chdir, before)
        yield


@contextlib.contextmanager
def _printed(log: str) -> Iterator[None]:
    """Send what Python prints to the log; without one, leave it on the terminal, where a debugger may need it."""
    if not log:
        yield
        return
    with (
        Path(log).open("w", buffering=1, encoding="utf-8", errors="backslashreplace") as file,
        contextlib.redirect_stdout(file),
        contextlib.redirect_stderr(file),
    ):
        yield

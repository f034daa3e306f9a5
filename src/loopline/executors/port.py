"""port: what every executor promises."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from loopline.nouns.job import Job, Outcome


class Executor(Protocol):
    """Makes jobs happen. Any thread may call any method; one thread at a time reads `outcomes`.

    A job that fails, dies or hangs harms neither the executor nor another job. Leaving the block closes.
    """

    def submit(self, job: Job) -> None:
        """Take `job` and come back at once. Submitting an id that was submitted before does nothing.

        Raise Unavailable executor-closed after `close`.
        """

    def outcomes(self, timeout: float | None = None) -> list[Outcome]:
        """Give what became known since the last call, in the order in which jobs ended; each outcome once.

        Wait up to `timeout` seconds (None: without end) for at least one. Nothing outstanding gives [] at once.
        """

    def cancel(self, job_id: str) -> None:
        """Ask for the end of a job; its outcome says CANCELLED once it is over. A job that is unknown or over stays so.

        A running one is asked politely first (SIGTERM where there is a process), then killed with all it has started.
        """

    def close(self) -> None:
        """Cancel what is left and let go of every process. `outcomes` still gives what became known. May be repeated."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close."""

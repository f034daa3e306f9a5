"""job: work that an executor makes happen somewhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class End(StrEnum):
    """How a job ended. RAISED: its code raised. DIED: its process or machine went away. CANCELLED: somebody asked."""

    RETURNED = "returned"
    RAISED = "raised"
    DIED = "died"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Job:
    """One call of one function."""

    id: str
    """Submitting the same id twice starts it once."""
    call: str
    """`package.module:function`; it takes `payload` and gives bytes."""
    payload: bytes
    paths: tuple[str, ...] = ()
    """Folders to put in front of the import path."""
    folder: str = ""
    """Where it runs; empty: a fresh scratch folder."""
    variables: tuple[tuple[str, str], ...] = ()
    """Environment variables, beside those of the caller."""
    log: str = ""
    """File that takes what it prints (stdout and stderr); empty: thrown away."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one job ended."""

    job: str
    end: End
    value: bytes = b""
    """What the function gave, where it returned."""
    error: str = ""
    """One line for people, where it did not."""
    trace: str = field(default="", repr=False)
    """The traceback, where its code raised."""
    started_at: int = 0
    ended_at: int = 0
    """Microseconds since the epoch, UTC."""

"""task: work that somebody asked a server for, and how far it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from loopline.nouns.progress import Progress

QUEUE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}\Z")
"""The name of a queue."""


class TaskState(StrEnum):
    """queued → running → done | failed | cancelled. A task whose worker is lost is queued again, or failed after some tries."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self not in (TaskState.QUEUED, TaskState.RUNNING)


@dataclass(frozen=True, slots=True)
class Task:
    """One verb of the class *work*, asked of a server."""

    id: str
    """128 bits, time-ordered, as 32 hex digits. The runs that come of it carry it in the tag `task`."""
    project: str
    verb: str
    actor: str
    queue: str = "default"
    state: TaskState = TaskState.QUEUED
    words: Mapping[str, Any] = field(default_factory=dict)
    """What the verb was asked, in plain form."""
    created_at: int = 0
    started_at: int | None = None
    ended_at: int | None = None
    cancelled_at: int | None = None
    """When somebody asked for it to stop."""
    worker: str | None = None
    attempts: int = 0
    fence: int = 0
    verified: bool = False
    result: Any = None
    """What the verb gave, in plain form."""
    error: Mapping[str, Any] | None = None
    """Class, kind, message, hint and facts of what it raised."""
    progress: tuple[Progress, ...] = ()
    run: str | None = None
    """Id of the run that it begins, from the moment it is asked for; a second attempt, of which the first had begun, begins
    another one. None where the work begins no run, or several."""

"""firing: a trigger met its cause; what was done about it, and how far that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FiringState = Literal["running", "proposing", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Firing:
    """One effect of one cause. A trigger meets each cause once."""

    id: str
    project: str
    trigger: str
    cause: str
    """What it is known by: `alert:ID`, `change:ID`, `time:MICROSECONDS`, `missed:MICROSECONDS`, `asked:ID:ACTOR`."""
    why: str
    """The cause in a sentence."""
    state: FiringState
    """running: its task is not over. proposing: what it made is to be proposed. failed: `error` tells why."""
    fired_at: int = 0
    chain: tuple[str, ...] = ()
    """Triggers that led here by what they did, this one last."""
    propose: str = ""
    """The ref that is to move."""
    to: str = ""
    task: str = ""
    run: str = ""
    change: str = ""
    incident: str = ""
    error: str = ""
    ended_at: int | None = None

    @property
    def asker(self) -> str:
        """Name who asked for it; empty where nobody did."""
        kind, _, rest = self.cause.partition(":")
        return rest.partition(":")[2] if kind == "asked" else ""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a trigger has looked."""

    trigger: str
    declared: str
    """Digest of what it waits for: when that is another one, it looks from then on."""
    position: int
    """Number of the last event that it has looked at."""
    looked_at: int
    """Time up to which its schedule is done."""
    held: int = 0
    """Causes since it last fired that were not followed."""
    held_why: str = ""


@dataclass(frozen=True, slots=True)
class Armed:
    """A trigger as it is listed."""

    name: str
    on: str
    do: str
    at_most: str = ""
    fired_at: int | None = None
    """When it last fired; None: it has not."""
    last: Firing | None = None
    next_at: int | None = None
    """When its time comes next; None where it waits for no time."""
    held: int = 0
    held_why: str = ""
    """Why causes since then were not followed."""
    looking: bool = True
    """Whether a server looks now. Where none does, `loopline tick` has to."""

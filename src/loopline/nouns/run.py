"""run: any execution, from a pipeline step to a monitor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from loopline.nouns.digest import Digest

_OWN_TAGS = frozenset({"key", "log", "modules", "reproduces", "resumes", "task"})
_OWN_PREFIXES = ("observed.", "task.")
_LONGEST_NUMBER = 18
"""Digits that fit into 64 bits whatever they are."""
RunKind = Literal["run", "pipeline", "step", "check", "build", "rollout", "monitor", "reproduce"]


class RunState(StrEnum):
    """Where a run stands. FAILED: the code raised. CRASHED: the process or the machine died. CACHED: nothing ran."""

    PENDING = "pending"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CRASHED = "crashed"
    CANCELLED = "cancelled"
    CACHED = "cached"

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self not in (RunState.PENDING, RunState.RUNNING)

    @property
    def good(self) -> bool:
        """Whether the outputs can be used."""
        return self in (RunState.FINISHED, RunState.CACHED)


def reserved(tag: str) -> bool:
    """Tell whether the system writes this tag itself and takes it for a fact later, so that nobody else may write it."""
    return tag in _OWN_TAGS or tag.startswith(_OWN_PREFIXES)


def number_in(tags: Mapping[str, str], tag: str) -> int:
    """Read a whole number that the system wrote as a tag; 0 where it is missing or anything else."""
    text = tags.get(tag, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER else 0


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric series."""

    key: str
    value: float
    step: int = 0
    time: int = 0
    """Microseconds since the epoch, UTC; 0 in a request means now."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a run read or made: an edge of the lineage graph."""

    name: str
    """The name of the parameter or the output inside the run."""
    digest: Digest
    media_type: str = ""
    size: int = 0
    asset: str | None = None
    """`kind/name` where the digest was read or published under an asset."""
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One execution."""

    id: str
    """128 bits, time-ordered (UUIDv7, RFC 9562), as 32 hex digits."""
    project: str
    name: str
    kind: str = "run"
    state: RunState = RunState.RUNNING
    experiment: str = "default"
    parent: str | None = None
    actor: str = ""
    started_at: int | None = None
    ended_at: int | None = None
    recorded_at: int = 0
    code: Digest | None = None
    """Root of the source tree as run, uncommitted edits included."""
    commit: str | None = None
    """Git commit of that tree; `+dirty` behind it where there were edits."""
    environment: Digest | None = None
    """The lock of what was installed."""
    cache_key: str | None = None
    origin: str | None = None
    """For a cached run: the run whose outputs it took."""
    error: str | None = None
    foreign_id: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The last value of each series."""
    inputs: tuple[Link, ...] = ()
    outputs: tuple[Link, ...] = ()

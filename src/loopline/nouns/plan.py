"""plan: what a pipeline would do, and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from loopline.nouns.digest import Digest
from loopline.nouns.evaluation import Evaluation
from loopline.nouns.run import Link, Run
from loopline.nouns.version import Version


@dataclass(frozen=True, slots=True)
class Prospect:
    """One step, as far as it can be told before anything runs."""

    node: str
    standing: Literal["cached", "run", "waits"]
    why: tuple[str, ...]
    """In words: what differs from its last run, what it waits for."""
    key: str = ""
    origin: str = ""
    """The run whose outputs it would take."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """A pipeline that was planned and not run."""

    pipeline: str
    code: Digest
    params: Mapping[str, str]
    inputs: tuple[Link, ...]
    steps: tuple[Prospect, ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """A pipeline that ran."""

    run: Run
    steps: tuple[Run, ...]
    """In the order of the graph."""
    published: tuple[Version, ...] = ()
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    """By the step that made them."""
    critical_path: tuple[str, ...] = ()
    """The steps that decided how long it took."""
    saved: int = 0
    """Microseconds that cached steps took when they ran."""
    logs: Mapping[str, str] = field(default_factory=dict)
    """The end of what each failed step printed."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A run that was run again, held against the first."""

    original: Run
    again: Run
    equal: tuple[str, ...]
    """Outputs whose bytes are the same."""
    different: tuple[str, ...]
    """Outputs whose bytes differ."""
    environment: str
    """What was done to have the same packages, in words."""

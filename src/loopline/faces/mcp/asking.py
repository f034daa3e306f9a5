"""asking: how tools reach verbs, whoever keeps the loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol


class Answer(NamedTuple):
    """What a verb gave."""

    value: Any
    """In plain form."""
    next: str | None = None
    """Where the next page begins."""
    noun: str = ""
    """What it is: `run`, `review`, `ref`."""


class Worked(NamedTuple):
    """How far work is that may take longer than an assistant waits."""

    state: Literal["done", "running", "queued"]
    value: Any = None
    """What it gave, in plain form, where it is done."""
    task: str | None = None
    """Id of the task, where a worker does it."""
    run: str | None = None
    """Id of the run that it begins, where that is known."""


class Asking(Protocol):
    """Asks verbs in the name of one assistant, in one project. Words are as people write them; what a verb raises is raised."""

    @property
    def project(self) -> str:
        """The project that is asked."""

    def read(self, verb: str, words: Mapping[str, Any]) -> Answer:
        """Ask a read."""

    def write(self, verb: str, words: Mapping[str, Any], *, dry: bool = False) -> Answer:
        """Ask a write; with `dry` every rule is applied and nothing is kept."""

    def work(self, verb: str, words: Mapping[str, Any]) -> Worked:
        """Ask for work, and wait for it no longer than an assistant would."""

    def task(self, name: str) -> Answer:
        """Tell of a task, by its whole id. Raise NotFound."""

    def source(self) -> Mapping[str, Any] | None:
        """Give code and environment of the folder that is worked in, as `run` takes them; None: there is no folder."""

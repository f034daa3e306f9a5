"""store: what a tracking store has, as values that do not tell where they were read.

Times are milliseconds, as MLflow has them. The name and the user of a run are fields of it and not among its tags.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

NAME: Final = "mlflow.runName"
USER: Final = "mlflow.user"
NOBODY: Final = "unknown"
"""What MLflow calls the user where it knows none."""
ACTIVE: Final = "active"
GONE: Final = "Deleted_Internal"
"""The stage of a version that was deleted."""
RUNS: Final = 200
"""Runs that are in memory at a time."""
POINTS: Final = 20_000
"""Points that are in memory at a time, about."""
_LARGEST: Final = 1.7976931348623157e308
"""What stands in a database of MLflow for an infinity."""

Value = tuple[str, int, int, float]
"""A point: key, step, time, value."""


@dataclass(frozen=True, slots=True)
class Group:
    """An experiment."""

    id: str
    name: str
    deleted: bool = False
    created: int = 0
    updated: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    location: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a run says that it read."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A logged model that a run read or made."""

    model: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """A run, without its points."""

    id: str
    group: str
    """Id of its experiment."""
    name: str = ""
    user: str = ""
    status: str = "RUNNING"
    started: int | None = None
    ended: int | None = None
    deleted: bool = False
    location: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[tuple[Dataset, Mapping[str, str]], ...] = ()
    """With the tags of each."""
    read: tuple[Made, ...] = ()
    made: tuple[Made, ...] = ()
    signed: bool = True
    """Whether one of its tags says the user; else it is only known who has written it down."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A point of a logged model."""

    key: str
    value: float
    step: int
    time: int
    run: str = ""
    dataset: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Logged:
    """A logged model."""

    id: str
    group: str
    name: str
    kind: str = ""
    status: str = "READY"
    message: str = ""
    run: str = ""
    created: int = 0
    updated: int = 0
    deleted: bool = False
    location: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True)
class Numbered:
    """A version of a registered model."""

    number: int
    description: str = ""
    user: str = ""
    stage: str = "None"
    source: str = ""
    run: str = ""
    model: str = ""
    """Id of the logged model that it is."""
    status: str = "READY"
    message: str = ""
    created: int = 0
    updated: int = 0
    location: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered model with its versions, by number; those that were deleted are not among them."""

    name: str
    description: str = ""
    created: int = 0
    updated: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    versions: tuple[Numbered, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A file of an artifact folder."""

    path: str
    size: int | None
    """Bytes; None: nobody knows before it is read."""


class Folder(Protocol):
    """The artifacts of a run or a model."""

    def list(self) -> Iterator[File]:
        """Give every file below, by path. What a link leads out to is not among them."""

    def read(self, path: str) -> Iterator[bytes]:
        """Give the bytes of a file, in chunks."""


class Store(Protocol):
    """A tracking store. One thread uses it. Each method may be called again, and sees what is there then."""

    name: str
    """As people are told it: without what may be secret."""

    def groups(self) -> Iterator[Group]:
        """Give every experiment, deleted or not, by id."""

    def runs(self, group: Group) -> Iterator[Sequence[Told]]:
        """Give the runs of an experiment, deleted or not, in batches."""

    def points(self, runs: Sequence[Told]) -> Iterator[tuple[str, Sequence[Value]]]:
        """Give the points of some runs, in their order: a run's id with a part of its points.

        A run with many comes in several parts, one with none in none.
        """

    def logged(self, group: Group) -> Iterator[Logged]:
        """Give the logged models of an experiment."""

    def registered(self) -> Iterator[Registered]:
        """Give the registered models, by name."""

    def folder(self, location: str) -> Folder | None:
        """Open the artifacts at a location; None where this cannot."""

    def unread(self) -> Mapping[str, int]:
        """Count what is there and not among all this: kind to number."""

    def close(self) -> None:
        """Let go of it."""


def number_of(value: float | str | None, *, nan: bool = False) -> float:
    """Read a value: a database holds the largest number for an infinity, and zero with a mark for NaN."""
    if nan or value is None:
        return math.nan
    found = float(value)
    return math.copysign(math.inf, found) if abs(found) >= _LARGEST else found


def parts(runs: Sequence[Told], values: Iterable[tuple[str, Value]]) -> Iterator[tuple[str, list[Value]]]:
    """Put the points of runs, which come run by run, into parts of a size."""
    wanted = {run.id for run in runs}
    at, part = "", list[Value]()
    for run, value in values:
        if run not in wanted:
            continue
        if part and (run != at or len(part) >= POINTS):
            yield at, part
            part = []
        at = run
        part.append(value)
    if part:
        yield at, part


def named(name: str | None, user: str | None, tags: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
    """Tell name and user of a run, wherever they stand, from its other tags: the tags are what clients see."""
    rest = {key: value for key, value in tags.items() if key not in (NAME, USER)}
    return tags.get(NAME) or name or "", tags.get(USER) or (user if user and user != NOBODY else ""), rest

"""Loop: the ports held together, as a verb gets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from loopline.nouns.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from loopline.ledger.ledger import Ledger
    from loopline.nouns.actor import Actor
    from loopline.nouns.caller import Caller
    from loopline.nouns.check import Check
    from loopline.nouns.clock import Clock, Ids
    from loopline.nouns.declaration import Declaration
    from loopline.nouns.trigger import Trigger
    from loopline.store.blobs import Blobs

T = TypeVar("T")


def silent(progress: Progress) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Loop:
    """One caller's view of one project. It has no methods: verbs do things."""

    project: str
    actor: Actor
    ledger: Ledger
    blobs: Blobs
    clock: Clock
    ids: Ids
    work: Path
    """A folder of this machine for caches and scratch files; nothing in it is a record."""
    executors: Mapping[str, Callable[..., Any]]
    """Names to classes that make an `executors.port.Executor`; a verb that makes one closes it."""
    codecs: Mapping[str, str]
    """Names to `package.module:Class` of what turns Python values into artifacts (`pipelines/values.py`)."""
    store: tuple[str, tuple[str, ...]] = ("", ())
    """How a worker process opens the same `blobs`: `package.module:Class` and its arguments."""
    variables: tuple[tuple[str, str], ...] = ()
    """What a process that works for this caller finds in its environment, so that it speaks to the same loop."""
    checks: tuple[Check, ...] = ()
    """What the project `home` declares, where its project file is at hand: read it by `declared_here`."""
    services: tuple[Declaration, ...] = ()
    """The same of services."""
    triggers: tuple[Trigger, ...] = ()
    """The same of triggers; they count until the policy in force, of this project, declares some."""
    home: str = ""
    """The project that this is about where nobody names another: the one that checks, services and triggers are of."""
    signals: Path | None = None
    """A folder of this machine where deployments leave their records (`signals/folder.py`); None: there is none."""
    key: Callable[[], bytes] | None = None
    """Gives the key of which secrets of access keys are made, and makes it at first; None: there are no such keys."""
    places: tuple[str, ...] = ()
    """Folders and addresses from which somebody else than the owner may register what lies there."""
    cache_limit: int = 10 << 30
    """Bytes that the copies of one kind in `work` may have, about."""
    caller: Caller | None = None
    """What a server knows of who asks; None: the owner of an embedded loop, who may do everything."""
    report: Callable[[Progress], None] = silent
    """Told how far long work has come."""
    run: str = ""
    """Id that was promised for the run which this work begins; empty: a new one."""


class Reading(Protocol):
    """As much of a loop as opening tables needs, so that a folder can be looked at where the loop is far away."""

    @property
    def blobs(self) -> Blobs:
        """Where bytes are."""

    @property
    def work(self) -> Path:
        """A folder of this machine for scratch files."""

    @property
    def caller(self) -> Caller | None:
        """Who asks a server; None: files are opened in this process."""

    @property
    def report(self) -> Callable[[Progress], None]:
        """Told how far it is."""


def declared_here(loop: Loop, declared: tuple[T, ...]) -> tuple[T, ...]:
    """Give what the project file at hand declares; nothing in a project that is not the file's own."""
    return declared if loop.project == loop.home else ()

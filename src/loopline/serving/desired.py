"""desired: what the host tells a front to serve, and what the front tells back."""

from __future__ import annotations

from dataclasses import dataclass

from loopline.nouns.service import Service


@dataclass(frozen=True, slots=True)
class Place:
    """Where the model of an arm is on this machine, and which Python runs it."""

    folder: str
    """Holds `model.json` and the flavour's file."""
    python: str = ""
    """Interpreter of the model's environment; empty: that of the front."""
    lent: tuple[str, ...] = ()
    """Folders from which our own few packages are lent to that interpreter."""
    number: int = 0
    """Version of the service that the arm is of, where that is not the one that the ref names: one that rolls."""
    change: str = ""
    """Id of the change that brings it, where that is not the one that moved the ref."""


@dataclass(frozen=True, slots=True)
class Only:
    """Rows by what one of their columns says."""

    column: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Desired:
    """One service version, ready to be started."""

    project: str
    ref: str
    """`service/delay@prod`."""
    number: int
    """Version of the service."""
    change: str
    """Id of the change that moved the ref there."""
    service: Service
    places: tuple[Place, ...]
    """One for each of `service.arms`, in order."""
    signals: str
    """Folder for records of this deployment; empty: nothing is recorded."""
    grpc: str = ""
    """`HOST:PORT` at which gRPC is spoken; empty: nowhere."""
    only: Only | None = None
    """Whom a version that rolls may answer; None: everybody."""


@dataclass(frozen=True, slots=True)
class Answering:
    """How a front does."""

    number: int | None
    """Version of the service that it answers with; None: none yet."""
    wanted: int | None
    """Version that it was told last."""
    ready: bool
    """Whether every arm that gets traffic has a model process that can answer."""
    whole: bool
    """Whether all model processes live."""
    pids: tuple[int, ...] = ()
    restarts: int = 0
    message: str = ""
    """Why something is not as it should be."""
    dropped: int = 0
    """Records that did not fit into the buffer since the front began."""
    grpc: str = ""
    """`HOST:PORT` at which it speaks gRPC now; empty: nowhere."""
    rolls: str = ""
    """Id of the change that rolls, once every model of its version can answer; empty: not yet, or none rolls."""

"""session: the project that this process works in, opened at the first question."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from loopline.errors import LooplineError, Refused, Unavailable
from loopline.sdk.forking import importing
from loopline.store.system import SystemClock, SystemIds

if TYPE_CHECKING:
    from loopline.nouns.artifact import Artifact
    from loopline.sdk.client import Client
    from loopline.settings import Settings
    from loopline.store.blobs import Blobs

T = TypeVar("T")


class Session:
    """One project as this process sees it. Threads share it; a child of a fork makes its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client: Client | None = None
        self._carrier: Client | None = None
        self._renew()
        _all.add(self)

    @property
    def journals(self) -> Path:
        """The folder of the journals."""
        return Path(self.settings.home) / "journal"

    def client(self) -> Client:
        """Open the loop, or give the one that is open. Raise what opening raises, each time anew."""
        if self._client is not None:
            return self._client
        with self._opening:
            if self._client is None:
                with importing():  # opening imports drivers, and a new ledger its migrations
                    from loopline.sdk.opening import open_client

                    self._client = open_client(self.settings)
            return self._client

    def carrier(self) -> Client:
        """Give the client that ships journals: it loses patience soon, because a journal can wait."""
        client = self.client()
        if not self.settings.url:
            return client
        if self._carrier is None:
            from loopline.sdk.opening import hurried

            self._carrier = hurried(client)
        return self._carrier

    def kept(self, value: Any) -> tuple[Artifact, bool]:
        """Store a value and give its artifact, and whether it is in the outbox because the server does not take it now."""
        from loopline.sdk.values import store

        return self._stored(lambda blobs: store(blobs, value, scratch=Path(self.settings.home) / "tmp"))

    def captured(self) -> dict[str, Any]:
        """Store the source tree and the lock of what is installed, and give the body of a record about them."""
        from loopline.sdk.capture import capture

        found, waits = self._stored(lambda blobs: capture(blobs, self.settings))
        return {**found, "outbox": True} if waits else found

    def _stored(self, store: Callable[[Blobs], T]) -> tuple[T, bool]:
        if not self.settings.url:
            return store(self.client().blobs), False
        try:
            return store(self.carrier().blobs), False
        except (Unavailable, Refused):
            from loopline.sdk.outbox import open_outbox

            return store(open_outbox(self.settings.home)), True

    def use(self, client: Client) -> None:
        """Take a loop that is open already."""
        self._client = client

    def close(self) -> None:
        """Let go of the loop; the next question opens it again."""
        client = self._client
        self._client = self._carrier = None
        if client is not None:
            client.close()

    def _renew(self) -> None:
        """Begin, or begin again in a child: a fork may catch the locks of all of these held by another thread."""
        self.clock = SystemClock()
        self.ids = SystemIds()
        self._opening = threading.Lock()
        self._client = None
        self._carrier = None


_all: weakref.WeakSet[Session] = weakref.WeakSet()
_sessions: dict[tuple[object, ...], Session] = {}
_chosen: list[Session] = []


def _after_fork() -> None:
    for one in list(_all):
        one._renew()  # noqa: SLF001 (a session's own hook)


os.register_at_fork(after_in_child=_after_fork)


def session(folder: Path | None = None) -> Session:
    """Give the session of a folder; without one, that which `connect` chose, or that of the present folder.

    Raise what is wrong with its project file.
    """
    if folder is not None:
        return _session(folder)
    return _chosen[-1] if _chosen else _session(Path.cwd())


def choose(
    folder: Path | None = None, *, home: str | Path | None = None, project: str | None = None, actor: str | None = None
) -> Session:
    """Make a session the one that this process uses from now on."""
    chosen = _session((folder or Path.cwd()).absolute(), home=home, project=project, actor=actor)
    _chosen[:] = [chosen]
    return chosen


def use(settings: Settings, client: Client) -> Session:
    """Make a loop that is open already the one that this process uses from now on."""
    chosen = Session(settings)
    chosen.use(client)
    _chosen[:] = [chosen]
    return chosen


class Unsettled(Session):
    """Where a project file is broken: journals are written, and wait for a process that can read it."""

    def __init__(self, error: LooplineError) -> None:
        from loopline.settings import load_settings

        try:
            here = Path.cwd()
        except OSError:
            here = Path.home()
        root = next((one for one in (here, *here.parents) if (one / ".loopline").is_dir()), here)
        home = os.environ.get("LOOPLINE_HOME") or root / ".loopline"
        super().__init__(replace(load_settings(Path("/"), environ={}, home=home), project=""))
        self._error = error

    def client(self) -> Client:
        """Raise what is wrong with the settings."""
        raise self._error


def _session(
    folder: Path, *, home: str | Path | None = None, project: str | None = None, actor: str | None = None
) -> Session:
    from loopline.settings import load_settings

    configured = tuple(sorted(one for one in os.environ.items() if one[0].startswith("LOOPLINE_")))
    key = (folder, home, project, actor, configured)
    known = _sessions.get(key)
    if known is None:
        made = Session(load_settings(folder, home=home, project=project, actor=actor))
        known = _sessions.setdefault(key, made)  # another thread may have been faster
    return known

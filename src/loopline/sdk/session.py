"""session: the project that this process works in, opened at the first question."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.errors import LooplineError
from loopline.sdk.client import Local
from loopline.store.system import SystemClock, SystemIds

if TYPE_CHECKING:
    from loopline.settings import Settings


class Session:
    """One project as this process sees it. Threads share it; a child of a fork opens the loop anew."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.ids = SystemIds()
        self._opening = threading.Lock()
        self._local: Local | None = None
        self._process = 0

    @property
    def journals(self) -> Path:
        """The folder of the journals."""
        return Path(self.settings.home) / "journal"

    def client(self) -> Local:
        """Open the loop, or give the one that is open. Raise what opening raises, each time anew."""
        process = os.getpid()
        if self._local is not None and self._process == process:
            return self._local
        if self._process != process:  # a child: the parent's lock may have been held at the fork
            self._opening, self._process, self._local = threading.Lock(), process, None
        with self._opening:
            if self._local is None:
                from loopline.wiring import open_loop

                self._local = Local(open_loop(self.settings))
            return self._local

    def close(self) -> None:
        """Let go of the loop; the next question opens it again."""
        local, self._local = self._local, None
        if local is not None and self._process == os.getpid():
            local.close()


_sessions: dict[tuple[object, ...], Session] = {}
_chosen: list[Session] = []


def session() -> Session:
    """Give the session that `connect` chose, or that of the present folder. Raise what is wrong with its project file."""
    return _chosen[-1] if _chosen else _session(Path.cwd())


def choose(
    folder: Path | None = None, *, home: str | Path | None = None, project: str | None = None, actor: str | None = None
) -> Session:
    """Make a session the one that this process uses from now on."""
    chosen = _session((folder or Path.cwd()).absolute(), home=home, project=project, actor=actor)
    _chosen[:] = [chosen]
    return chosen


def use(settings: Settings, client: Local) -> Session:
    """Make a loop that is open already the one that this process uses from now on."""
    chosen = Session(settings)
    chosen._local, chosen._process = client, os.getpid()  # noqa: SLF001 (made here)
    _chosen[:] = [chosen]
    return chosen


class Unsettled(Session):
    """Where a project file is broken: journals are written, and wait for a process that can read it."""

    def __init__(self, error: LooplineError) -> None:
        from loopline.settings import load_settings

        root = next((one for one in (Path.cwd(), *Path.cwd().parents) if (one / ".loopline").is_dir()), Path.cwd())
        home = os.environ.get("LOOPLINE_HOME") or root / ".loopline"
        super().__init__(replace(load_settings(Path("/"), environ={}, home=home), project=""))
        self._error = error

    def client(self) -> Local:
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
        known = _sessions[key] = Session(load_settings(folder, home=home, project=project, actor=actor))
    return known

"""children: processes that are started beside this one, and started again when they end.

What they do themselves at their beginning is in child.py.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from loopline.server.child import LIFELINE

SHORTEST_S: Final = 0.5
LONGEST_S: Final = 30.0
STABLE_S: Final = 20.0
"""Who has lived that long is started again without waiting."""
START: Final = "import sys; from loopline.{} import main; sys.exit(main())"


@dataclass(frozen=True)
class Child:
    """What to start."""

    name: str
    """For people: `worker`."""
    module: str
    """Module below `loopline` whose `main` takes the words of its command line."""
    words: Sequence[str]
    descriptors: tuple[int, ...] = ()
    """Open files that it inherits."""
    variables: Mapping[str, str] = field(default_factory=dict)
    output: int | None = None
    """Where it writes both its streams; None: where this process does."""
    each: Callable[[Child], AbstractContextManager[Child]] | None = None
    """Asked before each start for the child as it is then; left again when it is started."""


class Children:
    """Keeps processes running until `stop`."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._ends: tuple[int, ...] = os.pipe()
        self._reader = self._ends[0]
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._guard = threading.Lock()

    def start(self, child: Child) -> None:
        """Start a process and see to it from now on."""
        thread = threading.Thread(target=self._keep, args=(child,), name=f"loopline-{child.name}", daemon=True)
        self._threads.append(thread)
        thread.start()

    @property
    def pids(self) -> dict[str, int]:
        """Name → process, for those that run now."""
        with self._guard:
            return {name: one.pid for name, one in self._running.items() if one.poll() is None}

    def ask(self) -> None:
        """Ask all to end in order, once."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._signal(signal.SIGTERM)

    def stop(self, *, patience_s: float) -> None:
        """Ask all to end in order, wait, and kill who has not."""
        self.ask()
        until = time.monotonic() + patience_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self.kill()
        for thread in self._threads:
            thread.join(5)
        ends, self._ends = self._ends, ()
        for number in ends:
            os.close(number)

    def kill(self) -> None:
        """End all at once."""
        self._stopping.set()
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with self._guard:
            for one in self._running.values():
                with contextlib.suppress(ProcessLookupError):
                    one.send_signal(number)

    def _keep(self, child: Child) -> None:
        pause = SHORTEST_S
        while not self._stopping.is_set():
            began = time.monotonic()
            process = self._spawn(child)
            if process is None:
                return
            status = process.wait()
            with self._guard:
                self._running.pop(child.name, None)
            if self._stopping.is_set():
                return
            pause = SHORTEST_S if time.monotonic() - began > STABLE_S else min(pause * 2, LONGEST_S)
            self._tell(f"{child.name} ended with {_said(status)}; it is started again in {pause:.0f} s")
            self._stopping.wait(pause)

    def _spawn(self, child: Child) -> subprocess.Popen[bytes] | None:
        if child.each is not None:
            with child.each(child) as now:
                return self._spawn(now)
        with self._guard:
            if self._stopping.is_set():
                return None
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", START.format(child.module), *child.words],
                stdin=subprocess.DEVNULL,
                stdout=child.output,
                stderr=child.output,
                env={**os.environ, **child.variables, LIFELINE: str(self._reader)},
                pass_fds=(self._reader, *child.descriptors),
                start_new_session=True,  # Ctrl-C is for the parent, which then asks its children
            )
            self._running[child.name] = process
            return process


def _said(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"

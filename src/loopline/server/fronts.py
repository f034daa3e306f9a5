"""fronts: one deployment on this machine: what it should serve is put in place, and its front is kept alive and told.

The host says what is wanted; a thread here does what takes time (models, environments, the socket). A front that dies is started
again and told the newest again. Whatever goes wrong is a message, and is tried again after a pause.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from loopline.errors import LooplineError
from loopline.server.children import Child, Children
from loopline.serving.desired import Answering, Desired, Only

if TYPE_CHECKING:
    from loopline.nouns.deployment import DeploymentState

DRAIN_S: Final = 40.0
"""How long a front has to answer what it was asked when it is told to end."""
SHORTEST_S: Final = 0.5
LONGEST_S: Final = 15.0
"""Pauses between two tries of what did not work."""
SEND_S: Final = 10.0
_LINE: Final = 1 << 20
LOG_BYTES: Final = 1 << 20
LOGS: Final = 3
"""Former pieces of a log that are kept beside the present one."""
_log = logging.getLogger("loopline.server")


@dataclass(frozen=True, slots=True)
class Coming:
    """A version that a change rolls to."""

    number: int
    change: str
    share: float
    """Of the units."""
    shadow: bool = False
    """Whether it gets copies of everything, and answers nobody."""
    only: Only | None = None
    """Whom it may answer; None: everybody."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a ref points, and what it is about to move to."""

    number: int
    change: str
    coming: Coming | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """How a deployment does, as it is here."""

    state: DeploymentState
    serving: int | None = None
    pids: tuple[int, ...] = ()
    restarts: int = 0
    message: str = ""
    grpc: str = ""
    rolls: str = ""


@dataclass(frozen=True)
class Doing:
    """What a deployment needs from around it."""

    prepare: Callable[[Wanted], tuple[Desired, str]]
    """Put a version in place and give it, with a remark. Raises LooplineError."""
    listen: Callable[[], socket.socket]
    """Listen on the deployment's port. Raises LooplineError."""
    log: Path
    module: str = "server.front"
    asked: dict[str, Any] | None = None
    """What the front is told on its command line besides."""


class Deployed:
    """One deployment. Every method may be called from any thread and returns at once, but `end`."""

    def __init__(self, project: str, ref: str, doing: Doing) -> None:
        self.project, self.ref = project, ref
        self._doing = doing
        self._guard = threading.Condition()
        self._sending = threading.Lock()
        self._wanted: Wanted | None = None
        self._desired: Desired | None = None
        self._problem = ""
        self._remark = ""
        self._ended = ""
        """How the last front ended, until the next one answers."""
        self._listening: socket.socket | None = None
        self._control: socket.socket | None = None
        self._answering: Answering | None = None
        self._starts = 0
        self._ending = False
        self._done = False
        self._children = Children(self._tell)
        self._thread = threading.Thread(target=self._run, name=f"loopline-{ref}", daemon=True)
        self._thread.start()

    def want(self, wanted: Wanted) -> None:
        """Serve this from now on."""
        with self._guard:
            if wanted != self._wanted:
                self._wanted = wanted
                self._guard.notify_all()

    def ask(self) -> None:
        """Let the front answer what it was asked, and end."""
        with self._guard:
            self._ending = True
            self._guard.notify_all()
        self._children.ask()

    def end(self, *, patience_s: float = DRAIN_S) -> None:
        """Wait until it has ended; kill it where that takes too long."""
        self.ask()
        self._children.stop(patience_s=patience_s)
        self._thread.join(5)
        if self._listening is not None:
            self._listening.close()
        with self._guard:
            self._done = True

    def seen(self) -> Seen:
        """Say how it does."""
        with self._guard:
            said, wanted = self._answering, self._wanted
            restarts = max(0, self._starts - 1) + (said.restarts if said else 0)
            pids = said.pids if said else tuple(self._children.pids.values())
            number = said.number if said else None
            words = [self._problem, self._ended, said.message if said else "", self._remark]
            message = "; ".join(dict.fromkeys(word for word in words if word))
            spoken, rolls = (said.grpc, said.rolls) if said else ("", "")
            return Seen(self._state(said, wanted), number, pids, restarts, message, spoken, rolls)

    def _state(self, said: Answering | None, wanted: Wanted | None) -> DeploymentState:
        if self._ending:
            return "stopped" if self._done else "stopping"
        if said is None or said.number is None or not said.ready:
            trouble = self._problem or self._starts > 1 or (said is not None and said.message)
            return "failing" if trouble or (said is not None and said.number is not None) else "starting"
        if self._problem or not said.whole or (said.message and wanted and said.number != wanted.number):
            return "degraded"
        return "ready"

    def _run(self) -> None:
        """Put in place what is wanted, again and again until it works, and tell the front."""
        done: Wanted | None = None
        pause = SHORTEST_S
        while True:
            wanted = self._other_than(done)
            if wanted is None:
                return
            try:
                desired, remark = self._doing.prepare(wanted)
                if self._listening is None:
                    self._listening = self._doing.listen()
            except (LooplineError, OSError) as error:
                self._failed(wanted, error)
                self._other_than(wanted, pause)
                pause = min(pause * 2, LONGEST_S)
                continue
            done, pause = wanted, SHORTEST_S
            self._tell_front(desired, remark)

    def _other_than(self, now: Wanted | None, patience_s: float | None = None) -> Wanted | None:
        """Wait for something else to be wanted, and give what is; None: the end."""
        with self._guard:
            self._guard.wait_for(lambda: self._ending or self._wanted not in (None, now), patience_s)
            return None if self._ending else self._wanted

    def _failed(self, wanted: Wanted, error: LooplineError | OSError) -> None:
        hint = error.hint if isinstance(error, LooplineError) and error.hint else ""
        said = f"version {wanted.number} cannot be served: {error}" + (f" → {hint}" if hint else "")
        if said != self._problem:
            _log.warning("%s: %s", self.ref, said)
        with self._guard:
            self._problem = said

    def _tell_front(self, desired: Desired, remark: str) -> None:
        with self._guard:
            first = self._desired is None
            self._desired, self._problem, self._remark = desired, "", remark
            control = self._control
            if self._ending:
                return
        if first:
            self._children.start(Child(self.ref, self._doing.module, (), each=self._each))
        elif control is not None:
            self._send(control)

    def _send(self, control: socket.socket) -> None:
        """Say what is wanted now. A front that is gone, or hears nothing, is told when it is started again."""
        with self._sending, contextlib.suppress(OSError):
            try:
                control.sendall(msgspec.json.encode(self._desired) + b"\n")
            except OSError:
                control.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _each(self, child: Child) -> Iterator[Child]:
        """Give a front that is about to be started its sockets and its log."""
        mine, theirs = socket.socketpair()
        mine.settimeout(None)
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(SEND_S))
        output = _opened(self._doing.log)
        listening = self._listening
        assert listening is not None  # noqa: S101 - a front is started when there is a socket
        asked = {
            "ref": self.ref, "project": self.project, "listening": listening.fileno(), "control": theirs.fileno(),
            **(self._doing.asked or {}),
        }  # fmt: skip
        try:
            yield replace(
                child,
                words=[json.dumps(asked)],
                descriptors=(listening.fileno(), theirs.fileno()),
                output=output,
                each=None,
            )
        finally:
            theirs.close()
            os.close(output)
        with self._guard:
            self._starts += 1
            self._control, self._answering = mine, None
        threading.Thread(target=self._hear, args=(mine,), name=f"loopline-{self.ref}-hears", daemon=True).start()
        self._send(mine)

    def _hear(self, control: socket.socket) -> None:
        """Keep what a front says of itself, until it is gone."""
        with contextlib.suppress(OSError), control.makefile("rb") as lines:
            while line := lines.readline(_LINE):
                try:
                    said = msgspec.json.decode(line, type=Answering)
                except (msgspec.DecodeError, msgspec.ValidationError):
                    _log.warning("%s: its front said something that nobody understands", self.ref)
                    continue
                with self._guard:
                    if self._control is control:
                        self._answering = said
                        self._ended = "" if said.ready else self._ended
        with self._guard:
            if self._control is control:
                self._control = self._answering = None
        control.close()

    def turn_log(self) -> None:
        """Begin a new piece of the log where the present one is long."""
        log = self._doing.log
        try:
            if log.stat().st_size < LOG_BYTES:
                return
            for number in range(LOGS, 1, -1):
                before = log.with_name(f"{log.name}.{number - 1}")
                if before.exists():
                    before.replace(log.with_name(f"{log.name}.{number}"))
            log.with_name(f"{log.name}.1").write_bytes(log.read_bytes())
            os.truncate(log, 0)  # whoever writes there appends: a line between these two is lost, and none is halved
        except FileNotFoundError:
            return  # nothing was started yet
        except OSError as error:
            _log.warning("%s: its log cannot be turned: %s", self.ref, error)

    def _tell(self, line: str) -> None:
        _log.warning("%s", line)
        with self._guard:
            self._ended, self._answering = line, None


def _opened(log: Path) -> int:
    """Open a log for a front; it is started all the same where its words can be kept nowhere."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        _log.warning("%s cannot be written: %s", log, error)
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def _timeval(seconds: float) -> bytes:
    import struct

    return struct.pack("ll", int(seconds), 0)


def wait_all(several: list[Deployed], *, patience_s: float = DRAIN_S) -> None:
    """End several, side by side."""
    for one in several:
        one.ask()
    until = time.monotonic() + patience_s
    for one in several:
        one.end(patience_s=max(0.1, until - time.monotonic()))

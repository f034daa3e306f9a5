"""process: one worker process, as the pool sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from loopline.executors.frames import Frames, pack
from loopline.executors.logs import CappedLog
from loopline.nouns.job import Job

_PIECE: Final = 1 << 16
_DRAIN: Final = 4
"""Pieces that are still read after a job ended: more than a pipe holds, yet an end for what prints without one."""
_START: Final = "import sys; from loopline.executors.worker import main; main(*map(int, sys.argv[1:]))"
_LIFELINES: Final[set[int]] = set()


def _let_go() -> None:
    """Close the lifelines in a fork of this process: it must not keep our workers alive after us."""
    for number in _LIFELINES:
        with contextlib.suppress(OSError):
            os.close(number)
    _LIFELINES.clear()


os.register_at_fork(after_in_child=_let_go)


class Process:
    """A worker and the ends of its pipes. Nothing here waits, except `reap` for a process that was killed."""

    def __init__(self, python: str = "", *, variables: Mapping[str, str] = MappingProxyType({})) -> None:
        """Start it; `python` is another interpreter that has Loopline, too; `variables` last for all of its jobs."""
        self.paths: tuple[str, ...] | None = None
        """The import path that its jobs share; None until the first."""
        self.job: Job | None = None
        self.started_at = 0
        self.cancelled = False
        self.kill_at: float | None = None
        """When patience ends, by the monotonic clock."""
        self.retired = False
        self.scratch = ""
        self._log: CappedLog | None = None
        self._frames = Frames()
        self._unsent = memoryview(b"")
        ours: list[int] = []
        theirs: list[int] = []
        try:
            for _ in range(4):  # requests, answers, lifeline, output
                reader, writer = os.pipe()
                ours += [reader, writer]
            theirs = [ours[0], ours[3], ours[4], ours[7]]
            self._popen = subprocess.Popen(
                [python or sys.executable, "-P", "-c", _START, *map(str, theirs[:3])],
                stdin=subprocess.DEVNULL,
                stdout=theirs[3],
                stderr=theirs[3],
                pass_fds=theirs[:3],
                start_new_session=True,
                env={**os.environ, **variables},
            )
        except BaseException:
            theirs = ours
            raise
        finally:
            for number in theirs:
                os.close(number)
        self.requests, self.answers, self._lifeline, self.output = ours[1], ours[2], ours[5], ours[6]
        for number in (self.requests, self.answers, self.output):
            os.set_blocking(number, False)
        _LIFELINES.add(self._lifeline)
        self.pid = self._popen.pid
        self.sentinel = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else -1
        """Readable once the process is gone; -1 where the system has no such thing."""

    @property
    def idle(self) -> bool:
        """Whether it can take a job."""
        return self.job is None and not self.retired

    @property
    def unsent(self) -> bool:
        """Whether a part of the request waits for room in the pipe `requests`."""
        return bool(self._unsent)

    def give(self, job: Job, *, folder: str, log: CappedLog | None) -> None:
        """Send it a job."""
        self.job, self.paths, self._log = job, job.paths, log
        pairs = (os.fsencode(part) for pair in job.variables for part in pair)
        fields = (job.call.encode(), job.payload, os.fsencode(folder), str(len(job.paths)).encode())
        self._unsent = memoryview(pack(*fields, *map(os.fsencode, job.paths), *pairs))
        self.send()

    def send(self) -> None:
        """Send as much of the request as the pipe takes."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):  # the sentinel tells of a dead one
            while self._unsent:
                self._unsent = self._unsent[os.write(self.requests, self._unsent) :]

    def answer(self) -> list[bytes] | None:
        """Give what the job came to, once all of it has arrived."""
        while piece := _read(self.answers):
            self._frames.feed(piece)
            if len(piece) < _PIECE:
                break
        return self._frames.next()

    def listen(self, pieces: int = 1) -> bool:
        """Move what was printed into the log of the job. Tell whether more may come."""
        for _ in range(pieces):
            piece = _read(self.output)
            if not piece:
                return piece is None
            if self._log is not None:
                self._log.write(piece)
        return True

    def finish(self) -> None:
        """Close the job's log and be idle."""
        self.listen(_DRAIN)
        if self._log is not None:
            self._log.close()
        self.job = self._log = None

    def retire(self, kill_at: float) -> None:
        """Let an idle one go: it leaves by itself when it sees its requests closed."""
        if not self.retired:
            self.retired, self.kill_at = True, kill_at
            os.close(self.requests)
            self.requests = -1  # its number may be another's from now on

    def terminate(self, kill_at: float) -> None:
        """Ask a busy one and all it has started to stop."""
        self.cancelled, self.kill_at = True, kill_at
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill it with its whole process group, and its descendants that have left the group."""
        self.kill_at = None
        for pid in (*_descendants(self.pid), self.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        self._kill_group()

    def gone(self) -> bool:
        """Tell whether the process has ended (where there is no sentinel to ask)."""
        return self.sentinel < 0 and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def reap(self) -> int:
        """End what is left of its group while the id is still its own, close everything, give the exit status."""
        self._kill_group()
        status = self._popen.wait()
        self.finish()
        _LIFELINES.discard(self._lifeline)
        for number in (self.answers, self._lifeline, self.output, self.sentinel):
            if number >= 0:
                os.close(number)
        if not self.retired:
            os.close(self.requests)
        return status

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def describe(status: int) -> str:
    """Say for people how a process ended that should not have."""
    if status >= 0:
        return f"its process exited with status {status} before it gave a value"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    why = {"SIGKILL": " (out of memory, or somebody killed it)", "SIGSEGV": " (a crash in native code; see its log)"}
    return f"its process was killed by {name}{why.get(name, '')}"


def _read(number: int) -> bytes | None:
    """Read what is there: None where there is nothing now, b"" at the end."""
    try:
        return os.read(number, _PIECE)
    except BlockingIOError:
        return None


def _descendants(pid: int) -> list[int]:
    """Find its children and theirs (Linux; elsewhere the process group must do)."""
    found, open_ = [], [pid]
    while open_:
        parent = open_.pop()
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                children = [int(word) for word in (task / "children").read_bytes().split()]
                found += children
                open_ += children
    return found

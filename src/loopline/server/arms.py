"""arms: the model processes of a front, kept alive, and given batches.

Questions gather in a queue for as long as every process of an arm is busy; whoever becomes free takes as many as a batch
holds. A process that dies, hangs or has grown too large loses its batch (each question in it gets one clear error) and is
replaced, after a pause that doubles while that goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from loopline.errors import LooplineError, Unavailable
from loopline.nouns.service import Arm, Service
from loopline.server.child import LIFELINE
from loopline.server.children import LONGEST_S, SHORTEST_S, STABLE_S, START
from loopline.serving.desired import Place
from loopline.serving.frames import Frames, frame
from loopline.serving.pace import Pace
from loopline.serving.worker import READY

LOOK_S: Final = 0.1
"""How often a front looks for processes that hang."""
WEIGH_S: Final = 1.0
"""How often it looks how large they are."""
START_S: Final = 120.0
"""How long a process may take to load its model."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_log = logging.getLogger("loopline.server")


@dataclass(slots=True)
class Asked:
    """One question, or its rows for one arm, in a queue."""

    rows: int
    message: list[Any]
    """As a model process gets it."""
    answer: asyncio.Future[Sequence[Any]]
    """What the process says of it: [outputs, warnings]."""
    at: float = 0.0
    sent: float = 0.0
    """When a process got it, by `time.perf_counter`; 0: not yet."""


class TooBusy(LooplineError):  # noqa: N818 (says what the service is)
    """A question would wait longer than is allowed: come back."""


class Pool:
    """The model processes of one arm."""

    def __init__(self, arm: Arm, place: Place, service: Service, *, changed: Callable[[], None]) -> None:
        self.arm = arm
        self._place, self._service, self._changed = place, service, changed
        self._queue: deque[Asked] = deque()
        self._queued = 0
        """Rows in the queue."""
        self._processes: list[_Process] = []
        self._free: deque[_Process] = deque()
        self._planned = False
        self._ending = False
        self._pace = Pace()
        self._empty = asyncio.Event()
        self._empty.set()
        self.restarts = 0
        self.message = ""
        self.batches = 0
        self.busy_s = 0.0
        """Seconds that processes spent on batches, for saturation."""

    def start(self) -> None:
        """Start the processes."""
        for _ in range(self._service.workers):
            one = _Process(self)
            self._processes.append(one)
            one.start()

    @property
    def ready(self) -> bool:
        """Whether a process could answer."""
        return any(one.ready for one in self._processes)

    @property
    def whole(self) -> bool:
        """Whether all could."""
        return all(one.ready for one in self._processes)

    @property
    def unfit(self) -> str:
        """Why this arm can never answer; empty: it can, or may yet."""
        return self.message if self._processes and all(one.unfit for one in self._processes) else ""

    @property
    def pids(self) -> list[int]:
        """Its processes."""
        return [one.pid for one in self._processes if one.pid]

    @property
    def waiting(self) -> int:
        """Rows in the queue."""
        return self._queued

    def expected_s(self) -> float:
        """Tell how long one more question would wait for a free process, from how long batches have taken."""
        if self._free:
            return 0.0
        held = [one.rows for one in self._processes if one.rows]
        batches = len(held) + -(-self._queued // self._service.batching.rows)
        rows = self._queued + sum(held)
        return self._pace.expect(rows, batches) / max(1, sum(one.ready for one in self._processes))

    def ask(self, rows: int, message: list[Any]) -> Asked:
        """Put rows into the queue. Raise Unavailable where nobody can answer, TooBusy where it would take too long.

        What still fits into the very next batch is always taken: one slow batch is no overload.
        """
        if not self.ready:
            raise Unavailable(
                f"no model process of arm {self.arm.name} is ready" + (f": {self.message}" if self.message else ""),
                kind="not-ready", hint="wait a moment, then try again", arm=self.arm.name,
            )  # fmt: skip
        wait = 0.0 if self._queued + rows <= self._service.batching.rows else self.expected_s()
        if wait > self._service.limits.queue.total_seconds():
            raise TooBusy(
                f"a request would wait {wait:.1f} s", kind="too-many-requests", hint="send less, or give it more workers",
                retry_after=max(1, round(wait)),
            )  # fmt: skip
        here = asyncio.get_running_loop()
        asked = Asked(rows, message, here.create_future(), here.time())
        self._queue.append(asked)
        self._queued += rows
        self._empty.clear()
        if self._free and not self._planned:
            self._planned = True  # after this turn of the loop, in which others may have come
            wait_s = self._service.batching.wait.total_seconds()
            if wait_s:
                here.call_later(wait_s, self._send)
            else:
                here.call_soon(self._send)
        return asked

    def _send(self) -> None:
        """Give batches to whoever is free."""
        self._planned = False
        most = self._service.batching.rows
        while self._queue and self._free:
            one = self._free.popleft()
            batch = [self._queue.popleft()]
            rows = batch[0].rows
            while self._queue and rows + self._queue[0].rows <= most:
                rows += self._queue[0].rows
                batch.append(self._queue.popleft())
            self._queued -= rows
            one.send(batch, rows)

    def freed(self, one: _Process, rows: int, took_s: float) -> None:
        """Hear that a process has answered (0 rows: that it is ready)."""
        if rows:
            self.batches += 1
            self.busy_s += took_s
            self._pace.learn(rows, took_s)
        self._free.append(one)
        self._send()
        if not self._queue and not any(process.rows for process in self._processes):
            self._empty.set()

    def withdraw(self, one: _Process) -> None:
        """Give a process no batch any more."""
        with contextlib.suppress(ValueError):
            self._free.remove(one)

    def lost(self, one: _Process, why: str) -> None:
        """Hear that a process is gone."""
        self.withdraw(one)
        if not self._ending:
            self.restarts += 1
            self.message = why
            _log.warning("arm %s: %s", self.arm.name, why)
        if not self._queue and not any(process.rows for process in self._processes):
            self._empty.set()
        if not self.ready:
            self._refuse_all(why)
        self.changed()

    def changed(self) -> None:
        """Tell whoever watches that something is other than before."""
        self._changed()

    def _refuse_all(self, why: str) -> None:
        while self._queue:
            asked = self._queue.popleft()
            if not asked.answer.done():
                asked.answer.set_exception(
                    Unavailable(f"no model process is left: {why}", kind="not-ready", hint="try again in a moment")
                )
        self._queued = 0
        self._empty.set()

    def look(self, *, weigh: bool) -> None:
        """End processes that hang or have grown too large."""
        now = time.monotonic()
        for one in self._processes:
            one.look(now, weigh=weigh)

    async def end(self, patience_s: float) -> None:
        """Answer what has been asked, then end the processes."""
        self._ending = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), patience_s)
        self.kill()

    def kill(self) -> None:
        """End the processes now."""
        self._ending = True
        for one in self._processes:
            one.kill()
        self._refuse_all("it is ended")

    @property
    def ending(self) -> bool:
        """Whether processes that end are not replaced."""
        return self._ending

    def command(self, handle: int) -> list[str]:
        """Give the command line of a process that speaks on an open socket."""
        place, arm, service = self._place, self.arm, self._service
        names = {*service.unit, service.event_time, *service.labels.join}
        asked = {
            "socket": handle, "folder": place.folder, "lent": list(place.lent), "pickle": arm.pickle,
            "signature": msgspec.to_builtins(arm.signature), "outputs": list(service.outputs), "expected": sorted(names),
        }  # fmt: skip
        return [place.python or sys.executable, "-P", "-c", START.format("server.model"), json.dumps(asked)]

    @property
    def limits(self) -> tuple[float, int]:
        """Give seconds for a batch, and bytes of memory."""
        return self._service.limits.timeout.total_seconds(), self._service.limits.memory


@dataclass(eq=False)
class _Process(asyncio.Protocol):
    """One model process, again and again."""

    pool: Pool
    ready: bool = False
    unfit: bool = False
    rows: int = 0
    """Of the batch that it holds."""
    _batch: list[Asked] = field(default_factory=list)
    _since: float = 0.0
    _began: float = 0.0
    _pause: float = SHORTEST_S
    _process: subprocess.Popen[bytes] | None = None
    _transport: asyncio.Transport | None = None
    _why: str = ""
    _number: int = 0
    _retired: bool = False

    @property
    def pid(self) -> int:
        return self._process.pid if self._process and self._process.poll() is None else 0

    def start(self) -> None:
        """Start it, in a task of its own."""
        self._frames = Frames()
        self._began = time.monotonic()
        self._why = ""
        self._retired = False
        self._task = asyncio.ensure_future(self._start())

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        for one in (ours, theirs):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        reader, self._writer = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: ASYNC220 (it returns at once)
                self.pool.command(theirs.fileno()), stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(), reader),
                env={**os.environ, **_threads(), LIFELINE: str(reader)}, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            self._why = f"cannot be started: {error.strerror}"
            self.connection_lost(None)
            return
        finally:
            theirs.close()
            os.close(reader)
        await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        if self.pool.ending:
            self.kill()

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._frames.take(data):
                self._take(*message)
        except (ValueError, TypeError, msgspec.DecodeError) as error:
            self._why = f"said something that nobody understands: {error}"
            self.kill()

    def _take(self, number: int, took: int, said: Sequence[Any]) -> None:
        if number == READY:
            kind, message = said[0][0], said[0][1]
            if kind:
                self.unfit, self._why = True, message
                return
            self.ready, self.unfit = True, False
            self.pool.message = ""
            self.pool.freed(self, 0, 0.0)
            self.pool.changed()
            return
        batch, rows = self._batch, self.rows
        self._batch, self.rows, self._since = [], 0, 0.0
        for asked, one in zip(batch, said, strict=True):
            if not asked.answer.done():
                asked.answer.set_result(one)
        if self._retired:
            self.kill()
        else:
            self.pool.freed(self, rows, took / 1e6)

    def send(self, batch: list[Asked], rows: int) -> None:
        """Give it a batch."""
        self._number += 1
        self._batch, self.rows, self._since = batch, rows, time.monotonic()
        sent = time.perf_counter()
        for asked in batch:
            asked.sent = sent
        if self._transport is not None:
            self._transport.write(frame([self._number, [asked.message for asked in batch]]))

    def look(self, now: float, *, weigh: bool) -> None:
        timeout, memory = self.pool.limits
        if self._since and now - self._since > timeout:
            self._why = f"hung for {timeout:g} s on {self.rows} rows and was ended"
            self.kill()
        elif not self.ready and not self.unfit and self._process is not None and now - self._began > START_S:
            self._why = f"did not load its model within {START_S:g} s"
            self.kill()
        elif weigh and memory and self.ready and not self._retired and (size := self._size()) > memory:
            self._why = f"grew to {size >> 20} MiB, of {memory >> 20} allowed, and is replaced"
            if self.rows:
                self._retired = True
            else:
                self.kill()

    def _size(self) -> int:
        with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{self.pid}/statm") as file:  # noqa: PTH123 (read ten times a second)
            return int(file.read().split()[1]) * _PAGE
        return 0

    def kill(self) -> None:
        """End it now. From here on it gets no batch, though its connection is only lost a moment later."""
        self.ready = False
        self.pool.withdraw(self)
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that it is gone."""
        del exc
        self.ready, self._transport = False, None
        batch, self._batch, self.rows, self._since = self._batch, [], 0, 0.0
        status = self._reap()
        why = self._why or status
        for asked in batch:
            if not asked.answer.done():
                asked.answer.set_exception(
                    Unavailable(
                        f"the model process that had this request {why}", kind="model-died",
                        hint="other requests are not affected; ask again, unless the rows themselves do this",
                    )
                )  # fmt: skip
        self.pool.lost(self, f"a model process {why}")
        if self.pool.ending:
            return
        lived = time.monotonic() - self._began
        self._pause = SHORTEST_S if lived > STABLE_S else min(self._pause * 2, LONGEST_S)
        asyncio.get_running_loop().call_later(0.0 if lived > STABLE_S else self._pause, self._again)

    def _again(self) -> None:
        if not self.pool.ending:
            self.start()

    def _reap(self) -> str:
        process, self._process = self._process, None
        if process is None:
            return "is gone"
        with contextlib.suppress(OSError):
            os.close(self._writer)
        try:
            status = process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        if status < 0:
            with contextlib.suppress(ValueError):
                return f"was ended by {signal.Signals(-status).name}"
        return f"ended with status {status}"


def _threads() -> dict[str, str]:
    """Let numerical libraries of one process not take all processors from the others."""
    return {name: os.environ.get(name, "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}

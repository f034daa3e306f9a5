"""worker: takes tasks off a queue and sees to it that each is done in a process of its own.

It imports little and keeps little: all that a task loads goes with the task's process. It may be killed at any moment. Its tasks
then stop, because their lifeline ends, and wait for another worker.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict, LooplineError
from loopline.nouns.actor import Actor
from loopline.server.child import LIFELINE, heeding, opened, settings_of, write_log
from loopline.server.children import START

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.task import Task
    from loopline.settings import Settings

WORKER: Final = Actor("trigger", "worker", verified=True)
LASTING: Final = 30_000_000
"""Microseconds for which a worker that falls silent keeps its tasks."""
POLL_S: Final = 0.25
PRESENT_S: Final = 15.0
END_S: Final = 20.0
"""How long tasks have to stop in order when the worker is told to."""
_log = logging.getLogger("loopline.server")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks of a worker."""

    queue: str = "default"
    slots: int = 1
    """Tasks at a time."""
    once: bool = False
    """Whether it leaves when the queue is empty."""
    lasting: int = LASTING


@dataclass(frozen=True, slots=True)
class _Busy:
    task: Task
    process: subprocess.Popen[bytes]


class Worker:
    """One worker. `run` blocks until it is told to stop, or, with `once`, until nothing is left to do."""

    def __init__(self, loop: Loop, settings: Settings, wish: Wish) -> None:
        self._loop = replace(loop, actor=WORKER)
        self._settings, self._wish = settings, wish
        self.name = f"{socket.gethostname()}:{os.getpid()}:{loop.ids.new()[-8:]}"
        self._busy: list[_Busy] = []
        self._stop = threading.Event()
        self._reader, self._writer = os.pipe()
        self._began = loop.clock.now()
        self._present = 0.0

    def stop(self) -> None:
        """Take nothing new, ask what is under way to stop, and give it back. A second time: at once."""
        if self._stop.is_set():
            self._signal(signal.SIGKILL)
            os._exit(128 + signal.SIGTERM)
        self._stop.set()

    def run(self) -> None:
        """Do tasks."""
        try:
            while not self._stop.is_set():
                try:
                    self._reap()
                    self._be_present()
                    took = self._take()
                except LooplineError as error:
                    _log.warning("the worker waits: %s", error.message)
                    self._stop.wait(1)
                    continue
                if self._wish.once and not took and not self._busy:
                    return
                if not took:
                    self._stop.wait(POLL_S)
        finally:
            self._end()

    def _take(self) -> bool:
        """Claim a task where there is a free slot, and start its process."""
        wish = self._wish
        if len(self._busy) >= wish.slots:
            return False
        with self._loop.ledger.read() as tx:
            if not tx.tasks.waiting(wish.queue):
                return False
        with self._loop.ledger.telemetry() as tables:
            task = tables.tasks.claim(wish.queue, self.name, lasting=wish.lasting)
        if task is None:
            return False
        settings = self._settings
        asked = {
            "home": str(settings.home.absolute()), "project": settings.project, "actor": settings.actor,
            "task": task.id, "fence": task.fence, "lasting": wish.lasting,
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", START.format("server.doing"), json.dumps(asked)],
            stdin=subprocess.DEVNULL,
            env={**os.environ, LIFELINE: str(self._reader)},
            pass_fds=(self._reader,),
            start_new_session=True,  # signals for the worker are passed on in its own words
        )
        self._busy.append(_Busy(task, process))
        return True

    def _reap(self) -> None:
        """See to the tasks whose process has ended: most have said themselves how."""
        for one in [one for one in self._busy if one.process.poll() is not None]:
            self._busy.remove(one)
            self._see_to(one)

    def _see_to(self, one: _Busy) -> None:
        from loopline.verbs.asking import lose

        with self._loop.ledger.read() as tx:
            held = tx.tasks.holds(one.task.id, one.task.fence)
        if held:
            _log.warning("the process of task %s ended with status %s", one.task.id, one.process.returncode)
            with contextlib.suppress(Conflict):
                lose(self._loop, one.task)

    def _be_present(self) -> None:
        import loopline

        now = time.monotonic()
        if now - self._present < PRESENT_S and self._present:
            return
        with self._loop.ledger.telemetry() as tables:
            tables.tasks.present(self.name, self._wish.queue, started_at=self._began, version=loopline.__version__)
        self._present = now

    def _signal(self, number: int) -> None:
        for one in self._busy:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(one.process.pid, number)

    def _end(self) -> None:
        self._signal(signal.SIGTERM)
        until = time.monotonic() + END_S
        for one in self._busy:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.process.wait(max(0.1, until - time.monotonic()))
        self._signal(signal.SIGKILL)
        try:
            for one in self._busy:
                one.process.wait()
                with self._loop.ledger.telemetry() as tables:
                    tables.tasks.give_back(one.task.id, one.task.fence)
            with self._loop.ledger.telemetry() as tables:
                tables.tasks.absent(self.name)
        except LooplineError as error:
            _log.warning("the worker leaves without a word: %s", error.message)
        finally:
            self._busy.clear()
            for number in (self._reader, self._writer):
                os.close(number)


def work(settings: Settings, wish: Wish) -> None:
    """Run a worker until SIGTERM, SIGINT, or the end of the process that started it."""
    write_log()
    with opened(settings) as loop:
        worker = Worker(loop, settings, wish)
        with heeding(worker.stop):
            worker.run()


def main() -> int:
    """Be the worker that the first word (JSON) asks for: what `loopline up` starts."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    work(settings_of(asked), Wish(asked["queue"]))
    return 0

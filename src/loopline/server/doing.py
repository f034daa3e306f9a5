"""doing: one task, in a process of its own: claimed by a worker, run as the verb that it is, ended under its fence.

A thread holds on to the lease, writes down the progress and looks whether the task should stop; then the main thread is
interrupted as by Ctrl-C, which every verb knows. A process of its own lets a task end at any moment, run with other packages,
and give all its memory back.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict, LooplineError, Unavailable
from loopline.nouns.actor import parse_actor
from loopline.nouns.caller import Caller
from loopline.nouns.progress import Progress
from loopline.nouns.task import Task, TaskState
from loopline.server.child import LIFELINE, opened, settings_of, watch_lifeline, write_log
from loopline.server.children import START

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.digest import Digest

TICK_S: Final = 0.5
"""Between two looks whether there is progress to write down, or whether the task should stop."""
GRACE_S: Final = 15.0
"""How long a task may take to stop."""
PATIENCE_S: Final = 20.0
"""How long the end of a task waits for a ledger that takes no writes."""
GIVEN_BACK: Final = 75
"""Exit status (EX_TEMPFAIL): another worker shall have it."""
_log = logging.getLogger("loopline.server")


class Stopped(KeyboardInterrupt):
    """The task should stop, because of `why`: cancelled, lost (the lease), or stopped (the worker)."""


class Keeper:
    """Holds on to the lease of a task, and interrupts the main thread when the task should stop."""

    def __init__(self, loop: Loop, task: Task, *, lasting: int) -> None:
        self._loop, self._task, self._lasting = loop, task, lasting
        self._reports: dict[str, Progress] = {}
        self._guard = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="loopline-keeper", daemon=True)
        self.why = ""
        """Why the task should stop; empty while it should not."""

    def start(self) -> None:
        """Begin."""
        signal.signal(signal.SIGINT, self._interrupt)
        signal.signal(signal.SIGTERM, lambda *_: self.stop("stopped"))
        self._thread.start()

    def report(self, progress: Progress) -> None:
        """Take a report; it is written down within TICK_S, unless a newer one replaces it."""
        with self._guard:
            self._reports[progress.label] = progress

    def stop(self, why: str) -> None:
        """Interrupt the main thread, once. Where that does not help, the process ends a while later."""
        if not self.why and not self._over.is_set():
            self.why = why
            os.kill(os.getpid(), signal.SIGINT)

    def end(self) -> None:
        """Let go: the task is over, as far as this process is concerned."""
        self._over.set()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if threading.current_thread() is not self._thread:
            self._thread.join(5)

    def flush(self) -> None:
        """Write down what was reported."""
        with self._guard:
            several, self._reports = self._reports, {}
        if several:
            with self._loop.ledger.telemetry() as tables:
                tables.tasks.report(self._task.id, self._task.fence, several.values())

    def _interrupt(self, number: int, frame: object) -> None:
        del number, frame
        if not self._over.is_set():
            raise Stopped(self.why or "stopped")

    def _keep(self) -> None:
        beaten = asked = time.monotonic()
        while not self._over.wait(TICK_S):
            now = time.monotonic()
            try:
                self.flush()
                if now - beaten >= self._lasting / 6e6:
                    if self._beat():
                        self.stop("cancelled")
                    beaten = now
                elif self.why:
                    pass
                elif self._cancelled():
                    self.stop("cancelled")
            except Conflict:
                self.stop("lost")
            except LooplineError as error:  # no database for a while; the lease may outlast that
                _log.warning("task %s waits for the ledger: %s", self._task.id, error.message)
                if now - beaten > self._lasting / 1e6:
                    self.stop("lost")
            if not self.why:
                asked = now
            elif now - asked > GRACE_S:
                self._leave()

    def _beat(self) -> bool:
        with self._loop.ledger.telemetry() as tables:
            return tables.tasks.beat(self._task.id, self._task.fence, lasting=self._lasting)

    def _cancelled(self) -> bool:
        with self._loop.ledger.read() as tx:
            tx.tasks.check(self._task.id, self._task.fence, writing=False)
            return tx.tasks.asked_to_stop(self._task.id)

    def _leave(self) -> None:
        """End the process, since the verb does not: what runs beneath it ends with its lifeline."""
        try:
            settle(self._loop, self._task, self.why)
        except LooplineError as error:
            _log.warning("task %s: %s", self._task.id, error.message)
        finally:
            os._exit(GIVEN_BACK)


def main() -> int:
    """Do the task that the first word (JSON) names."""
    from loopline.server.fitting import lend

    asked = json.loads(sys.argv[1])
    write_log()
    lend(asked.get("lent", []))
    lifeline = os.environ.get(LIFELINE, "")
    with opened(settings_of(asked)) as loop:
        with loop.ledger.read() as tx:
            task = tx.tasks.get(asked["task"])
            tx.tasks.check(task.id, asked["fence"], writing=False)
        keeper = Keeper(loop, replace(task, fence=asked["fence"]), lasting=asked["lasting"])
        watch_lifeline(lambda: keeper.stop("stopped"))
        keeper.start()
        return _Doing(loop, replace(task, fence=asked["fence"]), keeper, asked, lifeline).go()


class _Doing:
    """One task in this process."""

    def __init__(self, loop: Loop, task: Task, keeper: Keeper, asked: Mapping[str, Any], lifeline: str) -> None:
        self._loop, self._task, self._keeper, self._asked, self._lifeline = loop, task, keeper, asked, lifeline

    def go(self) -> int:
        task, keeper = self._task, self._keeper
        try:
            result, error = self._answer()
            keeper.flush()
            keeper.end()
        except (Stopped, KeyboardInterrupt):
            keeper.end()
            return settle(self._loop, task, keeper.why or "stopped")
        except Conflict as fault:
            if fault.kind != "lease-lost":
                raise
            keeper.end()
            return GIVEN_BACK
        state = TaskState.FAILED if error else TaskState.DONE
        return _end(self._loop, task, state, result=result, error=error)

    def _answer(self) -> tuple[Any, dict[str, Any] | None]:
        """Ask the verb, and give its answer in plain form, or what it raised."""
        from loopline.verbs.plain import plain

        try:
            return plain(self._ask(), project=self._task.project), None
        except LooplineError as fault:
            if fault.kind == "lease-lost":
                raise
            return None, said(fault)
        except Exception as error:  # noqa: BLE001 (a defect ends one task, not the worker)
            _log.exception("task %s: %s", self._task.id, self._task.verb)
            return None, {
                "class": "Unexpected", "kind": "defect", "message": f"{type(error).__name__}: {error}",
                "hint": "see the worker's log", "facts": {"task": self._task.id},
            }  # fmt: skip

    def _ask(self) -> Any:
        from loopline.server.fenced import Fenced
        from loopline.server.fitting import Accepts, wanted
        from loopline.verbs import load
        from loopline.verbs.permitting import may_ask
        from loopline.verbs.usage import read, usage_of

        task, caller = self._task, asker_of(self._loop, self._task)
        loop = replace(
            self._loop, project=task.project, actor=caller.actor, report=self._keeper.report,
            variables=_variables(self._loop, task), caller=caller,
        )  # fmt: skip
        usage = usage_of(load(task.verb))
        typed = read(usage, task.words, project=task.project)
        may_ask(loop, task.verb, typed)
        if usage.report:
            typed[usage.report] = self._keeper.report
        lock = wanted(loop, task.verb, typed)
        if lock is not None:
            self._fit(loop, lock)
        accepts: Any = Accepts(task.verb, lock)
        ledger = Fenced(self._loop.ledger, task, clock=loop.clock, fits=accepts)
        return usage.function(replace(loop, ledger=ledger, run=run_of(loop, task)), **typed)

    def _fit(self, loop: Loop, lock: Digest) -> None:
        """Go on in an environment with the packages that the task wants, or raise Refused kind="environment-missing"."""
        from loopline.server.fitting import fits, interpreter, lendable, missing

        differs = fits(loop, lock)
        if not differs:
            return
        if self._asked.get("restored"):
            raise missing(lock, differs)
        python = interpreter(loop, lock, report=self._keeper.report)
        lent = lendable()
        self._keeper.end()  # a signal from here on ends this process; the worker then sees to the task
        words = json.dumps({**self._asked, "restored": lock, "lent": lent})
        self._loop.ledger.close()
        if self._lifeline:
            os.set_inheritable(int(self._lifeline), True)  # noqa: FBT003 (its signature)
            os.environ[LIFELINE] = self._lifeline
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.execv(python, [str(python), "-P", "-c", START.format("server.doing"), words])  # noqa: S606 (our own interpreter)


def asker_of(loop: Loop, task: Task) -> Caller:
    """Give who asked for a task, with the roles that they have now and what their token covered when they asked.

    Who was shut out has nothing left, in whatever way they have asked.
    """
    from loopline.nouns.trigger import TRIGGERED
    from loopline.verbs.permitting import roles_of

    actor = parse_actor(task.actor, verified=task.verified)
    with loop.ledger.read() as tx:
        if tx.people.disabled(task.actor):
            return Caller(actor, {}, ())
        scopes = tx.tasks.scopes(task.id)
        if (
            scopes is not None and actor.kind == "trigger"
        ):  # it holds no role, and may do in its project what was declared
            return Caller(actor, {task.project: TRIGGERED}, scopes)
        if scopes is None:
            return Caller(actor, open=True)
        return Caller(actor, roles_of(tx, task.actor), scopes)


def run_of(loop: Loop, task: Task) -> str:
    """Give the id of the run that a task begins, empty where that is none or several.

    It is the one that was told when the task was asked for, unless that run is there: then an earlier attempt has begun it, and
    this one gets an id of its own.
    """
    if task.run is None:
        return ""
    with loop.ledger.read() as tx:
        begun = tx.runs.find(task.run)
    if begun is None:
        return task.run
    run = loop.ids.new()
    with loop.ledger.telemetry() as tables:
        tables.tasks.begin(task.id, task.fence, run)
    return run


def settle(loop: Loop, task: Task, why: str) -> int:
    """Write down that a task was stopped: it is over where somebody asked for that, and waits again where the worker leaves."""
    match why:
        case "cancelled":
            return _end(loop, task, TaskState.CANCELLED)
        case "lost":
            return GIVEN_BACK
    with loop.ledger.telemetry() as tables:
        tables.tasks.give_back(task.id, task.fence)
    return GIVEN_BACK


def said(fault: LooplineError) -> dict[str, Any]:
    """Write an error down, so that who asked can raise it again."""
    from loopline.verbs.plain import plain

    facts = {}
    for name, value in fault.facts.items():
        try:
            facts[name] = plain(value)
        except TypeError:
            facts[name] = str(value)
    return {
        "class": type(fault).__name__, "kind": fault.kind, "message": fault.message, "hint": fault.hint, "facts": facts
    }  # fmt: skip


def _end(loop: Loop, task: Task, state: TaskState, *, result: Any = None, error: dict[str, Any] | None = None) -> int:
    from loopline.verbs.asking import tell_end

    actor = parse_actor(task.actor, verified=task.verified)
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with loop.ledger.write(task.project, actor) as tx:
                tell_end(tx, loop, tx.tasks.end(task.id, task.fence, state, result=result, error=error))
        except Conflict:
            return GIVEN_BACK
        except Unavailable:  # what was done need not be done again because of a full disk that is mended in a moment
            if time.monotonic() > until:
                raise
            time.sleep(1)
        else:
            return 0


def _variables(loop: Loop, task: Task) -> tuple[tuple[str, str], ...]:
    """Tell steps whose project and actor they work for."""
    told = {**dict(loop.variables), "LOOPLINE_PROJECT": task.project, "LOOPLINE_ACTOR": task.actor}
    return tuple(told.items())

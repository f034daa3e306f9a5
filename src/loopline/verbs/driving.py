"""driving: a schedule on an executor, step by step; shared by the verbs that run pipelines."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.errors import Invalid, LooplineError
from loopline.nouns.digest import Digest
from loopline.nouns.job import End, Job, Outcome
from loopline.nouns.progress import Progress
from loopline.nouns.run import RunState
from loopline.store.leased import hold_on
from loopline.verbs.recording import Ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from loopline.loop import Loop
    from loopline.pipelines.schedule import Schedule
    from loopline.verbs.preparing import Prepared, Way
    from loopline.verbs.recording import Recording

TAIL = 4000
"""Characters of a failed step's log that come back with the run."""


def executor_named(loop: Loop, name: str) -> Callable[..., Any]:
    """Find what makes an executor. Raise Invalid, naming those that there are."""
    maker = loop.executors.get(name)
    if maker is None:
        known = ", ".join(sorted(loop.executors))
        raise Invalid(f"there is no executor {name!r}", kind="no-executor", hint=f"use {known}", executor=name)
    return maker


def _workers(asked: int, steps: int) -> int:
    """Say how many steps may run at a time: never more than there are, and 0 leaves it to the executor.

    All steps of the graph count, those from the cache, too: how threads are shared must not hang on what is cached, since
    some libraries add up in another order with another number of threads.
    """
    from loopline.store.system import processors

    return min(asked, steps) or (steps if steps < processors() else 0)


class Drive:
    """One run of a schedule on one executor."""

    def __init__(self, loop: Loop, prepared: Prepared, way: Way, schedule: Schedule, recording: Recording) -> None:
        self._loop, self._prepared, self._way = loop, prepared, way
        self._schedule, self._recording = schedule, recording
        self._jobs: dict[str, str] = {}
        """Node by the id of its job, which is that of the step's run."""
        self.logs: dict[str, str] = {}
        """The end of what each step printed that ran."""

    def all(self) -> None:
        """Start what is ready, take what has ended, until nothing is left. Whatever interrupts it ends every step."""
        loop, steps = self._loop, len(self._prepared.plan.nodes)
        hold_on(loop.blobs)  # for the workers, who have no ledger: what they store is committed here
        executor = executor_named(loop, self._way.executor)(
            loop.clock,
            workers=_workers(self._way.workers, steps),
            scratch=loop.work / "scratch",
            python=self._way.python,
        )
        try:
            while not self._schedule.over:
                self._tell()
                self._start(executor)
                self._take(executor.outcomes(None))
            self._tell()
        except BaseException:
            executor.close()
            with suppress(LooplineError, OSError):  # what ended in the meantime need not be done again
                self._take(executor.outcomes(0), over=True)
            raise
        executor.close()

    def _start(self, executor: Any) -> None:
        from loopline.pipelines.perform import CALL, task_for

        nodes = self._schedule.ready()
        if not nodes:
            return
        (self._loop.work / "logs").mkdir(parents=True, exist_ok=True)
        steps = self._recording.started(self._schedule, nodes)
        for node, step in zip(nodes, steps, strict=True):
            self._jobs[step.id] = node.id
            payload = task_for(node, self._schedule.inputs(node.id), self._prepared.place)
            variables = (*self._loop.variables, ("LOOPLINE_RUN", step.id))
            executor.submit(Job(step.id, CALL, payload, variables=variables, log=str(self._log(step.id))))

    def _take(self, outcomes: list[Outcome], *, over: bool = False) -> None:
        """Write down how jobs ended, then find out what can start for it; nothing any more when it is `over`."""
        ended = self._with_parts([self._ended(outcome) for outcome in outcomes])
        if not ended:
            return
        self._recording.ended(self._schedule, ended)
        if not over:
            settled = [name for one in ended for name in self._settle(one)]
            stages = self._schedule.stages
            self._recording.cached(self._schedule, [name for name in settled if stages[name] == "cached"])

    def _ended(self, outcome: Outcome) -> Ended:
        from loopline.pipelines.perform import reply_from

        node, log = self._jobs[outcome.job], self._keep_log(outcome.job)
        match outcome.end:
            case End.RETURNED:
                try:
                    return Ended(node, outcome, RunState.FINISHED, outputs=reply_from(outcome.value).outputs, log=log)
                except LooplineError as fault:
                    return Ended(
                        node, outcome, RunState.FAILED, f"{fault.message} → {self._hint(node, fault)}", log=log
                    )
            case End.RAISED:
                self.logs[node] = (self.logs.get(node, "") + outcome.trace)[-TAIL:]
                return Ended(node, outcome, RunState.FAILED, outcome.error, log=log)
            case End.DIED:
                return Ended(node, outcome, RunState.CRASHED, outcome.error, log=log)
            case End.CANCELLED:
                return Ended(node, outcome, RunState.CANCELLED, outcome.error, log=log)

    def _hint(self, node: str, fault: LooplineError) -> str:
        """Give the next step: bytes that other steps made can be made again, those of an asset must come from elsewhere."""
        lost = fault.kind in ("blob-missing", "blob-corrupt")
        made = all(link.asset is None for link in self._schedule.inputs(node).values() if link)
        return f"loopline run {self._prepared.source.pipeline} --refresh" if lost and made else fault.hint

    def _with_parts(self, ended: list[Ended]) -> list[Ended]:
        """Keep what the keys of finished steps were made of, so that a later run can say what differs."""
        makers = {one.node: self._schedule.planned(one.node).parts for one in ended if one.state is RunState.FINISHED}
        parts = {node: maker().dump() for node, maker in makers.items() if maker and self._way.known}
        digests = dict(zip(parts, self._loop.blobs.put_all(parts.values()), strict=True))
        return [replace(one, parts=digests.get(one.node)) for one in ended]

    def _settle(self, one: Ended) -> Iterable[str]:
        match one.state:
            case RunState.FINISHED:
                return self._schedule.finished(one.node, one.outputs)
            case RunState.CRASHED:
                return self._schedule.died(one.node)
            case RunState.CANCELLED:
                return self._schedule.cancelled(one.node)
            case _:
                return self._schedule.failed(one.node)

    def _log(self, step: str) -> Path:
        return self._loop.work / "logs" / f"{step}.log"

    def _keep_log(self, step: str) -> Digest | None:
        """Keep what a step printed as a blob; None where it printed nothing."""
        path = self._log(step)
        if not path.exists():
            return None
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - TAIL))
            self.logs[self._jobs[step]] = file.read().decode(errors="replace")
        digest = self._loop.blobs.put_file(path)[0] if size else None
        path.unlink()
        return digest

    def _tell(self) -> None:
        stages = self._schedule.stages
        done = sum(stage.over for stage in stages.values())
        self._loop.report(Progress(self._prepared.source.pipeline, done, len(stages), "steps"))

"""recording: what the ledger keeps of a pipeline while it runs; shared by the verbs that run pipelines.

A pipeline is a run, its steps are runs inside it. Each method is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loopline.nouns.digest import Digest
from loopline.nouns.evaluation import Evaluation
from loopline.nouns.job import Outcome
from loopline.nouns.run import Link, Point, Run, RunState

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.pipelines.graph import Node
    from loopline.pipelines.schedule import Schedule
    from loopline.verbs.preparing import Prepared, Way


@dataclass(frozen=True, slots=True)
class Ended:
    """A step that is over, and what the store already keeps of it."""

    node: str
    outcome: Outcome
    state: RunState
    error: str | None = None
    outputs: tuple[Link, ...] = ()
    parts: Digest | None = None
    """What its cache key was made of."""
    log: Digest | None = None


class Recording:
    """One run of a pipeline, as it is written down."""

    def __init__(self, loop: Loop, prepared: Prepared, way: Way, run: Run) -> None:
        self._loop, self._source, self._way, self.run = loop, prepared.source, way, run
        self._nodes = {node.id: node for node in prepared.plan.graph.nodes}
        self.steps: dict[str, Run] = {}
        """By node, as last written."""
        self.saved = 0
        """Seconds that the cached steps took when they ran."""

    def cached(self, schedule: Schedule, names: Sequence[str]) -> None:
        """Write down the steps whose outputs were known."""
        if not names:
            return
        loop, rows, edges = self._loop, [], []
        with loop.ledger.write(loop.project, loop.actor) as tx:
            origins = tx.runs.cached(loop.project, [schedule.planned(name).key for name in names])
            for name in names:
                planned = schedule.planned(name)
                origin = origins.get(planned.key)
                self.saved += round(seconds(origin) * 1e6) if origin else 0
                step = self._step(schedule, name)
                made = planned.known.run if planned.known else None
                rows.append(replace(step, state=RunState.CACHED, origin=made, started_at=tx.now, ended_at=tx.now))
                edges.append((step.id, loop.project, reads(schedule, name), schedule.outputs(name)))
            for step in tx.runs.start_all(rows):
                self.steps[step.name] = step
            tx.lineage.record_all(edges)
            tx.say("steps.cached", self.run.id, steps=list(names))

    def started(self, schedule: Schedule, nodes: Sequence[Node]) -> list[Run]:
        """Write down the steps that are about to run, and give their runs in the same order."""
        loop = self._loop
        steps = [replace(self._step(schedule, node.id), state=RunState.RUNNING) for node in nodes]
        with loop.ledger.write(loop.project, loop.actor) as tx:
            steps = tx.runs.start_all([replace(step, started_at=tx.now) for step in steps])
            tx.say("steps.started", self.run.id, steps=[step.name for step in steps])
        self.steps.update((step.name, step) for step in steps)
        return steps

    def ended(self, schedule: Schedule, several: Iterable[Ended]) -> None:
        """Write down how steps ended, what each read and made. From here on the cache has them."""
        loop = self._loop
        written: dict[str, Run] = {}
        with loop.ledger.write(loop.project, loop.actor) as tx:
            for one in several:
                step = self.steps[one.node]
                tx.lineage.record(step.id, project=loop.project, inputs=reads(schedule, one.node), outputs=one.outputs)
                began, over = one.outcome.started_at or None, one.outcome.ended_at or None
                tx.runs.move(step.id, one.state, error=one.error, started_at=began, ended_at=over)
                tags = {"key": one.parts, "log": one.log}
                tx.runs.annotate(step.id, tags={name: digest for name, digest in tags.items() if digest})
                written[one.node] = tx.runs.get(step.id)
            tx.say("steps.ended", self.run.id, steps={name: str(step.state) for name, step in written.items()})
        self.steps.update(written)

    def finished(self, schedule: Schedule, evaluations: Iterable[Evaluation]) -> Run:
        """Write down how the pipeline ended, what it measured and made."""
        loop, run = self._loop, self.run
        state = _state(schedule)
        error = next((step.error for step in self.steps.values() if step.error and not step.state.good), None)
        with loop.ledger.write(loop.project, loop.actor) as tx:
            tx.metrics.add(run.id, [Point(one.key, one.value) for each in evaluations for one in each.estimates])
            tx.lineage.record(run.id, project=loop.project, outputs=_outputs(schedule))
            tx.runs.move(run.id, state, error=error)
            tx.say("run.finished", run.id, name=run.name, state=str(state), error=error, steps=len(self.steps))
            return tx.runs.get(run.id)

    def broken(self, error: BaseException) -> None:
        """Write down that the run was interrupted, or that something around its steps broke."""
        loop, run = self._loop, self.run
        state = RunState.CANCELLED if isinstance(error, KeyboardInterrupt) else RunState.CRASHED
        said = str(error) or ("interrupted" if state is RunState.CANCELLED else type(error).__name__)
        with loop.ledger.write(loop.project, loop.actor) as tx:
            for step in tx.runs.children(run.id):
                tx.runs.move(step.id, state)
            tx.runs.move(run.id, state, error=said)
            tx.say("run.finished", run.id, name=run.name, state=str(state), error=said)

    def _step(self, schedule: Schedule, name: str) -> Run:
        from loopline.pipelines.arguments import Constant

        loop, source, planned, node = self._loop, self._source, schedule.planned(name), self._nodes[name]
        return Run(
            id=loop.ids.new(), project=loop.project, name=name, kind="step", parent=self.run.id, actor=str(loop.actor),
            experiment=source.experiment, code=source.code, commit=source.commit, environment=source.environment,
            cache_key=planned.key or None if self._way.known else None,
            params={key: str(one.value) for key, one in node.arguments if isinstance(one, Constant)},
        )  # fmt: skip


def begin(loop: Loop, prepared: Prepared, way: Way, run: str) -> Run:
    """Write down that a pipeline begins, under an id that was made for it, and what it reads."""
    source = prepared.source
    inputs = [replace(link, name=name) for name, link in prepared.plan.assets.items() if link is not None]
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        begun = tx.runs.start(
            Run(
                id=run, project=loop.project, name=source.pipeline, kind=way.kind, state=RunState.RUNNING,
                experiment=source.experiment, actor=str(loop.actor), started_at=tx.now, code=source.code, commit=source.commit,
                environment=source.environment, params=prepared.pinned, tags={**way.tags, "modules": " ".join(source.modules)},
            )
        )  # fmt: skip
        tx.lineage.record(run, project=loop.project, inputs=inputs)
        tx.say("run.started", run, name=source.pipeline, kind=way.kind, params=dict(prepared.pinned))
    return begun


def reads(schedule: Schedule, node: str) -> tuple[Link, ...]:
    """Name what a node reads, by the parameter or by the output that it comes from."""
    from loopline.pipelines.arguments import AssetInput

    return tuple(
        replace(link, name=leaf.name if isinstance(leaf, AssetInput) else f"{leaf.node}.{leaf.name}")
        for leaf, link in schedule.inputs(node).items()
        if link is not None
    )


def seconds(run: Run) -> float:
    """Say how long a run took; 0 where that is not known."""
    if run.started_at is None or run.ended_at is None:
        return 0.0
    return max(0, run.ended_at - run.started_at) / 1e6


def _outputs(schedule: Schedule) -> list[Link]:
    return [replace(link, name=f"{node}.{link.name}") for node in schedule.stages for link in schedule.outputs(node)]


def _state(schedule: Schedule) -> RunState:
    if schedule.good:
        return RunState.FINISHED
    stages = {str(stage) for stage in schedule.stages.values()}
    order = (RunState.CANCELLED, RunState.FAILED, RunState.CRASHED)
    return next((state for state in order if str(state) in stages), RunState.CRASHED)

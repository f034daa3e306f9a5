"""running: a pipeline from its plan to what the ledger keeps of it; shared by `run`, `check` and `reproduce`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.errors import Invalid, LooplineError
from loopline.nouns.artifact import EVALUATION, TREE, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.evaluation import Evaluation
from loopline.nouns.job import End, Job, Outcome
from loopline.nouns.name import parse_pointer
from loopline.nouns.plan import Ran
from loopline.nouns.progress import Progress
from loopline.nouns.run import Link, Point, Run, RunState

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.loop import Loop
    from loopline.pipelines.graph import Graph, Node
    from loopline.pipelines.perform import Place
    from loopline.pipelines.plan import Known, Plan, Planner
    from loopline.pipelines.schedule import Schedule
    from loopline.pipelines.values import Values

FOLDERS = "loopline.datasets.folders:TreeFolders"
TAIL = 4000
"""Characters of a failed step's log that come back with the run."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is run: a pipeline of a source tree, in an environment."""

    pipeline: str
    code: Digest
    modules: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    environment: Digest | None = None
    experiment: str = "default"


@dataclass(frozen=True, slots=True)
class Way:
    """How it is run. None of it changes what comes out."""

    executor: str = "local"
    workers: int = 0
    kind: str = "pipeline"
    parent: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    """Interpreter of another environment; its results are not kept under a cache key."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A pipeline that was planned."""

    source: Source
    plan: Plan
    planner: Planner
    place: Place
    pinned: Mapping[str, str]
    """Every parameter as text, assets as the version that they mean now: the same again gives the same run."""


def prepare(loop: Loop, source: Source, *, refresh: bool = False) -> Prepared:
    """Load the pipeline from its source tree, fill in its parameters, find what it reads, and plan.

    Raise Invalid and NotFound for what is wrong with the project, a parameter or a pointer.
    """
    from loopline.pipelines.graph import trace
    from loopline.pipelines.keys import Keys
    from loopline.pipelines.loading import code_at, load, pipeline_named
    from loopline.pipelines.parameters import parsed
    from loopline.pipelines.plan import Planner, plan

    folder = values_of(loop).folder(Artifact(source.code, TREE))
    pipelines = load(folder, source.modules)
    pipeline = pipeline_named(pipelines, source.pipeline)
    with code_at(folder).active():
        graph = trace(pipeline, parsed(pipeline, source.params))
    with loop.ledger.read() as tx:
        assets = _assets(tx, loop, graph)
        planner = Planner(Keys(folder), lambda key: _known(tx, loop, key), refresh=refresh)
        planned = plan(graph, assets, planner)
    later = Planner(Keys(folder), lambda key: _looked_up(loop, key), refresh=refresh)
    return Prepared(source, planned, later, _place(loop, folder), _pinned(graph, assets))


def execute(loop: Loop, prepared: Prepared, way: Way) -> Ran:
    """Run what the plan says must run, and write everything down: the pipeline, its steps, what each read and made.

    What a step made is recorded as soon as it has ended, so a run that is killed goes on from there. Ctrl-C cancels,
    records that, and is raised again.
    """
    from loopline.pipelines.schedule import Schedule

    source = prepared.source
    run = _begin(loop, prepared, way)
    schedule = Schedule(prepared.plan, prepared.planner)
    drive = _Drive(loop, prepared, way, run, schedule)
    drive.keep_cached([one.node for one in prepared.plan.nodes if one.standing == "cached"])
    if not schedule.over:
        drive.all()
    evaluations = _evaluations(loop, schedule)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        state = _state(schedule)
        error = next((step.error for step in drive.steps.values() if step.error), None)
        tx.metrics.add(run.id, [Point(e.key, e.value) for one in evaluations.values() for e in one.estimates])
        tx.lineage.record(run.id, project=loop.project, outputs=_outputs(schedule))
        tx.runs.move(run.id, state, error=error)
        tx.say("run.finished", run.id, name=source.pipeline, state=str(state), error=error, steps=len(drive.steps))
        run = tx.runs.get(run.id)
    order = [node.id for node in prepared.plan.graph.nodes]
    steps = tuple(drive.steps[name] for name in order if name in drive.steps)
    spent = {name: _seconds(step) for name, step in drive.steps.items() if step.state is not RunState.CACHED}
    path = prepared.plan.graph.critical_path(spent)[0] if spent else ()
    return Ran(run, steps, (), evaluations, path, drive.saved, drive.logs)


def values_of(loop: Loop) -> Values:
    """Give what keeps and takes the values of steps."""
    from loopline.datasets.folders import TreeFolders
    from loopline.pipelines.values import Values

    return Values(loop.blobs, TreeFolders(loop.blobs), loop.codecs, loop.work)


class _Drive:
    """One run of a schedule on one executor."""

    def __init__(self, loop: Loop, prepared: Prepared, way: Way, run: Run, schedule: Schedule) -> None:
        self._loop, self._prepared, self._way, self._run, self._schedule = loop, prepared, way, run, schedule
        self.steps: dict[str, Run] = {}
        self.logs: dict[str, str] = {}
        self.saved = 0.0
        self._jobs: dict[str, str] = {}

    def all(self) -> None:
        """Start what is ready, take what has ended, until nothing is left."""
        maker = self._loop.executors.get(self._way.executor)
        if maker is None:
            known = ", ".join(sorted(self._loop.executors))
            raise Invalid(
                f"there is no executor {self._way.executor!r}", kind="no-executor", hint=f"use {known}", executor=self._way.executor
            )
        nodes = len(self._prepared.plan.nodes)
        executor = maker(
            self._loop.clock, workers=min(self._way.workers, nodes) if self._way.workers else 0, scratch=self._loop.work / "scratch",
            python=self._way.python,
        )  # fmt: skip
        try:
            while not self._schedule.over:
                self._tell()
                self._start(executor)
                self._take(executor.outcomes(None))
            self._tell()
        except BaseException as error:
            executor.close()
            self._give_up(error)
            raise
        executor.close()

    def keep_cached(self, names: list[str]) -> None:
        """Record the steps whose outputs were known, in one transaction."""
        if not names:
            return
        loop, rows, edges = self._loop, [], []
        with loop.ledger.write(loop.project, loop.actor) as tx:
            origins = tx.runs.cached(loop.project, [self._schedule.planned(name).key for name in names])
            for name in names:
                planned = self._schedule.planned(name)
                origin = origins.get(planned.key)
                self.saved += _seconds(origin) if origin else 0.0
                step = replace(self._step(name), state=RunState.CACHED, origin=planned.known.run if planned.known else None,
                               started_at=tx.now, ended_at=tx.now)  # fmt: skip
                rows.append(step)
                edges.append((step.id, loop.project, self._reads(name), self._schedule.outputs(name)))
            for step in tx.runs.start_all(rows):
                self.steps[step.name] = step
            tx.lineage.record_all(edges)
            tx.say("steps.cached", self._run.id, steps=names)

    def _start(self, executor: Any) -> None:
        from loopline.pipelines.perform import CALL, task_for

        nodes = self._schedule.ready()
        if not nodes:
            return
        loop = self._loop
        steps = [replace(self._step(node.id), state=RunState.RUNNING) for node in nodes]
        with loop.ledger.write(loop.project, loop.actor) as tx:
            for step in tx.runs.start_all([replace(step, started_at=tx.now) for step in steps]):
                self.steps[step.name] = step
            tx.say("steps.started", self._run.id, steps=[node.id for node in nodes])
        (loop.work / "logs").mkdir(parents=True, exist_ok=True)
        for node, step in zip(nodes, steps, strict=True):
            self._jobs[step.id] = node.id
            payload = task_for(node, self._schedule.inputs(node.id), self._prepared.place)
            variables = (("LOOPLINE_RUN", step.id),)
            executor.submit(Job(step.id, CALL, payload, variables=variables, log=str(self._log(step.id))))

    def _take(self, outcomes: list[Outcome]) -> None:
        from loopline.pipelines.perform import reply_from

        loop = self._loop
        settled: list[str] = []
        logs = {outcome.job: self._keep_log(outcome.job) for outcome in outcomes}
        with loop.ledger.write(loop.project, loop.actor) as tx:
            for outcome in outcomes:
                node = self._jobs[outcome.job]
                state, error, outputs = RunState.FINISHED, None, ()
                match outcome.end:
                    case End.RETURNED:
                        try:
                            outputs = reply_from(outcome.value).outputs
                        except LooplineError as fault:
                            state, error = RunState.FAILED, f"{fault.message} → {fault.hint}" if fault.hint else fault.message
                    case End.RAISED:
                        state, error = RunState.FAILED, outcome.error
                        self.logs[node] = (self.logs.get(node, "") + outcome.trace)[-TAIL:]
                    case End.DIED:
                        state, error = RunState.CRASHED, outcome.error
                    case End.CANCELLED:
                        state, error = RunState.CANCELLED, outcome.error
                self._record(tx, node, outcome, state=state, error=error, outputs=outputs)
                if logs[outcome.job]:
                    tx.runs.annotate(outcome.job, tags={"log": logs[outcome.job]})
                settled += self._tell_schedule(node, state, outputs)
            tx.say("steps.ended", self._run.id, steps={self._jobs[o.job]: str(o.end) for o in outcomes})
        self.keep_cached([name for name in settled if self._schedule.stages[name] == "cached"])

    def _tell_schedule(self, node: str, state: RunState, outputs: tuple[Link, ...]) -> tuple[str, ...]:
        match state:
            case RunState.FINISHED:
                return self._schedule.finished(node, outputs)
            case RunState.CRASHED:
                return self._schedule.died(node)
            case RunState.CANCELLED:
                return self._schedule.cancelled(node)
            case _:
                return self._schedule.failed(node)

    def _record(
        self, tx: Tables, node: str, outcome: Outcome, *, state: RunState, error: str | None, outputs: tuple[Link, ...]
    ) -> None:
        step = self.steps[node]
        tx.lineage.record(step.id, project=self._loop.project, inputs=self._reads(node), outputs=outputs)
        tx.runs.move(step.id, state, error=error, ended_at=outcome.ended_at or None)
        self.steps[node] = tx.runs.get(step.id)
        parts = self._schedule.planned(node).parts
        if state is RunState.FINISHED and parts is not None and not self._way.python:
            tx.runs.annotate(step.id, tags={"key": self._loop.blobs.put(parts().dump())})

    def _reads(self, node: str) -> tuple[Link, ...]:
        from loopline.pipelines.arguments import AssetInput

        found = []
        for leaf, link in self._schedule.inputs(node).items():
            if link is not None:
                name = leaf.name if isinstance(leaf, AssetInput) else f"{leaf.node}.{leaf.name}"
                found.append(replace(link, name=name))
        return tuple(found)

    def _step(self, name: str) -> Run:
        loop, source, key = self._loop, self._prepared.source, self._schedule.planned(name).key
        return Run(
            id=loop.ids.new(), project=loop.project, name=name, kind="step", parent=self._run.id, actor=str(loop.actor),
            experiment=source.experiment, code=source.code, commit=source.commit, environment=source.environment,
            cache_key=None if self._way.python else key or None, params=_constants(self._node(name)),
        )  # fmt: skip

    def _node(self, name: str) -> Node:
        return self._prepared.plan.graph.node(name)

    def _log(self, step: str) -> Path:
        return self._loop.work / "logs" / f"{step}.log"

    def _keep_log(self, step: str) -> str:
        """Keep what a step printed as a blob, and give its digest; empty where it printed nothing."""
        path = self._log(step)
        if not path.exists():
            return ""
        if path.stat().st_size == 0:
            path.unlink()
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            self.logs[self._jobs[step]] = file.read().decode(errors="replace")
        digest, _ = self._loop.blobs.put_file(path)
        path.unlink()
        return digest

    def _tell(self) -> None:
        stages = self._schedule.stages
        self._loop.report(Progress(self._run.name, sum(stage.over for stage in stages.values()), len(stages), "steps"))

    def _give_up(self, error: BaseException) -> None:
        """Write down what was going on when the run was interrupted or the executor broke."""
        loop = self._loop
        state = RunState.CANCELLED if isinstance(error, KeyboardInterrupt) else RunState.CRASHED
        with loop.ledger.write(loop.project, loop.actor) as tx:
            for step in self.steps.values():
                tx.runs.move(step.id, state)
            tx.runs.move(self._run.id, state, error=str(error) or type(error).__name__)
            tx.say("run.finished", self._run.id, name=self._run.name, state=str(state), error=str(error))


def _begin(loop: Loop, prepared: Prepared, way: Way) -> Run:
    source = prepared.source
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        run = tx.runs.start(
            Run(
                id=loop.ids.new(), project=loop.project, name=source.pipeline, kind=way.kind, state=RunState.RUNNING,
                experiment=source.experiment, parent=way.parent, actor=str(loop.actor), started_at=tx.now, code=source.code,
                commit=source.commit, environment=source.environment, params=prepared.pinned,
                tags={**way.tags, "modules": " ".join(source.modules)},
            )
        )  # fmt: skip
        inputs = [replace(link, name=name) for name, link in prepared.plan.assets.items() if link is not None]
        tx.lineage.record(run.id, project=loop.project, inputs=inputs)
        tx.say("run.started", run.id, name=source.pipeline, kind=way.kind, params=dict(prepared.pinned))
    return run


def _assets(tx: Tables, loop: Loop, graph: Graph) -> dict[str, Link | None]:
    found: dict[str, Link | None] = {}
    for one in graph.assets:
        if not one.pointer:
            found[one.name] = None
            continue
        version = tx.versions.resolve(parse_pointer(one.pointer, project=loop.project))
        artifact = version.artifact
        found[one.name] = Link(one.name, artifact.digest, artifact.media_type, artifact.size, str(version.asset), version.number)
    return found


def _pinned(graph: Graph, assets: Mapping[str, Link | None]) -> dict[str, str]:
    import json

    texts = {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":")) for name, value in graph.params.items()
    }
    return texts | {name: f"{link.asset}@{link.number}" for name, link in assets.items() if link is not None}


def _known(tx: Tables, loop: Loop, key: str) -> Known | None:
    from loopline.pipelines.plan import Known

    run = tx.runs.cached(loop.project, [key]).get(key)
    if run is None or any(loop.blobs.size(link.digest) is None for link in run.outputs):
        return None
    return Known(run.outputs, run.id)


def _looked_up(loop: Loop, key: str) -> Known | None:
    with loop.ledger.read() as tx:
        return _known(tx, loop, key)


def _place(loop: Loop, folder: Path) -> Place:
    from loopline.pipelines.perform import Opening, Place

    return Place(str(folder), str(loop.work), Opening(*loop.store), Opening(FOLDERS), tuple(loop.codecs.items()))


def _constants(node: Node) -> dict[str, str]:
    from loopline.pipelines.arguments import Constant

    return {name: str(one.value) for name, one in node.arguments if isinstance(one, Constant)}


def _evaluations(loop: Loop, schedule: Schedule) -> dict[str, Evaluation]:
    from loopline.pipelines.codecs import EvaluationCodec

    codec = EvaluationCodec()
    return {
        name: codec.from_bytes(loop.blobs.read(link.digest))
        for name in schedule.stages
        for link in schedule.outputs(name)
        if link.media_type == EVALUATION
    }


def _outputs(schedule: Schedule) -> list[Link]:
    return [replace(link, name=f"{node}.{link.name}") for node in schedule.stages for link in schedule.outputs(node)]


def _state(schedule: Schedule) -> RunState:
    stages = {str(stage) for stage in schedule.stages.values()}
    if schedule.good:
        return RunState.FINISHED
    for state in (RunState.CANCELLED, RunState.FAILED, RunState.CRASHED):
        if str(state) in stages:
            return state
    return RunState.CRASHED


def _seconds(run: Run) -> float:
    if run.started_at is None or run.ended_at is None:
        return 0.0
    return max(0, run.ended_at - run.started_at) / 1e6

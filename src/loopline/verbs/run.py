"""run: run a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from loopline.errors import Conflict, Invalid
from loopline.loop import Loop
from loopline.nouns.digest import Digest, find_digest
from loopline.nouns.ids import brief
from loopline.nouns.plan import Outlook, Prospect, Ran
from loopline.nouns.run import Run, RunState
from loopline.verbs.burying import bury
from loopline.verbs.preparing import PIPELINES, Prepared, Source, Way, prepare, source_of
from loopline.verbs.publishing import publish, publish_source
from loopline.verbs.running import execute
from loopline.verbs.start import NOTHING

if TYPE_CHECKING:
    from loopline.pipelines.keys import Parts


def run(
    loop: Loop,
    pipeline: Annotated[str, "name of a function with @pipeline"] = "",
    *,
    params: Annotated[Mapping[str, str], "what to run it with: holdout=7, data=data/flights@2"] = NOTHING,
    code: Annotated[Digest | None, "source tree to run; the command line takes the folder's"] = None,
    modules: Annotated[tuple[str, ...], "Python modules of that tree that define pipelines"] = (),
    commit: Annotated[str | None, "git commit of that tree"] = None,
    environment: Annotated[Digest | None, "lock of what is installed"] = None,
    packages: Annotated[Mapping[str, str], "names and versions in that lock"] = NOTHING,
    experiment: Annotated[str, "the group it belongs to"] = "default",
    plan: Annotated[bool, "only tell what would run"] = False,
    explain: Annotated[bool, "only tell what would run, and what differs from the last run of each step"] = False,
    refresh: Annotated[bool, "run every step, also those whose results are known"] = False,
    resume: Annotated[str | None, "go on with a run that was interrupted: its code and parameters again"] = None,
    executor: Annotated[str, "where steps run"] = "local",
    workers: Annotated[int, "steps at a time; 0: one for each processor"] = 0,
) -> Ran | Outlook:
    """Run a pipeline; steps whose code, parameters and inputs are known come from the cache.

    Steps run from a snapshot of the source tree. Everything is recorded: parameters, inputs and outputs by digest, metrics,
    code, environment. What the pipeline returns is published. A version in quarantine is read only where its number or its
    digest names it.

    Example:
        loopline run train --param holdout=7
    """
    source, tags = (
        Source(pipeline, code or Digest(""), modules, params, commit, environment, experiment),
        dict[str, str](),
    )
    if resume:
        before = _interrupted(loop, resume, asked=bool(pipeline or params))
        source, tags = replace(source_of(before), environment=environment), {"resumes": before.id}
    if not source.code:
        raise Invalid(
            "nobody knows which source tree to run", kind="no-code", hint="call it in the folder of a project"
        )
    prepared = prepare(loop, source, refresh=refresh)
    if plan or explain:
        return _outlook(loop, prepared, explain=explain)
    if environment and packages:
        with loop.ledger.telemetry() as tables:
            tables.lineage.pack(environment, packages)
    publish_source(loop, source)
    ran = execute(loop, prepared, Way(executor, workers, tags=tags))
    return publish(loop, prepared, ran) if ran.run.state is RunState.FINISHED else ran


def _interrupted(loop: Loop, name: str, *, asked: bool) -> Run:
    """Find a run that did not come to its end. Raise Conflict while it goes on or when it did."""
    if asked:
        raise Invalid(
            "a run that is resumed keeps its pipeline and parameters", kind="resume-as-it-was",
            hint=f"loopline run --resume {name}", run=name,
        )  # fmt: skip
    bury(loop)
    with loop.ledger.read() as tx:
        run = tx.runs.resolve(loop.project, name)
    if run.code is None or run.kind not in PIPELINES:
        raise Invalid(
            f"run {brief(run.id)} is no run of a pipeline", kind="not-resumable", hint="loopline find runs 'kind = pipeline'",
            run=run.id,
        )  # fmt: skip
    if run.state is RunState.FINISHED:
        raise Conflict(
            f"run {brief(run.id)} is {run.state}: there is nothing to go on with", kind="nothing-to-resume",
            hint=f"loopline run {run.name}", run=run.id, state=str(run.state),
        )  # fmt: skip
    if not run.state.over:
        raise Conflict(
            f"run {brief(run.id)} is still running", kind="still-running",
            hint=f"wait for it; if its machine is gone: loopline finish {brief(run.id)} --state crashed", run=run.id,
        )  # fmt: skip
    return run


def _outlook(loop: Loop, prepared: Prepared, *, explain: bool) -> Outlook:
    steps = []
    for one in prepared.plan.nodes:
        why: tuple[str, ...] = (one.why,)
        if explain and one.standing == "run":
            why = one.explained(_last_parts(loop, prepared.source.pipeline, one.node))
        steps.append(Prospect(one.node, one.standing, why, one.key, one.known.run if one.known else ""))
    inputs = tuple(link for link in prepared.plan.assets.values() if link is not None)
    return Outlook(prepared.source.pipeline, prepared.source.code, prepared.pinned, inputs, tuple(steps))


def _last_parts(loop: Loop, pipeline: str, node: str) -> Parts | None:
    """Find what the key of the newest run of this step in this pipeline was made of."""
    from loopline.ledger.search import compose
    from loopline.pipelines.keys import parts_from

    condition = compose(loop.project, f"kind = step and name = '{node}' and state = finished")
    with loop.ledger.read() as tx:
        for step in tx.runs.search(condition.where, condition.values, order=condition.order, limit=20):
            parent = tx.runs.around(step)
            digest = find_digest(step.tags.get("key"))
            if parent and parent.name == pipeline and digest and loop.blobs.size(digest) is not None:
                return parts_from(loop.blobs.read(digest))
    return None

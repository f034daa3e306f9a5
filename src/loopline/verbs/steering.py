"""steering: rollouts go on by what has become of their units; what the ticker's process does for each project.

Each look reads what was recorded, judges it, and asks the machine what comes next (rollout/machine.py). What that brings is one
transaction, under a lease and held against where the rollout stood: of two who steer, one gets on, and whoever is killed in
between has done all of it or nothing. Limits of time go by the clock of the ledger, units and labels by event time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, LooplineError
from loopline.nouns.artifact import JSON
from loopline.nouns.digest import Digest
from loopline.nouns.event import canonical
from loopline.nouns.look import AHEAD
from loopline.nouns.name import parse_ref
from loopline.nouns.rolling import Rollout
from loopline.nouns.rollout import Action, Judgement, Plan, Weighting
from loopline.nouns.run import Link, Run, RunState
from loopline.rollout.machine import follow, next_action
from loopline.verbs.carrying import carry_out
from loopline.verbs.deploying import service_of
from loopline.verbs.measured import measured
from loopline.verbs.moving import judge as judge_policy
from loopline.verbs.recorded import signals_of
from loopline.verbs.rolling import end_rolling, say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from loopline.ledger.leases import Lease
    from loopline.ledger.ledger import Writing
    from loopline.loop import Loop
    from loopline.rollout.units import Rows
    from loopline.signals.judging import Told

LASTING: Final = 15_000_000
"""Microseconds for which somebody who steers and falls silent keeps others away."""
SETTLING: Final = 1_000_000
"""Microseconds until fronts have heard of a weight: what was answered before is told apart by the weight of then."""
PARQUET: Final = "application/vnd.apache.parquet"


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look has found."""

    judged: Judgement
    told: Told
    until: int
    """Event time up to which it was judged."""


def steer(loop: Loop, holder: str) -> tuple[Rollout, ...]:
    """Look at every rollout of a project once, and bring each on. Give those that went on.

    One that cannot be looked at keeps none of the others waiting: its error is raised at the end.
    """
    with loop.ledger.read() as tx:
        rolling = tx.rollouts.open(loop.project)
    on, wrong = list[Rollout](), list[LooplineError]()
    for one in rolling:
        try:
            after = _steer(loop, one, holder)
        except Conflict as error:
            if error.kind not in ("lease-held", "lease-lost", "rollout-moved"):
                wrong.append(error)
        except LooplineError as error:
            wrong.append(error)
        else:
            on += [after] if after.progress != one.progress else []
    if wrong:
        raise wrong[0]
    return tuple(on)


def judge_again(loop: Loop, run: Run) -> tuple[Digest, Digest]:
    """Judge once more what a run of kind `rollout` has judged; give the digest of its verdict and that of the new one."""
    from loopline.signals.judging import unpack

    inputs = {link.name: link.digest for link in run.inputs}
    (verdict,) = (link.digest for link in run.outputs if link.name == "judgement")
    plan, weights, until = _told(loop.blobs.read(inputs["plan"]))
    return verdict, loop.blobs.put(_written(_judged(unpack(loop.blobs.read(inputs["units"])), plan, weights, until)))


def _steer(loop: Loop, one: Rollout, holder: str) -> Rollout:
    with loop.ledger.telemetry() as tables:
        lease = tables.leases.take(f"rollout {one.change}", holder, lasting=LASTING)
    looked = _look(loop, one) if one.weights else None
    judged = looked.judged if looked else None
    action = next_action(one.progress, one.plan, judged, loop.clock.now())
    if action.move == "hold":
        after = replace(one, judged=judged or one.judged, looked_at=loop.clock.now())
        with loop.ledger.telemetry() as tables:
            tables.leases.check(lease)
            return tables.rollouts.keep(one, after)
    return _bring_on(loop, one, lease, action, looked)


def _look(loop: Loop, one: Rollout) -> Looked | None:
    """Judge what has been recorded since it began to roll; None where nothing has."""
    from loopline.signals.judging import Between, told

    ref = parse_ref(one.ref, project=one.project)
    with loop.ledger.read() as tx:
        service = service_of(loop, tx.versions.get(ref.asset, one.old))
        before = tx.refs.get(ref).change or ""
    between = Between(before, one.change, one.weights[0].since, maturity=round(one.plan.maturity.total_seconds() * 1e6))
    if any(metric.labelled for metric in one.plan.metrics):
        how = measured(service.labels, service.arms)
        between = replace(between, score=how.score, positive=how.positive, classes=how.named)
    if one.plan.column:
        stretches = tuple((weight.since, one.plan.steps[weight.step].members) for weight in one.weights)
        between = replace(between, column=one.plan.column, members=stretches)
    found = told(signals_of(loop, ref), between)
    sound = found.at[found.at <= loop.clock.now() + AHEAD]  # clocks that went wrong do not count
    if not len(sound):
        return None
    until = int(sound.max())
    return Looked(_judged(found, one.plan, one.weights, until), found, until)


def _judged(found: Told, plan: Plan, weights: tuple[Weighting, ...], until: int) -> Judgement:
    from loopline.rollout.judge import judge
    from loopline.rollout.units import observe

    return judge(observe(_rows(found, plan), weights, plan, until=until), plan)


def _rows(found: Told, plan: Plan) -> Rows:
    """Say what each event was worth, by metric. A label that came in time was known at once, for whoever counts."""
    import numpy as np

    from loopline.rollout.units import NEVER, Rows

    values: dict[str, Any] = {}
    for one in plan.metrics:
        match one.metric:
            case "errors":
                values[one.metric] = found.failed.astype(np.float64)
            case "latency":
                values[one.metric] = np.where(found.failed, np.nan, found.latency_us)
            case _:
                values[one.metric] = _loss(one.metric, found.score, found.truth)
    known = np.where(np.isfinite(found.truth), found.at, NEVER)
    return Rows(found.unit, found.new, found.seen, found.at, known, values)


def _loss(metric: str, score: Any, truth: Any) -> Any:
    import numpy as np

    match metric:
        case "brier" | "squared_error":
            return (score - truth) ** 2
        case "absolute_error":
            return np.abs(score - truth)
        case "wrong":
            missing = np.isnan(score) | np.isnan(truth)
            return np.where(missing, np.nan, ((score >= 0.5) != (truth >= 0.5)).astype(np.float64))
        case _:
            chance = np.clip(np.where(truth >= 0.5, score, 1 - score), 1e-15, 1.0)
            return np.where(np.isnan(truth), np.nan, -np.log(chance))


def _bring_on(loop: Loop, one: Rollout, lease: Lease, action: Action, looked: Looked | None) -> Rollout:
    """Do what comes next, in one transaction, with the judgement that it is done for."""
    plan, judged = one.plan, looked.judged if looked else None
    links = _kept(loop, one, looked) if looked else None
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.leases.check(lease)
        run = _recorded(tx, loop, one, links) if links else ""
        here = replace(one, judged=judged or one.judged, looked_at=tx.now, run=run or one.run)
        if action.move == "stop":
            bad = judged is not None and judged.answer == "worse"
            end_rolling(tx, loop, one, why=action.reason, bad=bad, known=here)
            return tx.rollouts.get(one.change)
        if action.move == "finish" and (refused := _refused(tx, loop, one)):
            action = Action("pause", action.weight, action.step, refused)
        after = replace(here, progress=follow(one.progress, action, tx.now))
        if after.progress.weight != one.progress.weight or not one.weights:
            weighting = Weighting(tx.now + SETTLING, after.progress.weight, after.progress.step)
            after = replace(after, weights=(*one.weights, weighting))
        tx.rollouts.keep(one, after)
        if action.move == "finish":
            carry_out(tx, tx.changes.get(one.change))
        say(tx, _EVENTS[action.move], after, run=run, steps=len(plan.steps))
        return after


_EVENTS: Final = {
    "start": "rollout.advanced", "advance": "rollout.advanced", "finish": "rollout.finished", "pause": "rollout.paused",
}  # fmt: skip


def _refused(tx: Writing, loop: Loop, one: Rollout) -> str:
    """Ask the policy once more at the end; empty: it holds."""
    decision = judge_policy(tx, loop, tx.changes.get(one.change), phase="apply")
    if decision is None or decision.passed:
        return ""
    lacking = [result.text for result in decision.results if result.result != "pass"]
    return f"the policy does not hold any more: {'; '.join(lacking)}"


def _kept(loop: Loop, one: Rollout, looked: Looked) -> Mapping[str, Link]:
    """Keep what was judged, how, and what came of it."""
    import msgspec

    from loopline.signals.judging import pack

    plan = canonical({
        "plan": msgspec.to_builtins(one.plan),
        "weights": msgspec.to_builtins(one.weights),
        "until": looked.until,
    })
    told = {"units": (pack(looked.told), PARQUET), "plan": (plan, JSON), "judgement": (_written(looked.judged), JSON)}
    return {name: Link(name, loop.blobs.put(data), media_type, len(data)) for name, (data, media_type) in told.items()}


def _recorded(tx: Writing, loop: Loop, one: Rollout, links: Mapping[str, Link]) -> str:
    run = tx.runs.start(
        Run(
            id=loop.ids.new(), project=loop.project, name=f"judge {one.ref}", kind="rollout", state=RunState.RUNNING,
            actor=str(loop.actor), started_at=tx.now, params={"change": one.change, "step": str(one.progress.step)},
        )
    )  # fmt: skip
    tx.lineage.record(
        run.id, project=loop.project, inputs=[links["units"], links["plan"]], outputs=[links["judgement"]]
    )
    tx.runs.move(run.id, RunState.FINISHED)
    return run.id


def _written(judged: Judgement) -> bytes:
    import msgspec

    return canonical(msgspec.to_builtins(judged))


def _told(data: bytes) -> tuple[Plan, tuple[Weighting, ...], int]:
    import msgspec

    found = msgspec.json.decode(data)
    return (
        msgspec.convert(found["plan"], Plan),
        msgspec.convert(found["weights"], tuple[Weighting, ...]),
        int(found["until"]),
    )

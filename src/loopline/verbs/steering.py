"""steering: rollouts go on by what has become of their units; what the ticker's process does for each project.

Each look reads what was recorded, judges it, and asks the machine what comes next (rollout/machine.py). What that brings is one
transaction, under a lease and held against where the rollout stood: of two who steer, one gets on, and whoever is killed in
between has done all of it or nothing. Limits of time go by the clock of the ledger, units and labels by event time.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, LooplineError
from loopline.nouns.rolling import Action, Judgement, Weighting
from loopline.nouns.rollout import Rollout
from loopline.nouns.run import Link, Run, RunState
from loopline.rollout.machine import follow, next_action
from loopline.rollout.plan import compares
from loopline.verbs.carrying import carry_out
from loopline.verbs.judging import Looked, foresee, kept, look
from loopline.verbs.moving import judge as judge_policy
from loopline.verbs.rolling import brought, end_rolling, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loopline.ledger.ledger import Tables, Writing
    from loopline.loop import Loop

LASTING: Final = 15_000_000
"""Microseconds for which somebody who steers and falls silent keeps others away."""
SETTLING: Final = 1_000_000
"""Microseconds until fronts have heard of a weight: what was answered before is told apart by the weight of then."""


def steer(loop: Loop, holder: str) -> tuple[Rollout, ...]:
    """Look at every rollout of a project once, and bring each on. Give those that went on.

    One that cannot be looked at keeps none of the others waiting: its error is raised at the end.
    """
    with loop.ledger.read() as tx:
        rolling = tx.rollouts.open(loop.project)
    on, wrong = list[Rollout](), list[Exception]()
    for one in rolling:
        try:
            after = _steer(loop, one, holder)
        except Conflict as error:
            if error.kind not in _OTHERS:
                wrong.append(error)
        except Exception as error:  # noqa: BLE001 (whatever is wrong with one, the others are looked at)
            wrong.append(error)
        else:
            on += [after] if after.progress != one.progress else []
    if wrong:
        raise wrong[0]
    return tuple(on)


_OTHERS: Final = ("lease-held", "lease-lost", "rollout-moved")
"""Kinds of a conflict with somebody else who steers: the next look will tell."""


def _steer(loop: Loop, one: Rollout, holder: str) -> Rollout:
    """Look at one and bring it on. Where it cannot be looked at, limits of time hold all the same."""
    with loop.ledger.telemetry() as tables:
        tables.leases.take(_lease(one), holder, lasting=LASTING)
    looked: Looked | None = None
    trouble: Exception | None = None
    if one.weights and compares(one.plan, one.progress.step):
        try:
            looked = look(loop, one)
        except Exception as error:  # noqa: BLE001 (it is raised when the rest is done)
            trouble = error
    action = _next(loop, one, looked.judged if looked else None)
    if action.move == "hold":
        after = replace(one, judged=looked.judged if looked else one.judged, looked_at=loop.clock.now())
        with loop.ledger.telemetry() as tables:
            lease = tables.leases.take(_lease(one), holder, lasting=LASTING)  # a look may have taken longer
            tables.rollouts.keep(one, after)
            tables.leases.give_back(lease)
    else:
        try:
            after = _bring_on(loop, one, holder, action, looked)
        except LooplineError as error:
            if action.move != "finish" or error.kind in _OTHERS:
                raise
            refused = Action("pause", action.weight, action.step, f"it cannot be applied: {error.message}")
            after = _bring_on(loop, one, holder, refused, looked)
    if trouble is not None:
        raise trouble
    return after


def _lease(one: Rollout) -> str:
    return f"rollout {one.change}"


def _next(loop: Loop, one: Rollout, judged: Judgement | None) -> Action:
    """Say what comes next: what the machine says, once the new version can answer, and while nobody has marked it."""
    here, now = one.progress, loop.clock.now()
    with loop.ledger.read() as tx:
        spoiled = _spoiled(tx, loop, one)
        said = tx.deployments.find(one.project, one.ref)
    if spoiled:
        return Action("stop", 0.0, here.step, spoiled)
    if here.state == "waiting" and (said is None or said.rolls != one.change):
        if (now - here.began) * timedelta(microseconds=1) < one.plan.steps[0].most:
            return Action("hold", here.weight, here.step, here.reason)
        why = f": {said.message}" if said and said.message else ""
        return Action("stop", 0.0, here.step, f"the new version has never been able to answer{why}")
    return next_action(here, one.plan, judged, now)


def _spoiled(tx: Tables, loop: Loop, one: Rollout) -> str:
    """Say what of the new version was marked or deleted since it began to roll; empty: nothing."""
    change = tx.changes.get(one.change)
    for asset, number in brought(tx, loop, change):
        reason = tx.versions.quarantined(asset, number)
        if reason is not None and f"{asset}@{number}" not in change.lifts:
            return f"{asset}@{number} is in quarantine: {reason}"
        if tx.versions.get(asset, number).deleted_at is not None:
            return f"{asset}@{number} was deleted"
    return ""


def _bring_on(loop: Loop, one: Rollout, holder: str, action: Action, looked: Looked | None) -> Rollout:
    """Do what comes next, in one transaction, with the judgement that it is done for."""
    plan, judged = one.plan, looked.judged if looked else None
    links = kept(loop, one, looked) if looked else None
    foreseen = foresee(loop, one) if action.move == "start" and compares(plan, 0) else one.forecast
    with loop.ledger.write(loop.project, loop.actor) as tx:
        lease = tx.leases.take(_lease(one), holder, lasting=LASTING)  # a look may have taken longer
        run = _recorded(tx, loop, one, links) if links else ""
        here = replace(one, judged=judged or one.judged, looked_at=tx.now, run=run or one.run, forecast=foreseen)
        tx.leases.give_back(lease)
        if action.move == "stop":
            bad = judged is not None and judged.answer == "worse"
            end_rolling(tx, loop, one, why=action.reason, bad=bad, known=here)
            return tx.rollouts.get(one.change)
        if action.move == "finish" and (refused := _refused(tx, loop, one)):
            action = Action("pause", action.weight, action.step, refused)
        after = replace(here, progress=follow(one.progress, action, tx.now))
        before = (one.progress.weight, one.progress.step)
        if (after.progress.weight, after.progress.step) != before or not one.weights:
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

"""machine: what a rollout has to do next.

  waiting ── start ──> rolling ── advance … finish ──> finished
                         │ ^
                   pause │ │ resume         from waiting, rolling and paused: stop ──> stopped
                         v │
                        paused
Whoever drives keeps `Rolling` durably, does what `next_action` says, and then keeps what `follow` gives. Both are pure: killed in
between, it asks again and gets the same answer. A stop wins over everything that is known at the same moment.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final, Literal

from loopline.nouns.rolling import Action, Judgement, Plan, Rolling
from loopline.rollout.plan import compares

_MICROSECOND: Final = timedelta(microseconds=1)


def next_action(rolling: Rolling, plan: Plan, judgement: Judgement | None, now: int) -> Action:
    """Say what comes next at `now` (microseconds, of the clock that drives).

    judgement: the newest; None: none yet. One of an earlier step can stop, but never lets on. Of a rollout that is over: always
    hold. What people want (pause, resume, abort) is an `Action` of theirs, which `follow` takes like any other.
    """
    if rolling.state in ("finished", "stopped"):
        return _hold(rolling, f"it is {rolling.state}")
    if judgement is not None and judgement.answer == "worse":
        return _stop(rolling, f"worse: {judgement.reason}")
    if rolling.state == "paused":
        return _hold(rolling, rolling.reason)
    if rolling.state == "waiting":
        return Action("start", plan.steps[0].weight, 0, f"{plan.kind}, step 1 of {len(plan.steps)}")
    return _rolling(rolling, plan, judgement, now)


def follow(rolling: Rolling, action: Action, now: int) -> Rolling:
    """Give where the rollout stands once the action is done.

    Who resumes gives it all its time again: the step's, and that of the rollout.
    """
    match action.move:
        case "hold":
            return rolling
        case "pause":
            return replace(rolling, state="paused", counted=max(action.units, rolling.counted), reason=action.reason)
        case "resume":
            state: Literal["waiting", "rolling"] = "rolling" if rolling.step >= 0 else "waiting"
            return replace(rolling, state=state, began=now, since=now, reason=action.reason)
        case "stop":
            return replace(rolling, state="stopped", weight=action.weight, reason=action.reason)
        case "finish":
            return replace(rolling, state="finished", weight=action.weight, reason=action.reason)
        case "start":
            return Rolling("rolling", action.step, action.weight, began=now, since=now, reason=action.reason)
        case "advance":
            return replace(rolling, step=action.step, weight=action.weight, since=now, counted=0, reason=action.reason)


def _rolling(rolling: Rolling, plan: Plan, judgement: Judgement | None, now: int) -> Action:
    step = plan.steps[rolling.step]
    here = judgement if judgement is not None and judgement.step == rolling.step else None
    spent, whole = (max(now - since, 0) * _MICROSECOND for since in (rolling.since, rolling.began))
    units = sum(here.units) if here else 0
    held = spent >= step.hold
    if compares(plan, rolling.step):
        known = here is not None and here.answer == "not-worse" and min(here.units) >= step.least
        if known and held:
            return _on(rolling, plan, here.reason if here else "")
        over = plan.units > 0 and units - rolling.counted >= plan.units
        if over and not known:
            return _limit(rolling, plan, judgement, f"undecided after {units} units")
    elif held:
        return _on(rolling, plan, f"held for {step.hold}")
    if spent >= step.most:
        return _limit(rolling, plan, judgement, f"undecided after {step.most} in this step")
    if whole >= plan.most:
        return _limit(rolling, plan, judgement, f"not through after {plan.most}")
    if not held:
        return _hold(rolling, f"held for {step.hold} at least")
    return _hold(rolling, here.reason if here else "this step has no judgement yet")


def _on(rolling: Rolling, plan: Plan, reason: str) -> Action:
    following = rolling.step + 1
    if following == len(plan.steps):
        return Action("finish", 1.0, rolling.step, reason)
    return Action("advance", plan.steps[following].weight, following, reason)


def _limit(rolling: Rolling, plan: Plan, judgement: Judgement | None, reason: str) -> Action:
    return _stop(rolling, reason) if plan.over == "stop" else _pause(rolling, judgement, reason)


def _hold(rolling: Rolling, reason: str) -> Action:
    return Action("hold", rolling.weight, rolling.step, reason)


def _pause(rolling: Rolling, judgement: Judgement | None, reason: str) -> Action:
    units = sum(judgement.units) if judgement is not None and judgement.step == rolling.step else 0
    return Action("pause", rolling.weight, rolling.step, reason, units)


def _stop(rolling: Rolling, reason: str) -> Action:
    return Action("stop", 0.0, rolling.step, reason)

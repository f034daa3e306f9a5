"""plan: the steps of each kind of rollout, and what makes a plan sound."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final, get_args

from loopline.errors import Invalid
from loopline.nouns.rolling import Judged, Kind, Measure, Plan, Step

_COMPARES: Final = ("canary", "slice", "shadow")
_ZERO: Final = timedelta()


def usual(kind: Kind) -> tuple[Step, ...]:
    """Give the steps of a kind where nobody names any; none of a slice, whose members only people know."""
    match kind:
        case "at-once":
            return (Step(1.0),)
        case "blue-green":
            return (Step(0.0), Step(1.0))
        case "shadow":
            return (Step(0.0),)
        case "canary":
            return (Step(0.1, slack=2.5), Step(0.5))
        case "slice":
            return ()


def sound(plan: Plan) -> Plan:
    """Give the plan back, or raise `Invalid` with what is wrong and how to mend it. Nothing else here checks a plan."""
    if plan.kind not in get_args(Kind):
        raise Invalid(
            f"{plan.kind!r} is no kind of rollout", kind="bad-rollout",
            hint="write at-once, canary, blue-green, shadow or slice", rollout=plan.kind,
        )  # fmt: skip
    if not 0 < plan.alpha <= 0.5:
        raise _bad("alpha is a chance above 0, of 0.5 at most", "0.05 is usual", alpha=plan.alpha)
    if not 0 <= plan.missing < 1:
        raise _bad("missing is a share from 0 to below 1", "0.2 is usual", missing=plan.missing)
    if plan.cap < 1 or plan.units < 0:
        raise _bad("cap is at least 1, units at least 0", "leave them out", cap=plan.cap, units=plan.units)
    if plan.maturity < _ZERO or plan.unit_window < _ZERO or plan.most <= _ZERO:
        raise _bad("a time is negative, or the rollout has none", "write times like 1 h", most=str(plan.most))
    if not plan.steps:
        raise _bad("there is no step", "name weights, or leave them to the kind")
    for number, step in enumerate(plan.steps):
        _sound_step(step, number)
    if sum((step.hold for step in plan.steps), _ZERO) > plan.most:
        raise _bad("steps are held for longer than the rollout may take", "hold them less", most=str(plan.most))
    _sound_kind(plan)
    names = [one.metric for one in plan.metrics]
    if len(set(names)) < len(names):
        raise _bad("a metric is judged twice", "name each once", metrics=", ".join(names))
    for one in plan.metrics:
        _sound_metric(one)
    return plan


def compares(plan: Plan, step: int) -> bool:
    """Tell whether a step may be left only after both arms were compared."""
    return plan.kind in _COMPARES and 0 <= step < len(plan.steps)


def _sound_step(step: Step, number: int) -> None:
    if not 0 <= step.weight <= 1:  # NaN is not, either
        raise _bad(f"step {number}: a weight is a share from 0 to 1", "0.1 is one unit of ten", weight=step.weight)
    if step.least < 1:
        raise _bad(f"step {number}: nobody goes on without data", "let least be 1 or more", least=step.least)
    if step.most <= _ZERO or step.hold < _ZERO or step.hold >= step.most:
        raise _bad(
            f"step {number}: it is held longer than it may take", "let hold be shorter than most",
            hold=str(step.hold), most=str(step.most),
        )  # fmt: skip
    if not (math.isfinite(step.slack) and step.slack > 0):
        raise _bad(f"step {number}: slack is above 0", "1 leaves tolerances as they are", slack=step.slack)


def _sound_kind(plan: Plan) -> None:
    weights = [step.weight for step in plan.steps]
    if plan.kind not in _COMPARES:
        if plan.metrics:
            raise _bad(
                f"{plan.kind} compares nothing: at no time are there two arms", "use a canary, or leave its metrics to monitors",
                metrics=", ".join(one.metric for one in plan.metrics),
            )  # fmt: skip
        wanted = [1.0] if plan.kind == "at-once" else [0.0, 1.0]
        if weights != wanted:
            raise _bad(f"the weights of {plan.kind} are {wanted}", "leave them out", weights=weights)
        return
    if not plan.metrics:
        raise _bad(f"a {plan.kind} without a metric would go on without knowing", "name what is judged, or go at once")
    if plan.kind == "shadow":
        if weights != [0.0]:
            raise _bad("a shadow answers nobody: it has one step of weight 0", "leave weights out", weights=weights)
        return
    if not all(0 < weight < 1 for weight in weights):
        raise _bad("where arms are compared, both have units", "write weights between 0 and 1", weights=weights)
    if any(after < before for before, after in pairwise(weights)):
        raise _bad("weights go down, and units would go back", "write them ascending", weights=weights)
    if plan.kind == "slice":
        if not plan.column or not all(step.members for step in plan.steps):
            raise _bad("a slice has a column, and members in each step", "name them", column=plan.column)
        if any(not set(before.members) <= set(after.members) for before, after in pairwise(plan.steps)):
            raise _bad("members of one step are missing in the next, and would go back", "let members only be added")
    elif len(set(weights)) < len(weights):
        raise _bad("two steps have one weight", "write them ascending", weights=weights)


def _sound_metric(one: Judged) -> None:
    facts: dict[str, Any] = {"metric": one.metric, "tolerance": one.tolerance}
    if one.kind not in get_args(Measure):
        raise _bad(f"{one.kind!r} is no kind of metric", f"write one of {', '.join(get_args(Measure))}", **facts)
    if not (math.isfinite(one.tolerance) and one.tolerance > 0):
        raise _bad(
            f"{one.metric}: a tolerance is above 0, since no data can show that nothing is worse at all",
            "write how much worse is still well", **facts,
        )  # fmt: skip
    if one.window is not None and one.window < _ZERO:
        raise _bad(f"{one.metric}: a window is no time backwards", "leave it out", **facts)
    if one.kind == "latency":
        if not 0 < one.quantile < 1:
            raise _bad(f"{one.metric}: a quantile is between 0 and 1", "0.95 is usual", quantile=one.quantile, **facts)
        return
    low, high = (one.low, one.high) if one.kind == "loss" else (0.0, 1.0)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise _bad(
            f"{one.metric}: a loss has bounds", "say from where to where it goes; what lies beyond counts as the bound",
            low=low, high=high, **facts,
        )  # fmt: skip
    if one.tolerance >= high - low:
        raise _bad(
            f"{one.metric}: nothing could be worse by {one.tolerance:g}", f"write less than {high - low:g}", **facts
        )


def _bad(message: str, hint: str, **facts: Any) -> Invalid:
    return Invalid(message, kind="bad-rollout", hint=hint, **facts)

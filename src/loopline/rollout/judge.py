"""judge: whether the candidate is worse, not worse than it may be, or neither is known yet.

A metric is *worse* as soon as its e-value against "not worse at all" has reached (number of metrics)/α: so any number of looks
and of metrics stops a candidate that is not worse with probability α at most. It is *not worse* while its upper bound is below
the tolerance: a candidate that is worse by the tolerance passes in one metric with probability α at most, and it has to pass in
all, which needs no sharing of α (Berger 1982, Technometrics 24). A difference that is surely below the tolerance is one that the
plan allows: that is not worse, even where it is surely above 0.
  loss     bets (wagers.py)
  events   worse: whose events they are (events.py); the bounds of the difference: bets
  latency  events of being slow (slow.py)
  shadow   the same with both arms of each unit: differences are of one unit, and an event counts where one arm alone has it
Nothing is said where units are not split as the weights say (an e-value of 1000 against it: one arm loses records), where too
many values are missing, or where an arm has none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from loopline.nouns.rolling import Answer, Compared, Judged, Judgement, Plan, Step
from loopline.rollout.events import uneven
from loopline.rollout.units import Observations, Sample
from loopline.rollout.weighing import Tried, weigh

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_POINTS: Final = 200
_UNEVEN: Final = math.log(1000)
_HAIR: Final = 1e-12
"""By which a bound that was made of a factor may miss the tolerance that the factor was made of."""


def judge(observations: Observations, plan: Plan) -> Judgement:
    """Answer for the step that `observations` are of. Equal observations and plans give equal judgements, bit by bit."""
    step = plan.steps[observations.step] if 0 <= observations.step < len(plan.steps) else Step(0.0)
    findings, here = [], []
    for one in plan.metrics:
        sample = observations.samples[one.metric]
        here.append(_counted(_held(sample), step=observations.step))
        findings.append(_compared(one, sample, plan, step, here=here[-1], flipped=observations.flipped))
    answer, reason = _together(findings)
    return Judgement(
        answer,
        observations.step,
        reason,
        tuple(findings),
        units=min(here, key=lambda pair: (min(pair), sum(pair)), default=(0, 0)),
        flipped=observations.flipped,
        certain=observations.certain,
    )


def _together(findings: Sequence[Compared]) -> tuple[Answer, str]:
    if not findings:
        return "undecided", "no metric is judged"
    answers = {one.answer for one in findings}
    answer: Answer = "worse" if "worse" in answers else "undecided" if "undecided" in answers else "not-worse"
    return answer, "; ".join(f"{one.metric}: {one.reason}" for one in findings if one.answer == answer)


def _compared(one: Judged, sample: Sample, plan: Plan, step: Step, *, here: tuple[int, int], flipped: int) -> Compared:
    tolerance = one.tolerance * step.slack
    share = plan.alpha / len(plan.metrics)
    needed = float(f"{-math.log(share):.12g}")
    held = _held(sample)
    units, all_ = _counted(held), _counted(sample)
    missing = (all_[0] - units[0], all_[1] - units[1])
    doubt = _doubt(sample, held, allowed=plan.missing, flipped=flipped)
    tried = weigh(one, held, alpha=plan.alpha, share=share, tolerance=tolerance) if min(units) else None
    answer: Answer = "undecided"
    reason = doubt
    if tried is not None and not doubt:
        answer, reason = _answer(one, tried, tolerance, needed)
        if answer != "worse" and min(here) < step.least:
            answer = "undecided"
            reason = (
                f"{here[0]} units of the candidate and {here[1]} of the baseline in this step; each needs {step.least}"
            )
    return Compared(
        one.metric,
        one.kind,
        answer,
        reason,
        candidate=_digits(tried.candidate) if tried else None,
        baseline=_digits(tried.baseline) if tried else None,
        estimate=_digits(tried.estimate) if tried else None,
        low=_digits(tried.low) if tried else None,
        high=_digits(tried.high) if tried else None,
        tolerance=tolerance,
        evidence=(_digits(tried.evidence) or 0.0) if tried else 0.0,
        needed=needed,
        units=units,
        missing=missing,
        path=_thinned(tried, needed) if tried else (),
    )


def _answer(one: Judged, tried: Tried, tolerance: float, needed: float) -> tuple[Answer, str]:
    by, low, high, allowed = (
        _said(value, percent=one.kind != "loss") for value in (tried.estimate, tried.low, tried.high, tolerance)
    )
    if tried.high <= tolerance + _HAIR:
        return "not-worse", f"{by} [{low}, {high}]; up to {allowed} is allowed"
    if tried.evidence >= needed:
        return "worse", f"{by} [{low}, {high}]; evidence {tried.evidence:.1f}, and {needed:.1f} is enough"
    return "undecided", f"{by} [{low}, {high}] may be more than the {allowed} that is allowed"


def _doubt(sample: Sample, held: Sample, *, allowed: float, flipped: int) -> str:
    """Say why nothing can be said; empty: it can."""
    if not len(sample):
        return "no units yet"
    if flipped > allowed * (flipped + len(sample)):
        return f"{flipped} units met both arms, or one that the weights exclude: records and weights do not agree"
    share = 1 - len(held) / len(sample)
    if share > allowed:
        return f"{share:.0%} of the units have no value; {allowed:.0%} may have none"
    if sample.other is None:
        for which, what in ((sample, "units"), (held, "units with a value")):
            if uneven(which.candidate, which.p) > _UNEVEN:
                mine, theirs = _counted(which)
                return f"{mine} {what} of the candidate and {theirs} of the baseline are not how the weights split them"
    if not min(_counted(held)):
        return f"no unit of the {'baseline' if _counted(held)[0] else 'candidate'} has a value yet"
    return ""


def _held(sample: Sample) -> Sample:
    """Keep units that have a value; of a shadow, at both arms."""
    import numpy as np

    good = np.isfinite(sample.value)
    return sample.only(good if sample.other is None else good & np.isfinite(sample.other))


def _counted(sample: Sample, *, step: int | None = None) -> tuple[int, int]:
    """Count units of the candidate and of the baseline, perhaps those of one step."""
    mine = sample.candidate if step is None else sample.candidate[sample.step == step]
    ones = int(mine.sum())
    return ones, ones if sample.other is not None else len(mine) - ones


def _thinned(tried: Tried, needed: float) -> tuple[tuple[int, float], ...]:
    """Choose points of the path: evenly, with the last and the one where it first had enough."""
    last = len(tried.path) - 1
    if last < 0:
        return ()
    chosen = {round(k * last / (_POINTS - 2)) for k in range(_POINTS - 1)}
    chosen |= {int(k) for k in (tried.path >= needed).nonzero()[0][:1]}
    return tuple((int(tried.looks[k]), float(f"{tried.path[k]:.12g}")) for k in sorted(chosen))


def _digits(value: float | None) -> float | None:
    """Keep twelve digits, which no processor adds differently; None for what has no bound."""
    return float(f"{value:.12g}") if value is not None and math.isfinite(value) else None


def _said(value: float, *, percent: bool) -> str:
    if not math.isfinite(value):
        return "no bound"
    return f"{value:+.1%}" if percent else f"{value:+.4g}"

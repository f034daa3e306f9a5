from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.nouns.rolling import Judged, Judgement, Plan, Step
from loopline.rollout.judge import judge
from loopline.rollout.units import Observations, Sample
from tests.rollout.traffic import Traffic, plan, seen

LOSS = Judged("brier", "loss", 0.05)
ERRORS = Judged("errors", "events", 0.05)
WAIT = Judged("wait", "latency", 0.3)
PLAN = Plan("canary", (Step(0.5, least=50),), (LOSS,))


def sample(n: int = 2_000, p: float = 0.5, *, gap: float = 0.0, kind: str = "loss", seed: int = 1) -> Sample:
    """Make up units of which the candidate's are worse by a gap."""
    dice = np.random.default_rng(seed)
    arm = dice.random(n) < p
    value = {
        "loss": np.clip(dice.beta(1, 6, n) + gap * arm, 0, 1),
        "events": (dice.random(n) < 0.05 + gap * arm) * 1.0,
        "latency": dice.lognormal(0, 0.3, n) * (1 + gap * arm),
    }[kind]
    return Sample(np.arange(n, dtype=np.uint64), np.zeros(n, dtype=np.int64), arm, np.full(n, p), value)


def judged(*samples: Sample, of: Plan = PLAN, **more: Any) -> Judgement:
    """Judge samples by the metrics of a plan, in its order."""
    names = [one.metric for one in of.metrics]
    return judge(Observations(dict(zip(names, samples, strict=True)), 0, **more), of)


@pytest.mark.parametrize(
    ("one", "gap", "kind"), [(LOSS, 0.06, "loss"), (ERRORS, 0.08, "events"), (WAIT, 0.6, "latency")]
)
def test_three_answers(one: Judged, gap: float, kind: str) -> None:
    """Much data say worse or not worse, little data say neither, whatever the kind of metric."""
    of = replace(PLAN, metrics=(one,))
    assert judged(sample(4_000, gap=gap, kind=kind), of=of).answer == "worse"
    assert judged(sample(6_000, kind=kind), of=of).answer == "not-worse"
    assert judged(sample(110, kind=kind), of=of).answer == "undecided"


def test_without_data_nobody_goes_on() -> None:
    """No units, units without values, and too few of them in the step are undecided, with the reason."""
    assert judged(sample(0)).answer == "undecided"
    assert judged(replace(sample(), value=np.full(2_000, np.nan))).answer == "undecided"
    few = judged(sample(6_000), of=replace(PLAN, steps=(Step(0.5, least=10_000),)))
    assert few.answer == "undecided"
    assert "each needs 10000" in few.reason
    earlier = replace(sample(6_000), step=np.full(6_000, -1))
    assert judged(earlier).answer == "undecided"
    assert judged(earlier).units == (0, 0)


@pytest.mark.parametrize("arm", [True, False])
def test_one_arm_alone_says_nothing(arm: bool) -> None:  # noqa: FBT001 - which of two, by a parametrized test
    """A baseline without traffic, or a candidate without, is undecided, even where what is there is bad."""
    whole = sample(60, gap=0.5)
    found = judged(replace(whole, candidate=np.full(60, arm)))
    assert found.answer == "undecided"
    few = sample(5)
    assert "has a value yet" in judged(replace(few, candidate=np.full(5, arm))).reason


def test_all_traffic_from_one_unit_says_nothing() -> None:
    """One unit is one observation, of one arm."""
    assert judged(sample(1)).answer == "undecided"


def test_a_split_that_is_not_as_declared_says_nothing() -> None:
    """Where the candidate loses half of its records, or of its labels, what is left is not believed."""
    whole = sample(4_000, gap=0.2)
    lost = whole.only(~whole.candidate | (np.arange(4_000) % 2 == 0))
    assert "how the weights split" in judged(lost).reason
    value = np.where(whole.candidate & (np.arange(4_000) % 2 == 0), np.nan, whole.value)
    unlabelled = judged(replace(whole, value=value), of=replace(PLAN, missing=0.5))
    assert unlabelled.answer == "undecided"
    assert unlabelled.findings[0].missing[0] > 0 == unlabelled.findings[0].missing[1]


def test_missing_values_are_counted_and_bounded() -> None:
    """A few units without a value are left out and counted; more than the declared share are the reason for saying nothing."""
    whole = sample(6_000)
    few = replace(whole, value=np.where(np.arange(6_000) % 20 == 0, np.nan, whole.value))
    assert judged(few).answer == "not-worse"
    assert sum(judged(few).findings[0].missing) == 300
    many = replace(whole, value=np.where(np.arange(6_000) % 3 == 0, np.nan, whole.value))
    assert judged(many).answer == "undecided"
    assert "33%" in judged(many).reason


def test_several_metrics_share_alpha() -> None:
    """With three metrics each needs three times the evidence to be worse."""
    of = replace(PLAN, metrics=(LOSS, ERRORS, WAIT))
    found = judged(sample(), sample(kind="events"), sample(kind="latency"), of=of)
    assert [one.needed for one in found.findings] == pytest.approx([math.log(3 / 0.05)] * 3)
    assert judged(sample()).findings[0].needed == pytest.approx(math.log(1 / 0.05))


def test_any_that_is_worse_stops_and_all_must_be_well() -> None:
    """One worse metric makes the judgement worse, and one undecided makes it undecided."""
    of = replace(PLAN, metrics=(LOSS, ERRORS))
    good, bad, unknown = sample(6_000, kind="events"), sample(6_000, gap=0.2, kind="events"), sample(120, kind="events")
    assert judged(sample(6_000), good, of=of).answer == "not-worse"
    assert judged(sample(6_000), bad, of=of).answer == "worse"
    assert judged(sample(6_000), unknown, of=of).answer == "undecided"
    assert judged(sample(6_000, gap=0.2), unknown, of=of).answer == "worse"


def test_a_difference_that_is_allowed_is_not_worse() -> None:
    """What is surely above zero and surely below the tolerance passes."""
    found = judged(sample(60_000, gap=0.02))
    assert found.findings[0].low is not None
    assert found.findings[0].low > 0
    assert found.answer == "not-worse"


def test_a_step_may_allow_more() -> None:
    """The slack of a step makes its tolerance wider, and that is told."""
    few = sample(300)
    assert judged(few).answer == "undecided"
    rough = judged(few, of=replace(PLAN, steps=(Step(0.5, least=50, slack=3.0),)))
    assert rough.answer == "not-worse"
    assert rough.findings[0].tolerance == pytest.approx(0.15)


def test_what_was_worse_once_stays_worse() -> None:
    """Evidence that once was enough is not taken back by what comes later, unless the difference proves to be allowed."""
    bad, good = sample(1_500, gap=0.1, kind="events"), sample(3_000, kind="events", seed=2)
    both = Sample(
        *(np.concatenate((getattr(bad, f), getattr(good, f))) for f in ("unit", "step", "candidate", "p", "value"))
    )  # fmt: skip
    of = replace(PLAN, metrics=(replace(ERRORS, tolerance=0.01),))
    assert judged(bad, of=of).answer == judged(both, of=of).answer == "worse"


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_same_data_give_the_same_bits(seed: int) -> None:
    """Judging again gives an equal judgement, and evidence never falls when more units come."""
    of = plan()
    once, again = (judge(seen(Traffic(units=400), seed, of), of) for _ in range(2))
    assert once == again
    early = judge(seen(Traffic(units=400), seed, of, day=2.0), of)
    for before, after in zip(early.findings, once.findings, strict=True):
        assert before.evidence <= after.evidence


def test_the_path_is_short_and_has_the_turning_point() -> None:
    """However many units: at most 200 points, ascending, with the last one and the one that decided."""
    found = judged(sample(50_000, gap=0.1)).findings[0]
    assert len(found.path) <= 200
    assert [n for n, _ in found.path] == sorted({n for n, _ in found.path})
    assert found.path[-1][0] > 49_900
    decided = next(e for _, e in found.path if e >= found.needed)
    assert decided < found.needed + 2


@pytest.mark.parametrize("kind", ["loss", "events", "latency"])
def test_a_shadow_is_judged_by_units_that_met_both(kind: str) -> None:
    """A shadow that is worse is found, one that is alike is not, whatever the kind of metric."""
    one = {"loss": LOSS, "events": ERRORS, "latency": WAIT}[kind]
    of = Plan("shadow", (Step(0.0, least=50),), (one,))
    base = sample(3_000, kind=kind)
    both = replace(base, candidate=np.ones(3_000, dtype=bool))
    changed = {
        "loss": np.clip(base.value + 0.08, 0, 1),
        "events": np.where(np.arange(3_000) % 10 == 0, 1.0, base.value),
        "latency": base.value * 1.5,
    }[kind]
    assert judged(replace(both, value=changed, other=base.value), of=of).answer == "worse"
    alike = judged(replace(both, other=base.value), of=of)
    assert alike.answer == "not-worse"
    assert alike.units == (3_000, 3_000)


def test_a_plan_without_metrics_or_steps_decides_nothing() -> None:
    """Where nothing is judged, the answer is undecided."""
    assert judge(Observations({}, -1), replace(PLAN, metrics=())).answer == "undecided"


def test_what_was_left_out_is_told() -> None:
    """Units that flipped, and those whose arm was certain, are in the judgement."""
    found = judged(sample(6_000), flipped=3, certain=9)
    assert (found.answer, found.flipped, found.certain) == ("not-worse", 3, 9)


def test_many_units_that_flip_say_that_something_is_wrong() -> None:
    """Where more units than may be missing met both arms, nothing is said."""
    assert "do not agree" in judged(sample(6_000, gap=0.2), flipped=2_000).reason

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.nouns.rolling import Judged, Plan, Step, Weighting
from loopline.rollout.units import NEVER, Observations, Rows, Sample, observe
from tests.rollout.traffic import DAY, HOUR, Traffic, plan, rows, seen

LOSS = Judged("brier", "loss", 0.02, labelled=True)
ERRORS = Judged("errors", "events", 0.02)
WAIT = Judged("wait", "latency", 0.1)
LATE = 100 * DAY


@dataclass(frozen=True)
class Event:
    """One row, as a test writes it."""

    unit: int
    candidate: bool
    hour: float = 0.0
    value: float = 0.5
    known: float | None = 0.0
    """Hours after it; None: never."""


def of(
    events: Sequence[Event], weights: Sequence[tuple[float, float]] = ((0, 0.5),), *, until: int = LATE,
    labelled_until: int | None = None, **more: object,
) -> Observations:  # fmt: skip
    """Observe events under weights from hours on."""
    at = np.array([int(one.hour * HOUR) for one in events], dtype=np.int64)
    known = [NEVER if e.known is None else int((e.hour + e.known) * HOUR) for e in events]
    value = np.array([one.value for one in events])
    made = Rows(
        np.array([one.unit for one in events], dtype=np.uint64), np.array([one.candidate for one in events], dtype=bool),
        at, at, np.array(known, dtype=np.int64), {"brier": value, "errors": value, "wait": value},
    )  # fmt: skip
    history = tuple(Weighting(int(hour * HOUR), weight, k) for k, (hour, weight) in enumerate(weights))
    usual = Plan(
        "canary", tuple(Step(max(weight, 0.1)) for _, weight in weights), (LOSS, ERRORS, WAIT), maturity=timedelta(hours=5)
    )  # fmt: skip
    chosen = replace(usual, **more)  # type: ignore[arg-type]
    return observe(made, history, chosen, until=until, labelled_until=labelled_until)


def propensities(found: Observations) -> dict[int, float]:
    """By unit, as the last step has it."""
    sample = found.samples["wait"]
    return dict(zip(sample.unit.tolist(), sample.p.round(6).tolist(), strict=True))


def test_a_unit_counts_once_in_a_step() -> None:
    """A hundred events of one unit are one observation: the mean of its losses, whether it had an error, its first latency."""
    found = of([Event(7, candidate=True, hour=k / 200, value=k % 2) for k in range(1, 101)])
    values = {name: sample.value.tolist() for name, sample in found.samples.items()}
    assert values == {"brier": [0.5], "errors": [1.0], "wait": [1.0]}


def test_events_after_the_window_add_nothing() -> None:
    """What a unit does later in the step is not seen."""
    found = of([Event(7, candidate=True, value=0.0), Event(7, candidate=True, hour=1.5, value=1.0)])
    assert found.samples["brier"].value.tolist() == [0.0]
    assert found.samples["errors"].value.tolist() == [0.0]


def test_events_beyond_the_cap_add_nothing() -> None:
    """Of a unit that sends more than the cap, the first events count."""
    found = of([Event(7, candidate=True, hour=k / 100, value=float(k >= 3)) for k in range(6)], cap=3)
    assert found.samples["brier"].value.tolist() == [0.0]


def test_labels_count_by_their_maturity_alone() -> None:
    """A label that came within the maturity counts, one that came later never does, however late one looks."""
    found = of([
        Event(1, candidate=True, known=4.9),
        Event(2, candidate=True, known=5.1),
        Event(3, candidate=False, known=None),
    ])
    value = dict(zip(found.samples["brier"].unit.tolist(), found.samples["brier"].value.tolist(), strict=True))
    assert value[1] == 0.5
    assert np.isnan([value[2], value[3]]).all()
    assert np.isfinite(found.samples["errors"].value).all()


def test_a_unit_counts_at_the_end_of_window_and_maturity() -> None:
    """Latencies count at once, errors after the window, what needs labels after the maturity, too."""
    events = [Event(1, candidate=True, known=0.0)]
    counted = [
        [len(of(events, until=int(hour * HOUR)).samples[name]) for name in ("wait", "errors", "brier")]
        for hour in (-0.1, 0, 1, 5.9, 6)
    ]
    assert counted == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 1]]


def test_a_metric_may_have_its_own_window() -> None:
    """Where a metric declares a window, it takes the place of the plan's."""
    own = replace(ERRORS, window=timedelta(hours=3))
    found = of([Event(7, candidate=True, value=0.0), Event(7, candidate=True, hour=2, value=1.0)], metrics=(own,))
    assert found.samples["errors"].value.tolist() == [1.0]


def test_a_growing_weight_has_the_propensities_of_what_is_known() -> None:
    """A new unit meets the candidate with the weight, one of the baseline with what was added, one of the candidate for sure."""
    found = of(
        [
            Event(1, candidate=False), Event(2, candidate=True),
            Event(1, candidate=True, hour=10), Event(2, candidate=True, hour=10),
            Event(3, candidate=False, hour=10), Event(3, candidate=True, hour=20), Event(1, candidate=True, hour=20),
            Event(4, candidate=False, hour=20),
        ],
        [(0, 0.1), (10, 0.4), (20, 0.7)],
    )  # fmt: skip
    sample = found.samples["wait"]
    told = dict(zip(zip(sample.unit.tolist(), sample.step.tolist(), strict=True), sample.p.tolist(), strict=True))
    assert told == pytest.approx({(1, 0): 0.1, (2, 0): 0.1, (1, 1): 0.3 / 0.9, (3, 1): 0.4, (3, 2): 0.5, (4, 2): 0.7})
    assert found.certain == 2
    assert found.step == 2


def test_a_weight_that_fell_leaves_what_is_known() -> None:
    """After a weight was lowered, a unit of the candidate may be either's, and one of the baseline is surely its."""
    found = of(
        [
            Event(1, candidate=True), Event(2, candidate=False),
            Event(1, candidate=False, hour=10), Event(2, candidate=False, hour=10),
        ],
        [(0, 0.8), (10, 0.2)],
    )  # fmt: skip
    assert propensities(found) == {1: 0.25, 2: 0.8}
    assert found.certain == 1


def test_a_unit_that_flips_is_left_out_and_counted() -> None:
    """A unit that met both arms under one weight, or one that the weights exclude, is no observation."""
    found = of(
        [
            Event(1, candidate=True), Event(1, candidate=False, hour=0.5),
            Event(2, candidate=True), Event(2, candidate=False, hour=10), Event(3, candidate=True),
        ],
        [(0, 0.1), (10, 0.4)],
    )  # fmt: skip
    assert found.flipped == 2
    assert found.samples["wait"].unit.tolist() == [2, 3]


def test_units_that_count_together_stand_in_the_order_of_their_hashes() -> None:
    """Ties are broken by what no arm has a say in."""
    found = of([Event(unit, candidate=unit % 2 == 0) for unit in (9, 4, 7, 1)])
    assert found.samples["wait"].unit.tolist() == [1, 4, 7, 9]


def test_nothing_that_is_no_number_is_a_value() -> None:
    """NaN and infinite values are missing, and what lies beyond the bounds counts as the bound."""
    found = of([Event(k, candidate=True, value=v) for k, v in enumerate((float("nan"), float("inf"), 7.0, -7.0))])
    assert np.array_equal(found.samples["brier"].value, [np.nan, np.nan, 1.0, 0.0], equal_nan=True)
    assert np.array_equal(found.samples["errors"].value, [np.nan, np.nan, 1.0, 0.0], equal_nan=True)


def test_without_rows_there_are_no_observations() -> None:
    """No rows, or none since the first weight: samples are empty, and nothing breaks."""
    for found in (of([]), of([Event(1, candidate=True)], [(5, 0.5)]), of([], [])):
        assert [len(sample) for sample in found.samples.values()] == [0, 0, 0]
    assert of([Event(1, candidate=True)], metrics=()).samples == {}


def test_a_metric_without_a_column_is_missing() -> None:
    """Who records no such value has units without one, which the judge will count."""
    found = of([Event(1, candidate=True)], metrics=(replace(LOSS, metric="clicks"),))
    assert np.isnan(found.samples["clicks"].value).all()


def test_a_shadow_has_both_arms_of_each_unit() -> None:
    """The unit's value at either arm is made of that arm's events; without one of them it is missing."""
    found = of(
        [Event(1, candidate=True, value=0.9), Event(1, candidate=False, value=0.1), Event(2, candidate=False, value=0.3)],
        [(0, 0.0)], kind="shadow",
    )  # fmt: skip
    sample = found.samples["brier"]
    assert sample.other is not None
    assert sample.other.tolist() == [0.1, 0.3]
    assert np.array_equal(sample.value, [0.9, np.nan], equal_nan=True)
    assert found.samples["wait"].value[0] == 0.9
    assert found.flipped == 0


def same(one: Sample, other: Sample) -> bool:
    """Whether two samples are equal to the last bit."""
    pairs = [(getattr(one, name), getattr(other, name)) for name in ("unit", "step", "candidate", "p", "value")]
    return all(np.array_equal(a, b, equal_nan=a.dtype == float) for a, b in pairs)


CHANGING = Traffic(units=300, again=0.5, burst=4, weights=((0, 0.1), (1.2, 0.4), (2.5, 0.8)))
STEPS = plan(steps=(0.1, 0.4, 0.8))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_the_order_of_rows_is_of_no_matter(seed: int) -> None:
    """Rows in any order make the same observations, to the last bit."""
    made, weights = rows(CHANGING, seed)
    mixed = np.random.default_rng(seed).permutation(len(made.unit))
    other = Rows(
        made.unit[mixed], made.candidate[mixed], made.seen[mixed], made.at[mixed], made.known[mixed],
        {name: values[mixed] for name, values in made.values.items()},
    )  # fmt: skip
    a, b = (observe(one, weights, STEPS, until=LATE) for one in (made, other))
    assert all(same(a.samples[name], b.samples[name]) for name in a.samples)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 5))
def test_what_counts_by_a_moment_is_a_beginning_of_what_counts_later(seed: int, day: float) -> None:
    """Looking later changes nothing that was seen before: that is what makes looking again free."""
    early, late = (seen(CHANGING, seed, STEPS, day=when) for when in (day, 9.0))
    for name, sample in early.samples.items():
        assert same(sample, late.samples[name].only(np.arange(len(sample))))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_arms_are_met_as_often_as_propensities_say(seed: int) -> None:
    """Over many units and changing weights, those who met the candidate are as many as their propensities add up to."""
    sample = seen(replace(CHANGING, units=4_000), seed, STEPS).samples["latency"]
    spread = np.sqrt((sample.p * (1 - sample.p)).sum())
    assert abs(sample.candidate.sum() - sample.p.sum()) < 5 * spread


def test_no_unit_counts_in_a_later_step_before_it_did_in_an_earlier_one() -> None:
    """Where what is asked about first happens last, the step that came first still counts first: it told what is known."""
    seen_at, at = np.array([0, 10, 20]) * HOUR, np.array([50, 30, 40]) * HOUR
    made = Rows(
        np.array([1, 1, 1], dtype=np.uint64), np.array([False, False, True]), seen_at, at, at, {"wait": np.array([1.0, 2.0, 3.0])}
    )  # fmt: skip
    weights = tuple(Weighting(k * 10 * HOUR, weight, k) for k, weight in enumerate((0.1, 0.4, 0.7)))
    of_latency = Plan("canary", (Step(0.1), Step(0.4), Step(0.7)), (WAIT,))
    assert [
        observe(made, weights, of_latency, until=hour * HOUR).samples["wait"].step.tolist() for hour in (49, 50)
    ] == [[], [0, 1, 2]]


def test_a_unit_waits_for_the_labels_of_its_time() -> None:
    """Where labels have come up to a moment only, units whose maturity ends later do not count yet; other metrics do not wait."""
    events = [Event(unit, candidate=bool(unit % 2), hour=unit) for unit in range(4)]
    found = of(events, labelled_until=int(8 * HOUR))  # an hour that is seen, and five in which labels may come
    assert [len(found.samples[one]) for one in ("brier", "errors", "wait")] == [3, 4, 4]

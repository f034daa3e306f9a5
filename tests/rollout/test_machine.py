from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loopline.nouns.rolling import Action, Answer, Judged, Judgement, Plan, Rolling, Step
from loopline.rollout.machine import follow, next_action
from loopline.rollout.plan import compares
from tests.rollout.plans import planned

Told = Literal["", "pause", "resume", "abort"]

HOUR = timedelta(hours=1)
MICROSECONDS = 3_600_000_000
BRIER = Judged("brier", "loss", 0.02)
CANARY = planned("canary", [BRIER], step=Step(0, least=100, hold=HOUR, most=4 * HOUR), most=20 * HOUR)


def say(answer: Answer, step: int, units: tuple[int, int] = (500, 500)) -> Judgement:
    """Make a judgement."""
    return Judgement(answer, step, f"it is {answer}", units=units)


def asked(rolling: Rolling, plan: Plan, judgement: Judgement | None, now: int, told: Told = "") -> Action:
    """Give what a person does, where it makes sense, and else what comes next."""
    units = sum(judgement.units) if judgement else 0
    if told == "abort" and rolling.state not in ("finished", "stopped"):
        return Action("stop", 0.0, rolling.step, told)
    if (told, rolling.state) in (("pause", "waiting"), ("pause", "rolling"), ("resume", "paused")):
        return Action("pause" if told == "pause" else "resume", rolling.weight, rolling.step, told, units)
    return next_action(rolling, plan, judgement, now)


def driven(plan: Plan, *turns: tuple[float, Judgement | None, Told]) -> tuple[Rolling, list[str]]:
    """Drive a rollout by turns (hour, judgement, what a person says); give where it stands, and its moves."""
    rolling, moves = Rolling(), list[str]()
    for hour, judgement, told in turns:
        now = int(hour * MICROSECONDS)
        action = asked(rolling, plan, judgement, now, told)
        moves.append(action.move)
        rolling = follow(rolling, action, now)
    return rolling, moves


def test_a_canary_goes_on_step_by_step() -> None:
    """Judged not worse and held long enough, the weight grows until the candidate has everything."""
    rolling, moves = driven(
        CANARY, (0, None, ""), (0.5, say("not-worse", 0), ""), (1, say("not-worse", 0), ""), (1.5, None, ""),
        (2, say("not-worse", 1), ""), (3, say("worse", 1), ""),
    )  # fmt: skip
    assert moves == ["start", "hold", "advance", "hold", "finish", "hold"]
    assert (rolling.state, rolling.weight) == ("finished", 1.0)


@pytest.mark.parametrize(
    "judgement",
    [
        None, say("undecided", 0), say("not-worse", 0, (500, 99)), say("not-worse", 0, (0, 0)),
        say("not-worse", 1), say("not-worse", -1),
    ],
)  # fmt: skip
def test_without_data_of_this_step_nobody_goes_on(judgement: Judgement | None) -> None:
    """No judgement, one of another step, and one of too few units hold the step, and stop it at its limit."""
    _, moves = driven(CANARY, (0, None, ""), (3, judgement, ""), (4, judgement, ""))
    assert moves == ["start", "hold", "stop"]


@pytest.mark.parametrize("paused", [True, False])
def test_a_stop_wins_over_everything(*, paused: bool) -> None:
    """Worse stops at once: before the hold is over, and while paused."""
    before: list[tuple[float, Judgement | None, Told]] = [(0, None, ""), (0.1, None, "pause" if paused else "")]
    rolling, moves = driven(CANARY, *before, (0.2, say("worse", 0), ""))
    assert moves[-1] == "stop"
    assert (rolling.state, rolling.weight) == ("stopped", 0.0)


def test_people_pause_resume_and_abort() -> None:
    """A pause holds everything, its time does not count, and an abort gives all units back."""
    good = say("not-worse", 0)
    _, moves = driven(
        CANARY, (0, None, ""), (0.5, None, "pause"), (9, good, ""), (9, good, "pause"), (9, good, "resume"), (9.5, good, ""),
        (10, good, ""),
    )  # fmt: skip
    assert moves == ["start", "pause", "hold", "hold", "resume", "hold", "advance"]
    rolling, moves = driven(CANARY, (0, None, ""), (0.5, None, "abort"), (1, None, "resume"))
    assert moves == ["start", "stop", "hold"]
    assert rolling.weight == 0.0


def test_what_waits_can_be_paused_and_starts_when_resumed() -> None:
    """A rollout that has not begun stays with the baseline while it is paused."""
    rolling, moves = driven(CANARY, (0, None, "pause"), (1, None, ""), (2, None, "resume"), (2, None, ""))
    assert moves == ["pause", "hold", "resume", "start"]
    assert rolling.weight == 0.1
    assert driven(CANARY, (0, None, "abort"))[1] == ["stop"]


def test_limits_stop_or_pause_as_the_plan_says() -> None:
    """Time of a step, of the rollout, and units: what is undecided there stops or asks a person, who gives it as much again."""
    unknown = say("undecided", 0)
    assert driven(CANARY, (0, None, ""), (4, unknown, ""))[1] == ["start", "stop"]
    asks = replace(CANARY, over="pause")
    _, moves = driven(asks, (0, None, ""), (4, unknown, ""), (5, unknown, "resume"), (8, unknown, ""), (9, unknown, ""))
    assert moves == ["start", "pause", "resume", "hold", "pause"]
    short = replace(CANARY, most=3 * HOUR)
    assert driven(short, (0, None, ""), (3, unknown, ""))[1] == ["start", "stop"]
    few = replace(asks, units=800)
    _, moves = driven(
        few, (0, None, ""), (1, unknown, ""), (1, unknown, "resume"), (2, say("undecided", 0, (600, 600)), ""),
        (3, say("undecided", 0, (900, 900)), ""), (3, say("not-worse", 0, (900, 900)), "resume"),
        (4, say("not-worse", 0, (900, 900)), ""),
    )  # fmt: skip
    assert moves == ["start", "pause", "resume", "hold", "pause", "resume", "advance"]


def test_what_compares_nothing_goes_by_time() -> None:
    """At once is at once; blue-green runs beside the baseline, takes everything, and can go back for as long as it is held."""
    assert driven(planned("at-once"), (0, None, ""), (0, None, ""))[1] == ["start", "finish"]
    plan = planned("blue-green", step=Step(0.0, hold=HOUR))
    rolling, moves = driven(plan, (0, None, ""), (0.5, None, ""), (1, None, ""), (1.5, None, ""), (2, None, ""))
    assert moves == ["start", "hold", "advance", "hold", "finish"]
    assert rolling.weight == 1.0
    rolling, _ = driven(plan, (0, None, ""), (1, None, ""), (1.5, None, "abort"))
    assert (rolling.state, rolling.weight) == ("stopped", 0.0)


def test_a_shadow_answers_nobody_until_it_is_judged() -> None:
    """The weight of a shadow is 0 until it is found not worse; then it has everything."""
    plan = planned("shadow", [BRIER])
    rolling, moves = driven(plan, (0, None, ""), (1, None, ""), (2, say("not-worse", 0), ""))
    assert moves == ["start", "hold", "finish"]
    assert rolling.weight == 1.0


def test_a_clock_that_goes_back_does_no_harm() -> None:
    """Time that runs backwards neither goes on nor stops anything."""
    assert driven(CANARY, (5, None, ""), (1, say("not-worse", 0), ""))[1] == ["start", "hold"]


PLANS = st.sampled_from(
    [
        CANARY, replace(CANARY, over="pause", units=900), planned("at-once"), planned("blue-green", step=Step(0, hold=HOUR)),
        planned("shadow", [BRIER], step=Step(0, least=100)),
        planned("slice", [BRIER], column="carrier", members=[["UA"], ["UA", "AA"]], step=Step(0, least=100), most=9 * HOUR),
    ]
)  # fmt: skip


class Rollouts(RuleBasedStateMachine):
    """Anything may happen at any time; a driver that dies between asking and keeping asks again."""

    @initialize(plan=PLANS)
    def begin(self, plan: Plan) -> None:
        self.plan, self.rolling, self.now = plan, Rolling(), 0
        self.stopped = False

    @rule(
        hours=st.floats(0, 3), answer=st.sampled_from(["worse", "not-worse", "undecided"]), step=st.integers(-1, 2),
        units=st.tuples(st.integers(0, 600), st.integers(0, 600)), told=st.sampled_from(["", "", "", "pause", "resume", "abort"]),
        known=st.booleans(), dies=st.booleans(),
    )  # fmt: skip
    def turn(
        self, *, hours: float, answer: Answer, step: int, units: tuple[int, int], told: Told, known: bool, dies: bool
    ) -> None:
        self.now += int(hours * MICROSECONDS)
        judgement = say(answer, step, units) if known else None
        before = self.rolling
        action = asked(before, self.plan, judgement, self.now, told)
        if dies:
            action = asked(before, self.plan, judgement, self.now, told)
        self.rolling = follow(before, action, self.now)
        self.check(before, action, judgement, told)

    def check(self, before: Rolling, action: Action, judgement: Judgement | None, told: Told) -> None:
        over = before.state in ("finished", "stopped")
        if over:
            assert action.move == "hold"
            return
        if told == "abort" or (action.move not in ("pause", "resume") and judgement and judgement.answer == "worse"):
            assert action.move == "stop"
        if action.move in ("advance", "finish"):
            spent = (self.now - before.since) * timedelta(microseconds=1)
            assert spent >= self.plan.steps[before.step].hold
            if compares(self.plan, before.step):
                assert judgement is not None
                assert (judgement.answer, judgement.step) == ("not-worse", before.step)
                assert min(judgement.units) >= self.plan.steps[before.step].least
        if before.state == "rolling" and action.move == "hold":
            assert (self.now - before.since) * timedelta(microseconds=1) < self.plan.steps[before.step].most
            assert (self.now - before.began) * timedelta(microseconds=1) < self.plan.most

    @invariant()
    def weights_are_one_together(self) -> None:
        if not hasattr(self, "rolling"):
            return
        both = (self.rolling.weight, 1 - self.rolling.weight)
        assert sum(both) == 1
        assert min(both) >= 0
        wanted: dict[str, Any] = {"waiting": 0.0, "finished": 1.0, "stopped": 0.0}
        expected = self.plan.steps[self.rolling.step].weight if self.rolling.step >= 0 else 0.0
        assert self.rolling.weight == wanted.get(self.rolling.state, expected)

    @precondition(lambda self: self.rolling.state == "rolling")
    @rule()
    def asks_twice(self) -> None:
        one, two = (next_action(self.rolling, self.plan, None, self.now) for _ in range(2))
        assert one == two


Rollouts.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


TestAnyOrderOfEvents = Rollouts.TestCase

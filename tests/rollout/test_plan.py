from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from loopline.errors import Invalid
from loopline.nouns.rolling import Judged, Kind, Measure, Plan, Step
from loopline.rollout.plan import compares, sound
from tests.rollout.plans import planned

BRIER = Judged("brier", "loss", 0.02, labelled=True)
WAIT = Judged("wait", "latency", 0.1)
GOOD = Plan("canary", (Step(0.1), Step(0.5)), (BRIER,))
NAN = float("nan")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("kind", "more", "weights"),
    [
        ("at-once", {}, [1.0]),
        ("blue-green", {"step": Step(0.0, hold=HOUR)}, [0.0, 1.0]),
        ("canary", {"metrics": [BRIER]}, [0.1, 0.5]),
        ("canary", {"metrics": [BRIER], "weights": [0.01, 0.2, 0.9]}, [0.01, 0.2, 0.9]),
        ("shadow", {"metrics": [BRIER]}, [0.0]),
        ("slice", {"metrics": [BRIER], "column": "carrier", "members": [["UA"], ["UA", "AA"]]}, [0.5, 0.5]),
        ("slice", {"metrics": [BRIER], "column": "carrier", "members": [["UA"]] * 3, "weights": [0.1, 0.3, 0.3]},
         [0.1, 0.3, 0.3]),
    ],
)  # fmt: skip
def test_each_kind_has_its_steps(kind: Kind, more: dict[str, Any], weights: list[float]) -> None:
    """A kind alone says which weights follow each other, and whether arms are compared."""
    made = planned(kind, **more)
    assert [step.weight for step in made.steps] == weights
    assert sound(made) is made
    assert compares(made, 0) == (kind not in ("at-once", "blue-green"))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(GOOD, kind=cast("Kind", "green-blue")),
        replace(GOOD, alpha=0.0), replace(GOOD, alpha=0.9), replace(GOOD, alpha=NAN),
        replace(GOOD, missing=1.0), replace(GOOD, missing=NAN), replace(GOOD, cap=0), replace(GOOD, units=-1),
        replace(GOOD, maturity=-HOUR), replace(GOOD, unit_window=-HOUR), replace(GOOD, most=timedelta()),
        replace(GOOD, steps=()), replace(GOOD, steps=(Step(0.0),)), replace(GOOD, steps=(Step(1.0),)),
        replace(GOOD, steps=(Step(NAN),)), replace(GOOD, steps=(Step(-0.1),)), replace(GOOD, steps=(Step(1.1),)),
        replace(GOOD, steps=(Step(0.5), Step(0.1))), replace(GOOD, steps=(Step(0.5), Step(0.5))),
        replace(GOOD, steps=(Step(0.5, least=0),)), replace(GOOD, steps=(Step(0.5, slack=0),)),
        replace(GOOD, steps=(Step(0.5, slack=NAN),)), replace(GOOD, steps=(Step(0.5, most=HOUR, hold=HOUR),)),
        replace(GOOD, steps=(Step(0.5, hold=3 * HOUR),), most=2 * HOUR),
        replace(GOOD, metrics=()), replace(GOOD, metrics=(BRIER, BRIER)),
        replace(GOOD, metrics=(replace(BRIER, kind=cast("Measure", "rate")),)),
        replace(GOOD, metrics=(replace(BRIER, tolerance=0.0),)),
        replace(GOOD, metrics=(replace(BRIER, tolerance=NAN),)), replace(GOOD, metrics=(replace(BRIER, tolerance=1.0),)),
        replace(GOOD, metrics=(replace(BRIER, low=1.0),)), replace(GOOD, metrics=(replace(BRIER, high=float("inf")),)),
        replace(GOOD, metrics=(replace(BRIER, window=-HOUR),)), replace(GOOD, metrics=(replace(WAIT, quantile=1.0),)),
        replace(GOOD, metrics=(Judged("errors", "events", 1.0),)),
        replace(GOOD, kind="at-once", steps=(Step(1.0),)), replace(GOOD, kind="at-once", metrics=()),
        replace(GOOD, kind="blue-green", metrics=()), replace(GOOD, kind="shadow"),
        replace(GOOD, kind="slice"), replace(GOOD, kind="slice", column="carrier"),
        replace(GOOD, kind="slice", column="carrier", steps=(Step(0.5, members=("UA",)), Step(0.5, members=("AA",)))),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_work_is_refused(wrong: Plan) -> None:
    """Whoever writes a plan that could not be followed is told at once, with what to write instead."""
    with pytest.raises(Invalid) as caught:
        sound(wrong)
    assert caught.value.kind == "bad-rollout"
    assert caught.value.hint

from __future__ import annotations

from dataclasses import replace

from loopline.faces.web.pages.runs import Column, _columns
from loopline.nouns.run import Run

RUN = Run("0" * 32, "flights", "train")


def columns(*runs: Run, ruled: tuple[str, ...] = ()) -> list[Column]:
    """Give the columns that a list of runs has by itself."""
    return _columns((), runs, ruled, "", lambda **_: "")


def test_metrics_of_a_policy_have_columns_first() -> None:
    """What decides whether a model may move is seen without choosing it."""
    run = replace(RUN, metrics={"brier": 0.1, "ece": 0.2, "log_loss": 0.3, "roc_auc": 0.4})
    assert columns(run, ruled=("roc_auc",))[0].title == "roc_auc"
    assert "roc_auc" not in [one.title for one in columns(run)]


def test_params_are_written_as_people_write_numbers() -> None:
    """Fractions are rounded, null is nothing, and texts are no column of numbers."""
    runs = [replace(RUN, params={"rate": "0.014285714285714287", "kind": "a", "seed": "null"}), RUN]
    other = replace(RUN, params={"rate": "2", "kind": "b", "seed": "3"})
    rate, kind, seed = columns(*runs, other)
    assert [rate.of(runs[0]), rate.of(other), kind.of(other), seed.of(runs[0])] == ["0.0143", "2", "b", "–"]
    assert (rate.numeric, kind.numeric, seed.numeric) == (True, False, True)

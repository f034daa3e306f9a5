"""quality: realised metrics by window, arm and slice, with coverage."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid
from loopline.nouns.service import Labels
from loopline.nouns.signature import Column, Signature
from loopline.verbs.label import label
from loopline.verbs.predictions import predictions
from loopline.verbs.quality import quality
from tests.signals.recorded import DAY, JULY, columns, entry, flown, tell, write
from tests.verbs.served import served

if TYPE_CHECKING:
    from collections.abc import Callable


def test_cells_tell_what_was_predicted_labelled_and_measured(tmp_path: Path) -> None:
    """Each window has all its rows and those of each member; coverage is shown, and too few labels give no estimate."""
    loop, ref, folder = served(tmp_path)
    write(
        folder,
        [entry(n, carrier=["UA", "AA"][n % 2], proba=n / 40, event_times=JULY + n // 30 * DAY) for n in range(40)],
    )
    tell(folder, *(flown(n, float(n > 10), at=n * 10) for n in range(25)))
    found = quality(loop, ref, rows=10, metrics=("roc_auc", "brier"))
    told = {(one.start, one.slice, one.member): one for one in found.cells}
    assert len(told) == len(found.cells) == 6
    whole = told[JULY, "", ""]
    assert (whole.predictions, whole.labelled, whole.end) == (30, 25, JULY + DAY)
    assert {one.metric: one.value for one in whole.estimates}["roc_auc"] == 1.0
    assert told[JULY, "carrier", "UA"].labelled == 13
    later = told[JULY + DAY, "", ""]
    assert (later.predictions, later.labelled, later.estimates, later.note) == (10, 0, (), "no labels yet")
    assert quality(loop, ref, maturity=timedelta(microseconds=100)).cells[0].labelled == 11
    assert quality(loop, ref, until=JULY + DAY).cells[-1].start == JULY


def test_many_members_of_a_slice_are_put_together(tmp_path: Path) -> None:
    """The largest hundred are told one by one."""
    loop, ref, folder = served(tmp_path)
    write(folder, [entry(n, event_times=JULY) for n in range(150)])
    cells = quality(loop, ref, slices=("distance",)).cells
    assert len(cells) == 1 + 101
    assert sum(one.predictions for one in cells if one.member == "(other)") == 50


@pytest.mark.parametrize("wrong", [{"window": timedelta()}, {"maturity": timedelta(-1)}])
def test_times_that_make_no_sense_are_refused(tmp_path: Path, wrong: dict[str, timedelta]) -> None:
    """A window of nothing, or labels before their event."""
    loop, ref, _ = served(tmp_path)
    with pytest.raises(Invalid):
        quality(loop, ref, **wrong)  # type: ignore[arg-type]


def test_a_label_counts_from_when_it_was_known(tmp_path: Path) -> None:
    """What is told years later, with the time at which it was known, is as old as it was then."""
    loop, ref, folder = served(tmp_path)
    write(folder, [entry(n, event_times=JULY) for n in range(40)])
    early = tuple({"id": f"{n:032x}", "label": n % 2, "known_at": JULY + 100} for n in range(30))
    late = tuple({"id": f"{n:032x}", "label": n % 2} for n in range(30, 40))
    label(loop, ref, rows=early + late)
    assert quality(loop, ref).cells[0].labelled == 40
    assert quality(loop, ref, maturity=timedelta(microseconds=100)).cells[0].labelled == 30
    assert quality(loop, ref, maturity=timedelta(microseconds=99)).cells[0].labelled == 0


def test_windows_follow_each_other_from_where_one_begins(tmp_path: Path) -> None:
    """A window that begins on a Wednesday is one window, wherever multiples of a week lie; without a beginning those count."""
    loop, ref, folder = served(tmp_path)
    write(folder, [entry(n, event_times=JULY + n * DAY) for n in range(14)])
    since = JULY + 3 * DAY
    cells = quality(loop, ref, since=since, until=since + 7 * DAY, window=timedelta(days=7)).cells
    assert [(one.start, one.predictions) for one in cells if not one.slice] == [(since, 7)]
    assert all(one.start % (7 * DAY) == 0 for one in quality(loop, ref, window=timedelta(days=7)).cells)


def test_scores_that_are_no_probabilities_are_told_where_nothing_else_is_left(tmp_path: Path) -> None:
    """A number measured as a probability has no quality, and the note says why instead of that labels are missing."""
    loop, ref, folder = served(tmp_path)
    write(folder, [entry(n, proba=7.0, event_times=JULY) for n in range(40)])
    tell(folder, *(flown(n, 1.0, at=n) for n in range(40)))
    assert "regression" in quality(loop, ref).cells[0].note


IRIS = Signature(
    (Column("carrier", "BYTES"),),
    (Column("predict", "INT64", values=("0", "1", "2")), Column("predict_proba", "FP64", (-1, 3))),
)


def bloomed(folder: Path, said: Callable[[int], Any]) -> None:
    """Forty predictions of classes 0, 1, 2 in turn, of which every fifth is wrong; `said` writes their labels."""
    probabilities = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]]
    write(
        folder,
        [
            entry(
                n, event_times=JULY, inputs=columns(carrier=[["UA", "AA"][n % 2]]),
                outputs=columns(predict=[n % 3], **{f"predict_proba[{at}]": [probabilities[n % 3][at]] for at in range(3)}),
            )
            for n in range(40)
        ],
    )  # fmt: skip
    tell(folder, *(flown(n, said((n + (n % 5 == 0)) % 3)) for n in range(30)))


def test_a_prediction_without_a_unit_is_measured_as_any_other(tmp_path: Path) -> None:
    """Where labels come by unit, it is among the predictions that have no label; by its id it is labelled all the same."""
    loop, ref, folder = served(tmp_path, Labels(join=("unit",)))
    write(folder, [entry(n, event_times=JULY, units=[None, "", f"u{n}"][n % 3]) for n in range(9)])
    label(loop, ref, rows=tuple({"unit": f"u{n}", "label": 1} for n in range(9)))
    assert [(one.predictions, one.labelled) for one in quality(loop, ref).cells] == [(9, 3)]
    label(loop, ref, rows=({"id": f"{0:032x}", "label": 1},))
    assert quality(loop, ref).cells[0].labelled == 4
    assert {one.unit for one in predictions(loop, ref, where={"unit": ""})} == {""}
    assert len(predictions(loop, ref, where={"unit": ""})) == 6


@pytest.mark.parametrize("said", [float, str, lambda one: f"{one}.0"])
def test_several_classes_are_right_or_wrong(tmp_path: Path, said: Callable[[int], Any]) -> None:
    """Without a positive class `accuracy` is how often the answer is the label, however both are written, in every slice."""
    loop, ref, folder = served(tmp_path, Labels(slices=("carrier",)), IRIS)
    bloomed(folder, said)
    told = quality(loop, ref, rows=1)
    assert (told.kind, told.score, told.positive, told.classes) == ("classes", "predict", "", ("0", "1", "2"))
    whole, *members = told.cells
    assert (whole.predictions, whole.labelled) == (40, 30)
    assert [(one.metric, one.value) for one in whole.estimates] == [("accuracy", 0.8)]
    assert {one.member: (one.labelled, one.estimates[0].value) for one in members} == {"UA": (15, 0.8), "AA": (15, 0.8)}


def test_one_class_against_the_rest_is_said(tmp_path: Path) -> None:
    """With a positive class its probability is measured, and the answer says which class it is, of how many."""
    loop, ref, folder = served(tmp_path, Labels(positive="1"), IRIS)
    bloomed(folder, float)
    told = quality(loop, ref, metrics=("accuracy", "recall"))
    assert (told.kind, told.score, told.positive) == ("binary", "predict_proba[1]", "1")
    assert "1 against the other 2" in told.said
    values = {one.metric: one.value for one in told.cells[0].estimates}
    right = [((n + (n % 5 == 0)) % 3 == 1) == (n % 3 == 1) for n in range(30)]
    assert values["accuracy"] == pytest.approx(sum(right) / 30)


def test_classes_without_probabilities_are_called_or_not(tmp_path: Path) -> None:
    """Where a model gives no probabilities, the positive class is held against the label as it is called."""
    alone = Signature((), (Column("predict", "BYTES", values=("early", "late", "on time")),))
    loop, ref, folder = served(tmp_path, Labels(positive="late"), alone)
    words = ["early", "late", "on time"]
    write(folder, [entry(n, event_times=JULY, outputs=columns(predict=[words[n % 3]])) for n in range(30)])
    tell(folder, *(flown(n, words[n % 3] if n else "late") for n in range(30)))
    values = {one.metric: one.value for one in quality(loop, ref).cells[0].estimates}
    assert values == {"accuracy": pytest.approx(29 / 30), "precision": 1.0, "recall": pytest.approx(10 / 11)}


def test_a_metric_of_two_classes_is_refused_for_three(tmp_path: Path) -> None:
    """Who asks for a ranking of several classes is told what to declare."""
    loop, ref, _ = served(tmp_path, Labels(), IRIS)
    with pytest.raises(Invalid) as caught:
        quality(loop, ref, metrics=("roc_auc",))
    assert caught.value.kind == "unknown-metric"
    assert "labels.positive" in caught.value.hint

"""Quality: labels and predictions side by side, by window, arm and slice, at one maturity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from loopline.errors import Invalid
from loopline.signals.labels import Label
from loopline.signals.quality import Asked, scored
from loopline.signals.sealing import seal
from tests.signals.recorded import DAY, JULY, entry, flown, tell, write

PROBA = "predict_proba[1]"


def test_every_answered_prediction_is_there_with_its_label(tmp_path: Path) -> None:
    """Predictions without a label count too, those that failed do not; an arm and a version is a cell of a window."""
    write(
        tmp_path,
        [entry(0), entry(1, proba=0.2), entry(2, status=503), entry(3, arm="b", event_times=JULY + DAY, carrier=None)],
    )
    tell(tmp_path, flown(0, 1.0), flown(3, 0.0), flown(99, 1.0))
    seal(tmp_path)
    found = scored(tmp_path, Asked(PROBA, slices=("carrier",)))
    assert found.groups == ((JULY, "champion", "model/delay@7"), (JULY + DAY, "b", "model/delay@7"))
    rows = sorted(zip(found.group, found.score.round(6), np.nan_to_num(found.truth, nan=-1), strict=True))
    assert rows == [(0, 0.2, -1), (0, 0.7, 1), (1, 0.7, 0)]
    codes, members = found.slices["carrier"]
    assert sorted(members[code] for code in codes) == ["(missing)", "UA", "UA"]
    assert (found.contradicted, found.unmatched) == (0, 1)


def test_a_time_without_answers_has_no_quality(tmp_path: Path) -> None:
    """Days without predictions between others are an empty answer, whatever slices are asked for."""
    write(tmp_path, [entry(0), entry(1, event_times=JULY + 9 * DAY)])
    seal(tmp_path)
    found = scored(tmp_path, Asked(PROBA, JULY + 3 * DAY, JULY + 4 * DAY, slices=("carrier",)))
    assert (found.groups, len(found.truth)) == ((), 0)
    with pytest.raises(Invalid):
        scored(tmp_path, Asked(PROBA, slices=("airline",)))


def test_labels_count_at_one_age(tmp_path: Path) -> None:
    """With a maturity a label that came later does not count, and a correction that came later changes nothing."""
    write(tmp_path, [entry(0, event_times=JULY), entry(1, event_times=JULY)])
    tell(tmp_path, flown(0, 1.0, at=10), flown(0, 0.0, at=30), flown(1, 1.0, at=30))
    assert sorted(scored(tmp_path, Asked(PROBA)).truth) == [0.0, 1.0]
    found = scored(tmp_path, Asked(PROBA, maturity=20))
    assert np.nan_to_num(np.sort(found.truth), nan=-1).tolist() == [1.0, -1.0]
    assert (found.contradicted, scored(tmp_path, Asked(PROBA)).contradicted) == (0, 1)


@pytest.mark.parametrize(
    ("positive", "truth", "expected"),
    [("late", "late", 1), ("late", "early", 0), ("1", 1.0, 1), ("1", 0.0, 0), ("2", "late", 0)],
)
def test_the_positive_class_is_one(tmp_path: Path, positive: str, truth: float | str, expected: int) -> None:
    """A label is 1 where it is the class that is declared, written as a text or as a number."""
    write(tmp_path, [entry(0)])
    tell(tmp_path, flown(0, truth))
    assert scored(tmp_path, Asked(PROBA, positive=positive)).truth.tolist() == [expected]


def test_labels_that_name_columns_are_joined(tmp_path: Path) -> None:
    """A label by columns and one by id are told from each other by their time alone."""
    write(tmp_path, [entry(0), entry(1)])
    tell(
        tmp_path,
        Label(1.0, JULY, 0, by={"carrier": "UA"}),
        flown(1, 0.0, at=5),
        Label(1.0, JULY, 0, by={"nowhere": "x"}),
    )
    found = scored(tmp_path, Asked(PROBA))
    assert sorted(found.truth) == [0.0, 1.0]
    assert (found.contradicted, found.unmatched) == (1, 1)


def test_windows_lie_at_multiples(tmp_path: Path) -> None:
    """Before 1970, too, a window begins at or before what it holds."""
    write(tmp_path, [entry(0, event_times=-1), entry(1, event_times=0)])
    assert [start for start, _, _ in scored(tmp_path, Asked(PROBA, window=DAY)).groups] == [-DAY, 0]
    assert [start for start, _, _ in scored(tmp_path, Asked(PROBA, start=0)).groups] == [0]


def test_what_was_never_recorded_cannot_be_measured(tmp_path: Path) -> None:
    """A slice or an output that is not there is an error; without predictions there is nothing to say."""
    assert len(scored(tmp_path / "none", Asked(PROBA)).score) == 0
    write(tmp_path, [entry(0)])
    for asked in (Asked("nope"), Asked(PROBA, slices=("nope",))):
        with pytest.raises(Invalid) as refused:
            scored(tmp_path, asked)
        assert refused.value.kind == "unknown-column"


def test_labels_of_another_time_have_their_predictions(tmp_path: Path) -> None:
    """A window that is asked about makes no orphans of labels whose predictions lie outside of it."""
    write(tmp_path, [entry(0), entry(1, event_times=JULY + 40 * DAY)])
    tell(tmp_path, flown(0, 1.0), flown(1, 1.0), flown(99, 1.0))
    seal(tmp_path)
    assert scored(tmp_path, Asked(PROBA, JULY, JULY + DAY)).unmatched == 1
    assert scored(tmp_path, Asked(PROBA)).unmatched == 1

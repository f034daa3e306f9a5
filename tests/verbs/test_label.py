"""label: truths are named as the service declares, kept, and counted."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Invalid
from loopline.nouns.name import parse_ref
from loopline.nouns.quality import Labelled
from loopline.nouns.service import Labels
from loopline.verbs.label import label
from loopline.verbs.predictions import predictions
from tests.signals.recorded import entry, write
from tests.verbs.served import served

ID = f"{0:032x}"


def test_labels_by_id_and_by_columns(tmp_path: Path) -> None:
    """A prediction is named by its id, with or without its row, or by the join columns, as text or as numbers."""
    loop, ref, folder = served(tmp_path)
    write(folder, [entry(0), entry(1), entry(2)])
    rows: tuple[dict[str, Any], ...] = (
        {"id": ID, "label": "1"}, {"id": f"{1:032x}:0", "label": False}, {"carrier": "UA", "distance": "102", "label": 1},
        {"id": "nobody", "label": 1},
    )  # fmt: skip
    assert label(loop, ref, rows=rows) == Labelled(4, unmatched=1)
    assert [one.label for one in predictions(loop, ref)] == [1.0, 0.0, 1.0]
    again = dataclasses.replace(loop, ledger=type(loop.ledger)(loop.ledger.database, clock=loop.clock, dry=True))
    assert label(again, ref, rows=({"id": ID, "label": 0},)) == Labelled(1, contradicting=1)
    assert predictions(loop, ref, id=ID)[0].label == 1.0


@pytest.mark.parametrize(
    "row",
    [
        {}, {"id": ID}, {"label": 1}, {"id": ID, "label": None}, {"id": ID, "label": ""}, {"id": ID, "label": float("nan")},
        {"id": ID, "label": 10**400}, {"id": "", "label": 1}, {"id": 7, "label": 1}, {"id": ID, "label": [1]},
        {"carrier": "UA", "label": 1}, {"carrier": "UA", "distance": None, "label": 1},
        {"id": ID, "label": 1, "known_at": "2999-01-01"},
        {"id": ID, "label": 1, "extra": 2}, {"id": ID, "carrier": "UA", "distance": 1, "label": 1},
    ],
)  # fmt: skip
def test_what_names_nothing_or_says_nothing_is_refused(tmp_path: Path, row: dict[str, Any]) -> None:
    """One bad row refuses all of them, and says which one it is."""
    loop, ref, folder = served(tmp_path)
    write(folder, [entry(0)])
    with pytest.raises(Invalid) as refused:
        label(loop, ref, rows=({"id": ID, "label": 1}, row))
    assert (refused.value.kind, refused.value.facts["label"]) == ("bad-label", 1)
    assert predictions(loop, ref)[0].label is None


def test_a_regression_takes_numbers_only(tmp_path: Path) -> None:
    """A text that is no number cannot be what a number was predicted for; the truth has the name that is declared."""
    loop, ref, _ = served(tmp_path, Labels(target="delay", kind="regression"))
    assert label(loop, ref, rows=({"id": ID, "delay": "12.5"},)).taken == 1
    with pytest.raises(Invalid):
        label(loop, ref, rows=({"id": ID, "delay": "late"},))


def test_an_event_time_is_written_as_people_do(tmp_path: Path) -> None:
    """As a join column it is a day or time, or microseconds."""
    loop, ref, folder = served(tmp_path, Labels(join=("unit", "event_time")))
    write(folder, [entry(0)])
    assert label(loop, ref, rows=({"unit": "UA1", "event_time": "2013-07-01T02:00+02:00", "label": 1},)).unmatched == 0


def test_a_label_never_names_a_prediction_by_no_unit(tmp_path: Path) -> None:
    """A label whose unit is empty is refused: it would be about everybody of whom nobody said who they are."""
    loop, ref, folder = served(tmp_path, Labels(join=("unit", "event_time")))
    write(folder, [entry(0, units=None), entry(0, units="")])
    with pytest.raises(Invalid) as refused:
        label(loop, ref, rows=({"unit": "", "event_time": "2013-07-01", "label": 1},))
    assert refused.value.kind == "bad-label"
    assert label(loop, ref, rows=({"id": ID, "label": 1},)).unmatched == 0


@pytest.mark.parametrize(
    ("rows", "kind"), [((), "no-labels"), (({"id": ID, "label": 1},) * 200_001, "too-many-labels")]
)
def test_how_many_labels_there_may_be(tmp_path: Path, rows: tuple[dict[str, Any], ...], kind: str) -> None:
    """None is a mistake, and very many go in pieces."""
    loop, ref, _ = served(tmp_path)
    with pytest.raises(Invalid) as refused:
        label(loop, ref, rows=rows)
    assert refused.value.kind == kind


def test_only_a_service_has_predictions(tmp_path: Path) -> None:
    """A ref of anything else is refused."""
    loop, _, _ = served(tmp_path)
    with pytest.raises(Invalid) as refused:
        label(loop, parse_ref("model/delay@champion", project="flights"), rows=({"id": ID, "label": 1},))
    assert refused.value.kind == "not-a-service"

"""Matching: join columns that the records do not have match nothing."""

from __future__ import annotations

from pathlib import Path

from loopline.signals.labels import Label
from loopline.signals.matching import column_of, joining, same
from loopline.signals.opening import opened
from tests.signals.recorded import JULY, entry, tell, write


def test_join_columns_are_inputs_unit_and_time(tmp_path: Path) -> None:
    """Only the inputs, the unit and the event time of a prediction name it; a redacted column names none."""
    write(tmp_path, [entry(0)])
    tell(
        tmp_path, Label(1.0, JULY, 0, by={"unit": "UA1", "carrier": "UA"}), Label(1.0, JULY, 1, by={"passenger": "Ann"})
    )
    with opened(tmp_path) as here:
        assert here.keys == (("carrier", "unit"), ("passenger",))
        assert joining(here) == ("in.carrier", "unit")
        assert (column_of(here, "event_time"), column_of(here, "status"), column_of(here, "passenger")) == (
            "event_time",
            None,
            None,
        )
        assert same(here, ("passenger",)) == ""

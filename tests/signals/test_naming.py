"""Names of columns: what a model tells apart stays apart in the records."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.nouns.quality import Labelled
from loopline.signals.labelling import take
from loopline.signals.labels import Label
from loopline.signals.naming import shown, stored
from loopline.signals.queries import Filter, find, window
from loopline.signals.sealing import seal
from tests.signals.recorded import DAY, JULY, columns, entry, write

words = st.text("aAbBé#1", max_size=5)


@given(words, words)
def test_no_two_columns_have_names_that_differ_by_case(one: str, other: str) -> None:
    """Whatever columns are called, their stored names are two also for who takes no notice of case, and lead back."""
    assert (stored(one).lower() == stored(other).lower()) == (one == other)
    assert shown(stored(one)) == one


@pytest.mark.parametrize("sealed", [False, True])
def test_columns_that_differ_by_case_are_two(tmp_path: Path, sealed: bool) -> None:  # noqa: FBT001 (a case)
    """Each keeps its values, is asked for by its own name, and labels that name one are not about the other."""
    told = [columns(carrier=[1]), columns(Carrier=["UA"]), columns(Carrier=["AA"], carrier=[2], CARRIER=[True])]
    for n, inputs in enumerate(told):
        write(tmp_path, [entry(n, inputs=inputs)])
        if sealed:
            seal(tmp_path)
    found = [dict(one.inputs) for one in find(tmp_path, "s", Filter(), limit=9)]
    assert found == [{"Carrier": "AA", "carrier": 2, "CARRIER": True}, {"Carrier": "UA"}, {"carrier": 1}]
    assert [one.inputs["Carrier"] for one in find(tmp_path, "s", Filter(where={"Carrier": "UA"}), limit=9)] == ["UA"]
    assert [one.inputs["carrier"] for one in find(tmp_path, "s", Filter(where={"in.carrier": "2"}), limit=9)] == [2]
    asked = ["in.Carrier", "in.carrier", "in.cARRIER"]
    batches = [*window(tmp_path, JULY, JULY + DAY, "champion", asked)]
    assert {name for batch in batches for name in batch} == {"in.Carrier", "in.carrier"}
    assert sorted(str(one) for batch in batches for one in batch["in.Carrier"].to_pylist()) == ["AA", "None", "UA"]
    by = [Label(1.0, JULY, 0, by={"Carrier": "AA"}), Label(0.0, JULY, 1, by={"carrier": "1"})]
    assert take(tmp_path, by) == Labelled(2)
    assert take(tmp_path, by) == Labelled(2, repeated=2)
    assert [one.label for one in find(tmp_path, "s", Filter(), limit=9)] == [1.0, None, 0.0]

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loopline.models.profile import profile
from loopline.nouns.profile import Profile
from loopline.signals.counts import Counts, Tally, batches

RNG = np.random.default_rng(0)
ROWS: dict[str, Any] = {
    "hour": RNG.integers(0, 24, 1_000),
    "delay": np.where(RNG.random(1_000) < 0.1, np.nan, RNG.normal(10, 5, 1_000)),
    "carrier": RNG.choice(np.array(["AA", "B6", None], object), 1_000),
    "late": RNG.random(1_000) < 0.3,
}
REFERENCE = profile(None, ROWS)


def counted(reference: Profile, *parts: Mapping[str, Any]) -> Tally:
    """Count parts one after another."""
    tally = Tally(reference)
    for part in parts:
        tally.add(part)
    return tally


def test_the_training_rows_give_the_reference_again() -> None:
    """Counted in its own bins a reference is what it was, missing values too."""
    for counts in counted(REFERENCE, ROWS).columns.values():
        found = counts.profile()
        assert (found.counts, found.frequencies) == (counts.reference.counts, counts.reference.frequencies)
        assert (found.rows, found.nulls, found.low, found.high) == (
            counts.reference.rows, counts.reference.nulls, counts.reference.low, counts.reference.high,
        )  # fmt: skip
        if found.mean is not None:
            assert found.mean == pytest.approx(counts.reference.mean)
            assert found.std == pytest.approx(counts.reference.std)


def test_parts_add_up_to_the_whole() -> None:
    """Batches and merged tallies give the counts, mean and deviation of one go."""
    parts = [{name: values[at : at + 300] for name, values in ROWS.items()} for at in range(0, 1_000, 300)]
    merged = counted(REFERENCE, *parts[:2])
    merged.merge(counted(REFERENCE, *parts[2:]))
    for tally in (counted(REFERENCE, *parts), merged):
        for key, counts in tally.columns.items():
            one, whole = counts.profile(), counted(REFERENCE, ROWS).columns[key].profile()
            assert (one.counts, one.frequencies, one.nulls, one.low, one.high) == (
                whole.counts, whole.frequencies, whole.nulls, whole.low, whole.high,
            )  # fmt: skip
            assert one.mean == pytest.approx(whole.mean)
            assert one.std == pytest.approx(whole.std)


def test_parquet_and_arrays_give_the_same_counts(tmp_path: Path) -> None:
    """Texts as Arrow dictionaries, Arrow texts, numpy texts and objects are counted alike."""
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in ROWS.items()})
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=300)
    plain = counted(REFERENCE, ROWS)
    read = counted(REFERENCE, *batches(tmp_path / "rows.parquet"))
    arrow = counted(REFERENCE, {name: table.column(name).combine_chunks() for name in table.column_names})
    for key, counts in plain.columns.items():
        assert read.columns[key].profile() == arrow.columns[key].profile() == counts.profile()
    fixed = counted(REFERENCE, {"carrier": np.array(["AA", "B6", "AA"])})
    found = fixed.columns["input", "carrier"].profile()
    assert dict(zip(found.values, found.frequencies, strict=True)) == {"AA": 2, "B6": 1}


def test_new_categories_are_told_apart_where_the_reference_knows_all() -> None:
    """A text that no training row had is new; where the reference has kept only some, it is one of the others."""
    tally = counted(REFERENCE, {"carrier": np.array(["ZZ", "AA", "ZZ", None], object)})
    carrier = tally.columns["input", "carrier"]
    assert (dict(carrier.new), carrier.new_rows, carrier.nulls, carrier.others) == ({"ZZ": 2}, 2, 1, 0)
    many = profile(None, {"tail": [f"N{i % 150}" for i in range(1_500)]})
    tail = counted(many, {"tail": np.array(["N1", "never", "N149"], object)}).columns["input", "tail"]
    assert (tail.new_rows, tail.others + sum(tail.profile().frequencies)) == (0, 3)


def test_what_is_no_number_counts_as_missing() -> None:
    """Texts and nulls among numbers, infinity, and a column that is not there."""
    tally = counted(REFERENCE, {"delay": np.array([1.0, "x", None, np.inf], object)})
    delay = tally.columns["input", "delay"]
    assert (delay.rows, delay.nulls, delay.infinite, delay.present) == (4, 2, 1, 1)
    assert tally.columns["input", "hour"].rows == 0


def test_a_narrow_float_is_compared_with_its_own_precision() -> None:
    """0.1 as the client's double lies in the bin of the 0.1 that was trained on as a float32."""
    reference = profile(None, {"x": np.array([0.1, 0.2, 0.3], np.float32)})
    found = counted(reference, {"x": np.array([0.1, 0.2, 0.3])}).columns["input", "x"].profile()
    assert found.counts == (0, 1, 1, 1, 0)


def test_probabilities_are_taken_out_of_their_matrix() -> None:
    """`predict_proba[1]` is found in a matrix, in lists, and as a column; a name alone may be an input or an output."""
    answers = profile(None, {"predict_proba[1]": [0.25, 0.75]}).inputs
    reference = Profile(
        2, profile(None, {"predict": [1.0]}).inputs, (*answers, *profile(None, {"predict": [0]}).inputs)
    )
    lists = np.empty(2, object)
    lists[:] = [[0.75, 0.25], [0.25, 0.75]]
    for given in (
        {"predict_proba": np.array([[0.75, 0.25], [0.25, 0.75]])},
        {"out.predict_proba": lists},
        {"predict_proba[1]": np.array([0.25, 0.75])},
    ):
        tally = counted(reference, {**given, "in.predict": np.array([1.0, 1.0]), "out.predict": np.array([0, 0])})
        assert tally.columns["output", "predict_proba[1]"].profile().counts == (0, 1, 1, 0)
        assert tally.columns["input", "predict"].profile().counts == (0, 2, 0)
        assert tally.columns["output", "predict"].profile().counts == (0, 2, 0)


def test_memory_of_texts_is_bounded() -> None:
    """However many texts are new, at most 10,000 are remembered, and every row is counted."""
    counts = Counts(REFERENCE.inputs[2])
    counts.add(np.array([f"unit {i}" for i in range(12_000)], object))
    assert (len(counts.new), counts.new_rows) == (10_000, 12_000)

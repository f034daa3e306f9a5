from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from loopline.errors import Invalid
from loopline.models import columns


def described(table: Any) -> list[tuple[str, str, bool]]:
    """Give names, types and whether something is missing."""
    return [(c.name, c.type, c.nullable) for c in map(columns.describe, columns.read(table))]


def test_tables_of_any_make_read_the_same() -> None:
    """pandas, Arrow and a mapping of lists give the same columns."""
    values = {"n": [1, 2, 3], "f": [0.5, None, 2.0], "t": ["a", None, "b"], "b": [True, False, True]}
    expected = [("n", "INT64", False), ("f", "FP64", True), ("t", "BYTES", True), ("b", "BOOL", False)]
    assert described(pd.DataFrame(values)) == expected
    assert described(pa.table(values)) == expected
    assert described(values) == expected


def test_types_of_pandas_extensions_and_categories() -> None:
    """Nullable integers, categories, strings, dates and narrow floats get the protocol's types."""
    frame = pd.DataFrame({
        "i": pd.array([1, None, 3], dtype="Int64"),
        "c": pd.Categorical(["x", "y", None], categories=["x", "y", "z"]),
        "s": pd.array(["p", "q", None], dtype="string"),
        "d": pd.to_datetime(["2013-01-01", None, "2013-01-03"]),
        "f": np.array([1, 2, 3], dtype=np.float32),
        "u": np.array([1, 2, 3], dtype=np.uint8),
    })
    assert described(frame) == [
        ("i", "INT64", True), ("c", "BYTES", True), ("s", "BYTES", True), ("d", "BYTES", True), ("f", "FP32", False),
        ("u", "UINT8", False),
    ]  # fmt: skip
    by_name = {c.name: c for c in map(columns.describe, columns.read(frame))}
    assert by_name["c"].values == ("x", "y", "z")  # noqa: PD011 (a noun, not a frame)
    assert (by_name["i"].low, by_name["i"].high) == (1.0, 3.0)


def test_ranges_leave_out_what_is_not_finite() -> None:
    """Infinity is no range; a column of nothing else has none."""
    one, other = map(columns.describe, columns.read(np.array([[1.0, np.inf], [5.0, np.inf]])))
    assert (one.low, one.high, one.name) == (1.0, 5.0, "x0")
    assert (other.low, other.high) == (None, None)


def test_more_than_a_hundred_values_are_no_categories() -> None:
    """Free text is not listed."""
    few, many = ([f"v{n}" for n in range(count)] for count in (100, 101))
    assert len(columns.describe(next(columns.read({"a": few}))).values) == 100
    assert columns.describe(next(columns.read({"a": many}))).values == ()  # noqa: PD011 (a noun, not a frame)


def test_sparse_rows_are_read_by_column() -> None:
    """A sparse matrix gives ranges like a dense one."""
    from scipy.sparse import csr_matrix

    found = [columns.describe(v) for v in columns.read(csr_matrix(np.array([[0.0, 3.0], [1.0, 0.0]])))]
    assert [(c.low, c.high) for c in found] == [(0.0, 1.0), (0.0, 3.0)]


def test_three_dimensions_are_no_table() -> None:
    """An image is Invalid, with the dimensions named."""
    with pytest.raises(Invalid) as caught:
        list(columns.read(np.zeros((2, 2, 2))))
    assert caught.value.facts["ndim"] == 3

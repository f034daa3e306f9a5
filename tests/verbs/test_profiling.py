from __future__ import annotations

from loopline.datasets.tables import CELL
from loopline.nouns.preview import Bin, Column, Frequent
from loopline.verbs.profiling import cell_of, column_of


def test_a_column_is_taken_over() -> None:
    """Values become text, numbers stay numbers, and a mean that is none is left out."""
    told = {"name": "x", "type": "BIGINT", "nulls": 1, "distinct": 2, "min": 1, "max": True, "mean": "inf", "std": 0.5}
    told |= {"quantiles": {"0.5": 1, "0.9": "nan"}, "top": [[1, 3], [None, 1]], "histogram": [[0, 1, 4]]}
    assert column_of(told) == Column(
        "x", "BIGINT", 1, 2, "1", "true", None, 0.5, {"0.5": 1}, (Frequent("1", 3), Frequent("", 1)), (Bin(0, 1, 4),)
    )  # fmt: skip


def test_a_cell_is_short_text() -> None:
    """Nothing stays nothing; what is long is cut."""
    assert [cell_of(one) for one in (None, 1.5, False)] == [None, "1.5", "false"]
    assert len(cell_of("x" * 10_000) or "") == CELL + 1

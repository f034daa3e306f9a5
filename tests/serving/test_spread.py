"""Rows of one question for several arms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.errors import Unavailable
from loopline.serving.question import Given, Made, Question
from loopline.serving.spread import join, part_of, pick


@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=12), st.integers(1, 3))
def test_rows_come_back_in_their_order(arms: list[str], width: int) -> None:
    """However rows are cut among arms, what comes together again is each row's own answer, raw or text."""
    rows = len(arms)
    values = np.arange(rows * width, dtype="<f8").reshape(rows, width)
    texts = [f"t{row}" for row in range(rows)]
    question = Question("q", rows, [Given("m", "FP64", width, values.tobytes()), Given("t", "", 1, texts)])
    places: dict[str, list[int]] = {}
    for row, arm in enumerate(arms):
        places.setdefault(arm, []).append(row)
    made = []
    for mine in places.values():
        part = part_of(question, mine)
        assert part.rows == len(mine)
        made.append([Made("m", "FP64", (width,), part.columns[0].data), Made("t", "BYTES", (), part.columns[1].data)])
    numbers, words = join(made, list(places.values()))
    assert np.frombuffer(numbers.data).reshape(rows, width).tolist() == values.tolist()
    assert words.data == texts


def test_a_matrix_as_a_list_is_cut_by_rows() -> None:
    """A list of values in rows of three loses whole rows."""
    assert pick(Given("m", "", 3, [1, 2, 3, 4, 5, 6, 7, 8, 9]), [2, 0]).data == [7, 8, 9, 1, 2, 3]


def test_arms_that_answer_differently_are_an_error() -> None:
    """Outputs of two shapes cannot be one answer, and nobody gets half of one."""
    with pytest.raises(Unavailable) as caught:
        join([[Made("p", "FP64", (), b"")], [Made("p", "FP64", (2,), b"")]], [[0], [1]])
    assert caught.value.kind == "arms-differ"

"""A column over its reference: what the bars are of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loopline.faces.web.charts.overlay import BINS, SINGLE, VALUES, overlay, pairs_of, small
from loopline.models.profile import profile
from loopline.nouns.profile import ColumnProfile
from loopline.signals.counts import Counts

RNG = np.random.default_rng(0)


def both(before: Any, now: Any) -> tuple[ColumnProfile, ColumnProfile]:
    """Profile a column of training, and count a window of it in the same bins."""
    (reference,) = profile(None, {"x": before}).inputs
    counts = Counts(reference)
    counts.add(np.asarray(now) if not isinstance(now[0], str) else np.asarray(now, dtype=object))
    return counts.profile(), reference


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (RNG.normal(0, 1, 4000), RNG.normal(2, 1, 900)),
        (RNG.integers(0, 24, 4000), RNG.integers(9, 24, 900)),
        (RNG.integers(0, 9, 4000), RNG.integers(3, 14, 900)),
        (np.exp(RNG.normal(0, 3, 4000)), np.exp(RNG.normal(1, 3, 900))),
        (RNG.choice(["AA", "B6", "UA"], 4000).tolist(), RNG.choice(["AA", "WN"], 900).tolist()),
        ([f"N{i % 40}" for i in range(4000)], [f"N{i % 50}" for i in range(900)]),
    ],
    ids=["numbers", "hours", "few numbers", "a long tail", "texts", "many texts"],
)
def test_every_row_is_in_a_bar(before: Any, now: Any) -> None:
    """Shares of both sides add up to one, also where a window lies beyond its reference, and bars stay few."""
    window, reference = both(before, now)
    pairs = pairs_of(window, reference)
    assert sum(one.now for one in pairs) == pytest.approx(1)
    assert sum(one.before for one in pairs) == pytest.approx(1)
    assert 2 <= len(pairs) <= max(BINS + 2, VALUES + 1, SINGLE + 1)
    assert all(one.now >= -1e-9 and one.before >= -1e-9 for one in pairs)
    assert len(str(overlay(window, reference, title="x against training"))) < 6_000
    assert len(str(small(window, reference))) < 2_000


def test_what_has_not_moved_lies_under_the_line() -> None:
    """The training rows as a window give equal bars, in bins of equal width whose starts rise."""
    values = RNG.normal(0, 1, 3000)
    pairs = pairs_of(*both(values, values))
    assert [one.now for one in pairs] == pytest.approx([one.before for one in pairs])
    starts = np.array([one.start for one in pairs if one.start is not None])
    assert np.diff(starts) == pytest.approx(np.diff(starts)[0])


def test_bins_that_begin_at_zero_say_so() -> None:
    """The first edge lies just below the least value, which is no number to read."""
    window, reference = both(np.arange(999.0), np.arange(9.0))
    assert -1e-300 < reference.edges[0] < 0
    assert next(one.name for one in pairs_of(window, reference) if one.start is not None).startswith("0 – ")
    assert "e−3" not in overlay(window, reference, title="x")


def test_single_numbers_have_bars_of_their_own() -> None:
    """Where training had few values, each is a bar, and what it never had is one at the end."""
    pairs = pairs_of(*both(np.array([0, 1, 1, 2]), np.array([1, 2, 5, 5])))
    assert [(one.name, one.now, one.before) for one in pairs] == [
        ("0", 0.0, 0.25), ("1", 0.25, 0.5), ("2", 0.25, 0.25), ("> 2", 0.5, 0.0),
    ]  # fmt: skip


@pytest.mark.parametrize("rows", [[], [float("nan")] * 5])
def test_a_column_without_numbers_is_no_picture(rows: list[float]) -> None:
    """Nothing is drawn of nothing."""
    window, reference = both([float("nan")], rows or [0.0])
    assert pairs_of(window, reference) == []
    assert small(window, reference) == ""
    assert "nothing to compare" in overlay(window, reference, title="x")

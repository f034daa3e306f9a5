from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from loopline.models.profile import profile
from loopline.nouns.drift import ColumnDrift
from loopline.signals.drift import compare, g, ks, psi, total_variation


def column(before: Any, after: Any, **bounds: Any) -> ColumnDrift:
    """Compare one column."""
    return compare(profile(None, {"x": before}), [{"x": np.asarray(after)}], **bounds)[0]


def test_ks_over_few_values_is_scipys() -> None:
    """Where each value has a bin, D is exact and p is that of the limiting distribution."""
    rng = np.random.default_rng(0)
    before, after = rng.integers(0, 24, 5_000), rng.integers(0, 26, 3_000)
    found = column(before, after)
    exact = stats.ks_2samp(before, after, method="asymp")
    assert found.effect == pytest.approx(exact.statistic)
    size = np.sqrt(5_000 * 3_000 / 8_000)
    assert found.p == pytest.approx(stats.kstwobign.sf(exact.statistic * size))


def test_ks_over_bins_is_never_more_certain_than_over_values() -> None:
    """D of the bins is at most D of the values, and close to it."""
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.05, 0.3):
        before, after = rng.normal(size=20_000), rng.normal(shift, 1, 5_000)
        exact = stats.ks_2samp(before, after).statistic
        found = column(before, after)
        assert found.effect is not None
        assert exact - 1 / 48 <= found.effect <= exact + 1e-12


def test_g_is_scipys() -> None:
    """Where no category is rare, G and p are those of scipy's log-likelihood test."""
    before, after = [500, 300, 200], [90, 80, 30]
    exact = stats.chi2_contingency([before, after], correction=False, lambda_="log-likelihood")
    assert g(before, after) == pytest.approx((exact.statistic, exact.pvalue))


def test_rare_categories_are_tested_as_one() -> None:
    """Twenty categories of a row each are pooled; alone and too few they join the smallest; one category is no test."""
    before, after = [1_000, 800, *[1] * 20], [500, 400, *[1] * 20]
    pooled = stats.chi2_contingency([[1_000, 800, 20], [500, 400, 20]], correction=False, lambda_="log-likelihood")
    assert g(before, after) == pytest.approx((pooled.statistic, pooled.pvalue))
    joined = stats.chi2_contingency([[1_000, 801], [500, 401]], correction=False, lambda_="log-likelihood")
    assert g([1_000, 800, 1], [500, 400, 1]) == pytest.approx((joined.statistic, joined.pvalue))
    assert g([10, 0], [20, 0]) == (0.0, 1.0)


def test_total_variation_is_the_share_that_would_have_to_move() -> None:
    """Half of the rows in another category is one half."""
    assert total_variation([50, 50], [10, 0]) == pytest.approx(0.5)


@pytest.mark.parametrize("rows", [100, 1_000])
def test_psi_is_nothing_on_average_while_nothing_moves(rows: int) -> None:
    """Its mean over clean windows is 0 within chance, where the plain index is far above."""
    rng = np.random.default_rng(rows)
    share = np.full(10, 0.1)
    values = [psi(rng.multinomial(50_000, share).tolist(), rng.multinomial(rows, share).tolist()) for _ in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / 20 + 0.1 * 9 / rows


def test_clean_columns_rarely_raise_a_false_alarm() -> None:
    """Of looks at 100 columns that have not moved about a share q has any that is called drift: five per cent, not 99."""
    rng = np.random.default_rng(7)
    looks, rows = 60, 600
    letters = np.array(list("abcdef"), object)

    def drawn() -> dict[str, Any]:
        numbers = {f"n{i}": rng.integers(0, 40, rows) if i % 2 else rng.normal(size=rows) for i in range(50)}
        return {**numbers, **{f"t{i}": rng.choice(letters, rows) for i in range(50)}}

    found = [compare(profile(None, drawn()), [drawn()], effect=0.0, q=0.05) for _ in range(looks)]
    alarms = sum(any(one.verdict == "drift" for one in look) for look in found)
    alone = sum(any(one.p is not None and one.p < 0.05 for one in look) for look in found)
    assert alone > 0.9 * looks
    assert alarms <= looks * 0.05 + 3 * (looks * 0.05 * 0.95) ** 0.5


def test_shifts_are_found_and_said_by_how_much() -> None:
    """A number, a category and a new category that moved among nine that did not are found, and nothing else is."""
    rng = np.random.default_rng(3)

    def rows(moved: float, *, new: bool) -> dict[str, Any]:
        numbers = {f"n{i}": rng.normal(size=3_000) for i in range(9)}
        carriers = np.array(["AA", "B6", "UA"], object)
        found = {"temp": rng.normal(moved, 1, 3_000), "carrier": rng.choice(carriers, 3_000, p=[0.6, 0.3, 0.1])}
        origin = rng.choice(np.array(["EWR", "HPN"] if new else ["EWR", "JFK"], object), 3_000)
        return {**numbers, **found, "origin": origin}

    reference = profile(None, rows(0, new=False))
    window = rows(0.5, new=True)
    found = compare(reference, [window])
    assert [one.column for one in found if one.verdict == "drift"] == ["origin", "temp"]
    origin, temp = found[:2]
    assert (origin.new, origin.new_rows) == (("HPN",), int((window["origin"] == "HPN").sum()))
    assert temp.effect == pytest.approx(0.197, abs=0.04)  # 2Φ(0.25) - 1
    assert temp.q is not None
    assert temp.q < 1e-9
    assert temp.mean == pytest.approx(window["temp"].mean())


def test_a_difference_that_is_certain_and_small_is_no_drift() -> None:
    """With enough rows a shift of 0.02 deviations is certain, and too small to matter."""
    rng = np.random.default_rng(4)
    found = column(rng.normal(size=400_000), rng.normal(0.02, 1, 400_000))
    assert (found.p or 0) < 1e-6
    assert found.verdict == "stable"


def test_there_is_no_verdict_without_enough_rows() -> None:
    """499 values, however far away, say nothing, and do not count among the tests; missing values are no values."""
    before = np.arange(1_000.0)
    assert column(before, np.full(499, 1e9)).verdict == "too few rows"
    assert column(before, np.concatenate([np.full(499, 1e9), np.full(9_000, np.nan)])).verdict == "too few rows"
    assert column(before, np.full(500, 1e9)).verdict == "drift"
    assert column(before, np.array([])).effect is None
    assert column([np.nan, np.nan], before).verdict == "no reference"
    assert column(before, np.full(10, 1e9)).p is None


def test_a_constant_that_changed_is_found() -> None:
    """The bins beside a constant catch what is not it, and count it as outside of the range."""
    found = column([5] * 1_000, [6] * 1_000)
    assert (found.effect, found.outside, found.verdict) == (1.0, 1_000, "drift")
    same = column([5] * 1_000, [5] * 1_000)
    assert (same.effect, same.outside, same.verdict) == (0.0, 0, "stable")


def test_infinite_values_are_outside_unless_training_had_some() -> None:
    """They are in no bin and take no part in the test."""
    before = np.arange(1_000.0)
    assert column(before, [np.inf, 5.0]).outside == 1
    assert column([*before, np.inf], [np.inf, 5.0]).outside == 0


def test_missing_values_are_their_own_share() -> None:
    """Half of them missing at random moves nothing, and is told."""
    rng = np.random.default_rng(5)
    before, after = rng.normal(size=4_000), rng.normal(size=4_000)
    after[::2] = np.nan
    found = column(before, after)
    assert (found.verdict, found.nulls, found.rows) == ("stable", 2_000, 4_000)


def test_ks_of_counts_is_the_largest_distance_of_sums() -> None:
    """By hand: 1/2 against 0 after the first bin."""
    assert ks([5, 5], [0, 10])[0] == pytest.approx(0.5)

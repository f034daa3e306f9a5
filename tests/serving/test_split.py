"""Which arm answers a unit."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.nouns.digest import digest_of
from loopline.nouns.service import Arm
from loopline.serving.split import Split, member_of, sampled, unit_of

DIGEST = digest_of(b"")
REQUEST = "one"
UNITS = [f"UA+{number}" for number in range(20_000)]


def arms(**weights: int) -> list[Arm]:
    """Arms with weights."""
    return [Arm(name, f"model/m@{at}", DIGEST, weight=weight) for at, (name, weight) in enumerate(weights.items())]


def test_weights_are_shares() -> None:
    """Of twenty thousand units, each arm gets its share to within one per cent of all."""
    split = Split("service/delay", arms(a=70, b=20, c=10))
    counts = Counter(split.arm(unit, REQUEST) for unit in UNITS)
    assert {name: round(count / len(UNITS), 2) for name, count in counts.items()} == pytest.approx(
        {"a": 0.7, "b": 0.2, "c": 0.1}, abs=0.01
    )


def test_requests_without_a_unit_are_spread_by_the_weights() -> None:
    """Nobody said whom they are about, so each request is spread by its own id, and stays there when it is sent again."""
    split = Split("service/delay", arms(a=70, b=20, c=10))
    first = [split.arm("", f"request {number}") for number in range(20_000)]
    counts = Counter(first)
    assert {name: round(count / len(first), 2) for name, count in counts.items()} == pytest.approx(
        {"a": 0.7, "b": 0.2, "c": 0.1}, abs=0.01
    )
    assert [split.arm("", f"request {number}") for number in range(100)] == first[:100]


def test_a_unit_stays_where_it_is() -> None:
    """A weight that grows takes units over and sends none away: whoever met the canary at 10 per cent meets it at 20."""
    before = Split("service/delay", arms(canary=10, stable=90))
    after = Split("service/delay", arms(canary=20, stable=80))
    at_canary = [unit for unit in UNITS if before.arm(unit, REQUEST) == "canary"]
    assert at_canary
    assert {after.arm(unit, REQUEST) for unit in at_canary} == {"canary"}


def test_two_services_cut_their_units_independently() -> None:
    """Being in one service's canary says nothing about another's: the shares multiply."""
    one, other = Split("service/a", arms(x=1, y=1)), Split("service/b", arms(x=1, y=1))
    both = sum(one.arm(unit, REQUEST) == "x" and other.arm(unit, REQUEST) == "x" for unit in UNITS) / len(UNITS)
    assert both == pytest.approx(0.25, abs=0.02)


def test_shadows_and_weights_of_zero_get_no_traffic() -> None:
    """Neither a shadow nor an arm of weight 0 ever answers."""
    shadow = Arm("shadow", "model/m@9", DIGEST, weight=50, shadow=True)
    split = Split("service/delay", [*arms(a=1, off=0), shadow])
    assert split.arms == ("a",)
    assert {split.arm(unit, REQUEST) for unit in UNITS[:1000]} == {"a"}


@given(st.lists(st.one_of(st.text(max_size=5), st.integers(), st.floats(allow_nan=False))), st.data())
def test_units_of_other_values_are_other_units(values: list[object], data: st.DataObject) -> None:
    """Two rows have one unit only where they have the same values, whatever signs these hold."""
    others = data.draw(st.lists(st.text("a+%2B5", max_size=4), min_size=len(values), max_size=len(values)))
    if unit_of(values) and unit_of(values) == unit_of(others):
        assert [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in values] == others


def test_a_missing_value_is_no_unit() -> None:
    """Where a part of the unit is missing, nobody said whom the row is about."""
    assert unit_of(["UA", None]) == unit_of(["", 1545]) == unit_of([float("nan")]) == ""
    assert unit_of(["UA", 1545]) == unit_of(["UA", 1545.0]) == "UA+1545"


def test_sampling_takes_its_share_and_always_the_same() -> None:
    """A sample of 30 per cent is 30 per cent, and the same requests each time."""
    chosen = [unit for unit in UNITS if sampled(unit, 0.3)]
    assert len(chosen) / len(UNITS) == pytest.approx(0.3, abs=0.01)
    assert chosen == [unit for unit in UNITS if sampled(unit, 0.3)]
    assert not any(sampled(unit, 0.0) for unit in UNITS)
    assert all(sampled(unit, 1.0) for unit in UNITS)


@pytest.mark.parametrize(
    ("value", "text"),
    [("UA", "UA"), ("a+b", "a+b"), ("100%", "100%"), (5, "5"), (5.0, "5"), (0.5, "0.5"), (True, "true"), (None, "")],
)
def test_a_member_is_written_as_it_is_declared(value: object, text: str) -> None:
    """What a row says of a slice is compared as text, whatever type it came in."""
    assert member_of(value) == text

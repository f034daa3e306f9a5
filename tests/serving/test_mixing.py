"""Two versions of a service side by side."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.errors import Invalid
from loopline.nouns.digest import digest_of
from loopline.nouns.service import Arm, Labels, Service
from loopline.serving.mixing import check_mixable, mixed
from loopline.serving.split import Split

ONE = digest_of(b"1")
OLD = Service("service/n", (Arm("main", "model/n@1", ONE), Arm("ear", "model/n@9", ONE, shadow=True)))
NEW = Service("service/n", (Arm("main", "model/n@2", ONE, weight=1), Arm("other", "model/n@3", ONE, weight=3)))
UNITS = [f"u{number}" for number in range(20_000)]


def arms(share: float, old: Service = OLD, new: Service = NEW) -> list[str]:
    """Who answers each unit."""
    mixture = mixed(old, new, 2, share)
    split = Split(mixture.name, mixture.arms)
    return [split.arm(unit, "") for unit in UNITS]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_each_version_answers_its_share(share: float) -> None:
    """The new version's arms answer their share of the units, in the proportion that they have among themselves."""
    counted = Counter(arms(share))
    assert abs(counted["main@2"] + counted["other@2"] - share * len(UNITS)) < 250
    assert abs(counted["main@2"] - share * len(UNITS) / 4) < 250
    assert counted["main"] + counted["main@2"] + counted["other@2"] == len(UNITS)


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=4).map(sorted))
def test_a_growing_share_gives_no_unit_back(shares: list[float]) -> None:
    """Who meets the new version once goes on doing so while its share grows."""
    before: set[int] = set()
    for share in shares:
        now = {at for at, arm in enumerate(arms(share)[:500]) if arm != "main"}
        assert before <= now
        before = now


def test_a_shadow_answers_nobody() -> None:
    """Of a version that only listens no arm gets traffic, and those of the old one keep theirs."""
    mixture = mixed(OLD, NEW, 2, 0.5, shadow=True)
    assert Split(mixture.name, mixture.arms).arms == ("main",)
    assert [arm.name for arm in mixture.arms if arm.shadow] == ["ear", "main@2", "other@2"]


def test_all_but_the_arms_is_as_it_was() -> None:
    """Limits, records and monitors of the new version do not count before its change is applied."""
    new = replace(NEW, workers=7, outputs=("predict",))
    assert replace(mixed(OLD, new, 2, 0.5), arms=()) == replace(OLD, arms=())


def test_what_cannot_be_compared_is_refused() -> None:
    """Two versions that name their units or their labels differently cannot be judged against each other."""
    with pytest.raises(Invalid) as caught:
        check_mixable(OLD, replace(NEW, unit=("carrier",), labels=Labels(positive="yes")))
    assert caught.value.kind == "not-comparable"
    assert caught.value.facts["differs"] == ["unit", "labels.positive"]

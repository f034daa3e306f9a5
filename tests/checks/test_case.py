"""case: who is in a team. What a case's digest holds is tested with the policy that it decides."""

from __future__ import annotations

import pytest

from loopline.checks.case import Case, decision_inputs
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.name import parse_ref

CHANGE = Change(
    "c1",
    "flights",
    "person:ann",
    "",
    "planned",
    ChangeState.PROPOSED,
    (Move(parse_ref("model/delay@champion", project="flights"), 1, 2),),
    0,
)


@pytest.mark.parametrize(
    ("source", "counts"),
    [
        (("team/ml",), True),
        (("person:bob",), True),
        (("team/ops", "person:bob"), True),
        (("team/ops",), False),
        ((), False),
    ],
)
def test_members(source: tuple[str, ...], *, counts: bool) -> None:
    """An actor counts by name or by a team that has it; a team that nobody is in has no members."""
    assert Case(CHANGE, 0, teams={"team/ml": frozenset({"person:bob"})}).member("person:bob", source) is counts


def test_a_ref_that_does_not_exist_is_like_one_that_is_not_named() -> None:
    """None as a ref's place and no place at all are one fact, so they give one digest."""
    assert decision_inputs(Case(CHANGE, 0)) == decision_inputs(Case(CHANGE, 0, {"model/delay@champion": None}))

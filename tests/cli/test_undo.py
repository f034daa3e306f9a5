"""Every mutation names what takes it back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loopline.cli.undo import undo_of
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.name import AssetName, RefName

REF = RefName(AssetName("flights", "model", "delay"), "champion")


def change(old: int | None, new: int | None, state: ChangeState = ChangeState.APPLIED, **rest: Any) -> Change:
    """Make a change of one ref."""
    return Change(
        "01a2" * 8, "flights", "ann", "why", rest.pop("kind", "planned"), state, (Move(REF, old, new),), 0, **rest
    )


@pytest.mark.parametrize(
    ("result", "command"),
    [
        (change(1, 2), "loopline rollback model/delay@champion --why …"),
        (change(None, 2), "loopline propose model/delay@champion --delete --why …"),
        (change(2, None), "loopline propose model/delay@champion --to 2 --why …"),
        (change(2, 1, kind="rollback"), "loopline propose model/delay@champion --to 2 --lift --why …"),
        (change(1, 2, ChangeState.PROPOSED), "loopline withdraw 01a201a201a201a2"),
        (change(1, 2, ChangeState.WITHDRAWN), None),
    ],
)
def test_a_change_is_undone_by_a_change(result: Change, command: str | None) -> None:
    """What moved moves back, what waits is withdrawn, what is over stays."""
    assert undo_of("promote", result, {}) == command


def test_a_policy_is_taken_back_by_a_proposal() -> None:
    """A guarded policy refuses a rollback, so the command that is named is one that always works."""
    rules = RefName(AssetName("flights", "policy", "flights"), "main")
    moved = replace(change(1, 2), moves=(Move(rules, 1, 2),))
    assert undo_of("policy", moved, {}) == "loopline propose policy/flights@main --to 1 --why …"


def test_an_answer_is_undone_by_the_other_answer() -> None:
    """A yes is taken back with a no."""
    assert undo_of("approve", change(1, 2, ChangeState.PROPOSED), {}) == "loopline approve 01a201a201a201a2 --reject"


def test_a_grant_is_revoked() -> None:
    """Who was put into a team can be taken out, and the other way round."""
    assert undo_of("grant", {}, {"who": "ann", "role": "team/x"}) == "loopline grant ann team/x --revoke"
    assert undo_of("grant", {}, {"who": "ann", "role": "team/x", "revoke": True}) == "loopline grant ann team/x"


def test_what_moved_nothing_has_no_undo() -> None:
    """A result that is no change has nothing to take back."""
    assert undo_of("put", "x", {}) is None

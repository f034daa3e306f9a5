"""A result has an exit code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loopline.cli.outcome import code_of, remark_on
from loopline.nouns.change import Change, ChangeState, Decision, Override
from loopline.nouns.digest import digest_of
from loopline.nouns.finding import Finding
from loopline.nouns.plan import Ran, Repeat
from loopline.nouns.run import Run, RunState
from loopline.nouns.verdict import Requirement, Result, Verdict
from loopline.verbs import Verb

DIGEST = digest_of(b"")
DONE = Run("1", "p", "n", state=RunState.FINISHED)
ACTS, LOOKS = Verb("check", "work", "", ""), Verb("show", "read", "", "")


def test_an_override_that_was_not_needed_is_told() -> None:
    """Who let a change through that its policy lets through is told that nothing of it is recorded."""
    applies = Verb("apply", "write", "", "")
    plain = change(ChangeState.APPLIED, Result.PASS)
    forced = replace(plain, override=Override("ann", "the old one crashes", 1, 0, DIGEST))
    told = remark_on(applies, plain, {"override": "the old one crashes"})
    assert told
    assert remark_on(applies, forced, {"override": "something else"}) == told
    assert remark_on(applies, forced, {"override": "the old one crashes"}) == ""
    assert remark_on(applies, plain, {"override": None}) == ""
    assert remark_on(ACTS, plain, {"override": "x"}) == ""


def change(state: ChangeState, *results: Result) -> Change:
    """Make a change whose policy gave these results."""
    lines = tuple(Requirement("p", "t", one) for one in results)
    decision = (
        Decision(0, "ann", "propose", None, DIGEST, all(one is Result.PASS for one in results), lines)
        if results
        else None
    )
    return Change("1", "p", "ann", "", "planned", state, (), 0, decision=decision)


def verdict(result: Result) -> Verdict:
    """Make a verdict."""
    return Verdict("c", DIGEST, result, None, 0)


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (change(ChangeState.APPLIED), 0),
        (change(ChangeState.PROPOSED, Result.PASS, Result.PENDING), 8),
        (change(ChangeState.PROPOSED, Result.PENDING, Result.FAIL), 1),
        (change(ChangeState.PROPOSED, Result.ERROR), 1),
        (change(ChangeState.APPROVED, Result.PASS), 0),
        (change(ChangeState.STOPPED), 1),
        (verdict(Result.PASS), 0),
        ((verdict(Result.PASS), verdict(Result.PENDING)), 8),
        ((verdict(Result.PENDING), verdict(Result.ERROR)), 1),
        (Run("1", "p", "n", state=RunState.CACHED), 0),
        (Run("1", "p", "n", state=RunState.CRASHED), 1),
        (Run("1", "p", "n", state=RunState.RUNNING), 8),
        ((Finding("a", "warn", ""), Finding("b", "ok", "")), 0),
        ((Finding("a", "fail", ""),), 1),
        (Ran(Run("1", "p", "n", state=RunState.FAILED), ()), 1),
        (Repeat(DONE, DONE, ("model",), (), ""), 0),
        (Repeat(DONE, DONE, (), ("model",), ""), 1),
        (Repeat(DONE, Run("1", "p", "n", state=RunState.CRASHED), (), (), ""), 1),
        ("text", 0),
        (None, 0),
    ],
)
def test_the_code_tells_what_was_found(result: Any, code: int) -> None:
    """Fine is 0, failed is 1, not decided is 8; an error is never fine."""
    assert code_of(ACTS, result) == code
    assert code_of(LOOKS, result, asked=True) == code


def test_a_look_is_fine_unless_it_is_asked() -> None:
    """`show` of a failed run has found what it was asked for."""
    assert code_of(LOOKS, Run("1", "p", "n", state=RunState.FAILED)) == 0

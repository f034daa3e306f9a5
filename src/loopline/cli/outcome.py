"""outcome: the exit code that a result means.

A command that acts tells by its code how far it came; one that only looks does so when `--exit-code` asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.cli.faults import FAILED, FINE, LATE, PENDING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loopline.verbs import Verb

_TELLING = (
    "add", "register", "merge", "revert", "cherry_pick", "check", "promote", "deploy", "apply", "run", "reproduce", "verify",
    "doctor", "backup", "restore", "adopt", "export", "expect",
)  # fmt: skip
"""Commands whose point is the answer."""


def code_of(command: Verb, result: Any, *, asked: bool = False) -> int:
    """Give 0, 1 (failed, refused, damaged; with `asked` also: they differ), 5 (paths clash) or 8 (not decided yet)."""
    if not asked and command.name not in _TELLING:
        return FINE
    if isinstance(result, (tuple, list)):
        codes = [code_of(command, one, asked=asked) for one in result]
        return FAILED if FAILED in codes else PENDING if PENDING in codes else FINE
    judge = _JUDGES.get(type(result).__name__)
    return judge(result) if judge else FINE


def remark_on(command: Verb, result: Any, asked: Mapping[str, Any]) -> str:
    """Say what of the words had no effect; empty where all had."""
    override = asked.get("override") if command.name == "apply" else None
    if override is None or (result.override and result.override.reason == override):
        return ""
    return "the policy holds: no override was needed, and none is recorded"


def _change(change: Any) -> int:
    if change.state in {"applied", "withdrawn"}:
        return FINE
    if change.state == "stopped":
        return FAILED
    decision = change.decision
    if decision is None or decision.passed:
        return FINE if change.state in ("approved", "rolling") else PENDING
    results = {one.result for one in decision.results}
    return FAILED if results & {"fail", "error"} else PENDING


def _merge(merge: Any) -> int:
    if merge.state == "clashing":
        return LATE if merge.left else PENDING
    return _change(merge.change) if merge.change else FINE


def _result(result: str) -> int:
    return FINE if result == "pass" else PENDING if result == "pending" else FAILED


def _run(run: Any) -> int:
    if run.state in {"pending", "running"}:
        return PENDING
    return FINE if run.state in {"finished", "cached"} else FAILED


def _comparison(one: Any) -> int:
    differs = one.files or one.more_files or one.params or one.metrics or one.data or one.code or one.environment
    return FAILED if differs else FINE


_JUDGES: dict[str, Callable[[Any], int]] = {
    "Adopted": lambda one: {"lacking": FAILED, "waiting": PENDING}.get(one.state, FINE),
    "Change": _change,
    "Handover": lambda one: FAILED if one.state == "differs" else FINE,
    "Review": lambda review: _change(review.change),
    "Published": lambda published: _change(published.change) if published.change else FINE,
    "Expected": lambda found: FINE if found.holds else FAILED,
    "Registration": lambda made: _change(made.change) if made.change else FINE,
    "Merge": _merge,
    "Verdict": lambda verdict: _result(verdict.result),
    "Requirement": lambda requirement: _result(requirement.result),
    "Ran": lambda ran: _run(ran.run),
    "Repeat": lambda repeat: FAILED if repeat.different or repeat.again.state != "finished" else FINE,
    "Run": _run,
    "Finding": lambda finding: FAILED if finding.state == "fail" else FINE,
    "Comparison": _comparison,
    "Difference": lambda _: FAILED,
    "Takeover": lambda one: FAILED if one.state == "differs" else FINE,
    "Standing": lambda standing: FINE if standing.clean else FAILED,
}

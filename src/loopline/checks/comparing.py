"""comparing: one comparison, judged on one estimate and on the estimates of several verdicts, member by member."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopline.checks.requirements import Comparison, parse_comparison
from loopline.errors import Invalid
from loopline.nouns.evaluation import Estimate
from loopline.nouns.verdict import Result, Verdict

_SHOWN = 5
"""Members that are written out."""
_SLACK = 1e-12
"""Estimates carry twelve digits: what differs by less is equal."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One comparison on one estimate."""

    holds: bool
    observed: str
    needed: str
    missing: str = ""
    """What the estimate lacks (`base`, `interval`), where that is why it does not hold."""


def judge(comparison: Comparison, estimate: Estimate) -> Judged:
    """Answer a comparison. What cannot be answered does not hold."""
    wanted = comparison.operator
    if not comparison.on_base:
        seen = (estimate.low if comparison.upward else estimate.high) if comparison.confident else estimate.value
        bound = comparison.offset
        needed = f"{wanted} {_say(bound)}"
    elif estimate.base is None or estimate.delta is None:
        return Judged(holds=False, observed=_say(estimate.value), needed=comparison.text, missing="base")
    elif comparison.confident:
        seen = estimate.delta_low if comparison.upward else estimate.delta_high
        bound = (comparison.factor - 1) * estimate.base + comparison.offset
        needed = f"difference to base {wanted} {_say(bound, signed=True)}"
    else:
        seen = estimate.value
        bound = comparison.factor * estimate.base + comparison.offset
        needed = f"{wanted} {_say(bound)}"
    observed = _observed(comparison, estimate)
    if seen is None:
        return Judged(holds=False, observed=observed, needed=needed, missing="interval")
    gap = seen - bound if comparison.upward else bound - seen
    holds = gap >= -_SLACK if wanted in (">=", "<=") else gap > _SLACK
    return Judged(holds=holds, observed=observed, needed=needed)


def _observed(comparison: Comparison, estimate: Estimate) -> str:
    said = _say(estimate.value)
    if comparison.on_base:
        said += f", base {_say(estimate.base)}"
        if estimate.delta_low is not None:
            low, high = _say(estimate.delta_low, signed=True), _say(estimate.delta_high, signed=True)
            said += f", difference {_say(estimate.delta, signed=True)} [{low}, {high}]"
    elif estimate.low is not None:
        said += f" [{_say(estimate.low)}, {_say(estimate.high)}]"
    return said


def _say(value: float | None, *, signed: bool = False) -> str:
    if value is None:
        return "unknown"
    value = 0.0 if abs(value) < _SLACK else value
    return f"{value:+.4g}" if signed else f"{value:.4g}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one comparison. `CHANGE` in the remedy stands for the change's id."""

    result: Result
    observed: str
    needed: str = ""
    remedy: str = ""


def compare(text: str, verdicts: Sequence[Verdict], *, based: bool, awaited: bool) -> Answer:
    """Answer one line from the newest verdicts on the head.

    Where several verdicts report the metric, it must hold in each. `based`: whether the ref points at anything yet; where
    it does not, a line about the base passes. `awaited`: whether a check that may bring the metric is still to answer.
    """
    try:
        comparison = parse_comparison(text)
    except Invalid as error:
        return Answer(Result.ERROR, str(error), text, f"mend the policy: {error.hint}")
    final = [one for one in verdicts if one.result in (Result.PASS, Result.FAIL)]
    members = _members(comparison, final)
    judged = [
        (estimate, judge(comparison, estimate))
        for verdict in final
        for estimate in verdict.estimates
        if (estimate.metric, estimate.slice) == (comparison.metric, comparison.column) and _large(comparison, estimate)
    ]
    if comparison.on_base and not based:
        return Answer(Result.PASS, "no base: the ref does not exist yet", comparison.text)
    if not judged:
        return _missing(comparison, verdicts, members, awaited=awaited)
    if comparison.column:
        return _of_slice(comparison, judged, members)
    worst = next((one for _, one in judged if not one.holds), judged[-1][1])
    return Answer(Result.PASS if worst.holds else Result.FAIL, worst.observed, worst.needed, _remedy(worst))


def _members(comparison: Comparison, verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Give rows by member of the column, whatever was measured on them."""
    found: dict[str, int] = {}
    for verdict in verdicts:
        for one in verdict.estimates:
            if comparison.column and one.slice == comparison.column:
                found[one.member] = max(one.n, found.get(one.member, 0))
    return found


def _large(comparison: Comparison, estimate: Estimate) -> bool:
    return not comparison.column or estimate.n >= comparison.min_rows


def _of_slice(comparison: Comparison, judged: list[tuple[Estimate, Judged]], members: dict[str, int]) -> Answer:
    seen = {estimate.member for estimate, _ in judged}
    large = {member for member, rows in members.items() if rows >= comparison.min_rows}
    small = sorted(set(members) - large)
    failed = [f"{e.member}: {j.observed} ({e.n} rows; needs {j.needed})" for e, j in judged if not j.holds]
    failed += [f"{member}: {comparison.metric} is not defined there" for member in sorted(large - seen)]
    tail = f"; too few rows: {_list(small)}" if small else ""
    needed = f"every {comparison.column} with {comparison.min_rows} rows: {_wanted(comparison)}"
    if failed:
        remedy = next((_remedy(j) for _, j in judged if not j.holds), _remedy(None))
        return Answer(Result.FAIL, f"{_list(failed, '; ')}{tail}", needed, remedy)
    least = min(judged, key=lambda pair: pair[0].value if comparison.upward else -pair[0].value)
    observed = (
        f"{len(seen)} hold, {'lowest' if comparison.upward else 'highest'} {least[0].member}: {least[1].observed}"
    )
    return Answer(Result.PASS, observed + tail, needed)


def _missing(comparison: Comparison, verdicts: Sequence[Verdict], members: dict[str, int], *, awaited: bool) -> Answer:
    if awaited:
        return Answer(Result.PENDING, "not measured yet", comparison.text, "wait for the checks")
    broken = [one.check for one in verdicts if one.result is Result.ERROR]
    if broken:
        return Answer(
            Result.ERROR, f"{_list(broken)} broke", comparison.text, "see why, then run loopline check CHANGE"
        )
    if members:
        rows = ", ".join(f"{member} ({count})" for member, count in sorted(members.items())[:_SHOWN])
        observed = f"no {comparison.column} has {comparison.metric} on {comparison.min_rows} rows: {rows}"
        return Answer(Result.FAIL, observed, comparison.text, "measure on more rows, or write slice(COLUMN, min=ROWS)")
    if not verdicts:
        return Answer(Result.FAIL, "not measured on this head", comparison.text, "run loopline check CHANGE")
    known = sorted({e.metric for v in verdicts for e in v.estimates if e.slice == comparison.column})
    where = f" by {comparison.column}" if comparison.column else ""
    observed = f"no check measures {comparison.metric}{where}; measured: {_list(known) or 'nothing'}"
    return Answer(Result.FAIL, observed, comparison.text, "let the check return it, or mend the policy")


def _remedy(judged: Judged | None) -> str:
    if judged is not None and judged.missing == "base":
        return "let the check evaluate the base too (give evaluate base=…), then run loopline check CHANGE"
    if judged is not None and judged.missing == "interval":
        return "let the check compute intervals (evaluate with resamples), then run loopline check CHANGE"
    return "train a better candidate, or ask for an override"


def _wanted(comparison: Comparison) -> str:
    return comparison.text.partition(").")[2].lstrip() or comparison.text


def _list(words: Sequence[str], separator: str = ", ") -> str:
    more = len(words) - _SHOWN
    return separator.join(words[:_SHOWN]) + (f"{separator}and {more} more" if more > 0 else "")

"""policy: all that policies demand of one change, answered from recorded facts.

Every policy whose globs match a ref of the change applies, and each of its lines becomes one Requirement. A line passes
only on evidence: what is missing is pending while its check is queued, and fails otherwise. Pure: the same policies and
the same case give the same answer, so a decision can be replayed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from loopline.checks.case import Case, Stand, decision_inputs
from loopline.checks.comparing import compare
from loopline.checks.evidence import evidence_digest, evidence_of, freshened, newest, standing
from loopline.nouns.actor import as_one
from loopline.nouns.change import Approval, Move
from loopline.nouns.ids import brief
from loopline.nouns.name import RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.verdict import Lack, Requirement, Result, Verdict

__all__ = [
    "Case",
    "Stand",
    "allowed",
    "decision_inputs",
    "evaluate_policies",
    "evidence_digest",
    "evidence_of",
    "overridden",
    "policies_for",
    "uncounted",
    "would_count",
]

_SECOND: Final = 1_000_000
_NOTHING: Final[Lack] = ""


def policies_for(policies: Iterable[Policy], ref: RefName | str) -> tuple[Policy, ...]:
    """Give the policies that apply to a ref, in their order.

    In a glob `*` stands for any characters but `@` (also across `/`) and `?` for one; all else stands for itself.
    """
    name = str(ref)
    return tuple(one for one in policies if any(_pattern(glob).match(name) for glob in one.refs))


@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    parts = {"*": "[^@]*", "?": "[^@]"}
    return re.compile("".join(parts.get(c, re.escape(c)) for c in glob) + r"\Z", re.DOTALL)


def evaluate_policies(policies: Iterable[Policy], case: Case) -> tuple[Requirement, ...]:
    """Answer every line of every policy that applies, in order. No line: nothing is demanded.

    An override changes nothing here: see `allowed`.
    """
    found: list[Requirement] = []
    for policy in policies:
        moves = tuple(move for move in case.change.moves if policies_for((policy,), move.ref))
        if moves:
            found += _Bench(policy, case, moves).requirements()
    return tuple(found)


def allowed(policies: Sequence[Policy], case: Case, requirements: Sequence[Requirement]) -> bool:
    """Tell whether the refs may move: each policy's requirements all pass, or a valid override lets the change through it."""
    through = overridden(policies, case)
    return all(one.result is Result.PASS or one.policy in through for one in requirements)


def would_count(policies: Iterable[Policy], case: Case, answer: Approval) -> bool:
    """Tell whether this answer, if it were given, would count for a policy that still lacks approvals."""
    for policy in policies:
        moves = tuple(move for move in case.change.moves if policies_for((policy,), move.ref))
        if moves and policy.approvals is not None:
            bench = _Bench(policy, case, moves)
            lacking = bench.approvals(policy.approvals).result is not Result.PASS
            if lacking and not bench.why_not(policy.approvals, answer):
                return True
    return False


def uncounted(policies: Iterable[Policy], case: Case, answer: Approval) -> str:
    """Say why no policy counts an answer, by what cannot have changed since; empty where one does, or none wants answers."""
    whys = [
        _Bench(policy, case, case.change.moves).why_not(replace(policy.approvals, source=()), answer)
        for policy in policies
        if policy.approvals is not None and any(policies_for((policy,), move.ref) for move in case.change.moves)
    ]
    return whys[0] if whys and all(whys) else ""


def overridden(policies: Iterable[Policy], case: Case) -> frozenset[str]:
    """Name the policies that the change's override lets it through.

    It must bind to this head, give a reason, not have expired (neither by its own `until` nor by the policy's limit), and
    come from an actor that the policy names, or from a person in a team that it names.
    """
    override = case.change.override
    if override is None or override.head != case.change.head or not override.reason.strip():
        return frozenset()
    found: set[str] = set()
    refused: set[str] = set()
    for policy in policies:
        rule = policy.override
        named = override.actor in rule.by
        by_team = override.actor.startswith("person:") and case.member(override.actor, rule.by)
        end = min(override.until, override.at + _microseconds(rule.expires))
        holds = (named or by_team) and override.at <= case.now < end
        (found if holds else refused).add(policy.name)
    return frozenset(found - refused)


class _Bench:
    """One policy judging one case."""

    def __init__(self, policy: Policy, case: Case, moves: tuple[Move, ...]) -> None:
        self.policy, self.case, self.moves = policy, case, moves
        self.latest = newest(case.change.verdicts, case.change.head)
        self.arriving = any(move.new is not None for move in moves)
        """False where the change only deletes: nothing becomes current that evidence could speak of."""

    def requirements(self) -> list[Requirement]:
        policy = self.policy
        found = [self.check(name) for name in policy.checks]
        found += [self.metric(text) for text in policy.metrics]
        if policy.approvals is not None:
            found.append(self.approvals(policy.approvals))
        if policy.soak is not None:
            found.append(self.soak())
        if policy.freshness is not None:
            found.append(self.freshness(policy.freshness))
        if policy.forbid_pickle:
            found.append(self.pickle())
        return found

    def say(
        self, text: str, result: Result, *, observed: str, needed: str = "", remedy: str = "", lacks: Lack = ""
    ) -> Requirement:
        if result is Result.PASS:
            return Requirement(self.policy.name, text, result, observed, needed)
        return Requirement(self.policy.name, text, result, observed, needed, remedy, lacks)

    def check(self, name: str) -> Requirement:
        text = f"check {name}"
        if not self.arriving:
            return self.deleting(text)
        verdict = self.latest.get(name)
        again = f"loopline check {brief(self.case.change.id)}"
        if name in self.case.queued and (verdict is None or verdict.result is Result.ERROR):
            observed = "queued" if verdict is None else "queued again after an error"
            return self.say(text, Result.PENDING, observed=observed, needed="pass", remedy=f"wait for {name}")
        if verdict is None:
            remedy, lacks = self.gather(name)
            return self.say(
                text, Result.FAIL, observed="not run on this head", needed="pass", remedy=remedy, lacks=lacks
            )
        observed = f"{verdict.result}: {verdict.summary}" if verdict.summary else str(verdict.result)
        see = f"see why it broke (run {verdict.run}), then " if verdict.run else ""
        remedy = {
            Result.PENDING: f"wait for {name}",
            Result.ERROR: f"{see}run {again}",
        }.get(verdict.result, f"see run {verdict.run}, mend what it found, and propose again")
        return self.say(text, verdict.result, observed=observed, needed="pass", remedy=remedy)

    def metric(self, text: str) -> Requirement:
        if not self.arriving:
            return self.deleting(text)
        listed = self.policy.checks or tuple(self.latest)
        awaited = bool(self.case.queued) if not self.policy.checks else bool(self.case.queued.intersection(listed))
        verdicts = [self.latest[name] for name in listed if name in self.latest]
        based = any(move.old is not None or self.case.current.get(str(move.ref)) is not None for move in self.moves)
        answer = compare(text, verdicts, based=based, awaited=awaited or _unfinished(verdicts))
        remedy, lacks = answer.remedy.replace("CHANGE", brief(self.case.change.id)), _NOTHING
        if not verdicts and answer.result is Result.FAIL:
            remedy, lacks = self.gather(*self.policy.checks)
        return self.say(text, answer.result, observed=answer.observed, needed=answer.needed, remedy=remedy, lacks=lacks)

    def gather(self, *names: str) -> tuple[str, Lack]:
        """Say how evidence comes about: by running the checks, where the project declares them, else by declaring one."""
        declared = self.case.declared
        lost = [] if declared is None else [name for name in names if name not in declared]
        if declared is None or (declared and not lost):
            return f"run loopline check {brief(self.case.change.id)}", "evidence"
        what = f'[checks."{lost[0] if lost else "NAME"}"]'
        declare = f"declare a check: add {what} with refs and pipeline to loopline.toml"
        return f"{declare}, then loopline policy --push --why …", _NOTHING

    def approvals(self, rule: Approvals) -> Requirement:
        text = _describe(rule)
        answers = standing(self.case.change)
        eligible = [one for one in answers if not self.why_not(rule, one)]
        yes = sorted(one.actor for one in eligible if one.answer == "approve")
        no = sorted(one.actor for one in eligible if one.answer == "reject")
        ignored = [f"{one.actor} {why}" for one in answers if (why := self.why_not(rule, one))]
        stale = sorted({a.actor for a in freshened(self.case.change) if a.stale} - {a.actor for a in answers})
        ignored += [f"{actor} saw another head or other evidence" for actor in stale]
        observed = f"{len(yes)} of {rule.count}" + (f" ({', '.join(yes)})" if yes else "")
        if no:
            observed += f"; rejected by {', '.join(no)}"
        if ignored:
            observed += f"; not counted: {'; '.join(sorted(ignored))}"
        who = f"somebody of {', '.join(rule.source)}" if rule.source else "somebody"
        who += " else than the author" if rule.not_author else ""
        needed = str(rule.count)
        if no:
            remedy = f"settle it with {', '.join(no)}, who can approve instead"
            return self.say(text, Result.FAIL, observed=observed, needed=needed, remedy=remedy)
        result = Result.PASS if len(yes) >= rule.count else Result.PENDING
        remedy = f"{who}: loopline approve {brief(self.case.change.id)}"
        return self.say(text, result, observed=observed, needed=needed, remedy=remedy, lacks="approval")

    def why_not(self, rule: Approvals, one: Approval) -> str:
        """Say why an answer does not count; empty: it does."""
        if rule.not_author and one.actor in self.case.change.authors:
            return _as_author(self.case.change.author, one.actor)
        if rule.humans_only and not one.actor.startswith("person:"):
            return "is no person"
        if rule.verified and not one.verified:
            return "is not verified"
        if rule.source and not self.case.member(one.actor, rule.source):
            return f"is not in {', '.join(rule.source)}"
        return ""

    def soak(self) -> Requirement:
        rule = self.policy.soak
        if rule is None or not self.arriving:
            return self.deleting("soak")
        text = f"soak {say_duration(rule.duration)} on {rule.on}, at most {rule.max_alerts} alerts"
        stands = [one for one in self.case.stands if _pattern(rule.on).match(one.ref)]
        needed = f"{say_duration(rule.duration)}, alerts <= {rule.max_alerts}"
        if not stands:
            remedy = f"move it to {rule.on} first"
            return self.say(text, Result.FAIL, observed=f"not on {rule.on}", needed=needed, remedy=remedy)
        quiet = [one for one in stands if one.alerts <= rule.max_alerts]
        best = min(quiet or stands, key=lambda one: one.since)
        lasted = timedelta(microseconds=max(0, self.case.now - best.since))
        observed = f"{say_duration(lasted)} on {best.ref}, {best.alerts} alerts (of monitors, or incidents that blame its change)"
        if not quiet:
            remedy = f"find out what is wrong on {best.ref}: loopline alerts, loopline find incidents"
            return self.say(text, Result.FAIL, observed=observed, needed=needed, remedy=remedy)
        end = best.since + _microseconds(rule.duration)
        result = Result.PASS if self.case.now >= end else Result.PENDING
        return self.say(text, result, observed=observed, needed=needed, remedy=f"wait until {_say_time(end)}")

    def freshness(self, limit: timedelta) -> Requirement:
        text = f"evidence at most {say_duration(limit)} old"
        if not self.arriving:
            return self.deleting(text)
        needed = f"<= {say_duration(limit)}"
        listed = self.policy.checks or tuple(self.latest)
        missing = [name for name in listed if name not in self.latest]
        ages = {name: self.case.now - self.latest[name].at for name in listed if name in self.latest}
        old = sorted(name for name, age in ages.items() if age > _microseconds(limit))
        if not old and not missing and ages:
            oldest = timedelta(microseconds=max(0, *ages.values(), 0))
            return self.say(text, Result.PASS, observed=say_duration(oldest), needed=needed)
        lacking = [*old, *missing]
        observed = ", ".join([
            *(f"{name} {say_duration(timedelta(microseconds=ages[name]))}" for name in old),
            *(f"no {m}" for m in missing),
        ])
        waiting = bool(lacking) and set(lacking) <= self.case.queued
        remedy, lacks = (f"wait for {', '.join(lacking)}", _NOTHING) if waiting else self.gather(*missing)
        result = Result.PENDING if waiting else Result.FAIL
        return self.say(text, result, observed=observed or "no evidence", needed=needed, remedy=remedy, lacks=lacks)

    def pickle(self) -> Requirement:
        text = "no pickle"
        models = [f"{m.ref.asset}@{m.new}" for m in self.moves if m.new is not None and m.ref.asset.kind == "model"]
        bad = [name for name in models if self.case.pickled.get(name)]
        unknown = [name for name in models if name not in self.case.pickled]
        if bad:
            remedy = (
                "save it in a format that needs no unpickling (skops, ONNX), or leave custom classes out of the model"
            )
            return self.say(
                text, Result.FAIL, observed=f"{', '.join(bad)} must be unpickled", needed="none", remedy=remedy
            )
        if unknown:
            observed = f"nobody scanned {', '.join(unknown)}"
            return self.say(text, Result.ERROR, observed=observed, needed="none", remedy="save it as a Loopline model")
        return self.say(text, Result.PASS, observed="none", needed="none")

    def deleting(self, text: str) -> Requirement:
        return self.say(text, Result.PASS, observed="nothing becomes current")


def _as_author(author: str, actor: str) -> str:
    """Say how somebody is among the authors of a change."""
    if actor == author:
        return "is the author"
    if actor in as_one(author):
        return "is who the author acts for" if author.startswith("assistant:") else "acts for the author"
    return "has fired the trigger that is the author"


def _unfinished(verdicts: Iterable[Verdict]) -> bool:
    return any(one.result is Result.PENDING for one in verdicts)


def _describe(rule: Approvals) -> str:
    words = [f"{rule.count} approval{'' if rule.count == 1 else 's'}"]
    words += [f"from {', '.join(rule.source)}"] if rule.source else []
    words += ["not the author"] if rule.not_author else []
    words += ["people only"] if rule.humans_only else []
    words += ["verified"] if rule.verified else []
    return ", ".join(words)


def _microseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def _say_time(at: int) -> str:
    try:
        return datetime.fromtimestamp(at // _SECOND, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "much later"


def say_duration(length: timedelta) -> str:
    """Write a duration as a project file does, in its largest unit: `90m`, `36h`, `7d`."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"

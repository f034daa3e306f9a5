"""policy: each kind of line, what makes it pass, fail or wait, and what may never happen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopline.checks.policy import (
    Case,
    Stand,
    allowed,
    decision_inputs,
    evaluate_policies,
    evidence_of,
    overridden,
    policies_for,
    say_duration,
    would_count,
)
from loopline.nouns.change import Answer, Approval, Change, ChangeState, Move, Override
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.evaluation import Estimate
from loopline.nouns.name import parse_ref
from loopline.nouns.policy import Approvals, OverrideRule, Policy, Soak
from loopline.nouns.verdict import Requirement, Result, Verdict

HOUR = 3_600_000_000
NOW = 1000 * HOUR
CHAMPION = parse_ref("model/delay@champion", project="flights")
PROD = parse_ref("service/delay@prod", project="flights")
CHANGE = Change("c1", "flights", "person:ann", "", "planned", ChangeState.PROPOSED, (Move(CHAMPION, 1, 2),), NOW - HOUR)
GOOD = (
    Estimate("roc_auc", 0.77, 0.76, 0.78, 9000, base=0.76, delta=0.01, delta_low=0.004, delta_high=0.016),
    Estimate("roc_auc", 0.79, 0.77, 0.81, 4000, "carrier", "UA", 0.78, 0.01, -0.01, 0.03),
    Estimate("roc_auc", 0.61, 0.55, 0.66, 900, "carrier", "DL", 0.66, -0.05, -0.08, -0.02),
    Estimate("roc_auc", 0.40, 0.10, 0.70, 20, "carrier", "HA", 0.50, -0.1, -0.4, 0.2),
)


def policy(**lines: Any) -> Policy:
    """Make a policy of the champion."""
    return Policy("champion", ("model/*@champion",), **lines)


def verdict(
    result: Result = Result.PASS,
    *,
    check: str = "eval",
    at: int = NOW - HOUR,
    estimates: Iterable[Estimate] = GOOD,
    head: Digest | None = None,
) -> Verdict:
    """Make a verdict on the head of CHANGE."""
    return Verdict(check, head or CHANGE.head, result, "r1", at, "", tuple(estimates))


def case(*verdicts: Verdict, change: Change = CHANGE, **facts: Any) -> Case:
    """Make a case of CHANGE with these verdicts."""
    return Case(replace(change, verdicts=verdicts), NOW, **{"current": {str(CHAMPION): 1}, **facts})


def answer(rule: Policy, facts: Case) -> Requirement:
    """Give the one requirement of a policy of one line."""
    (only,) = evaluate_policies([rule], facts)
    assert only.result is Result.PASS or only.remedy
    return only


@pytest.mark.parametrize(
    ("glob", "ref", "applies"),
    [
        ("model/*@champion", "model/delay@champion", True),
        ("model/*@champion", "model/eu/delay@champion", True),
        ("model/*@champion", "model/delay@challenger", False),
        ("model/*@champion", "service/delay@champion", False),
        ("*@prod", "service/delay@prod", True),
        ("model/*", "model/delay@champion", False),
        ("model/*@*", "model/delay@champion", True),
        ("model/dela?@champion", "model/delay@champion", True),
        ("model/[d]elay@champion", "model/delay@champion", False),
        ("model/delay@champion", "model/delay@champion\n", False),
    ],
)
def test_globs(glob: str, ref: str, *, applies: bool) -> None:
    """`*` stands for anything but `@`, `?` for one character, and nothing else is special."""
    assert bool(policies_for([Policy("p", (glob,))], ref)) is applies


@pytest.mark.parametrize(
    ("verdicts", "queued", "result"),
    [
        ([verdict()], (), Result.PASS),
        ([verdict(Result.FAIL)], (), Result.FAIL),
        ([verdict(Result.ERROR)], (), Result.ERROR),
        ([verdict(Result.PENDING)], (), Result.PENDING),
        ([], (), Result.FAIL),
        ([], ("eval",), Result.PENDING),
        ([], ("other",), Result.FAIL),
        ([verdict(Result.ERROR)], ("eval",), Result.PENDING),
        ([verdict(Result.ERROR)], ("other",), Result.ERROR),
        ([verdict(Result.FAIL)], ("eval",), Result.FAIL),
        ([verdict()], ("eval",), Result.PASS),
        ([verdict(), verdict(Result.FAIL, at=NOW)], (), Result.FAIL),
        ([verdict(Result.FAIL), verdict(at=NOW)], (), Result.PASS),
        ([verdict(head=digest_of(b"x"))], (), Result.FAIL),
        ([verdict(check="other")], (), Result.FAIL),
    ],
)
def test_checks(verdicts: list[Verdict], queued: tuple[str, ...], result: Result) -> None:
    """The newest verdict on this head decides; none is a failure, and it or an error is pending while the check is queued."""
    assert answer(policy(checks=("eval",)), case(*verdicts, queued=frozenset(queued))).result is result


@pytest.mark.parametrize(
    ("text", "verdicts", "queued", "result"),
    [
        ("roc_auc >= 0.7", [verdict()], (), Result.PASS),
        ("roc_auc >= 0.775", [verdict()], (), Result.FAIL),
        ("roc_auc >= 0.765 confident", [verdict()], (), Result.FAIL),
        ("roc_auc >= base + 0.005", [verdict()], (), Result.PASS),
        ("roc_auc >= base + 0.005 confident", [verdict()], (), Result.FAIL),
        ("roc_auc >= 0.7", [verdict(Result.FAIL)], (), Result.PASS),
        ("roc_auc >= 0.7", [verdict(Result.ERROR)], (), Result.ERROR),
        ("roc_auc >= 0.7", [verdict(Result.PENDING)], (), Result.PENDING),
        ("roc_auc >= 0.7", [], (), Result.FAIL),
        ("roc_auc >= 0.7", [], ("eval",), Result.PENDING),
        ("log_loss <= 9", [verdict()], (), Result.FAIL),
        ("log_loss <= 9", [verdict()], ("eval",), Result.PENDING),
        ("roc_auc >= base", [verdict(estimates=[Estimate("roc_auc", 0.9)])], (), Result.FAIL),
        ("roc_auc >= 0 confident", [verdict(estimates=[Estimate("roc_auc", 0.9)])], (), Result.FAIL),
        ("roc_auc => 0.7", [verdict()], (), Result.ERROR),
        ("slice(carrier).roc_auc >= 0.6", [verdict()], (), Result.PASS),
        ("slice(carrier).roc_auc >= 0.7", [verdict()], (), Result.FAIL),
        ("slice(carrier, min=1000).roc_auc >= 0.7", [verdict()], (), Result.PASS),
        ("slice(carrier, min=10).roc_auc >= 0.6", [verdict()], (), Result.FAIL),
        ("slice(carrier, min=9999).roc_auc >= 0.1", [verdict()], (), Result.FAIL),
        ("slice(carrier).roc_auc >= base - 0.06", [verdict()], (), Result.PASS),
        ("slice(carrier).roc_auc >= base - 0.04", [verdict()], (), Result.FAIL),
        ("slice(carrier).roc_auc >= base - 0.04", [verdict()], ("eval",), Result.FAIL),
        ("slice(origin).roc_auc >= 0", [verdict()], (), Result.FAIL),
    ],
)
def test_metrics(text: str, verdicts: list[Verdict], queued: tuple[str, ...], result: Result) -> None:
    """A comparison holds on evidence alone: what is missing, without a base or without an interval never passes."""
    facts = case(*verdicts, queued=frozenset(queued))
    found = evaluate_policies([policy(checks=("eval",), metrics=(text,))], facts)[1]
    assert found.result is result


def test_small_members_are_listed_and_bad_ones_named() -> None:
    """A member with too few rows is listed, one below the floor is named with what was seen and needed."""
    found = answer(policy(metrics=("slice(carrier).roc_auc >= 0.7",)), case(verdict()))
    assert "DL: 0.61" in found.observed
    assert "900 rows" in found.observed
    assert "too few rows: HA" in found.observed


def test_a_member_without_the_metric_fails() -> None:
    """A large member on which the metric is not defined does not slip through."""
    estimates = (*GOOD, Estimate("log_loss", 0.5, n=5000, slice="carrier", member="B6"))
    found = answer(policy(metrics=("slice(carrier).roc_auc >= 0.1",)), case(verdict(estimates=estimates)))
    assert found.result is Result.FAIL
    assert "B6" in found.observed


def test_without_a_base_comparisons_with_it_pass() -> None:
    """Where the ref does not exist yet, a line about the base passes and says so; a floor still asks for evidence."""
    change = replace(CHANGE, moves=(Move(CHAMPION, None, 1),))
    rule = policy(metrics=("roc_auc >= base - 0.005", "roc_auc >= 0.7"))
    first, second = evaluate_policies([rule], case(change=change, current={}))
    assert (first.result, second.result) == (Result.PASS, Result.FAIL)
    assert "no base" in first.observed


def test_a_metric_of_several_checks_must_hold_in_each() -> None:
    """Where two listed checks report a metric, the worse one decides."""
    worse = verdict(check="other", estimates=[Estimate("roc_auc", 0.5)])
    rule = policy(checks=("eval", "other"), metrics=("roc_auc >= 0.7",))
    assert evaluate_policies([rule], case(verdict(), worse))[2].result is Result.FAIL
    assert evaluate_policies([replace(rule, checks=("eval",))], case(verdict(), worse))[1].result is Result.PASS


def approval(
    actor: str = "person:bob",
    said: Answer = "approve",
    *,
    verified: bool = False,
    at: int = NOW,
    of: Change | None = None,
) -> Approval:
    """Approve CHANGE as it stands with `of`'s evidence."""
    seen = of or case(verdict()).change
    return Approval(actor, said, seen.head, evidence_of(seen), verified, at)


@pytest.mark.parametrize(
    ("rule", "answers", "result"),
    [
        (Approvals(), [approval()], Result.PASS),
        (Approvals(), [], Result.PENDING),
        (Approvals(count=2), [approval()], Result.PENDING),
        (Approvals(count=2), [approval(), approval("person:eve")], Result.PASS),
        (Approvals(count=2), [approval(), approval(at=NOW + 1)], Result.PENDING),
        (Approvals(), [approval("person:ann")], Result.PENDING),
        (Approvals(not_author=False), [approval("person:ann")], Result.PASS),
        (Approvals(), [approval("assistant:bot")], Result.PENDING),
        (Approvals(humans_only=False), [approval("assistant:bot")], Result.PASS),
        (Approvals(humans_only=False), [approval("assistant:ann")], Result.PENDING),
        (Approvals(verified=True), [approval()], Result.PENDING),
        (Approvals(verified=True), [approval(verified=True)], Result.PASS),
        (Approvals(source=("team/ml",)), [approval()], Result.PASS),
        (Approvals(source=("team/ops",)), [approval()], Result.PENDING),
        (Approvals(source=("team/ops", "person:bob")), [approval()], Result.PASS),
        (Approvals(), [approval(), approval("person:eve", "reject")], Result.FAIL),
        (Approvals(), [approval(), approval("assistant:bot", "reject")], Result.PASS),
        (Approvals(source=("team/ml",)), [approval(), approval("person:eve", "reject")], Result.PASS),
        (Approvals(), [approval(said="reject", at=1), approval()], Result.PASS),
        (Approvals(), [approval(of=case().change)], Result.PENDING),
        (Approvals(), [replace(approval(), head=digest_of(b"x"))], Result.PENDING),
        (Approvals(), [approval(), approval("person:eve", "reject", of=case().change)], Result.PASS),
    ],
)
def test_approvals(rule: Approvals, answers: list[Approval], result: Result) -> None:
    """Only answers count that are eligible and saw this head and this evidence; a rejection among them is a failure."""
    facts = case(verdict(), teams={"team/ml": frozenset({"person:bob", "person:ann"})})
    facts = replace(facts, change=replace(facts.change, approvals=tuple(answers)))
    assert answer(policy(approvals=rule), facts).result is result


@pytest.mark.parametrize(
    ("rule", "given", "mine", "counts"),
    [
        (Approvals(), [], approval(), True),
        (Approvals(), [approval("person:eve")], approval(), False),
        (Approvals(count=2), [approval("person:eve")], approval(), True),
        (Approvals(), [], approval("person:ann"), False),
        (Approvals(), [], approval("token:ci"), False),
        (Approvals(verified=True), [], approval(), False),
        (Approvals(source=("team/ml",)), [], approval(), True),
        (Approvals(source=("team/ops",)), [], approval(), False),
    ],
)
def test_whose_answer_would_count(rule: Approvals, given: list[Approval], mine: Approval, *, counts: bool) -> None:
    """Only who is eligible can help, and only where approvals are lacking."""
    facts = case(verdict(), teams={"team/ml": frozenset({"person:bob"})})
    facts = replace(facts, change=replace(facts.change, approvals=tuple(given)))
    assert would_count([policy(approvals=rule)], facts, mine) is counts
    assert not would_count([policy(checks=("eval",))], facts, mine)
    assert not would_count([Policy("other", ("data/*@main",), approvals=rule)], facts, mine)


@pytest.mark.parametrize(
    ("stands", "result"),
    [
        ([], Result.FAIL),
        ([Stand("model/delay@staging", NOW - 25 * HOUR)], Result.PASS),
        ([Stand("model/delay@staging", NOW - 24 * HOUR)], Result.PASS),
        ([Stand("model/delay@staging", NOW - 23 * HOUR)], Result.PENDING),
        ([Stand("model/delay@staging", NOW - 25 * HOUR, alerts=1)], Result.FAIL),
        ([Stand("model/delay@test", NOW - 25 * HOUR)], Result.FAIL),
        ([Stand("model/delay@staging", NOW + HOUR)], Result.PENDING),
    ],
)
def test_soak(stands: list[Stand], result: Result) -> None:
    """It must have stood there long enough and quietly; too short is pending, noisy or absent a failure."""
    rule = policy(soak=Soak("model/*@staging", timedelta(hours=24)))
    assert answer(rule, case(stands=tuple(stands))).result is result


@pytest.mark.parametrize(
    ("verdicts", "queued", "result"),
    [
        ([verdict(at=NOW - 24 * HOUR)], (), Result.PASS),
        ([verdict(at=NOW - 24 * HOUR - 1)], (), Result.FAIL),
        ([verdict(at=NOW - 25 * HOUR)], ("eval",), Result.PENDING),
        ([verdict(at=NOW + HOUR)], (), Result.PASS),
        ([], (), Result.FAIL),
        ([], ("eval",), Result.PENDING),
    ],
)
def test_freshness(verdicts: list[Verdict], queued: tuple[str, ...], result: Result) -> None:
    """Evidence older than the limit fails, or waits where its check is queued; a clock that jumped back does no harm."""
    rule = policy(checks=("eval",), freshness=timedelta(days=1))
    assert evaluate_policies([rule], case(*verdicts, queued=frozenset(queued)))[1].result is result


@pytest.mark.parametrize(
    ("pickled", "result"),
    [({"model/delay@2": False}, Result.PASS), ({"model/delay@2": True}, Result.FAIL), ({}, Result.ERROR)],
)
def test_pickle(pickled: dict[str, bool], result: Result) -> None:
    """A model that must be unpickled fails; one that nobody scanned is an error, not a pass."""
    assert answer(policy(forbid_pickle=True), case(pickled=pickled)).result is result


def test_all_policies_of_all_refs_are_anded() -> None:
    """Each policy that matches any ref of the change brings its lines; others bring none."""
    change = replace(CHANGE, moves=(Move(CHAMPION, 1, 2), Move(PROD, 4, 5)))
    rules = [
        policy(checks=("a",)),
        Policy("prod", ("*@prod",), checks=("b",)),
        Policy("no", ("data/*@main",), checks=("c",)),
    ]
    assert [one.text for one in evaluate_policies(rules, case(change=change))] == ["check a", "check b"]
    assert evaluate_policies([rules[2]], case(change=change)) == ()


def test_deleting_asks_for_approvals_alone() -> None:
    """Where nothing becomes current, lines about evidence pass and approvals still count."""
    change = replace(CHANGE, moves=(Move(CHAMPION, 1, None),))
    rule = policy(
        checks=("eval",),
        metrics=("roc_auc >= 1",),
        approvals=Approvals(),
        soak=Soak("model/*@staging", timedelta(hours=1)),
        freshness=timedelta(days=1),
        forbid_pickle=True,
    )
    found = evaluate_policies([rule], case(change=change))
    assert {one.text: one.result for one in found if one.result is not Result.PASS} == {
        "1 approval, not the author, people only": Result.PENDING
    }


@pytest.mark.parametrize(
    ("override", "lets_through"),
    [
        ({}, True),
        ({"actor": "person:eve"}, False),
        ({"actor": "token:deploy"}, True),
        ({"actor": "assistant:bot"}, False),
        ({"head": digest_of(b"x")}, False),
        ({"until": NOW}, False),
        ({"at": NOW + 1}, False),
        ({"at": NOW - 4 * HOUR}, False),
        ({"reason": "  "}, False),
    ],
)
def test_overrides(override: dict[str, Any], *, lets_through: bool) -> None:
    """An override lets the change through only if it is on this head, reasoned, in time and by somebody who may."""
    standing: dict[str, Any] = dict(
        actor="person:bob", reason="storm", until=NOW + HOUR, at=NOW - HOUR, head=CHANGE.head
    )
    rule = policy(checks=("eval",), override=OverrideRule(("team/sre", "token:deploy"), timedelta(hours=4)))
    facts = case(
        verdict(Result.FAIL),
        change=replace(CHANGE, override=Override(**{**standing, **override})),
        teams={"team/sre": frozenset({"person:bob", "assistant:bot"})},
    )
    found = evaluate_policies([rule], facts)
    assert found[0].result is Result.FAIL
    assert allowed([rule], facts, found) is lets_through
    other = Policy("other", ("model/*@*",), checks=("eval",))
    assert not allowed([rule, other], facts, evaluate_policies([rule, other], facts))
    assert not overridden([rule, replace(other, name="champion")], facts)


def test_inputs_name_what_a_decision_was_taken_on() -> None:
    """The digest of the inputs changes with evidence, approvals, base and override, and not with the time or the order."""
    facts = case(verdict(), verdict(check="b"))
    same = replace(facts, change=replace(facts.change, verdicts=facts.change.verdicts[::-1]), now=NOW + 1)
    assert decision_inputs(facts) == decision_inputs(same)
    others = [
        case(verdict()),
        replace(facts, current={str(CHAMPION): 3}),
        replace(facts, change=replace(facts.change, approvals=(approval(),))),
        replace(facts, queued=frozenset({"x"})),
        replace(facts, pickled={"model/delay@2": True}),
        replace(facts, change=replace(facts.change, override=Override("a", "b", 1, 0, CHANGE.head))),
    ]
    assert len({decision_inputs(facts), *map(decision_inputs, others)}) == 7


@pytest.mark.parametrize(
    ("length", "said"),
    [(timedelta(hours=24), "1d"), (timedelta(minutes=90), "90m"), (timedelta(seconds=5), "5s"), (timedelta(0), "0s")],
)
def test_durations_are_written_as_in_the_project_file(length: timedelta, said: str) -> None:
    """A duration is written in its largest whole unit."""
    assert say_duration(length) == said


RESULTS = st.sampled_from(list(Result))
VERDICTS = st.lists(
    st.builds(
        lambda result, check, age, value: verdict(
            result,
            check=check,
            at=NOW - age * HOUR,
            estimates=[Estimate("roc_auc", value, n=500, base=0.7, delta=value - 0.7)],
        ),
        RESULTS,
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 50),
        st.floats(0.5, 0.9),
    ),
    max_size=6,
    unique_by=lambda v: (v.check, v.at),
)
POLICIES = st.lists(
    st.builds(
        policy,
        checks=st.sampled_from([("a",), ("a", "b"), ("b",)]),
        metrics=st.sampled_from([(), ("roc_auc >= 0.7",), ("roc_auc >= base - 0.01", "roc_auc >= 0.6")]),
        approvals=st.none() | st.builds(Approvals, count=st.integers(1, 2)),
        freshness=st.none() | st.just(timedelta(hours=30)),
    ),
    min_size=1,
    max_size=3,
)
ACTORS = st.lists(st.sampled_from(["person:bob", "person:eve", "person:ann", "assistant:bot"]), max_size=4, unique=True)


def passes(rules: Iterable[Policy], facts: Case) -> bool:
    """Tell whether every line of every policy passes."""
    return all(one.result is Result.PASS for one in evaluate_policies(rules, facts))


@settings(max_examples=200, deadline=None)
@given(POLICIES, VERDICTS, ACTORS, st.sampled_from(["a", "b", "c"]))
def test_more_bad_news_never_helps(rules: list[Policy], verdicts: list[Verdict], actors: list[str], check: str) -> None:
    """Neither a failing verdict, nor another policy, nor a withdrawn approval turns a closed gate into an open one."""
    facts = case(*verdicts)
    facts = replace(facts, change=replace(facts.change, approvals=tuple(approval(a, of=facts.change) for a in actors)))
    if passes(rules, facts):
        return
    worse = replace(
        facts, change=replace(facts.change, verdicts=(*verdicts, verdict(Result.FAIL, check=check, at=NOW)))
    )
    assert not passes(rules, worse)
    assert not passes([*rules, policy(checks=("c",))], facts)
    assert not passes(rules, replace(facts, change=replace(facts.change, approvals=facts.change.approvals[1:])))


@settings(max_examples=200, deadline=None)
@given(POLICIES, VERDICTS)
def test_a_gate_opens_on_evidence_alone(rules: list[Policy], verdicts: list[Verdict]) -> None:
    """If a policy passes, each of its checks has a passing newest verdict on this head."""
    facts = case(*verdicts)
    for rule in rules:
        if passes([rule], facts):
            for check in rule.checks:
                mine = [v for v in verdicts if v.check == check]
                assert max(mine, key=lambda v: v.at).result is Result.PASS
    assert not any(passes([rule], case()) for rule in rules)


@settings(max_examples=100, deadline=None)
@given(POLICIES, VERDICTS, st.randoms())
def test_order_does_not_matter(rules: list[Policy], verdicts: list[Verdict], dice: Random) -> None:
    """Facts in another order give the same answers and the same digest of inputs."""
    shuffled = list(verdicts)
    dice.shuffle(shuffled)
    assert evaluate_policies(rules, case(*verdicts)) == evaluate_policies(rules, case(*shuffled))
    assert decision_inputs(case(*verdicts)) == decision_inputs(case(*shuffled))


@pytest.mark.parametrize(
    ("rule", "declared", "step"),
    [
        ({"metrics": ("roc_auc >= 0.7",)}, (), 'declare a check: add [checks."NAME"]'),
        ({"metrics": ("roc_auc >= 0.7",)}, ("eval",), "run loopline check"),
        ({"metrics": ("roc_auc >= 0.7",), "checks": ()}, None, "run loopline check"),
        ({"checks": ("eval",)}, ("other",), 'declare a check: add [checks."eval"]'),
        ({"checks": ("eval",)}, ("eval",), "run loopline check"),
        ({"freshness": timedelta(days=1)}, (), 'declare a check: add [checks."NAME"]'),
    ],
)
def test_no_step_leads_to_a_check_that_is_not_there(rule: Any, declared: Any, step: str) -> None:
    """Without evidence the next step is to run the checks that the project declares, or else to declare one."""
    facts = case(declared=None if declared is None else frozenset(declared))
    assert answer(policy(**rule), facts).remedy.startswith(step)


REJECTED = approval("person:eve", "reject", of=case().change)


@pytest.mark.parametrize(
    ("rule", "facts", "lacks"),
    [
        ({"checks": ("eval",)}, {}, "evidence"),
        ({"metrics": ("roc_auc >= 0.7",)}, {}, "evidence"),
        ({"freshness": timedelta(days=1)}, {}, "evidence"),
        ({"checks": ("eval",)}, {"queued": frozenset({"eval"})}, ""),
        ({"metrics": ("roc_auc >= 0.7",)}, {"declared": frozenset[str]()}, ""),
        ({"approvals": Approvals()}, {}, "approval"),
        ({"approvals": Approvals()}, {"change": replace(CHANGE, approvals=(REJECTED,))}, ""),
        ({"approvals": Approvals(count=0)}, {}, ""),
    ],
)
def test_a_requirement_says_what_can_be_given_on_the_spot(rule: Any, facts: Any, lacks: str) -> None:
    """Running a check or an answer helps; what is waited for, rejected or passed, or that no check measures, lacks neither."""
    assert answer(policy(**rule), case(**facts)).lacks == lacks

"""document: what is written is read again, equal means equal bytes, and differences are told in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopline.checks.document import Document, diff_documents, dump_document, load_document
from loopline.errors import Invalid
from loopline.nouns.check import Check
from loopline.nouns.policy import Approvals, OverrideRule, Policy, Soak

NAMES = st.text("abc/*@é", max_size=5)
LISTS = st.lists(NAMES, max_size=3).map(tuple)
LENGTHS = st.timedeltas(timedelta(0), timedelta(days=1000))
POLICIES = st.builds(
    Policy,
    name=NAMES,
    refs=LISTS,
    checks=LISTS,
    metrics=LISTS,
    approvals=st.none() | st.builds(Approvals, count=st.integers(0, 5), source=LISTS, verified=st.booleans()),
    soak=st.none() | st.builds(Soak, on=NAMES, duration=LENGTHS, max_alerts=st.integers(0, 3)),
    freshness=st.none() | LENGTHS,
    forbid_pickle=st.booleans(),
    override=st.builds(OverrideRule, by=LISTS, expires=LENGTHS),
)
CHECKS = st.builds(
    Check, name=NAMES, refs=LISTS, pipeline=NAMES, params=st.lists(st.tuples(NAMES, NAMES), max_size=2).map(tuple)
)
DOCUMENTS = st.builds(
    Document,
    st.lists(POLICIES, max_size=3, unique_by=lambda p: p.name).map(tuple),
    st.lists(CHECKS, max_size=3, unique_by=lambda c: c.name).map(
        lambda found: tuple(sorted(found, key=lambda c: c.name))
    ),
)

RULE = Policy(
    "champion",
    ("model/*@champion",),
    ("eval/holdout",),
    ("roc_auc >= 0.7",),
    Approvals(1, ("team/ml",)),
    freshness=timedelta(days=7),
)


@given(DOCUMENTS)
def test_what_is_written_is_read(document: Document) -> None:
    """Any document survives being written and read, and equal documents are equal bytes without a difference."""
    data = dump_document(document)
    assert load_document(data) == document
    assert dump_document(load_document(data)) == data
    assert diff_documents(document, load_document(data)) == ()


@given(DOCUMENTS, DOCUMENTS)
def test_every_difference_is_told(old: Document, new: Document) -> None:
    """Documents that mean something else differ in words."""
    if dump_document(old) != dump_document(new) and set(old.policies) != set(new.policies):
        said = diff_documents(old, new)
        silent = {replace(p, override=OverrideRule(p.override.by, timedelta(1))) for p in old.policies} == {
            replace(p, override=OverrideRule(p.override.by, timedelta(1))) for p in new.policies
        }
        assert said or silent


def test_differences_in_words() -> None:
    """What is asked for, no longer asked for, or asked differently is one line each."""
    other = replace(RULE, metrics=("roc_auc >= 0.75",), freshness=None, forbid_pickle=True)
    old = Document((RULE, Policy("gone", ("a",))), (Check("eval/holdout", ("a",), "judge"),))
    new = Document((other, Policy("new", ("b",), ("c",))), (Check("eval/holdout", ("a",), "judge", (("days", "14"),)),))
    assert diff_documents(old, new) == (
        "policy 'gone' goes away",
        "policy 'champion': metrics roc_auc >= 0.7 → metrics roc_auc >= 0.75",
        "policy 'champion': no longer asks evidence at most 7d old",
        "policy 'champion': now asks no pickle",
        "policy 'new' is new",
        "  refs b",
        "  checks c",
        "check 'eval/holdout': now asks params days=14",
    )


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda d: d.update(version=2), "newer-policy"),
        (lambda d: d.update(extra=1), "unknown-key"),
        (lambda d: d["policies"][0].update(rule="x"), "unknown-key"),
        (lambda d: d["policies"][0]["approvals"].update(minimum=3), "unknown-key"),
        (lambda d: d["policies"][0].pop("name"), "bad-policy"),
        (lambda d: d["policies"][0].update(freshness="x"), "bad-policy"),
        (lambda d: d["policies"].append(d["policies"][0]), "same-name"),
        (lambda d: d.pop("policies"), "bad-policy"),
        (lambda d: d.update(policies=3), "bad-policy"),
    ],
)
def test_what_is_not_understood_is_refused(change: Callable[[dict[str, Any]], object], kind: str) -> None:
    """A newer version, an unknown key or other bytes are Invalid: a demand must not be dropped silently."""
    found = json.loads(dump_document(Document((RULE,))))
    change(found)
    with pytest.raises(Invalid) as caught:
        load_document(json.dumps(found).encode())
    assert caught.value.kind == kind


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"null", b"\xff"])
def test_other_bytes_are_refused(data: bytes) -> None:
    """Bytes that are no document are Invalid."""
    with pytest.raises(Invalid) as caught:
        load_document(data)
    assert caught.value.kind == "bad-policy"


def test_two_of_one_name_are_not_written() -> None:
    """Names are what requirements and overrides refer to, so they are unique."""
    with pytest.raises(Invalid) as caught:
        dump_document(Document((RULE, RULE)))
    assert caught.value.kind == "same-name"

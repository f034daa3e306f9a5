"""Measures are of a team: no answer of any verb ranks people, or lists them beside a number."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from loopline.nouns.actor import Actor
from loopline.nouns.insight import Insights, Measure, Period
from loopline.nouns.response import Response
from loopline.verbs import VERBS, load
from loopline.verbs.annotations import fields_of
from loopline.verbs.usage import usage_of

RANKS = re.compile(
    r"rank(ing|ed)?$|leader|^top_|worst|best_(person|author)|(by|per)_(person|author|actor|member|reviewer|developer|engineer)"
)
PEOPLE = re.compile(
    r"^(actor|author|authors|by|who|person|people|member|members|reviewer|email|opened_by|created_by|asker|name_of)$"
)
MEASURES = (Measure, Period)


def nouns(kind: Any, seen: set[Any]) -> Iterator[Any]:
    """Give every dataclass that a type is made of."""
    for part in typing.get_args(kind):
        yield from nouns(part, seen)
    if isinstance(kind, type) and is_dataclass(kind) and kind not in seen:
        seen.add(kind)
        yield kind
        for one in fields_of(kind).values():
            yield from nouns(getattr(one, "type", one), seen)


@pytest.mark.parametrize("verb", [one.name for one in VERBS])
def test_no_answer_ranks_people(verb: str) -> None:
    """No noun that a verb gives has a place for an order of people."""
    found = [(one.__name__, field.name) for one in nouns(usage_of(load(verb)).returns, set()) for field in fields(one)]
    assert [pair for pair in found if RANKS.search(pair[1])] == []


@pytest.mark.parametrize("root", [Insights, Response])
def test_no_measure_names_a_person(root: type) -> None:
    """From what insights gives, no field leads to somebody, be it by name or by type."""
    found = list(nouns(root, set()))
    assert len(found) > (5 if root is Insights else 0)
    assert Actor not in found
    assert [(one.__name__, field.name) for one in found for field in fields(one) if PEOPLE.search(field.name)] == []


def test_measures_stand_in_answers_about_a_team_alone() -> None:
    """A noun that has a measure in it has no person in it, whichever verb gives it."""
    wrong = []
    for verb in VERBS:
        for one in nouns(usage_of(load(verb.name)).returns, set()):
            inside = set(nouns(one, set()))
            people = [field.name for noun in inside for field in fields(noun) if PEOPLE.search(field.name)]
            if inside.intersection(MEASURES) and people:
                wrong.append((verb.name, one.__name__, people))
    assert wrong == []

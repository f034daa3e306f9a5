"""Nouns survive the way to JSON and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import loopline.nouns
from loopline.errors import Invalid
from loopline.nouns.change import Change, ChangeState, Move
from loopline.nouns.digest import Digest, digest_of
from loopline.nouns.job import Job
from loopline.nouns.name import (
    KINDS,
    AssetName,
    Hashed,
    Latest,
    Named,
    Numbered,
    Pointer,
    RefName,
    Revision,
)
from loopline.nouns.run import Point, Run
from loopline.verbs.annotations import fields_of
from loopline.verbs.plain import plain, restore


def all_nouns() -> list[type]:
    """Every dataclass and enum that a module of nouns defines."""
    found = []
    for module in iter_modules(loopline.nouns.__path__):
        home = import_module(f"loopline.nouns.{module.name}")
        found += [
            one
            for one in vars(home).values()
            if isinstance(one, type)
            and one.__module__ == home.__name__
            and (is_dataclass(one) or issubclass(one, Enum))
        ]
    return found


word = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
assets = st.builds(
    AssetName,
    st.from_regex(r"[a-z0-9][a-z0-9._-]{0,9}", fullmatch=True, alphabet="abz09._-"),
    st.sampled_from(KINDS),
    word,
)
digests = st.binary(max_size=8).map(digest_of)
whole = st.integers(-(2**63), 2**63 - 1)  # what both databases keep
revisions = st.one_of(
    st.builds(Numbered, st.integers(0, 10**9)),
    st.builds(Hashed, digests.map(lambda d: d[:30])),
    st.builds(Named, word),
    st.just(Latest()),
)
json_values = st.recursive(
    st.none() | st.booleans() | whole | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)

st.register_type_strategy(int, whole)
st.register_type_strategy(AssetName, assets)
st.register_type_strategy(RefName, st.builds(RefName, assets, word))
st.register_type_strategy(Pointer, st.builds(Pointer, assets, revisions))
st.register_type_strategy(Hashed, st.builds(Hashed, digests))
st.register_type_strategy(Numbered, st.builds(Numbered, st.integers(0, 10**9)))
st.register_type_strategy(Named, st.builds(Named, word))


@cache
def strategy(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a noun, field by field: from_type cannot see names that are imported for the type checker."""
    if (
        isinstance(kind, type)
        and is_dataclass(kind)
        and kind not in (AssetName, RefName, Pointer, Hashed, Numbered, Named)
    ):
        return st.builds(kind, **{name: strategy(one) for name, one in fields_of(kind).items()})
    if kind is Digest:
        return digests
    if kind is Any:
        return json_values
    if kind is int:
        return st.integers(-(2**63), 2**63 - 1)
    if kind is float:
        return st.floats(allow_nan=False)
    if kind is timedelta:
        return st.timedeltas(timedelta(0), timedelta(days=10_000))
    origin, args = get_origin(kind), get_args(kind)
    if origin is tuple and args[-1] is Ellipsis:
        most = 1 if is_dataclass(args[0]) else 2  # nouns in nouns in nouns would take seconds to think up
        return st.lists(st.deferred(lambda: strategy(args[0])), max_size=most).map(tuple)
    if origin is tuple:
        return st.tuples(*map(strategy, args))
    if origin is Mapping:
        return st.dictionaries(strategy(args[0]), strategy(args[1]), max_size=2)
    if origin in (Union, UnionType):
        some = [
            st.floats(allow_nan=False, allow_infinity=str not in args) if one is float else strategy(one)
            for one in args
        ]
        return st.one_of(some)  # where text may stand as well, no number is written as a word
    return st.from_type(kind)


@pytest.mark.parametrize("noun", all_nouns(), ids=lambda noun: noun.__name__)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_noun_comes_back_equal(noun: type, data: st.DataObject) -> None:
    """What plain writes, JSON carries and restore reads is the same noun, for every noun there is."""
    value = data.draw(strategy(noun))
    wire = json.dumps(plain(value), allow_nan=False)
    assert restore(noun, json.loads(wire)) == value


@given(value=revisions)
def test_a_revision_is_one_word(value: Revision) -> None:
    """A revision alone is written as behind the @ and read back as the same one."""
    text = plain(value)
    assert isinstance(text, str)
    assert restore(Revision, text) == value


@given(name=assets)
def test_the_own_project_is_left_out(name: AssetName) -> None:
    """A name goes without its project where that is known, and comes back whole."""
    assert plain(name, project=name.project) == str(name)
    assert restore(AssetName, str(name), project=name.project) == name


def test_a_foreign_project_is_written() -> None:
    """A name of another project keeps its project."""
    assert plain(AssetName("other", "data", "x"), project="mine") == "other:data/x"


def test_fields_keep_their_order() -> None:
    """A dataclass is written in the order in which its fields are declared."""
    assert list(plain(Point("auc", 0.5))) == ["key", "value", "step", "time"]


def test_numbers_that_json_lacks_are_words() -> None:
    """NaN and the infinities cross as text and come back as numbers."""
    wire = plain({"a": math.nan, "b": math.inf, "c": -math.inf})
    assert wire == {"a": "NaN", "b": "Infinity", "c": "-Infinity"}
    assert math.isnan(restore(Point, {"key": "a", "value": "NaN"}).value)


def test_an_unknown_field_is_an_error() -> None:
    """Nothing unknown is silently dropped on the way back."""
    with pytest.raises(Invalid) as raised:
        restore(Point, {"key": "a", "value": 1.0, "colour": "red"})
    assert raised.value.facts["field"] == "colour"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (int, "many"),
        (int, True),
        (int, 2**63),
        (int, "9" * 30),
        (int, "--5"),
        (float, "much"),
        (str, 3),
        (bool, "yes"),
        (ChangeState, "moved"),
        (Numbered, "main"),
        (Move, {"ref": "model/x@y"}),
        (tuple[int, ...], 3),
        (tuple[int, str], [1]),
        (Run, []),
        (Job, {"id": "a", "call": "b", "payload": "%%"}),
    ],
)
def test_what_does_not_fit_is_invalid(kind: Any, value: Any) -> None:
    """A value of the wrong kind is refused by kind, never turned into something near."""
    with pytest.raises(Invalid) as raised:
        restore(kind, value, project="p")
    assert raised.value.kind == "bad-value"


def test_a_number_of_too_many_digits_is_invalid() -> None:
    """Not even saying what was wrong needs to write it out."""
    for value in (10**6000, [10**6000]):
        with pytest.raises(Invalid):
            restore(int, value)


def test_a_stranger_has_no_plain_form() -> None:
    """An object that is no noun is a mistake of the programmer and says so."""
    with pytest.raises(TypeError):
        plain(object())


def test_names_of_a_change_are_text() -> None:
    """A ref inside a change is written as people write it."""
    ref = RefName(AssetName("p", "model", "delay"), "champion")
    change = Change("1", "p", "person:ann", "why", "planned", ChangeState.PROPOSED, (Move(ref, 1, 2),), 0)
    assert plain(change, project="p")["moves"][0]["ref"] == "model/delay@champion"

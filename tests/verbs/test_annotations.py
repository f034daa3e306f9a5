"""Annotations mean what the module that wrote them can see."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import pytest

from loopline.nouns.change import Change
from loopline.nouns.run import Point
from loopline.verbs.annotations import evaluate, fields_of, parsed, resolver

if TYPE_CHECKING:
    from loopline.nouns.incident import Incident as Trouble


def told(one: Annotated[Trouble, "what"], two: Change) -> None:
    """A function whose first type is imported for the type checker alone."""


@pytest.fixture(autouse=True)
def registered() -> None:
    """This module is found by its name: pytest's importlib mode knows it by another."""
    sys.modules.setdefault(__name__, sys.modules[told.__module__])


def test_a_name_of_the_module_is_found() -> None:
    """A type that the module imports is itself."""
    assert evaluate(told.__annotations__["two"], resolver(__name__)) is Change


def test_a_name_for_the_type_checker_is_found() -> None:
    """A type that is only imported under TYPE_CHECKING is imported when somebody asks what it means."""
    from loopline.nouns.incident import Incident

    assert evaluate(told.__annotations__["one"], resolver(__name__)).__origin__ is Incident


def test_builtins_are_found() -> None:
    """The names that every module has are there, too."""
    assert evaluate("dict[str, int]", resolver(__name__)) == dict[str, int]


def test_a_name_that_is_nowhere_is_an_error() -> None:
    """A misspelled type is told when the signature is read, not when a user calls the verb."""
    with pytest.raises(NameError):
        evaluate("Chagne", resolver(__name__))


def test_what_is_no_text_stays() -> None:
    """An annotation that was not postponed is what it is."""
    assert evaluate(int, resolver(__name__)) is int


def test_fields_come_in_order_with_their_types() -> None:
    """The fields of a noun have real types, in the order in which they are declared."""
    assert fields_of(Point) == {"key": str, "value": float, "step": int, "time": int}
    assert list(fields_of(Point)) == ["key", "value", "step", "time"]


def test_threads_may_ask_at_once() -> None:
    """A server's first requests look at signatures side by side: each gets its answer, also where CPython's parser is no help."""
    source = "\n".join(
        f"def f{i}(a: int = {i}) -> dict[str, list[tuple[int, ...]]]:\n    return {{}}" for i in range(60)
    )
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: len(parsed(source).body), range(120)))
    assert set(found) == {60}

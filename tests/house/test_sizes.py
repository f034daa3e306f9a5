"""Small files, short functions, few positional parameters."""

from __future__ import annotations

import ast

import pytest

from tests.house.source import Function, everything


def test_no_file_is_longer_than_500_lines() -> None:
    """A file past 500 lines has two jobs: split it."""
    assert {str(file): len(file.lines) for file in everything() if len(file.lines) > 500} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    """A function past 60 lines does not fit on a screen."""
    long = {
        f"{file}:{function.name}": length(function)
        for file in everything()
        for function in file.functions
        if length(function) > 60
    }
    assert long == {}


def test_no_function_takes_more_than_five_positional_parameters() -> None:
    """What comes behind the fifth place is said by keyword."""
    wide = {
        f"{file}:{function.name}": positional(function)
        for file in everything()
        for function in file.functions
        if positional(function) > 5
    }
    assert wide == {}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(a, b, c, d, e): ...", 5),
        ("def f(a, b, /, c, *, d, e, g): ...", 3),
        ("def f(self, a, b, c, d, e): ...", 5),
        ("def f(*a, **b): ...", 0),
    ],
)
def test_positional_parameters_are_counted_without_self(code: str, expected: int) -> None:
    """Keyword-only parameters and the object itself are free."""
    function = ast.parse(code).body[0]
    assert isinstance(function, Function)
    assert positional(function) == expected


def length(function: Function) -> int:
    """Lines from the `def` to the end, without the decorators."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def positional(function: Function) -> int:
    """Parameters that can be given by place, without `self` and `cls`."""
    names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))

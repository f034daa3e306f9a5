"""matching: whether one thing has what a filter asks for, for lists that are short enough to be walked through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from loopline.faces.mlflow.errors import invalid
from loopline.nouns.query import Clause, Order, Place

T = TypeVar("T")


def holds(one: Clause, value: Any) -> bool:
    """Tell whether a comparison holds of a value; of None, which is one that is not there, none does."""
    wanted = one.value
    if one.op in ("is null", "is not null"):
        return (value is None) == (one.op == "is null")
    if value is None:
        return False
    match one.op:
        case "=":
            return bool(value == wanted)
        case "!=":
            return bool(value != wanted)
        case "in" | "not in":
            return (isinstance(wanted, tuple) and value in wanted) == (one.op == "in")
        case "like" | "ilike":
            return like(str(value), str(wanted), loose=one.op == "ilike")
        case _:
            return _ordered(one, value)


def _ordered(one: Clause, value: Any) -> bool:
    wanted: Any = one.value
    if one.op in (">", ">="):
        return bool(value > wanted or (one.op == ">=" and value == wanted))
    return bool(value < wanted or (one.op == "<=" and value == wanted))


def like(text: str, pattern: str, *, loose: bool) -> bool:
    """Tell whether a text is as SQL's LIKE wants it: piece after piece, each where it comes first, so that it is soon through."""
    first, *more = _pieces(pattern, loose=loose)
    if not more:
        return first.fullmatch(text) is not None
    found = first.match(text)
    if found is None:
        return False
    at = found.end()
    for piece in more[:-1]:
        found = piece.search(text, at)
        if found is None:
            return False
        at = found.end()
    start = len(text) - len(pattern.rpartition("%")[2])
    return start >= at and more[-1].fullmatch(text, start) is not None


@lru_cache(maxsize=200)
def _pieces(pattern: str, *, loose: bool) -> tuple[re.Pattern[str], ...]:
    """Give what stands between the `%` of a pattern; a piece has no quantifier, so that it never goes back."""
    flags = re.DOTALL | (re.IGNORECASE if loose else 0)
    parts = re.sub("%+", "%", pattern).split("%")
    return tuple(re.compile("".join("." if sign == "_" else re.escape(sign) for sign in part), flags) for part in parts)


def in_order(rows: Iterable[T], orders: Sequence[Order], of: Callable[[T, str], Any]) -> list[T]:
    """Sort by several fields, the first of which counts most; `of` gives a row's value of a field."""
    found = list(rows)
    for order in reversed(orders):
        found.sort(key=lambda row, key=order.key: of(row, key), reverse=order.descending)  # type: ignore[misc]
    return found


def behind(rows: Sequence[T], orders: Sequence[Order], of: Callable[[T, str], Any], place: Place | None) -> list[T]:
    """Leave of rows in order those that come behind a place. Raise Fault 400 for one that these rows cannot have."""
    if place is None:
        return list(rows)
    return [row for row in rows if _is_behind([of(row, order.key) for order in orders], orders, place)]


def place_in(row: T, orders: Sequence[Order], of: Callable[[T, str], Any]) -> Place:
    """Give the place of a row, to go on from."""
    return tuple((0, of(row, order.key)) for order in orders)


def _is_behind(values: Sequence[Any], orders: Sequence[Order], place: Place) -> bool:
    if len(place) != len(values):
        raise invalid("Invalid page token: it is none of this server.")
    there: Any
    for value, order, (_, there) in zip(values, orders, place, strict=True):
        if type(value) is not type(there):
            raise invalid("Invalid page token: it is none of this server.")
        if value != there:
            return bool(value > there) != order.descending
    return False

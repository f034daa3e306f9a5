"""matching: whether one thing has what a filter asks for, for lists that are short enough to be walked through."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

from loopline.faces.mlflow.errors import invalid
from loopline.nouns.query import Comparison, Order

T = TypeVar("T")
_OFFSET: Final = re.compile(rb"from:([0-9]{1,18})\Z")


def holds(one: Comparison, value: Any) -> bool:
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
            return _pattern(str(wanted), one.op == "ilike").match(str(value)) is not None
        case _:
            return _ordered(one, value)


def _ordered(one: Comparison, value: Any) -> bool:
    wanted: Any = one.value
    if one.op in (">", ">="):
        return bool(value > wanted or (one.op == ">=" and value == wanted))
    return bool(value < wanted or (one.op == "<=" and value == wanted))


@lru_cache(maxsize=200)
def _pattern(text: str, loose: bool) -> re.Pattern[str]:  # noqa: FBT001 (a key of the cache)
    parts = (".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in re.sub("%+", "%", text))
    return re.compile(f"{''.join(parts)}\\Z", re.DOTALL | (re.IGNORECASE if loose else 0))


def in_order(rows: Iterable[T], orders: Sequence[Order], of: Callable[[T, str], Any]) -> list[T]:
    """Sort by several fields, the first of which counts most; `of` gives a row's value of a field."""
    found = list(rows)
    for order in reversed(orders):
        found.sort(key=lambda row, key=order.key: of(row, key), reverse=order.descending)  # type: ignore[misc]
    return found


def page_of(rows: Sequence[T], token: str, most: int) -> tuple[Sequence[T], dict[str, str]]:
    """Give one page of rows, and what a client is told of the next. Raise Fault 400 for a token that nobody gave."""
    start = _start(token)
    more = start + most < len(rows)
    told = {"next_page_token": urlsafe_b64encode(b"from:%d" % (start + most)).decode()} if more else {}
    return rows[start : start + most], told


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        found = _OFFSET.match(urlsafe_b64decode(token))
    except ValueError:
        found = None
    if found is None:
        raise invalid("Invalid page token: take the one that the page before gave.")
    return int(found[1])


def most_of(said: int | None, usual: int, largest: int) -> int:
    """Read how many results somebody wants. Raise Fault 400."""
    if said is None:
        return usual
    if not said >= 1:
        raise invalid(f"Invalid value for max_results. It must be a positive integer, but got {said}")
    if said > largest:
        raise invalid(
            f"Invalid value for request parameter max_results. It must be at most {largest}, but got value {said}"
        )
    return said

"""query: what somebody searches for, whatever the words in which they asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operator = Literal["=", "!=", ">", ">=", "<", "<=", "like", "ilike", "in", "not in", "is null", "is not null"]
"""`like` minds case, `ilike` does not; `%` stands for any text in both, `_` for one character."""
Value = str | int | float | tuple[str, ...] | None
ATTRIBUTE = "attribute"
"""The part that every thing has: what stands on it itself."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition. All of a query's hold together."""

    part: str
    """Of which part of the thing it speaks: `attribute`, or what hangs on it: `metric`, `param`, `tag`, …"""
    key: str
    op: Operator
    value: Value = None
    """None for `is null` and `is not null`; texts for `in` and `not in`."""
    instead: str = ""
    """The attribute that counts for things on which nothing of that key hangs."""


@dataclass(frozen=True, slots=True)
class Order:
    """By what things are put into an order. What lacks the value comes last, whatever the direction."""

    part: str
    key: str
    descending: bool = False
    instead: str = ""

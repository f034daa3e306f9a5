"""query: what somebody searches for, whatever the words in which they asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operator = Literal["=", "!=", ">", ">=", "<", "<=", "like", "ilike", "in", "not in", "is null", "is not null"]
"""`like` minds case, `ilike` does not; `%` stands for any text in both, `_` for one character."""
Value = str | int | float | tuple[str, ...] | tuple[int, ...] | None
Told = tuple[tuple[str, str], ...]
"""What whoever asks calls some values of the ledger: each, and the word for it."""
ATTRIBUTE = "attribute"
"""The part that every thing has: what stands on it itself."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition. All of a query's hold together."""

    part: str
    """Of which part of the thing it speaks: `attribute`, or what hangs on it: `metric`, `param`, `tag`, …"""
    key: str
    op: Operator
    value: Value = None
    """None for `is null` and `is not null`; texts for `in` and `not in`."""
    instead: str = ""
    """The attribute that counts for things on which nothing of that key hangs."""
    told: Told = ()


@dataclass(frozen=True, slots=True)
class Order:
    """By what things are put into an order. What lacks the value comes last, whatever the direction."""

    part: str
    key: str
    descending: bool = False
    instead: str = ""
    told: Told = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody searches for."""

    where: tuple[Clause, ...] = ()
    orders: tuple[Order, ...] = ()
    deleted: bool | None = False
    """Whether what is wanted was deleted; None: both."""


Place = tuple[tuple[int, str | int | float | None], ...]
"""Where a thing stands in an order, so that one can go on behind it: for each column whether it has the value (0; 1: it is NaN;
2: it lacks it), and the value."""

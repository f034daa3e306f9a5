"""search: from a filter as people write it to a condition over runs.

`metrics.roc_auc > 0.7 and params.depth = '6' and state = finished`: comparisons joined by `and`. Attributes are id, name, kind,
state, experiment, actor, commit, started, parent; values are numbers, words or quoted strings.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid

if TYPE_CHECKING:
    from loopline.nouns.run import Run

_ATTRIBUTES: Final = {
    "id": "r.id", "name": "r.name", "kind": "r.kind", "state": "r.state", "experiment": "e.name", "actor": "r.actor",
    "commit": "r.git_commit", "started": "r.started_at", "parent": "r.parent", "code": "r.code", "environment": "r.environment",
}  # fmt: skip
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<and>and\b)|(?P<op>>=|<=|!=|=|>|<|~)|(?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*")"""
    r"""|(?P<word>[A-Za-z_][\w./\[\]=-]*(?:`[^`]*`)?|`[^`]*`)|(?P<number>-?\d[\w.+-]*))""",
    re.IGNORECASE,
)


class Number(float):
    """A number, and how it was written: an id or a commit may look like one."""

    def __init__(self, written: str) -> None:
        self.written = written


@dataclass(frozen=True, slots=True)
class Condition:
    """A piece of SQL over `runs r` and `experiments e`, and its values."""

    where: str
    values: tuple[object, ...]
    order: str
    names: frozenset[str] = frozenset()
    """What the filter speaks of."""


def compose(project: str, text: str = "", *, order: str = "", after: str = "", deleted: bool = False) -> Condition:
    """Parse a filter and an order (`metrics.roc_auc desc`). Raise Invalid with the place that was not understood.

    `after` is the place of the last run of the page before (`place_of`): only runs behind it are meant.
    """
    where, values = ["r.project = ?"], [project]
    if not deleted:
        where.append("r.deleted_at IS NULL")
    found = comparisons(text)
    for name, op, value in found:
        piece, more = _compare(name, op, value)
        where.append(piece)
        values += more  # type: ignore[arg-type]
    by = _order(order)
    if after:
        piece, behind = by.behind(after)
        where.append(piece)
        values += behind  # type: ignore[arg-type]
    return Condition(" AND ".join(where), (*values, *by.values), by.sql, frozenset(name for name, _, _ in found))


def comparisons(text: str) -> list[tuple[str, str, str | float]]:
    """Take a filter apart into names, operators and values. Raise Invalid with the place that was not understood."""
    found: list[tuple[str, str, str | float]] = []
    tokens = list(_tokens(text))
    while tokens:
        if len(tokens) < 3 or tokens[0][0] != "word" or tokens[1][0] != "op" or tokens[2][0] in ("op", "and"):
            raise _unclear(text, tokens[0][2])
        (_, name, _), (_, op, _), (kind, raw, place) = tokens[:3]
        value: str | float = raw
        if kind == "number":
            try:
                value = Number(raw)
            except ValueError:
                value = raw
        elif kind == "string":
            value = raw[1:-1].replace(raw[0] * 2, raw[0])
        found.append((name, op, value))
        tokens = tokens[3:]
        if tokens:
            if tokens[0][0] != "and" or len(tokens) == 1:
                raise _unclear(text, place)
            tokens = tokens[1:]
    return found


def _tokens(text: str) -> list[tuple[str, str, int]]:
    at, found = 0, []
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unclear(text, at)
        found.append((match.lastgroup or "", match.group(match.lastgroup or 0), match.start(match.lastgroup or 0)))
        at = match.end()
    return found


def _compare(name: str, op: str, value: str | float) -> tuple[str, list[object]]:
    sql_op = {"~": "LIKE"}.get(op, op)
    head, dot, key = name.partition(".")
    key = key.strip("`")
    if dot and head in ("metrics", "metric"):
        if not isinstance(value, float):
            raise Invalid(
                f"a metric is compared with a number, not {value!r}", kind="bad-filter", hint="write for example > 0.7"
            )
        return f"EXISTS (SELECT 1 FROM series s WHERE s.run = r.id AND s.key = ? AND s.last {sql_op} ?)", [
            key,
            float(value),
        ]
    if dot and head in ("params", "param", "tags", "tag"):
        wanted: str | float
        table = "params" if head.startswith("param") else "tags"
        if isinstance(value, float) and op != "~":
            place, wanted = "number", float(value)
        else:
            place, wanted = "value", value.written if isinstance(value, Number) else value
        return f"EXISTS (SELECT 1 FROM {table} t WHERE t.run = r.id AND t.key = ? AND t.{place} {sql_op} ?)", [
            key,
            wanted,
        ]
    column = _ATTRIBUTES.get(name)
    if column is None:
        near = get_close_matches(name, [*_ATTRIBUTES, "metrics.", "params.", "tags."], n=1)
        hint = f"did you mean {near[0]}?" if near else "use metrics.X, params.X, tags.X or " + ", ".join(_ATTRIBUTES)
        raise Invalid(f"runs have no {name!r}", kind="bad-filter", hint=hint, name=name)
    if name == "started":
        return f"{column} {sql_op} ?", [microseconds(value)]
    return f"{column} {sql_op} ?", [value.written if isinstance(value, Number) else value]


def microseconds(value: str | float) -> int:
    """Take microseconds since the epoch, or a day or time as ISO 8601 writes it, in UTC where it names no zone."""
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        raise Invalid(
            f"{value!r} is no time", kind="bad-filter", hint="write for example started > 2026-07-01", text=str(value)
        ) from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def place_of(run: Run, order: str = "") -> str:
    """Say where a run stands in an order: its value there as JSON, `@` and its id; its id alone where nothing else orders."""
    by = _order(order)
    if by.plain:
        return run.id
    head, _, key = by.name.partition(".")
    if head.startswith("metric"):
        number = run.metrics.get(key.strip("`"))
        value: Any = None if number is None or math.isnan(number) else number
    elif head.startswith("param"):
        value = run.params.get(key.strip("`"))
    else:
        value = getattr(run, {"started": "started_at"}.get(by.name, by.name))
    return f"{json.dumps(value)}@{run.id}"


@dataclass(frozen=True, slots=True)
class _Order:
    """By what runs are ordered; those that have the value first, then by id from the newest on."""

    name: str
    value: str
    """SQL for the value, with a mark for each of `marks`."""
    marks: tuple[str, ...]
    way: str
    nullable: bool = True

    @property
    def plain(self) -> bool:
        """Whether it is the order of ids."""
        return self.name == "id"

    @property
    def sql(self) -> str:
        """The ORDER BY."""
        if self.plain:
            return f"r.id {self.way}"
        lacking = f"{self.value} IS NULL, " if self.nullable else ""
        return f"{lacking}{self.value} {self.way}, r.id DESC"

    @property
    def values(self) -> tuple[str, ...]:
        """What belongs to the marks of `sql`."""
        return self.marks * (2 if self.nullable else 1)

    def behind(self, place: str) -> tuple[str, list[object]]:
        """Give a condition for what comes behind a place. Raise Invalid for what is none."""
        op = ">" if self.way == "asc" else "<"
        value, run = self._read(place)
        if self.plain:
            return f"r.id {op} ?", [run]
        if value is None:
            return f"({self.value} IS NULL AND r.id < ?)", [*self.marks, run]
        lacking = f"{self.value} IS NULL OR " if self.nullable else ""
        condition = f"({lacking}{self.value} {op} ? OR ({self.value} = ? AND r.id < ?))"
        return condition, [*(self.marks if self.nullable else ()), *self.marks, value, *self.marks, value, run]

    def _read(self, place: str) -> tuple[object, str]:
        written, at, run = place.rpartition("@")
        if self.plain and not at:
            return None, place
        try:
            value = json.loads(written)
        except (ValueError, RecursionError):
            value = ...
        if run and not self.plain and self._fits(value):
            return (float(value) if self.name.startswith("metric") and value is not None else value), run
        raise Invalid(
            f"{place[:200]!r} is no place in this order", kind="bad-cursor", hint="give the `next` of the page before",
            after=place[:200], order=f"{self.name} {self.way}",
        )  # fmt: skip

    def _fits(self, value: object) -> bool:
        if value is None:
            return self.nullable
        if self.name.startswith("metric"):
            return isinstance(value, float) or (type(value) is int and abs(value) < 2**63)
        if self.name == "started":
            return type(value) is int and abs(value) < 2**63
        return isinstance(value, str) and "\x00" not in value


_MAYBE: Final = frozenset({"started", "commit", "parent", "code", "environment"})
"""Attributes that a run may lack."""


def _order(order: str) -> _Order:
    if not order.strip():
        return _Order("id", "r.id", (), "desc", nullable=False)
    name, _, way = order.strip().partition(" ")
    way = way.strip().lower() or "desc"
    if way not in ("asc", "desc"):
        raise Invalid(f"{way!r} is no direction", kind="bad-order", hint="write asc or desc", order=order)
    head, dot, key = name.partition(".")
    if dot and head in ("metrics", "metric"):
        return _Order(name, "(SELECT s.last FROM series s WHERE s.run = r.id AND s.key = ?)", (key.strip("`"),), way)
    if dot and head in ("params", "param"):
        return _Order(name, "(SELECT t.value FROM params t WHERE t.run = r.id AND t.key = ?)", (key.strip("`"),), way)
    column = _ATTRIBUTES.get(name)
    if column is None:
        raise Invalid(
            f"runs cannot be ordered by {name!r}",
            kind="bad-order",
            hint="use metrics.X or " + ", ".join(_ATTRIBUTES),
            name=name,
        )
    return _Order(name, column, (), way, nullable=name in _MAYBE)


def _unclear(text: str, at: int) -> Invalid:
    return Invalid(
        f"the filter is unclear at character {at + 1}: {text[at : at + 20]!r}", kind="bad-filter",
        hint="write for example: metrics.roc_auc > 0.7 and state = finished", text=text, at=at,
    )  # fmt: skip

"""search: from a filter as people write it to a condition over runs.

`metrics.roc_auc > 0.7 and params.depth = '6' and state = finished`: comparisons joined by `and`. Attributes are id, name, kind,
state, experiment, actor, commit, started, parent; values are numbers, words or quoted strings. `~` is a pattern without regard to
case, in which `%` stands for any text; `in (a, b)`, `not in (…)`, `is null` and `is not null` are there, too.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from loopline.errors import Invalid
from loopline.ledger.matches import RUNS
from loopline.ledger.querying import ANY, condition
from loopline.nouns.query import ATTRIBUTE, Clause, Operator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loopline.nouns.run import Run

T = TypeVar("T")
_Token = tuple[str, str, int]
"""What it is, as it is written, and where."""
Read = Callable[[str, str, "str | float | tuple[str, ...] | None"], Clause]
"""Reads one comparison from its name, its operator and its value: text, a Number, a list of texts, or None for `is null`."""

_ATTRIBUTES: Final = (
    "id", "name", "kind", "state", "experiment", "actor", "commit", "started", "parent", "code", "environment",
)  # fmt: skip
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<and>and\b)|(?P<op>>=|<=|!=|=|>|<|~)|(?P<string>'(?:[^']|'')*'|"(?:[^"]|"")*")"""
    r"""|(?P<word>[A-Za-z_][\w./\[\]=-]*(?:`[^`]*`)?|`[^`]*`)|(?P<number>-?\d[\w.+-]*)|(?P<mark>[(),]))""",
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
    """The attributes that the filter speaks of."""


def compose(project: str, text: str = "", *, order: str = "", after: str = "", deleted: bool = False) -> Condition:
    """Parse a filter and an order (`metrics.roc_auc desc`). Raise Invalid with the place that was not understood.

    `after` is the place of the last run of the page before (`place_of`): only runs behind it are meant.
    """
    where, values = ["r.project = ?"], list[object]([project])
    if not deleted:
        where.append("r.deleted_at IS NULL")
    found = comparisons(text, _compare)
    for piece in (condition(RUNS, one, ANY) for one in found):
        where.append(piece.text)
        values += piece.values
    by = _order(order)
    if after:
        further, behind = by.behind(after)
        where.append(further)
        values += behind
    names = frozenset(one.key for one in found if one.part == ATTRIBUTE)
    return Condition(" AND ".join(where), (*values, *by.values), by.sql, names)


def comparisons(text: str, read: Read) -> list[Clause]:
    """Take a filter apart; `read` says what a name, an operator and a value mean. Raise Invalid for what is unclear."""
    found, tokens = list[Clause](), list(_tokens(text))
    while tokens:
        if tokens[0][0] != "word":
            raise _unclear(text, tokens[0][2])
        one, length = _comparison(text, tokens, read)
        found.append(one)
        place, tokens = tokens[length - 1][2], tokens[length:]
        if tokens:
            if tokens[0][0] != "and" or len(tokens) == 1:
                raise _unclear(text, place)
            tokens = tokens[1:]
    return found


def _comparison(text: str, tokens: Sequence[_Token], read: Read) -> tuple[Clause, int]:
    """Read one comparison, and tell how many tokens it has."""
    name, at = tokens[0][1], tokens[0][2]
    words = [raw.lower() if kind == "word" else raw for kind, raw, _ in tokens[1:4]]
    if words[:2] == ["is", "null"] or words == ["is", "not", "null"]:
        return read(name, " ".join(words if words[1] == "not" else words[:2]), None), 3 if words[1] == "null" else 4
    if words[:2] == ["in", "("] or words == ["not", "in", "("]:
        return _listed(text, tokens, " ".join(words[: words.index("(")]), read)
    if len(tokens) < 3 or tokens[1][0] != "op" or tokens[2][0] in ("op", "and", "mark"):
        raise _unclear(text, at)
    return read(name, tokens[1][1], _value(tokens[2])), 3


def _listed(text: str, tokens: Sequence[_Token], op: str, read: Read) -> tuple[Clause, int]:
    start = 4 if op == "not in" else 3
    end = next((at for at, token in enumerate(tokens) if token[1] == ")" and token[0] == "mark"), 0)
    inner = tokens[start:end]
    fits = all(
        token[0] in ("word", "string", "number") if at % 2 == 0 else token[1] == "," for at, token in enumerate(inner)
    )
    if not fits or len(inner) % 2 == 0:
        raise _unclear(text, tokens[0][2])
    return read(tokens[0][1], op, tuple(str(written(_value(token))) for token in inner[::2])), end + 1


def _value(token: _Token) -> str | float:
    kind, raw, _ = token
    if kind == "string":
        return raw[1:-1].replace(raw[0] * 2, raw[0])
    try:
        return Number(raw) if kind == "number" else raw
    except ValueError:
        return raw


def _tokens(text: str) -> list[_Token]:
    at, found = 0, []
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unclear(text, at)
        found.append((match.lastgroup or "", match.group(match.lastgroup or 0), match.start(match.lastgroup or 0)))
        at = match.end()
    return found


def _compare(name: str, op: str, value: str | float | tuple[str, ...] | None) -> Clause:
    operator = cast("Operator", {"~": "ilike"}.get(op, op))
    head, dot, key = name.partition(".")
    key = key.strip("`")
    if dot and head in ("metrics", "metric"):
        if value is not None and (not isinstance(value, float) or op == "~"):
            raise Invalid(
                f"a metric is compared with a number, not {value!r}", kind="bad-filter", hint="write for example > 0.7"
            )
        return Clause("metric", key, operator, None if value is None else float(value))
    if dot and head in ("params", "param", "tags", "tag"):
        part = "param" if head.startswith("param") else "tag"
        return Clause(part, key, operator, float(value) if isinstance(value, float) and op != "~" else written(value))
    if name not in _ATTRIBUTES:
        near = get_close_matches(name, [*_ATTRIBUTES, "metrics.", "params.", "tags."], n=1)
        hint = f"did you mean {near[0]}?" if near else "use metrics.X, params.X, tags.X or " + ", ".join(_ATTRIBUTES)
        raise Invalid(f"runs have no {name!r}", kind="bad-filter", hint=hint, name=name)
    if name == "started" and value is not None:
        if op == "~" or isinstance(value, tuple):
            raise Invalid(
                "a time is compared with one time", kind="bad-filter", hint="write for example started > 2026-07-01"
            )
        return Clause(ATTRIBUTE, name, operator, microseconds(value))
    return Clause(ATTRIBUTE, name, operator, written(value))


def written(value: T) -> T | str:
    """Give a number as it was written, and everything else as it is."""
    return value.written if isinstance(value, Number) else value


def microseconds(value: str | float) -> int:
    """Take microseconds since the epoch, or a day or time as ISO 8601 writes it, in UTC where it names no zone."""
    if isinstance(value, float) and abs(value) < 2.0**63:  # what fits into a column
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
    if name not in _ATTRIBUTES:
        raise Invalid(
            f"runs cannot be ordered by {name!r}",
            kind="bad-order",
            hint="use metrics.X or " + ", ".join(_ATTRIBUTES),
            name=name,
        )
    return _Order(name, RUNS.attributes[name], (), way, nullable=name in _MAYBE)


def _unclear(text: str, at: int) -> Invalid:
    return Invalid(
        f"the filter is unclear at character {at + 1}: {text[at : at + 20]!r}", kind="bad-filter",
        hint="write for example: metrics.roc_auc > 0.7 and state = finished", text=text, at=at,
    )  # fmt: skip

"""tracesearch: from what somebody looks for to a condition over traces.

Comparisons speak of the trace itself, or of what hangs on it: `tag`, `fact`, `span`, `feedback`, `expectation`, and `link`, which
is what it belongs to. Those of spans are about one span together, each of the others is about the trace by itself. Times and
durations are microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, cast

from loopline.errors import Invalid
from loopline.ledger.querying import Sql, compared
from loopline.ledger.search import Number, comparisons, microseconds, written
from loopline.nouns.query import ATTRIBUTE, Clause, Operator, Order

_ENDED: Final = "(t.time + COALESCE(t.duration, 0))"
_COLUMNS: Final = {
    "id": "t.id", "name": "t.name", "state": "t.state", "time": "t.time", "duration": "t.duration", "client": "t.client",
    "experiment": "t.experiment", "session": "t.session", "ended": _ENDED,
    "group": "(SELECT e.name FROM experiments e WHERE e.id = t.experiment)",
}  # fmt: skip
_SPAN: Final = {"name": "s.name", "kind": "s.kind", "state": "s.state", "text": "s.content", "model": "s.model"}
_SPOKEN: Final = {
    "id": "id", "name": "name", "state": "state", "session": "session", "client": "client", "experiment": "group",
}  # fmt: skip
"""Attributes as people write them."""
_HUNG: Final = {
    "tags": "tag", "tag": "tag", "facts": "fact", "fact": "fact", "span": "span", "spans": "span", "feedback": "feedback",
    "expectation": "expectation",
}  # fmt: skip
_RANKS: Final = ("=", "!=", "<", "<=", ">", ">=")
_ATTRIBUTE: Final = "attributes."


@dataclass(frozen=True, slots=True)
class Condition:
    """A piece of SQL over `traces t`, and its values."""

    where: str
    values: tuple[object, ...]
    order: str


def read(text: str) -> list[Clause]:
    """Read a filter as people write it: `state = failed and took > 2 and span.kind = TOOL`. Raise Invalid."""
    return comparisons(text, _read)


def _read(name: str, op: str, value: str | float | tuple[str, ...] | None) -> Clause:
    head, dot, key = name.partition(".")
    key = key.strip("`")
    how = cast("Operator", {"~": "ilike"}.get(op, op))
    said = written(value)
    if dot and head in _HUNG:
        part = _HUNG[head]
        ranked = isinstance(value, Number) and part in ("feedback", "expectation") and how in ("<", "<=", ">", ">=")
        return Clause(part, key, how, float(value) if ranked and isinstance(value, Number) else said)
    if name == "run" and how == "=":
        return Clause("link", "run", "=", said)
    if name == "started" and how in _RANKS and not isinstance(value, tuple) and value is not None:
        return Clause(ATTRIBUTE, "time", how, microseconds(value))
    if name == "took" and how in _RANKS and isinstance(value, Number):
        return Clause(ATTRIBUTE, "duration", how, float(value) * 1e6)
    if name not in _SPOKEN:
        near = get_close_matches(name, [*_SPOKEN, "started", "took", "run", *(f"{one}." for one in _HUNG)], n=1)
        more = "started, took (in seconds), run, tags.X, facts.X, span.X, feedback.X"
        raise Invalid(
            f"traces have no {name[:100]!r} that is compared so", kind="bad-filter", name=name[:100],
            hint=f"did you mean {near[0]}?" if near and near[0] != name else f"use {', '.join(_SPOKEN)}, {more}",
        )  # fmt: skip
    return Clause(ATTRIBUTE, _SPOKEN[name], how, said)


class Composer:
    """Writes conditions for one kind of database."""

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect

    def compose(
        self,
        project: str,
        experiments: Sequence[int] | None,
        wanted: Sequence[Clause],
        order: Sequence[Order] = (),
        *,
        upto: int | None = None,
        behind: tuple[int, str] | None = None,
    ) -> Condition:
        """Write the condition for traces of a project, newest first where no order is given.

        `experiments` are numbers; None: every one that is not deleted. `upto` is the number of the newest trace that is meant;
        `behind` are time and id of one behind which the rest is meant, where no order is given.
        """
        where, values = ["t.project = ?"], list[object]([project])
        if experiments is not None:
            where.append(f"t.experiment IN ({', '.join('?' * len(experiments))})" if experiments else "1 = 0")
            values += experiments
        else:
            where.append(
                "NOT EXISTS (SELECT 1 FROM experiments e WHERE e.id = t.experiment AND e.deleted_at IS NOT NULL)"
            )
        if behind is not None:
            where.append("(t.time < ? OR (t.time = ? AND t.id > ?))")
            values += [behind[0], *behind]
        if upto is not None:
            where.append("t.number <= ?")
            values.append(upto)
        for piece, more in (*map(self._piece, (one for one in wanted if one.part != "span")), *self._spans(wanted)):
            where.append(piece)
            values += more
        by, marks = self._order(order)
        return Condition(" AND ".join(where), (*values, *marks), by)

    def _piece(self, one: Clause) -> tuple[str, list[object]]:
        match one.part:
            case "attribute":
                return self._compared(_column(_COLUMNS, one.key), one)
            case "tag":
                return self._kept("taggings k WHERE k.subject = 'trace/' || t.number", one)
            case "fact":
                return self._kept("trace_facts k WHERE k.trace = t.number", one)
            case "link":
                return (
                    "EXISTS (SELECT 1 FROM trace_links l WHERE l.trace = t.number AND l.kind = ? AND l.target = ?)",
                    [one.key, one.value],
                )
            case _:
                return self._said(one)

    def _kept(self, among: str, one: Clause) -> tuple[str, list[object]]:
        """Compare a tag or a fact: without one, only IS NULL holds."""
        there = f"EXISTS (SELECT 1 FROM {among} AND k.key = ?"
        if one.op in ("is null", "is not null"):
            return f"{'NOT ' if one.op == 'is null' else ''}{there})", [one.key]
        piece, values = self._compared("k.value", one)
        return f"{there} AND {piece})", [one.key, *values]

    def _said(self, one: Clause) -> tuple[str, list[object]]:
        """Compare what was said about a trace and still counts: its value is JSON, and text may be told without quotes."""
        there = (
            "EXISTS (SELECT 1 FROM feedbacks f WHERE f.trace = t.number AND f.kind = ? AND f.name = ? AND f.valid = 1"
        )
        names: list[object] = [one.part, one.key]
        if one.op in ("is null", "is not null"):
            return f"{'NOT ' if one.op == 'is null' else ''}{there})", names
        if one.op in ("=", "!="):
            written = json.dumps(one.value, ensure_ascii=False)
            return f"{there} AND {'' if one.op == '=' else 'NOT '}f.value IN (?, ?))", [
                *names,
                str(one.value),
                written,
            ]
        piece, values = self._compared("f.value" if "like" in one.op else "f.number", one)
        return f"{there} AND {piece})", [*names, *values]

    def _spans(self, wanted: Sequence[Clause]) -> list[tuple[str, list[object]]]:
        pieces, values = [], list[object]()
        for one in wanted:
            if one.part != "span":
                continue
            column, marks = self._of_span(one.key)
            piece, more = self._compared(column, one)
            pieces.append(piece)
            values += [*marks, *more]
        if not pieces:
            return []
        return [(f"EXISTS (SELECT 1 FROM spans s WHERE s.trace = t.number AND {' AND '.join(pieces)})", values)]

    def _of_span(self, key: str) -> tuple[str, list[object]]:
        if not key.startswith(_ATTRIBUTE):
            return _column(_SPAN, key), []
        name = key.removeprefix(_ATTRIBUTE)
        if '"' in name:  # no path of SQLite's can say it
            return "CAST(NULL AS TEXT)", []
        if self._dialect == "sqlite":
            return "CAST(json_extract(s.content, ?) AS TEXT)", [f'$.attributes."{name}"']
        return "(s.content::json -> 'attributes' ->> CAST(? AS TEXT))", [name]

    def _compared(self, column: str, one: Clause) -> tuple[str, list[object]]:
        done = compared(Sql(column), one, self._dialect)
        return done.text, list(done.values)

    def _order(self, order: Sequence[Order]) -> tuple[str, list[object]]:
        pieces, marks = [], list[object]()
        for one in order:
            if one.part == ATTRIBUTE:
                value, more = _column(_COLUMNS, one.key), list[object]()
            else:
                among = (
                    "taggings k WHERE k.subject = 'trace/' || t.number"
                    if one.part == "tag"
                    else "trace_facts k WHERE k.trace = t.number"
                )
                value, more = f"(SELECT k.value FROM {among} AND k.key = ?)", [one.key]
            pieces += [f"CASE WHEN {value} IS NULL THEN 1 ELSE 0 END", f"{value} {'DESC' if one.descending else 'ASC'}"]
            marks += [*more, *more]
        return ", ".join([*pieces, "t.time DESC", "t.id"]), marks


def _column(among: dict[str, str], key: str) -> str:
    if key not in among:
        raise Invalid(
            f"traces have no {key[:100]!r}", kind="bad-filter", hint=f"use {', '.join(among)}", name=key[:100]
        )
    return among[key]

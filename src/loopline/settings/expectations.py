"""expectations: what tables must hold, as a check of a project's file declares it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from loopline.errors import Invalid
from loopline.nouns.expectation import TYPES, Expectation
from loopline.settings.table import Table

_BY_COLUMN = ("type", "min", "max", "nulls", "one_of", "matches", "unique", "refers", "within", "allow")
_MICROSECOND = timedelta(microseconds=1)


def expectations(table: Table) -> tuple[Expectation, ...]:
    """Take `expect` of a check: tables, each with what must hold together."""
    found = tuple(map(_expectation, table.many("expect")))
    if not found:
        table.fail("expect", "expect has no entry", kind="missing-key", hint="write { column = …, type = … } into it")
    return found


def _expectation(table: Table) -> Expectation:
    rows, change = _ends(table, "rows", whole=True), _ends(table, "change", whole=False)
    schema, like_base = _schema(table)
    low, high = _end(table, "min"), _end(table, "max")
    if low is not None and high is not None and isinstance(low, str) != isinstance(high, str):
        table.fail("max", "min and max are a number and a time", kind="wrong-type", hint="write two of one kind")
    within = table.duration("within", None)
    found = Expectation(
        columns=_columns(table),
        files=_files(table),
        type=table.choice("type", TYPES, ""),
        min=low,
        max=high,
        nulls=table.number("nulls", 0.0, most=1.0) if "nulls" in table else None,
        one_of=_one_of(table),
        matches=_pattern(table),
        unique=table.flag("unique", default=False),
        refers=_refers(table),
        to=table.texts("to"),
        within=None if within is None else within // _MICROSECOND,
        of=table.choice("of", ("now", "version"), "now"),
        rows_min=None if rows[0] is None else int(rows[0]),
        rows_max=None if rows[1] is None else int(rows[1]),
        change_min=change[0],
        change_max=change[1],
        schema=schema,
        like_base=like_base,
        allow=table.number("allow", 0.0, most=1.0),
    )
    table.done()
    _fits(table, found)
    return found


def _fits(table: Table, found: Expectation) -> None:
    """Refuse what asks nothing, and what asks it of nothing."""
    of_columns = [key for key in _BY_COLUMN if key in table]
    if of_columns and not found.columns:
        why = f"{of_columns[0]} is asked of no column"
        table.fail(of_columns[0], why, kind="missing-key", hint='add column = "…" or columns = […]', missing="column")
    if found.to and len(found.to) != len(found.columns):
        why = f"to names {len(found.to)} columns, and columns {len(found.columns)}"
        table.fail("to", why, kind="bad-value", hint="name one for each, in the same order")
    for key, other in (("to", "refers"), ("of", "within")):
        if key in table and other not in table:
            table.fail(
                key, f"{key} says nothing without {other}", kind="missing-key", hint=f"add {other} = …", missing=other
            )
    if not any(True for _ in found.demands()):
        table.source.fail(
            table.path, "this entry of expect asks nothing", kind="missing-key",
            hint="add type, min, max, nulls, one_of, matches, unique, refers, within, rows, change or schema", missing="type",
        )  # fmt: skip


def _columns(table: Table) -> tuple[str, ...]:
    if "column" in table and "columns" in table:
        table.fail("columns", "column and columns are both there", kind="two-ways", hint="keep one of them")
    one = table.text("column")
    return (one,) if one else table.texts("columns")


def _files(table: Table) -> str:
    from loopline.datasets.only import Only

    pattern = table.text("files")
    if pattern:
        try:
            Only((pattern,))
        except Invalid as error:
            table.fail("files", error.message, kind=error.kind, hint=error.hint, **error.facts)
    return pattern


def _end(table: Table, key: str) -> float | str | None:
    """Take a number, or a day or time, which TOML has itself."""
    kinds = (int, float, str, date)  # a datetime is a date
    fits = lambda one: isinstance(one, kinds) and not isinstance(one, bool)  # noqa: E731 - short, and used once
    found: float | str | date | None = table.value(key, fits, "a number, a day or a time")
    if isinstance(found, date):
        return found.isoformat()
    if isinstance(found, str):
        from loopline.datasets.demands import moment_of

        if moment_of(found) is None:
            table.fail(
                key, f"{key} = {found!r} is no time", kind="bad-value", hint="write a number, or 2026-07-31", text=found
            )
    elif found is not None and (found != found or abs(found) == float("inf")):  # noqa: PLR0124 - not a number
        table.fail(key, f"{key} = {found} bounds nothing", kind="bad-value", hint="leave it out")
    return found


def _ends(table: Table, key: str, *, whole: bool) -> tuple[float | None, float | None]:
    """Take `{ min = …, max = … }`."""
    inner = table.inner(key)
    if inner is None:
        return None, None
    ends: list[float | None] = []
    for end in ("min", "max"):
        if end not in inner:
            ends.append(None)
            inner.whole(end, 0)  # known, though left out
        elif whole:
            ends.append(float(inner.whole(end, 0)))
        else:
            ends.append(inner.number(end, 0.0, least=-1.0))
    inner.done()
    if ends == [None, None]:
        table.fail(
            key, f"{key} has neither min nor max", kind="missing-key", hint="add min = … or max = …", missing="min"
        )
    return ends[0], ends[1]


def _one_of(table: Table) -> tuple[str | float, ...]:
    found: list[Any] = table.value("one_of", lambda v: isinstance(v, list), "an array of texts or of numbers") or []
    if "one_of" in table and not found:
        table.fail("one_of", "one_of names no value", kind="bad-value", hint="write the values, or leave it out")
    texts = all(isinstance(one, str) for one in found)
    if not texts and not all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in found):
        table.fail(
            "one_of", "one_of has values that are neither all texts nor all numbers", kind="wrong-type",
            hint='write ["EWR", "JFK"] or [1, 2]; for true and false type = "flag"',
        )  # fmt: skip
    return tuple(found)


def _pattern(table: Table) -> str:
    """Take a pattern. What Python understands may still be none of RE2: that is told when it is used."""
    pattern = table.text("matches")
    try:
        re.compile(pattern)
    except re.error as error:
        table.fail(
            "matches", f"{pattern!r} is no pattern: {error}", kind="bad-pattern", hint="mend it", pattern=pattern
        )
    return pattern


def _refers(table: Table) -> str:
    from loopline.nouns.name import parse_pointer

    written = table.text("refers")
    if not written:
        return ""
    try:
        pointer = parse_pointer(written, project="project")
    except Invalid as error:
        table.fail("refers", error.message, kind=error.kind, hint=error.hint, **error.facts)
    if pointer.asset.kind != "data":
        table.fail("refers", f"{written!r} is no data", kind="bad-kind", hint="write data/NAME@REF")
    return written


def _schema(table: Table) -> tuple[tuple[str, ...], bool]:
    """Take `"base"`, or the names of columns."""
    if isinstance(table.values.get("schema"), str):
        table.choice("schema", ("base",), "base")
        return (), True
    return table.texts("schema"), False

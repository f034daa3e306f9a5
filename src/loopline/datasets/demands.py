"""demands: what an expectation asks of rows, as conditions of SQL that are true of each row which breaks it.

A row has no value in a column where it is NULL or NaN, or one of the texts that mean so; what has no value breaks nothing but
`nulls`. Texts that are written as numbers or times are such: what a CSV holds has no types of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from loopline.datasets.tables import is_number, name, text
from loopline.errors import Invalid
from loopline.nouns.expectation import Demand, Expectation

_WHOLE: Final = r"[+-]?[0-9]+(\.0*)?"
_NUMBER: Final = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = _DAY + r"([T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONED: Final = _DAY + r"[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}(:[0-9]{2})?)"
_FRACTIONS: Final = ("FLOAT", "DOUBLE")


class Rows:
    """The columns of one table, and the conditions over them."""

    def __init__(self, kinds: Mapping[str, str], missing: Sequence[str]) -> None:
        self.kinds = kinds
        self._missing = tuple(missing)

    def has(self, column: str) -> str:
        """Write the condition that a row has a value there."""
        kind, quoted = self.kinds[column], name(column)
        found = f"{quoted} IS NOT NULL"
        if kind in _FRACTIONS:
            found += f" AND NOT isnan({quoted})"
        if kind == "VARCHAR" and self._missing:
            found += f" AND {quoted} NOT IN ({', '.join(map(text, self._missing))})"
        return f"({found})"

    def have(self, columns: Sequence[str]) -> str:
        """Write the condition that a row has a value in each."""
        return " AND ".join(map(self.has, columns))

    def number(self, column: str) -> str:
        """Write its number; NULL where it is none."""
        kind, quoted = self.kinds[column], name(column)
        if is_number(kind):
            return quoted
        if kind == "VARCHAR":
            return f"CASE WHEN regexp_full_match({quoted}, {text(_NUMBER)}) THEN TRY_CAST({quoted} AS DOUBLE) END"
        return "NULL::DOUBLE"

    def time(self, column: str) -> str:
        """Write its microseconds since the epoch, UTC; NULL where it is no time."""
        kind, quoted = self.kinds[column], name(column)
        if kind == "DATE" or kind.startswith("TIMESTAMP"):
            return f"epoch_us({quoted})"
        if kind == "VARCHAR":
            return (
                f"CASE WHEN regexp_full_match({quoted}, {text(_ZONED)}) THEN epoch_us(TRY_CAST({quoted} AS TIMESTAMPTZ)) "
                f"WHEN regexp_full_match({quoted}, {text(_TIME)}) THEN epoch_us(TRY_CAST({quoted} AS TIMESTAMP)) END"
            )
        return "NULL::BIGINT"

    def broken(self, demand: Demand, asked: Expectation) -> str:
        """Write the condition that a row breaks a demand of one column."""
        column = demand.columns[0]
        if demand.kind == "nulls":
            return f"NOT {self.has(column)}"
        fine = {"type": self._type, "range": self._range, "one_of": self._one_of, "matches": self._matches}
        return f"{self.has(column)} AND NOT coalesce({fine[demand.kind](column, asked)}, false)"

    def _type(self, column: str, asked: Expectation) -> str:
        kind, quoted = self.kinds[column], name(column)
        as_text = kind == "VARCHAR"
        match asked.type:
            case "text":
                return str(as_text)
            case "flag":
                return f"lower({quoted}) IN ('true', 'false')" if as_text else str(kind == "BOOLEAN")
            case "date":
                day = f"regexp_full_match({quoted}, {text(_DAY)}) AND TRY_CAST({quoted} AS DATE) IS NOT NULL"
                return day if as_text else str(kind == "DATE")
            case "time":
                return f"{self.time(column)} IS NOT NULL"
            case "whole" if as_text:
                return f"regexp_full_match({quoted}, {text(_WHOLE)})"
            case "whole" if kind in _FRACTIONS or kind.startswith("DECIMAL"):
                whole = f"{quoted} = trunc({quoted})"
                return f"isfinite({quoted}) AND {whole}" if kind in _FRACTIONS else whole
            case "number" if as_text or kind in _FRACTIONS:
                return f"isfinite({self.number(column)})"
            case _:
                return str(is_number(kind))

    def _range(self, column: str, asked: Expectation) -> str:
        ends = [(sign, end) for sign, end in ((">=", asked.min), ("<=", asked.max)) if end is not None]
        times = isinstance(ends[0][1], str)
        value = self.time(column) if times else self.number(column)
        return " AND ".join(
            f"({value}) {sign} {_moment(end) if isinstance(end, str) else _literal(end)}" for sign, end in ends
        )

    def _one_of(self, column: str, asked: Expectation) -> str:
        if isinstance(asked.one_of[0], str):
            return f"CAST({name(column)} AS VARCHAR) IN ({', '.join(text(str(one)) for one in asked.one_of)})"
        numbers = ", ".join(_literal(one) for one in asked.one_of if not isinstance(one, str))
        return f"({self.number(column)}) IN ({numbers})"

    def _matches(self, column: str, asked: Expectation) -> str:
        return f"regexp_full_match(CAST({name(column)} AS VARCHAR), {text(asked.matches)})"


def written_as_text(asked: Expectation) -> tuple[str, ...]:
    """Name the columns whose letters count, so that a CSV's `01234` must not become a number."""
    by_letter = asked.type == "text" or asked.matches or (asked.one_of and isinstance(asked.one_of[0], str))
    return asked.columns if by_letter else ()


def _literal(number: float) -> str:
    whole = isinstance(number, int) and -(1 << 63) <= number < 1 << 63
    return str(number) if whole else f"CAST({text(repr(number))} AS DOUBLE)"


def moment_of(written: str) -> int | None:
    """Read a time as ISO 8601 has it, as microseconds since the epoch; None where it is none."""
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    since = (found if found.tzinfo else found.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _moment(written: str) -> str:
    found = moment_of(written)
    if found is None:
        raise Invalid(
            f"{written!r} is no time",
            kind="bad-value",
            hint="write it as 2026-07-31 or 2026-07-31T09:30:00Z",
            text=written,
        )
    return str(found)

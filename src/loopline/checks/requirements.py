"""requirements: one comparison of a policy, parsed.

    [slice(COLUMN[, min=ROWS]).]METRIC OP BOUND [confident]
    OP     one of  >=  >  <=  <
    BOUND  NUMBER | base | base + NUMBER | base - NUMBER | base * NUMBER

`base` is the same metric of what the ref points at now, on the same rows. `slice(c).m` asks it of every member of column c
that has enough rows. `confident` asks it of the pessimistic end of the interval: of the paired difference where the bound
names the base (which itself is then taken as measured), of the value otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from loopline.checks.names import KNOWN
from loopline.errors import Invalid

Operator = Literal[">=", ">", "<=", "<"]

_OPERATORS: Final[Mapping[str, Operator]] = {">=": ">=", ">": ">", "<=": "<=", "<": "<"}
MIN_ROWS: Final = 200
"""Rows below which a member of a slice says too little to stop a change: it is listed, not judged."""
_SIMILAR: Final = 0.8
_LONGEST: Final = 500

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)|(?P<word>[^\W\d]\w*)"
    r"|(?P<sign><=|>=|=<|=>|==|!=|[-+*<>().,=]))"
)
_SHAPE = "[slice(COLUMN).]METRIC >= NUMBER | base - NUMBER | base * NUMBER [confident]"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A parsed requirement: METRIC OP factor * base + offset."""

    text: str
    metric: str
    operator: Operator
    factor: float
    """What the base is multiplied with; 0 where the bound is a number alone."""
    offset: float
    column: str = ""
    """Column of the slice; empty: all rows."""
    min_rows: int = MIN_ROWS
    confident: bool = False

    @property
    def on_base(self) -> bool:
        """Whether it compares with the base."""
        return self.factor != 0

    @property
    def upward(self) -> bool:
        """Whether larger is better."""
        return self.operator in (">=", ">")


def parse_comparison(text: str, *, known: Iterable[str] = KNOWN) -> Comparison:
    """Parse one line. Raise Invalid with the position (from 1) of what is wrong.

    Checks may measure what they like, so an unknown metric is only refused where it is nearly a known one.
    """
    return _Parser(text, tuple(known)).comparison()


class _Parser:
    """Reads one line from left to right."""

    def __init__(self, text: str, known: tuple[str, ...]) -> None:
        self.text, self.known, self.at = text, known, 0
        self.tokens = self._tokens()

    def _tokens(self) -> list[tuple[str, str, int]]:
        if len(self.text) > _LONGEST:
            self._fail(_LONGEST, "the line is too long", f"write at most {_LONGEST} characters")
        found, end = [], 0
        while rest := self.text[end:].strip():
            match = _TOKEN.match(self.text, end)
            if match is None or match.lastgroup is None:
                start = self.text.index(rest[0], end)
                self._fail(start, f"{rest[0]!r} means nothing here", f"write {_SHAPE}")
            found.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            end = match.end()
        return found

    def comparison(self) -> Comparison:
        column, min_rows = self._slice() if self._peek() == "slice" and self._peek(1) == "(" else ("", MIN_ROWS)
        metric = self._metric()
        operator = self._operator()
        factor, offset = self._bound()
        confident = self._peek() == "confident"
        self.at += confident
        if self.at < len(self.tokens):
            _, value, position = self.tokens[self.at]
            near = self._near(value, ("confident",))
            self._fail(position, f"{value!r} is too much", f"did you mean {near}?" if near else f"write {_SHAPE}")
        return Comparison(self.text.strip(), metric, operator, factor, offset, column, min_rows, confident)

    def _slice(self) -> tuple[str, int]:
        self.at += 2
        column, min_rows = self._take("word", "a column"), MIN_ROWS
        if self._peek() == ",":
            self.at += 1
            self._expect("min")
            self._expect("=")
            rows = self._take("number", "a number of rows")
            if not rows.isdigit() or int(rows) < 1:
                self._fail(self._position(-1), f"{rows} is no number of rows", "write a whole number from 1")
            min_rows = int(rows)
        self._expect(")")
        self._expect(".")
        return column, min_rows

    def _metric(self) -> str:
        name = self._take("word", "a metric")
        if name not in self.known and (near := self._near(name, self.known)):
            self._fail(
                self._position(-1), f"{name!r} is no known metric", f"did you mean {near}?", "unknown-metric", name
            )
        if name in ("base", "confident", "slice"):
            self._fail(self._position(-1), f"{name!r} cannot be a metric", f"write {_SHAPE}")
        return name

    def _operator(self) -> Operator:
        sign = self._peek()
        if sign not in _OPERATORS:
            said = repr(sign) if sign else "the end"
            hint = f"did you mean {sign[::-1]}?" if sign in ("=>", "=<") else "use one of >= > <= <"
            self._fail(self._position(), f"{said} stands where a comparison is needed", hint)
        self.at += 1
        return _OPERATORS[sign]

    def _bound(self) -> tuple[float, float]:
        if self._peek() != "base":
            return 0.0, self._number("a number or base")
        self.at += 1
        sign = self._peek()
        if sign not in ("+", "-", "*"):
            return 1.0, 0.0
        self.at += 1
        number = self._number("a number")
        if sign == "*":
            if number == 0:
                self._fail(self._position(-1), "base * 0 says nothing about the base", "write 0")
            return number, 0.0
        return 1.0, number if sign == "+" else -number

    def _number(self, what: str) -> float:
        sign = -1.0 if self._peek() == "-" else 1.0
        self.at += self._peek() in ("-", "+")
        value = float(self._take("number", what))
        if value == float("inf"):
            self._fail(self._position(-1), "the number is too large", "write a smaller one")
        return sign * value

    def _take(self, group: str, what: str) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at][0] != group:
            said = repr(self._peek()) if self._peek() else "the end"
            self._fail(self._position(), f"{said} stands where {what} is needed", f"write {_SHAPE}")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            said = repr(self._peek()) if self._peek() else "the end"
            self._fail(self._position(), f"{said} stands where {sign!r} is needed", f"write {_SHAPE}")
        self.at += 1

    def _peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead][1] if self.at + ahead < len(self.tokens) else ""

    def _position(self, ahead: int = 0) -> int:
        return self.tokens[self.at + ahead][2] if self.at + ahead < len(self.tokens) else len(self.text.rstrip())

    def _near(self, word: str, known: tuple[str, ...]) -> str:
        from difflib import get_close_matches

        found = get_close_matches(word.lower(), [k for k in known if abs(len(k) - len(word)) <= 1], 1, _SIMILAR)
        return found[0] if found else ""

    def _fail(self, at: int, why: str, hint: str, kind: str = "bad-requirement", word: str = "") -> NoReturn:
        raise Invalid(
            f"in {self.text!r}, at character {at + 1}: {why}",
            kind=kind,
            hint=hint,
            text=self.text,
            position=at + 1,
            word=word,
        )

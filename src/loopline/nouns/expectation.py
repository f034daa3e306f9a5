"""expectation: what the tables of a version must hold, and what was found when somebody looked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

Kind = Literal["type", "range", "nulls", "one_of", "matches", "unique", "refers", "within", "rows", "change", "schema"]
TYPES: Final = ("whole", "number", "text", "flag", "date", "time")
"""What a column may hold: whole numbers, numbers, texts, true or false, days, points in time."""
BY_ROW: Final = ("type", "range", "one_of", "matches", "nulls", "unique", "refers")
"""Kinds of demands that single rows break."""
_LISTS: Final = ("columns", "one_of", "to", "schema")
_VALUES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("nulls", "allow", "change_min", "change_max"), (int, float)),
    **dict.fromkeys(("min", "max"), (int, float, str)),
    **dict.fromkeys(("within", "rows_min", "rows_max"), int), **dict.fromkeys(("unique", "like_base"), bool),
}  # fmt: skip
"""Types of what is no text."""
_UNITS: Final = ((86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"))


@dataclass(frozen=True, slots=True)
class Expectation:
    """One entry of `expect` of a check: everything that it says must hold."""

    columns: tuple[str, ...] = ()
    """Each of them, but for `unique` and `refers`, which speak of all together."""
    files: str = ""
    """Pattern of the files whose rows are meant, as in `.gitignore`; empty: all tables of the version."""
    type: str = ""
    """One of TYPES."""
    min: float | str | None = None
    """A number, or a time as ISO 8601 has it; without a zone it is UTC. Itself allowed."""
    max: float | str | None = None
    nulls: float | None = None
    """The largest share of rows without a value; 0: none."""
    one_of: tuple[str | float, ...] = ()
    """All texts, or all numbers."""
    matches: str = ""
    """Pattern of a whole value (RE2)."""
    unique: bool = False
    """Whether no two rows say the same in these columns. Rows that lack one of them are not looked at."""
    refers: str = ""
    """Pointer of data which have a row that says the same in `to`. Rows that lack one of the columns are not looked at."""
    to: tuple[str, ...] = ()
    """Columns there; empty: of the same names."""
    within: int | None = None
    """Microseconds that the newest time may lie before `of`."""
    of: Literal["now", "version"] = "now"
    rows_min: int | None = None
    rows_max: int | None = None
    change_min: float | None = None
    """The least that the number of rows may change by, as a share of the base's; -0.1: a tenth fewer."""
    change_max: float | None = None
    schema: tuple[str, ...] = ()
    """Names of exactly the columns that every file has, in any order."""
    like_base: bool = False
    """Whether columns and their types must be those of the base."""
    allow: float = 0.0
    """Share of the rows that may break what each row must hold."""

    def demands(self) -> Iterator[Demand]:
        """Take it apart: what can hold or not by itself."""
        for column in self.columns:
            for kind, text in self._of_column():
                yield Demand(kind, (column,), f"{column} {text}{self._allowing(kind)}")
        several = ", ".join(self.columns)
        if self.unique:
            yield Demand("unique", self.columns, f"{several} {_is(self.columns)} unique{self._allowing('unique')}")
        if self.refers:
            there = f" ({', '.join(self.to)})" if self.to else ""
            said = f"{several} {_is(self.columns)} in {self.refers}{there}{self._allowing('refers')}"
            yield Demand("refers", self.columns, said)
        if self.rows_min is not None or self.rows_max is not None:
            yield Demand("rows", (), f"rows {_span(self.rows_min, self.rows_max)}")
        if self.change_min is not None or self.change_max is not None:
            ends = (None if one is None else f"{one * 100:+g} %" for one in (self.change_min, self.change_max))
            yield Demand("change", (), f"rows change {_span(*ends)} against the base")
        if self.schema or self.like_base:
            said = "those of the base" if self.like_base else ", ".join(self.schema)
            yield Demand("schema", (), f"columns are {said}")

    def _of_column(self) -> Iterator[tuple[Kind, str]]:
        if self.type:
            yield "type", f"is {_TYPES_SAID[self.type]}"
        if self.min is not None or self.max is not None:
            yield "range", f"is {_span(self.min, self.max)}"
        if self.one_of:
            yield "one_of", f"is one of {', '.join(map(_short, self.one_of))}"
        if self.matches:
            yield "matches", f"matches {self.matches}"
        if self.nulls is not None:
            yield "nulls", "is never missing" if not self.nulls else f"is missing in at most {self.nulls * 100:g} %"
        if self.within is not None:
            yield "within", f"has a time at most {span_of(self.within)} before {_OF_SAID[self.of]}"

    def _allowing(self, kind: Kind) -> str:
        return (
            f", but for {self.allow * 100:g} % of the rows" if self.allow and kind in BY_ROW and kind != "nulls" else ""
        )

    def __str__(self) -> str:
        """Say it in a line."""
        files = f"{self.files}: " if self.files else ""
        return files + "; ".join(one.text for one in self.demands())


_TYPES_SAID: Final = {
    "whole": "a whole number", "number": "a number", "text": "text", "flag": "true or false", "date": "a day", "time": "a time",
}  # fmt: skip
_OF_SAID: Final = {"now": "now", "version": "the version"}


@dataclass(frozen=True, slots=True)
class Demand:
    """What one expectation asks of a column, of several together, or of the whole table."""

    kind: Kind
    columns: tuple[str, ...]
    text: str
    """For people: `arr_delay is a whole number`."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A row that breaks a demand."""

    file: str
    """Path in the version."""
    row: int
    """From 1, without the line that names the columns."""
    cells: Mapping[str, str | None] = field(default_factory=dict)
    """What it says in the columns of the demand, shortened."""
    key: str = ""
    """What names the row, where the data declare that."""


@dataclass(frozen=True, slots=True)
class Observation:
    """How one demand stands."""

    demand: str
    """`arr_delay is a whole number`."""
    holds: bool
    observed: str = ""
    files: str = ""
    """Pattern of the files that were looked at; empty: all tables."""
    broken: int = 0
    """Rows that break it, where rows can."""
    rows: int = 0
    """Rows that were looked at."""
    samples: tuple[Breach, ...] = ()


@dataclass(frozen=True, slots=True)
class Expected:
    """What was found when a version, or a folder, was held against its expectations."""

    subject: str
    """`data/flights@3`, or a folder."""
    base: str = ""
    """The version that it was compared with, where one was needed."""
    observations: tuple[Observation, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether all that was looked at holds."""
        return all(one.holds for one in self.observations)


def in_short(observations: Sequence[Observation]) -> str:
    """Say in a line how many hold, and which do not."""
    bad = [one for one in observations if not one.holds]
    if not bad:
        return f"{len(observations)} hold"
    named = "; ".join(f"{one.demand}: {one.observed}" for one in bad[:2])
    more = f"; and {len(bad) - 2} more" if len(bad) > 2 else ""
    return f"{len(bad)} of {len(observations)} {'does' if len(bad) == 1 else 'do'} not hold: {named}{more}"


def write_expectation(one: Expectation) -> dict[str, Any]:
    """Write it as values that JSON has, without what it does not ask."""
    said = ((it.name, getattr(one, it.name), it.default) for it in fields(one))
    return {key: list(value) if isinstance(value, tuple) else value for key, value, usual in said if value != usual}


def read_expectation(found: Mapping[str, Any]) -> Expectation:
    """Read what `write_expectation` wrote. Raise TypeError for a key or a value that it does not write."""
    told: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in found.items()}
    for key, value in told.items():
        kinds = (str, int, float) if key == "one_of" else str
        if not (
            all(isinstance(one, kinds) for one in value) if key in _LISTS else isinstance(value, _VALUES.get(key, str))
        ):
            raise TypeError(f"{key} is {value!r}")
    return Expectation(**told)


def read_observation(found: Mapping[str, Any]) -> Observation:
    """Read one from values that JSON has, as `asdict` gives them. Raise KeyError and TypeError for what is none."""
    samples = tuple(Breach(**one) for one in found["samples"])
    return Observation(**{**found, "samples": samples})


def span_of(microseconds: int) -> str:
    """Write a length of time in its largest whole unit: `40d`, `36h`."""
    for length, sign in _UNITS:
        if microseconds and microseconds % length == 0:
            return f"{microseconds // length}{sign}"
    return f"{microseconds / 1e6:g}s"


def _span(low: object, high: object) -> str:
    if high is None:
        return f"at least {_short(low)}"
    return f"at most {_short(high)}" if low is None else f"from {_short(low)} to {_short(high)}"


def _short(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)


def _is(columns: tuple[str, ...]) -> str:
    return "are together" if len(columns) > 1 else "is"

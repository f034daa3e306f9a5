"""expectations: a table held against what it must hold, in as few passes over its rows as there can be.

The files of a set are read once, into a table of the columns that matter. One query counts the rows that break each demand; what
needs rows beside each other (`unique`) or another table (`refers`) is a query of its own. Rows are looked for only where a demand
does not hold. A column that a file lacks breaks what is said of it: a missing column is not one without values.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from loopline.datasets.demands import Rows, written_as_text
from loopline.datasets.tables import (
    MEMORY,
    NULLS,
    Part,
    columns_of,
    free_name,
    is_number,
    name,
    numbered,
    open_tables,
    plain,
    text,
)
from loopline.errors import Invalid
from loopline.nouns.expectation import Breach, Demand, Expectation, Observation, span_of

SAMPLES: Final = 10
"""Rows that are shown of those that break a demand."""
CELL: Final = 200
"""Characters of a cell that are shown."""
_ALONE: Final = ("type", "range", "one_of", "matches", "nulls")
"""Kinds of demands that a row breaks by itself."""
_UNREADABLE: Final = ("bad-table", "ragged-rows")
_SHOWN: Final = 3
_ROUNDED: Final = 1e-6
"""What a share of rows is rounded outward by: so little that no whole row is meant, and 0.29 of 100 rows are 29."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a base must say of itself."""

    rows: int
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked beside the files."""

    missing: Sequence[str] = ()
    """Texts that mean "no value", besides none at all."""
    key: Sequence[str] = ()
    """Columns that name a row."""
    now: int = 0
    version: int = 0
    """When the version is from; both in microseconds since the epoch."""
    base: Shape | None = None
    others: Mapping[str, Sequence[Path]] | None = None
    """Files of the data that are referred to, by pointer."""
    samples: int = SAMPLES
    scratch: Path | None = None
    memory: str = MEMORY


def observe(files: Mapping[str, Path], expectations: Sequence[Expectation], asked: Asked) -> list[Observation]:
    """Hold the rows of files (by their path in the version) against expectations, each demand by itself.

    Files that cannot be read as tables are an observation that fails. Raise Invalid kind="bad-pattern", and what
    `open_tables` raises for others than them.
    """
    demands = [(one, demand) for one in expectations for demand in one.demands()]
    if not files:
        return [_failing(demand, one, "no file is there") for one, demand in demands]
    wanted = {column for one in expectations for column in one.columns} | set(asked.key)
    part = Part(wanted, {column for one in expectations for column in written_as_text(one)})
    others = {f"other{at}": paths for at, paths in enumerate((asked.others or {}).values())}
    try:
        with open_tables(
            {"t": [*files.values()], **others}, nulls=(*NULLS, *asked.missing), scratch=asked.scratch, memory=asked.memory,
            parts={"t": part},
        ) as db:  # fmt: skip
            return [*_Table(db, files, part, asked).observations(demands)]
    except Invalid as error:
        path = next((one for one, place in files.items() if str(place) == error.facts.get("path")), None)
        if path is None or error.kind not in _UNREADABLE:
            raise
        observed = error.message.replace(str(files[path]), path)
        return [Observation("every file is a table", holds=False, observed=observed, files=expectations[0].files)]


def shape(
    paths: Sequence[Path], *, missing: Sequence[str] = (), scratch: Path | None = None, memory: str = MEMORY
) -> Shape:
    """Count the rows of files and tell their columns with types. Raise what `open_tables` raises."""
    part = Part(())
    with open_tables(
        {"t": paths}, nulls=(*NULLS, *missing), scratch=scratch, memory=memory, parts={"t": part}
    ):  # fmt: skip
        return Shape(sum(one.rows for one in part.files), _columns(part))


def _columns(part: Part) -> dict[str, str]:
    return {column: kind for one in part.files for column, kind in one.columns.items()}


def _failing(demand: Demand, one: Expectation, observed: str) -> Observation:
    return Observation(demand.text, holds=False, observed=observed, files=one.files)


class _Table:
    """One set of files, open."""

    def __init__(self, db: Any, files: Mapping[str, Path], part: Part, asked: Asked) -> None:
        self._db, self._asked, self._part = db, asked, part
        names = {place: path for path, place in files.items()}
        self._names = [names[one.path] for one in part.files]
        self._ends = [*accumulate(one.rows for one in part.files)]
        columns = columns_of(db, "t")
        self._rows = Rows(columns, asked.missing)
        self._row = numbered(db, {"t": columns})
        self._place, self._times = (free_name(one, (*columns, self._row)) for one in ("place", "times"))
        self.count = self._ends[-1] if self._ends else 0
        self._others = [*(asked.others or {})]

    def observations(self, demands: Sequence[tuple[Expectation, Demand]]) -> Iterator[Observation]:
        """Answer each demand, in order."""
        self._try_patterns(demands)
        lacking = {column: self._lacking(column) for _, demand in demands for column in demand.columns}
        counted = self._counted([one for one in demands if {*one[1].columns} <= self._rows.kinds.keys()])
        ways: dict[str, Callable[[Expectation, Demand], Observation]] = {
            "within": self._within, "rows": self._count, "change": self._change, "schema": self._schema,
        }  # fmt: skip
        for one, demand in demands:
            without = next((said for c in demand.columns if (said := lacking[c])), "")
            if without:
                yield self._without(one, demand, counted, without)
            elif demand.kind in ways:
                yield ways[demand.kind](one, demand)
            else:
                yield self._by_row(one, demand, counted)

    def _by_row(self, one: Expectation, demand: Demand, counted: Mapping[int, int]) -> Observation:
        if demand.kind == "refers":
            why = self._no_other(one, demand)
            if why:
                return _failing(demand, one, why)
        broken = counted.get(id(demand), 0)
        share = one.nulls or 0.0 if demand.kind == "nulls" else one.allow
        holds = broken <= share * self.count + _ROUNDED
        observed = f"{broken:,} of {self.count:,} rows {_SAID.get(demand.kind, 'are not')}" if broken else ""
        samples = self._samples(one, demand) if not holds else ()
        return Observation(demand.text, holds, observed, one.files, broken, self.count, samples)

    def _without(self, one: Expectation, demand: Demand, counted: Mapping[int, int], why: str) -> Observation:
        """Say that files lack a column, and what is wrong in the rows of those that have it."""
        broken = sum(f.rows for f in self._part.files if not {*demand.columns} <= f.columns.keys())
        if demand.kind in _ALONE and id(demand) in counted and demand.kind != "nulls" and counted[id(demand)]:
            there = self._by_row(one, demand, counted)
            return replace(there, holds=False, observed=f"{why}; {there.observed}", broken=broken + there.broken)
        return replace(_failing(demand, one, why), broken=broken, rows=self.count)

    def _lacking(self, column: str) -> str:
        """Say which files lack a column; empty where none does. JSON Lines without lines have no columns to lack."""
        without = [
            path
            for path, one in zip(self._names, self._part.files, strict=True)
            if column not in one.columns and (one.rows or one.columns)
        ]
        if not without:
            return ""
        if len(without) == len(self._names):
            return f"there is no column {column}"
        more = f" and {len(without) - _SHOWN} more" if len(without) > _SHOWN else ""
        return f"no column {column} in {', '.join(without[:_SHOWN])}{more}"

    def _counted(self, demands: Sequence[tuple[Expectation, Demand]]) -> dict[int, int]:
        """Count the rows that break each demand, all in one pass where a row does so by itself."""
        found: dict[int, int] = {}
        if not self.count:
            return found
        alone = [(one, demand) for one, demand in demands if demand.kind in _ALONE]
        if alone:
            counts = ", ".join(f"count(*) FILTER (WHERE {self._rows.broken(demand, one)})" for one, demand in alone)
            answers = self._one(f"SELECT {counts} FROM t")
            found |= {id(demand): count for (_, demand), count in zip(alone, answers, strict=True)}
        for one, demand in demands:
            if demand.kind == "unique":
                (count,) = self._one(f"SELECT coalesce(sum({self._times}), 0)::BIGINT FROM ({self._twice(demand)})")
                found[id(demand)] = count
            elif demand.kind == "refers" and not self._no_other(one, demand):
                (count,) = self._one(f"SELECT count(*) FROM {self._astray(one, demand)}")
                found[id(demand)] = count
        return found

    def _twice(self, demand: Demand) -> str:
        names, have = ", ".join(map(name, demand.columns)), self._rows.have(demand.columns)
        return f"SELECT {names}, count(*) AS {self._times} FROM t WHERE {have} GROUP BY {names} HAVING count(*) > 1"

    def _astray(self, one: Expectation, demand: Demand) -> str:
        """Write the rows that find none of theirs in the other data."""
        other = f"other{self._others.index(one.refers)}"
        there = columns_of(self._db, other)
        pairs = [*zip(demand.columns, one.to or demand.columns, strict=True)]
        match = " AND ".join(self._same(here, self._rows.kinds[here], to, there[to]) for here, to in pairs)
        have = self._rows.have(demand.columns)
        return f"({self._placed} WHERE {have}) t ANTI JOIN {other} o ON {match}"

    @property
    def _placed(self) -> str:
        """Write the rows, each with its place. What we add is called as no column is."""
        return f"SELECT {self._row} AS {self._place}, * FROM t"

    def _same(self, here: str, kind: str, there: str, other: str) -> str:
        if kind == other or (is_number(kind) and is_number(other)):
            return f"t.{name(here)} = o.{name(there)}"
        return f"CAST(t.{name(here)} AS VARCHAR) = CAST(o.{name(there)} AS VARCHAR)"

    def _no_other(self, one: Expectation, demand: Demand) -> str:
        """Say why there is nothing to be found in; empty where there is something."""
        there = columns_of(self._db, f"other{self._others.index(one.refers)}")
        absent = [column for column in one.to or demand.columns if column not in there]
        return f"{one.refers} has no column {', '.join(absent)}" if absent else ""

    def _samples(self, one: Expectation, demand: Demand) -> tuple[Breach, ...]:
        """Give the first rows that break a demand."""
        order = place = f"t.{self._place}"
        if demand.kind == "unique":
            order = ", ".join((*(f"t.{name(column)}" for column in demand.columns), place))
            match = " AND ".join(f"t.{name(c)} = d.{name(c)}" for c in demand.columns)
            source = f"({self._placed}) t SEMI JOIN ({self._twice(demand)}) d ON {match}"
        elif demand.kind == "refers":
            source = self._astray(one, demand)
        else:
            source = f"({self._placed} WHERE {self._rows.broken(demand, one)}) t"
        key = [column for column in self._asked.key if column in self._rows.kinds]
        listed = ", ".join(f"t.{name(column)}" for column in (*demand.columns, *key))
        query = f"SELECT {place}, {listed} FROM {source} ORDER BY {order} LIMIT {self._asked.samples:d}"
        return tuple(self._breach(row, demand, key) for row in self._db.execute(query).fetchall())

    def _breach(self, row: Sequence[Any], demand: Demand, key: Sequence[str]) -> Breach:
        at = bisect_right(self._ends, row[0])
        before = self._ends[at - 1] if at else 0
        cells = dict(zip(demand.columns, map(_cell, row[1:]), strict=False))
        named = " ".join(_cell(one) or "–" for one in row[1 + len(demand.columns) :])
        return Breach(self._names[at], row[0] - before + 1, cells, named if key else "")

    def _within(self, one: Expectation, demand: Demand) -> Observation:
        column = demand.columns[0]
        newest = None
        if self.count:
            (newest,) = self._one(f"SELECT max({self._rows.time(column)}) FROM t WHERE {self._rows.has(column)}")
        if newest is None:
            return _failing(demand, one, "there is no time")
        age = (self._asked.now if one.of == "now" else self._asked.version) - newest
        holds = age <= (one.within or 0)
        said = f"the newest is {_written(newest)}"
        if age > 0:
            said += f", {span_of(age // 3_600_000_000 * 3_600_000_000 or age // 1_000_000 * 1_000_000)} before"
        return Observation(demand.text, holds, said, one.files, rows=self.count)

    def _count(self, one: Expectation, demand: Demand) -> Observation:
        low, high = one.rows_min or 0, self.count if one.rows_max is None else one.rows_max
        holds = low <= self.count <= high
        return Observation(demand.text, holds, f"{self.count:,} rows", one.files, rows=self.count)

    def _change(self, one: Expectation, demand: Demand) -> Observation:
        base = self._asked.base
        if base is None or not base.rows:
            said = "there is no base" if base is None else "the base has no rows"
            return self._holding(one, demand, said)
        low = float("-inf") if one.change_min is None else base.rows * (1 + one.change_min) - _ROUNDED
        high = float("inf") if one.change_max is None else base.rows * (1 + one.change_max) + _ROUNDED
        holds = low <= self.count <= high
        said = f"{base.rows:,} → {self.count:,} rows, {(self.count / base.rows - 1) * 100:+.1f} %"
        return Observation(demand.text, holds, said, one.files, rows=self.count)

    def _schema(self, one: Expectation, demand: Demand) -> Observation:
        if one.like_base:
            if self._asked.base is None:
                return self._holding(one, demand, "there is no base")
            wrong = [*_differences(self._asked.base.columns, self._part)]
        else:
            files = [(path, file.columns) for path, file in zip(self._names, self._part.files, strict=True)]
            wrong = [
                f"{path} {word} {', '.join(names)}"
                for path, columns in files or [("it", {})]
                for word, names in _apart(one.schema, columns)
                if names
            ]
        holds = not wrong
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        return Observation(demand.text, holds, "; ".join(wrong[:_SHOWN]) + more, one.files, rows=self.count)

    def _holding(self, one: Expectation, demand: Demand, observed: str) -> Observation:
        return Observation(demand.text, holds=True, observed=observed, files=one.files, rows=self.count)

    def _try_patterns(self, demands: Sequence[tuple[Expectation, Demand]]) -> None:
        import duckdb

        for one, demand in demands:
            if demand.kind != "matches":
                continue
            try:
                self._one(f"SELECT regexp_full_match('', {text(one.matches)})")
            except duckdb.Error as error:
                raise Invalid(
                    f"{one.matches!r} is no pattern: {str(error).partition(': ')[2].partition(chr(10))[0]}", kind="bad-pattern",
                    hint="write it as RE2 has it: no look-around, no back-references", pattern=one.matches,
                ) from None  # fmt: skip

    def _one(self, query: str) -> Any:
        return self._db.execute(query).fetchone()


_SAID: Final = {"nulls": "have none", "unique": "are there more than once", "refers": "are not there"}


def _differences(base: Mapping[str, str], part: Part) -> Iterator[str]:
    here = _columns(part)
    for word, names in _apart([*base], here):
        if names:
            yield f"it {word} {', '.join(names)}"
    for column, kind in here.items():
        if column in base and base[column] != kind:
            yield f"{column} was {base[column]} and is {kind}"


def _apart(wanted: Sequence[str], found: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    yield "lacks", [column for column in wanted if column not in found]
    yield "has besides", [column for column in found if column not in wanted]


def _cell(value: Any) -> str | None:
    said = plain(value)
    if said is None:
        return None
    written = said if isinstance(said, str) else str(said).lower() if isinstance(said, bool) else str(said)
    return written if len(written) <= CELL else written[:CELL] + "…"


def _written(microseconds: int) -> str:
    from datetime import UTC, datetime, timedelta

    try:
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds):%Y-%m-%dT%H:%M:%SZ}"
    except OverflowError:
        return f"of the year {1970 + microseconds // 31_556_952_000_000}"

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import UTC, date, datetime
from itertools import combinations
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loopline.datasets.demands import moment_of
from loopline.datasets.expectations import Asked, observe
from loopline.nouns.expectation import Expectation

from .making import parquet

if TYPE_CHECKING:
    import pytest

Row = dict[str, Any]
MISSING = ("NA",)
ROUNDS = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# What values there are: of every type that a file can hold, those that are nearly one, and none.
TEXTS = st.sampled_from(
    ["1", "-2.0", "+3.5", "1e3", ".5", "5.", "1_0", " 1", "nan", "inf", "0x1", "", "NA", "x", "true", "FALSE", "01",
     "2026-07-31", "2026-02-30", "2026-07-31T10:00:00Z", "2026-07-31 10:00:00", "2026-07-31T10:00:00+02:00", "10:00", "EWR"]
)  # fmt: skip
VALUES = {
    "VARCHAR": TEXTS,
    "BIGINT": st.integers(-3, 3),
    "DOUBLE": st.sampled_from([0.0, 1.0, -2.5, 1e300, math.inf, -math.inf, math.nan]),
    "BOOLEAN": st.booleans(),
    "DATE": st.dates(date(2026, 7, 30), date(2026, 8, 1)),
    "TIMESTAMP": st.datetimes(*map(datetime.fromisoformat, ("2026-07-31", "2026-07-31T23:00"))),
}
COLUMNS = {kind.lower(): kind for kind in VALUES}
"""One column of each type."""
ROWS = st.lists(st.fixed_dictionaries({c: st.none() | VALUES[kind] for c, kind in COLUMNS.items()}), max_size=6)
ENDS = ((0, None), (-2.5, 2), (None, 1000.0), ("2026-07-31", None), (None, "2026-07-31T09:00:00+01:00"))
ASKED: list[dict[str, Any]] = [
    *({"type": kind} for kind in ("whole", "number", "flag", "date", "time")),
    *({"min": low, "max": high} for low, high in ENDS),
    *({"nulls": share} for share in (0.0, 0.3, 1.0)),
    *({"one_of": some} for some in (("EWR", "1"), (1, -2.5), ("true",), (1000, 0.5))),
    *({"matches": pattern} for pattern in ("[0-9]+", "(?i)TRUE", "x|1.*")),
    {"type": "text"},
]


@ROUNDS
@given(st.lists(ROWS, min_size=1, max_size=2), st.sampled_from([0.0, 0.5]))
@example([[{c: math.nan if c == "double" else None for c in COLUMNS}], []], 0.0)
def test_each_expectation_is_what_plain_python_says(
    tmp_path_factory: pytest.TempPathFactory, several: list[list[Row]], allow: float
) -> None:
    """Whatever a table holds, in one file or two: as many rows break a demand as a loop over them finds."""
    folder = tmp_path_factory.mktemp("t")
    files = {f"{at}.parquet": parquet(folder / f"{at}.parquet", COLUMNS, rows) for at, rows in enumerate(several)}
    wanted = [Expectation(tuple(COLUMNS), allow=allow, **asked) for asked in ASKED]
    wanted += [Expectation(columns, unique=True, allow=allow) for columns in combinations(COLUMNS, 2)]
    rows = [row for part in several for row in part]
    places = [(f"{at}.parquet", number + 1) for at, part in enumerate(several) for number in range(len(part))]
    demands = [(one, demand) for one in wanted for demand in one.demands()]
    for one, (asked, demand) in zip(observe(files, wanted, Asked(missing=MISSING)), demands, strict=True):
        if demand.kind == "unique":
            broken = twin_unique(rows, demand.columns)
        else:
            broken = [at for at, row in enumerate(rows) if twin(demand.kind, row[demand.columns[0]], asked)]
        assert (demand.text, one.broken) == (demand.text, len(broken))
        share = (asked.nulls or 0.0) if demand.kind == "nulls" else allow
        assert one.holds == (len(broken) <= share * len(rows))
        if not one.holds and demand.kind != "unique":
            assert [(each.file, each.row) for each in one.samples] == [places[at] for at in broken][:10]


NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z|[+-]\d\d(:\d\d)?)?")


def twin(kind: str, value: Any, asked: Expectation) -> bool:
    """Tell whether a value breaks a demand."""
    missing = value is None or value in MISSING or value != value  # noqa: PLR0124 - not a number
    if kind == "nulls" or missing:
        return missing and kind == "nulls"
    said = str(value).lower() if isinstance(value, bool) else written_as(value)
    if kind == "type":
        return not of_type(value, asked.type)
    if kind == "range":
        ends = (asked.min, asked.max)
        times = any(isinstance(end, str) for end in ends)
        found: Any = time_of(value) if times else number_of(value)
        low: Any
        high: Any
        low, high = ends if not times else map(time_of, ends)
        return found is None or (low is not None and found < low) or (high is not None and found > high)
    if kind == "one_of":
        if isinstance(asked.one_of[0], str):
            return said not in asked.one_of
        return number_of(value) not in asked.one_of
    return re.fullmatch(asked.matches, said) is None


def twin_unique(rows: list[Row], columns: tuple[str, ...]) -> list[int]:
    """Name the rows that say what another says."""
    whole = {
        at: tuple(row[c] for c in columns)
        for at, row in enumerate(rows)
        if not any(row[c] is None or row[c] in MISSING or row[c] != row[c] for c in columns)
    }
    counts = Counter(whole.values())
    return [at for at, key in whole.items() if counts[key] > 1]


def written_as(value: Any) -> str:
    """Write a value as DuckDB does."""
    if isinstance(value, float):
        return "1e+300" if value == 1e300 else str(value)
    return str(value)


def number_of(value: Any) -> float | None:
    """Give what counts as a number."""
    if isinstance(value, str):
        return float(value) if NUMBER.fullmatch(value) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def time_of(value: Any) -> datetime | None:
    """Give what counts as a time; without a zone it is UTC."""
    if isinstance(value, str):
        if not (DAY.fullmatch(value) or TIME.fullmatch(value)):
            return None
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not hasattr(value, "year"):
        return None
    whole = value if isinstance(value, datetime) else datetime.fromisoformat(value.isoformat())
    return whole if whole.tzinfo else whole.replace(tzinfo=UTC)


def of_type(value: Any, kind: str) -> bool:
    """Tell whether a value is of a type."""
    number, time = number_of(value), time_of(value)
    return {
        "whole": number is not None and math.isfinite(number) and float(number).is_integer()
        and not (isinstance(value, str) and "e" in value.lower()) and not (isinstance(value, str) and value[0] == "."),
        "number": number is not None and math.isfinite(number),
        "text": isinstance(value, str),
        "flag": isinstance(value, bool) or str(value).lower() in ("true", "false"),
        "date": time is not None and (bool(DAY.fullmatch(value)) if isinstance(value, str) else type(value) is date),
        "time": time is not None,
    }[kind]  # fmt: skip


def test_a_moment_is_what_iso_8601_says() -> None:
    """Without a zone it is UTC; what is no time is none."""
    assert moment_of("1970-01-02T00:00:00+01:00") == 23 * 3_600_000_000
    assert moment_of("1970-01-01") == 0
    assert moment_of("tomorrow") is None

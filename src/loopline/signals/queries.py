"""queries: what has been predicted: single predictions, traffic over time, columns of a window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote

from loopline.errors import Invalid
from loopline.nouns.prediction import Prediction
from loopline.nouns.traffic import Bucket
from loopline.signals.matching import latest
from loopline.signals.opening import Opened, equals, name, opened

_HASHES: Final = 1 << 64
_BATCH: Final = 65_536
_FACTS: Final = (
    "id", "number", "arm", "version", "change", "recorded_at", "event_time", "unit", "status", "latency_us", "shadow", "error",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """Which predictions are meant; what is left empty says nothing."""

    id: str = ""
    """Of a prediction, or of a request: all its rows."""
    unit: str = ""
    arm: str = ""
    status: int | None = None
    start: int | None = None
    end: int | None = None
    """Event time in [start, end)."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Columns (`carrier`, `in.carrier`, `out.predict`, `version`) and their values as text; empty text: no value."""


def find(folder: Path, service: str, wanted: Filter, *, limit: int, after: str = "") -> tuple[Prediction, ...]:
    """Give predictions with their labels, newest event first. `after` is the `place_of` the last one of the page before.

    Raise Invalid kind="unknown-column" or "bad-cursor".
    """
    with opened(folder, start=wanted.start, end=wanted.end) as here:
        conditions, values = _conditions(here, wanted)
        if after:
            conditions.append("(event_time, arm, id) < (?, ?, ?)")
            values += _place(after)
        names = [one for one in here.columns if one.startswith(("in.", "out."))]
        chosen = ", ".join(map(name, [*_FACTS, *names]))
        here.db.execute(
            f"CREATE TEMP TABLE page AS SELECT *, row_number() OVER () AS k FROM (SELECT * FROM predictions"
            f" WHERE {' AND '.join(conditions) or 'true'} ORDER BY event_time DESC, arm DESC, id DESC LIMIT {int(limit)})",
            values,
        )
        truths = {
            k: (number if words is None else words, at) for k, number, words, at, *_ in here.rows(latest(here, "page"))
        }
        rows = here.rows(f"SELECT k, {chosen} FROM page ORDER BY k")
    found = []
    for k, *row in rows:
        facts, columns = dict(zip(_FACTS, row, strict=False)), dict(zip(names, row[len(_FACTS) :], strict=True))
        label, at = truths.get(k, (None, None))
        found.append(
            Prediction(
                **facts, service=service, label=label, labelled_at=at,
                inputs={one[3:]: value for one, value in columns.items() if one.startswith("in.") and value is not None},
                outputs={one[4:]: value for one, value in columns.items() if one.startswith("out.") and value is not None},
            )
        )  # fmt: skip
    return tuple(found)


def place_of(prediction: Prediction) -> str:
    """Write where a page ends."""
    return f"{prediction.event_time}:{quote(prediction.arm, safe='')}:{prediction.id}"


def traffic(folder: Path, start: int, end: int, step: int) -> tuple[Bucket, ...]:
    """Tell what was asked in [start, end) of recorded time, by `step` microseconds and arm, oldest first."""
    sql = """
        SELECT ? + (recorded_at - ?) // ? * ? AS bucket, arm, shadow, count(*), sum(rows)::BIGINT,
            count(*) FILTER (status >= 500), count(*) FILTER (status >= 400 AND status < 500),
            count(*) FILTER (status IN (429, 503)),
            quantile_cont(latency_us, [0.5, 0.9, 0.99]) FILTER (status < 400)
        FROM predictions WHERE row = 0 AND recorded_at >= ? AND recorded_at < ? GROUP BY ALL ORDER BY ALL
    """
    with opened(folder) as here:
        rows = here.rows(sql, [start, start, step, step, start, end])
    return tuple(
        Bucket(at, at + step, arm, shadow, requests, total, errors, refused, busy, *(times or (0.0, 0.0, 0.0)))
        for at, arm, shadow, requests, total, errors, refused, busy, times in rows
    )


class Answered(NamedTuple):
    """What one version of a service answered in a time."""

    number: int
    requests: int
    rows: int
    errors: int
    first: int
    last: int


def answered(
    folder: Path, start: int, end: int, *, numbers: Sequence[int], models: Sequence[str]
) -> tuple[Answered, ...]:
    """Count in [start, end) of recorded time what these versions of the service answered, or those with one of these models.

    Copies for a shadow answered nobody, and are left out.
    """
    sql = """
        SELECT number, count(*) FILTER (row = 0), count(*) FILTER (status < 400), count(*) FILTER (row = 0 AND status >= 500),
            min(recorded_at), max(recorded_at)
        FROM predictions WHERE NOT shadow AND recorded_at >= ? AND recorded_at < ?
            AND (list_contains(?::INTEGER[], number::INTEGER) OR list_contains(?::VARCHAR[], version))
        GROUP BY number ORDER BY number
    """
    with opened(folder) as here:
        return tuple(Answered(*row) for row in here.rows(sql, [start, end, list(numbers), list(models)]))


def window(
    folder: Path, start: int, end: int, arm: str, columns: Sequence[str], *, limit: int = 1_000_000
) -> Iterator[Mapping[str, Any]]:
    """Go through columns (`in.NAME`, `out.NAME`, or a fact) of the answered predictions of an arm in [start, end) of event time.

    They come as Arrow arrays, some ten thousand rows at a time; a column that was never recorded is left out. Where there are
    more than `limit` rows, about so many are taken, those with the smallest hashes of their ids: the same ones each time.
    """
    with opened(folder, start=start, end=end) as here:
        known = [one for one in dict.fromkeys(columns) if one in here.columns]
        where = "event_time >= ? AND event_time < ? AND arm = ? AND status < 400"
        values = [start, end, arm]
        ((count,),) = here.rows(f"SELECT count(*) FROM predictions WHERE {where}", values) if known else ((0,),)
        if not count:
            return
        if count > limit:
            where += " AND hash(id) < ?"
            values.append(_HASHES * limit // count)
        sql = f"SELECT {', '.join(map(name, known))} FROM predictions WHERE {where}"
        for batch in here.batches(sql, values, _BATCH):
            yield dict(zip(known, batch.columns, strict=True))


def newest(folder: Path, arm: str, *, before: int) -> int | None:
    """Give the latest event time of an arm's answered predictions that lies before a moment; None where there is none."""
    with opened(folder) as here:
        ((found,),) = here.rows(
            "SELECT max(event_time) FROM predictions WHERE arm = ? AND status < 400 AND event_time < ?", [arm, before]
        )
    return None if found is None else int(found)


def _conditions(here: Opened, wanted: Filter) -> tuple[list[str], list[Any]]:
    found: list[tuple[str, Any]] = []
    if wanted.id:
        found.append(("id = ?", wanted.id) if ":" in wanted.id else ("starts_with(id, ?)", wanted.id + ":"))
    told = {"unit": wanted.unit, "arm": wanted.arm}
    found += [(f"{key} = ?", value) for key, value in told.items() if value]
    bounds = {"status =": wanted.status, "event_time >=": wanted.start, "event_time <": wanted.end}
    found += [(f"{key} ?", value) for key, value in bounds.items() if value is not None]
    conditions, values = [one for one, _ in found], [value for _, value in found]
    for word, value in wanted.where.items():
        column = here.column(word)
        if column is None:
            raise unknown(here, word)
        if value == "":
            conditions.append(f"({name(column)} IS NULL OR CAST({name(column)} AS VARCHAR) = '')")
            continue
        test = equals(name(column), here.columns[column], "?")
        conditions.append(test)
        values += [value] * (test.count("?") - test.count(name(column)) * name(column).count("?"))
    return conditions, values


def unknown(here: Opened, word: str) -> Invalid:
    """Say that nothing was recorded under a name."""
    from difflib import get_close_matches

    known = [one.removeprefix("in.") for one in here.columns if one.startswith(("in.", "out."))]
    close = get_close_matches(word, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"recorded are {', '.join(known[:20]) or 'no columns yet'}"
    return Invalid(f"no column {word!r} was recorded", kind="unknown-column", hint=hint, column=word)


def _place(after: str) -> list[Any]:
    time, _, rest = after.partition(":")
    arm, _, one = rest.partition(":")
    if not (time.removeprefix("-").isdigit() and time.isascii() and len(time) < 20 and one):
        raise Invalid(
            f"{after[:200]!r} is no place",
            kind="bad-cursor",
            hint="give the `next` of the page before",
            after=after[:200],
        )
    return [int(time), unquote(arm), one]

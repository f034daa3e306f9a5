"""judging: what happened to each unit while a change rolled: every prediction of two changes, with its label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.signals.matching import joining, latest
from loopline.signals.opening import Opened, equals, name, opened
from loopline.signals.truth import classes_of, truth_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Between:
    """Which predictions are told of."""

    old: str
    """Change that is in force."""
    new: str
    """Change that rolls."""
    start: int
    """Recorded time from which on it rolls."""
    score: str = ""
    """Output that is measured; empty: none, so labels are not looked for."""
    positive: str = ""
    """The label that counts as 1, all others as 0; empty: labels are numbers, or classes."""
    classes: bool = False
    """Whether the output is a class: then score and truth say whether it is the positive one, or right where there is none."""
    maturity: int = 0
    """Labels count that were known within so many microseconds of the event; 0: whenever they were."""
    column: str = ""
    members: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """Of a rollout by slice: from which recorded time on which members of an input column are told of, ascending."""


@dataclass(frozen=True, slots=True)
class Told:
    """Predictions as columns of one length, by event time."""

    unit: Array
    """Whom it is about, uint64 (the lower half of the MD5 of its name). A request that names none is a unit of its own."""
    new: Array
    """Whether the version that comes answered."""
    seen: Array
    """When it was answered, microseconds as all times."""
    at: Array
    """Event time."""
    failed: Array
    """Whether the arm did not answer, or refused the row (4xx, 5xx): whoever sends nonsense does so to both versions."""
    latency_us: Array
    score: Array
    """NaN where the model gave none, or none was asked for."""
    truth: Array
    """NaN where there is no label."""
    labelled_until: int = 0
    """The newest moment at which any label was known: what has become true later is not told yet. 0: no label is there."""


def told(folder: Path, between: Between) -> Told:
    """Give every prediction of two changes since one of them rolls.

    What a shadow of the version that comes says counts as its answers; shadows that the old one has had do not.
    """
    import numpy as np

    with opened(folder) as here:
        _take(here, between)
        table = here.table(_joined(here, between))
        ((until,),) = here.rows("SELECT coalesce(max(known_at), 0) FROM labels") if between.score else ((0,),)
    columns = {one: table[one].to_numpy() for one in table.column_names}
    if between.classes:
        columns["score"], columns["truth"] = classes_of(table, between.positive)
    return Told(
        unit=np.asarray(columns["unit"], dtype=np.uint64),
        new=np.asarray(columns["new"], dtype=bool),
        seen=np.asarray(columns["recorded_at"], dtype=np.int64),
        at=np.asarray(columns["event_time"], dtype=np.int64),
        failed=np.asarray(columns["failed"], dtype=bool),
        latency_us=np.asarray(columns["latency_us"], dtype=np.float64),
        score=np.asarray(columns["score"], dtype=np.float64),
        truth=np.asarray(columns["truth"], dtype=np.float64),
        labelled_until=int(until),
    )


def _take(here: Opened, between: Between) -> None:
    """Keep the predictions with a number for each. Units become numbers by their names alone, whatever else there is."""
    score = f"out.{between.score}"
    has = bool(between.score) and bool(here.columns.get(score))
    kind = "VARCHAR" if between.classes else "DOUBLE"
    answer = f"TRY_CAST({name(score)} AS {kind})" if has else f"NULL::{kind}"
    where, values = _members(here, between)
    kept = dict.fromkeys(["id", "recorded_at", "event_time", "unit", *joining(here)])
    here.db.execute(
        f"CREATE TEMP TABLE taken AS SELECT row_number() OVER () AS k, {', '.join(map(name, kept))}, row, change = ? AS new,"
        f" status >= 400 AS failed, latency_us::DOUBLE AS latency_us, CASE WHEN status < 400 THEN {answer} END AS score"
        f" FROM predictions WHERE change IN (?, ?) AND recorded_at >= ? AND NOT (shadow AND change = ?){where}",
        [between.new, between.old, between.new, between.start, between.old, *values],
    )


def _members(here: Opened, between: Between) -> tuple[str, list[Any]]:
    """Write whom a rollout by slice is about, stretch by stretch."""
    if not between.column:
        return "", []
    column = here.column(f"in.{between.column}")
    if column is None:
        return " AND false", []
    tests, values = [], []
    ends = [since for since, _ in between.members[1:]] + [None]
    for (since, members), end in zip(between.members, ends, strict=True):
        named = " OR ".join([equals(name(column), here.columns[column], "?")] * len(members))
        one = equals("", here.columns[column], "?").count("?")
        tests.append(f"(recorded_at >= ? {'AND recorded_at < ? ' if end is not None else ''}AND ({named}))")
        values += [since, *([end] if end is not None else []), *(word for word in members for _ in range(one))]
    return f" AND ({' OR '.join(tests)})", values


def _joined(here: Opened, between: Between) -> str:
    unit = (
        "md5_number_lower(CASE WHEN unit <> '' THEN 'unit:' || unit ELSE 'id:' || split_part(id, ':', 1) END) AS unit"
    )
    facts = "new, taken.recorded_at AS recorded_at, event_time, failed, latency_us, score"
    if not between.score:
        return f"SELECT {unit}, {facts}, NULL::DOUBLE AS truth FROM taken ORDER BY event_time, id, row, new"
    truths = latest(here, "taken", maturity=between.maturity)
    return (
        f"SELECT {unit}, {facts}, {truth_of(between.positive, classes=between.classes)} AS truth"
        f" FROM taken LEFT JOIN ({truths}) USING (k) ORDER BY event_time, id, row, new"
    )


_COLUMNS: Final = {
    "unit": "uint64", "new": "bool", "seen": "int64", "at": "int64", "failed": "bool", "latency_us": "float64",
    "score": "float64", "truth": "float64",
}  # fmt: skip


def pack(found: Told) -> bytes:
    """Write it as Parquet, for whoever wants to judge again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: pa.array(getattr(found, name)) for name in _COLUMNS})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return] # pyarrow has no types


def unpack(data: bytes, labelled_until: int = 0) -> Told:
    """Read what `pack` wrote; it does not say up to when labels had come."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(data))
    columns = {name: np.asarray(table[name].to_numpy(), dtype=kind) for name, kind in _COLUMNS.items()}
    return Told(**columns, labelled_until=labelled_until)

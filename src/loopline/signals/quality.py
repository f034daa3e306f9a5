"""quality: predictions and their labels side by side, ready to be measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.signals.matching import joining, latest, same
from loopline.signals.opening import Opened, name, opened
from loopline.signals.queries import unknown
from loopline.signals.truth import classes_of, coded, truth_of

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which predictions are measured, and how."""

    score: str
    """Output that is measured: `predict_proba[1]`."""
    start: int | None = None
    end: int | None = None
    window: int = 86_400_000_000
    """Microseconds of event time; windows follow each other from `start` on, or begin at multiples of it without one."""
    maturity: int = 0
    """A label counts if it was known within so many microseconds of the event; 0: whenever it was."""
    slices: Sequence[str] = ()
    """Input columns."""
    positive: str = ""
    """The label that counts as 1, all others as 0; empty: labels are numbers, or classes."""
    classes: bool = False
    """Whether the output is a class. Then a score is 1 where it is `positive`, or without one where it is the label, which
    counts as 1 itself."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Answered predictions as columns of one length."""

    group: Array
    """Which of `groups` a row is of."""
    groups: tuple[tuple[int, str, str], ...]
    """(start of the window, arm, version), in order."""
    score: Array
    """NaN where the model gave none."""
    truth: Array
    """NaN where there is no label (yet)."""
    slices: dict[str, tuple[Array, tuple[str, ...]]]
    """By column: which member a row is of, and the members' names."""
    contradicted: int
    unmatched: int


def scored(folder: Path, asked: Asked) -> Scored:
    """Join labels to the answered predictions of a time and give what is needed to measure them.

    Raise Invalid kind="unknown-column" for a slice or a score that was never recorded.
    """
    import numpy as np

    with opened(folder, start=asked.start, end=asked.end) as here:
        columns = {one: f"in.{one.removeprefix('in.')}" for one in asked.slices}
        told = {**dict(zip(columns.values(), columns, strict=True)), f"out.{asked.score}": asked.score}
        strange = [column for column in told if column not in here.columns]
        if strange and here.rows("SELECT count(*) FROM predictions WHERE status < 400") != [(0,)]:
            raise unknown(here, told[strange[0]])
        here.columns.update(
            dict.fromkeys(strange, "")
        )  # of a time without answers nothing is known, and nothing is wrong
        _take(here, asked, columns)
        table = here.table(_joined(here, asked, len(columns)))
        unmatched = _unmatched(here, asked)
        names = here.rows("SELECT g, start, arm, version FROM cells ORDER BY g")
        flags = table["contradicted"].to_numpy()
        slices = {one: _members(table[f"s{n}"]) for n, one in enumerate(columns)}
        score, truth = (
            classes_of(table, asked.positive)
            if asked.classes
            else (table["score"].to_numpy(), table["truth"].to_numpy())
        )
        return Scored(
            group=np.asarray(table["g"].to_numpy(), dtype=np.int32),
            groups=tuple((start, arm, version) for _, start, arm, version in names),
            score=np.asarray(score, dtype=np.float64),
            truth=np.asarray(truth, dtype=np.float64),
            slices=slices, contradicted=int(np.count_nonzero(flags)), unmatched=unmatched,
        )  # fmt: skip


def _take(here: Opened, asked: Asked, columns: dict[str, str]) -> None:
    """Keep what is needed of the predictions, with a number for each, and number the cells."""
    kept = dict.fromkeys(["id", "event_time", *joining(here)])
    score = f"out.{asked.score}"
    kind = "VARCHAR" if asked.classes else "DOUBLE"
    answer = f"TRY_CAST({name(score)} AS {kind})" if here.columns[score] else f"NULL::{kind}"
    values = [name(column) if here.columns[column] else "NULL" for column in columns.values()]
    slices = "".join(f", CAST({value} AS VARCHAR) AS s{n}" for n, value in enumerate(values))
    bounds = [("event_time >= ?", asked.start), ("event_time < ?", asked.end)]
    where = "".join(f" AND {test}" for test, value in bounds if value is not None)
    step, first = int(asked.window), int(asked.start or 0)
    begins = f"event_time - ((event_time - {first}) % {step} + {step}) % {step}"
    here.db.execute(
        f"CREATE TEMP TABLE answered AS SELECT ({begins}) AS start, arm, version, {', '.join(map(name, kept))},"
        f" {answer} AS score{slices} FROM predictions WHERE status < 400{where}",
        [value for _, value in bounds if value is not None],
    )
    here.db.execute("CREATE TEMP VIEW taken AS SELECT rowid AS k, * FROM answered")
    here.db.execute(
        "CREATE TEMP TABLE cells AS SELECT row_number() OVER (ORDER BY start, arm, version) - 1 AS g, *"
        " FROM (SELECT DISTINCT start, arm, version FROM taken)"
    )


def _joined(here: Opened, asked: Asked, slices: int) -> str:
    truths = latest(here, "taken", maturity=asked.maturity)
    named = "".join(f", s{n}" for n in range(slices))
    truth = truth_of(asked.positive, classes=asked.classes)
    return (
        f"SELECT g, score, {truth} AS truth, coalesce(contradicted, false) AS contradicted{named}"
        f" FROM taken JOIN cells USING (start, arm, version) LEFT JOIN ({truths}) USING (k)"
    )


def _unmatched(here: Opened, asked: Asked) -> int:
    """Count labels that are about no prediction at all, of whatever time."""
    whole = asked.start is None and asked.end is None and not asked.maturity
    ((labels,),) = here.rows("SELECT count(*) FROM labels")
    if whole and not here.keys:  # as many pairs as labels: none is left
        ((pairs,),) = here.rows("SELECT count(*) FROM pairs")
        ((arms,),) = here.rows("SELECT count(DISTINCT arm) FROM cells")
        if arms == 1 and pairs == labels:
            return 0
    every = here.whole()
    found = (
        f"SELECT count(*) FROM labels l WHERE l.keys = '' AND NOT EXISTS (SELECT 1 FROM {every} p WHERE p.id = l.id)"
    )
    ((count,),) = here.rows(found)
    for keys in here.keys:
        on = same(here, keys)
        there = f" AND NOT EXISTS (SELECT 1 FROM {every} p WHERE {on})" if on else ""
        ((more,),) = here.rows(f"SELECT count(*) FROM labels l WHERE l.keys = ?{there}", [_written(keys)])
        count += more
    return int(count)


def _written(keys: tuple[str, ...]) -> str:
    from loopline.signals.labels import keys_of

    return keys_of(dict.fromkeys(keys, ""))


def _members(column: Any) -> tuple[Array, tuple[str, ...]]:
    codes, names = coded(column)
    return codes, (*("(missing)" if one is None else one for one in names), "(missing)")

"""expecting: a function of a project that says what tables must hold, as a pipeline of one step that a check can name.

The function gets the rows of a version as a data frame. It raises AssertionError, or gives False, the rows that are wrong, or a
schema of pandera, which its frame is then held against; None and True say that all is well. What it finds becomes the evidence of
the check. Nothing heavy is imported before it runs, and pandera never: a schema is known by where its type comes from.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from loopline.pipelines.inputs import Data
from loopline.pipelines.step import Options, Pipeline, Step, bad_option, plain_function

if TYPE_CHECKING:
    from loopline.nouns.evaluation import Evaluation
    from loopline.nouns.expectation import Breach, Observation

Frame = Literal["pandas", "polars", "duckdb"]
FRAMES: Final = ("pandas", "polars", "duckdb")
TIMEOUT: Final = 600.0
"""Seconds that a function may take where it does not say otherwise."""
SAMPLES: Final = 10
_COLUMNS: Final = 12
"""Columns of a wrong row that are shown."""


class Expecting(Pipeline[..., Any]):
    """A function that says what tables must hold. Called by itself it just runs."""

    def __init__(self, function: Callable[..., Any], step: Step[..., Any]) -> None:
        def body(candidate: Data, base: Data | None = None) -> Any:
            return step(candidate, base)

        super().__init__(body, name=function.__name__, made_of=step)
        self.asks = function
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function itself, as a test does."""
        return self.asks(*args, **kwargs)


@overload
def expectation(function: Callable[..., Any], /) -> Expecting: ...


@overload
def expectation(
    *, files: str = "", missing: Sequence[str] = (), frame: Frame = "pandas", timeout: float = TIMEOUT
) -> Callable[[Callable[..., Any]], Expecting]: ...


def expectation(
    function: Callable[..., Any] | None = None,
    /,
    *,
    files: str = "",
    missing: Sequence[str] = (),
    frame: Frame = "pandas",
    timeout: float = TIMEOUT,
) -> Any:
    """Make a function an expectation, which a check names as its pipeline.

    Its first parameter gets the rows of the candidate, one called `base` those of the version before, or None. `files` is a
    pattern of the tables that are meant, `missing` are texts that mean "no value", `frame` says as what it wants the rows:
    `pandas`, `polars` or `duckdb`; `timeout` are seconds. Raise Invalid for an option that makes no sense.
    """
    if frame not in FRAMES:
        raise bad_option("frame", frame, f"write one of {', '.join(FRAMES)}")
    if isinstance(missing, str):
        raise bad_option("missing", missing, 'write a tuple, as in missing=("NA",)')
    options, reading = Options(timeout=timeout), (files, tuple(missing), frame)

    def wrap(function: Callable[..., Any]) -> Expecting:
        wanted = plain_function(function, "expectation")

        def look(candidate: Data, base: Data | None = None) -> Any:
            return _look(wanted, candidate.path, base.path if base else None, reading)

        # A worker finds the step where the function stands: its name means there what is made of it here.
        look.__module__, look.__qualname__, look.__name__ = wanted.__module__, wanted.__qualname__, wanted.__name__
        return Expecting(wanted, Step(look, options))

    return wrap if function is None else wrap(function)


def _look(
    function: Callable[..., Any], folder: Path, base: Path | None, reading: tuple[str, tuple[str, ...], str]
) -> Evaluation:
    """Run the function over the tables, and say what it found."""
    from loopline.nouns.evaluation import Evaluation
    from loopline.nouns.expectation import Observation

    said = next(iter((function.__doc__ or "").strip().splitlines()), "").rstrip(".") or function.__name__
    rows = _rows(folder, *reading)
    before = {}
    if "base" in [*inspect.signature(function).parameters][1:]:
        before["base"] = None if base is None else _rows(base, *reading)
    count = 0 if rows is None else int(rows.shape[0])
    if rows is None:
        found = Observation(said, holds=False, observed="no file is there", files=reading[0])
    else:
        found = _judged(said, lambda: function(rows, **before), rows, files=reading[0])
    return Evaluation((), {"rows": f"{count:,}"}, (found,))


def _rows(folder: Path, files: str, missing: tuple[str, ...], frame: str) -> Any:
    """Read the tables of a folder as strictly as everywhere; None where there are none. Raise what opening tables raises."""
    from loopline.datasets.only import Only
    from loopline.datasets.tables import NULLS, columns_of, ending_of, open_tables

    only = Only((files,) if files else ())
    paths = [one for one in sorted(folder.rglob("*")) if one.is_file()]
    paths = [one for one in paths if ending_of(one.name) and only(one.relative_to(folder).as_posix())]
    if not paths:
        return None
    with open_tables({"t": paths}, nulls=(*NULLS, *missing)) as db:
        if not columns_of(db, "t"):
            return None
        rows = db.sql("SELECT * FROM t")
        if frame == "duckdb":
            return _apart(rows)
        return rows.df() if frame == "pandas" else rows.pl()


def _apart(rows: Any) -> Any:
    """Give a relation of a connection of its own: that of the files is closed behind whoever opened them."""
    import duckdb

    arrow = rows.to_arrow_table()
    return duckdb.connect().from_arrow(arrow)


def _judged(said: str, ask: Callable[[], Any], rows: Any, *, files: str) -> Observation:
    from loopline.nouns.expectation import Observation

    count = int(rows.shape[0])
    try:
        found = ask()
        if _of_pandera(found):
            found.validate(rows, lazy=True)
            found = None
    except AssertionError as error:
        why = next(iter(str(error).splitlines()), "") or "an assertion failed"
        return Observation(said, holds=False, observed=why, files=files, rows=count)
    except Exception as error:
        if not _of_pandera(error):
            raise
        broken, samples, observed = _failures(error)
        return Observation(
            said, holds=False, observed=observed, files=files, broken=broken, rows=count, samples=samples
        )
    if found is None or isinstance(found, bool) or not hasattr(found, "shape"):
        holds = found is None or bool(found)
        return Observation(said, holds, "" if holds else "it says no", files, rows=count)
    broken = int(found.shape[0])
    observed = f"{broken:,} of {count:,} rows are wrong" if broken else ""
    return Observation(said, not broken, observed, files, broken, count, tuple(_breaches(found)) if broken else ())


def _of_pandera(value: object) -> bool:
    kind = value if isinstance(value, type) else type(value)
    return any(one.__module__.partition(".")[0] == "pandera" for one in kind.__mro__)


def _failures(error: Any) -> tuple[int, tuple[Breach, ...], str]:
    """Read the failure cases of pandera's error: rows by the index of the frame, and which check each breaks."""
    cases = getattr(error, "failure_cases", None)
    if cases is None or not hasattr(cases, "shape"):
        return 0, (), str(error).splitlines()[0]
    from loopline.nouns.expectation import Breach

    records = [*_records(cases, SAMPLES * 10)]
    places = {one["index"] for one in _records(cases, int(cases.shape[0])) if one.get("index") is not None}
    checks = dict.fromkeys(f"{one.get('column') or 'the table'}: {one.get('check')}" for one in records)
    shown = (one for one in records if one.get("index") is not None)
    samples = tuple(
        Breach("", int(one["index"]) + 1, {str(one.get("column")): _cell(one.get("failure_case"))})
        for one, _ in zip(shown, range(SAMPLES), strict=False)
    )
    return len(places), samples, f"{int(cases.shape[0]):,} failures of {'; '.join([*checks][:3])}"


def _breaches(rows: Any) -> Iterator[Breach]:
    from loopline.nouns.expectation import Breach

    index = getattr(rows, "index", None)
    for at, one in enumerate(_records(rows, SAMPLES)):
        place: Any = None if index is None else index[at]
        cells = {str(name): _cell(value) for name, value in [*one.items()][:_COLUMNS]}
        yield Breach("", int(place) + 1 if hasattr(place, "__index__") else 0, cells)


def _records(rows: Any, most: int) -> Iterator[dict[str, Any]]:
    """Give the first rows of a frame of any kind as dictionaries."""
    if hasattr(rows, "to_dicts"):
        yield from rows.head(most).to_dicts()
    elif hasattr(rows, "fetchmany"):
        names = list(rows.columns)
        yield from (dict(zip(names, one, strict=True)) for one in rows.limit(most).fetchall())
    else:
        yield from rows.head(most).to_dict("records")


def _cell(value: Any) -> str | None:
    from loopline.datasets.tables import plain

    if value is None or value != value:  # noqa: PLR0124 - not a number
        return None
    return str(plain(value))[:200]

"""rows: entries of segments as columns, one row a prediction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from loopline.errors import Unavailable
from loopline.signals.entry import Damaged, Entry, batched, columns_of, decode, head_of, unbatched
from loopline.signals.frames import framed, frames
from loopline.signals.naming import stored

BATCH: Final = 20_000
"""Rows that are held as Python values."""
DAY: Final = 86_400_000_000
EARLIEST: Final = -62_135_596_800_000_000
LATEST: Final = 253_402_300_799_999_999
"""Years 1 to 9999, in microseconds: an event time outside is none."""
TEXTS: Final = ("id", "arm", "version", "change", "unit", "error")
WHOLES: Final = ("row", "rows", "number", "recorded_at", "event_time", "status", "latency_us")
_OF_REQUEST: Final = (
    "arm", "version", "change", "error", "number", "recorded_at", "rows", "status", "latency_us", "shadow",
)  # fmt: skip
"""Those that all rows of a request have in common."""
FACTS: Final = (*TEXTS, *WHOLES, "shadow")
"""Columns that every prediction has; its inputs are `in.NAME`, its outputs `out.NAME` (as naming.py writes them)."""


def arrow() -> Any:
    """Import pyarrow. Raise Unavailable kind="extra-missing"."""
    try:
        import pyarrow as pa
    except ImportError:
        raise Unavailable(
            "records need DuckDB and Arrow", kind="extra-missing", hint="pip install 'loopline[tables]'", extra="tables"
        ) from None
    return pa


class Rows:
    """Predictions gathered as columns of one length."""

    def __init__(self) -> None:
        self.count = 0
        self.columns: dict[str, list[Any]] = {}
        self._entries: list[Entry] = []
        self._ids: list[str] = []
        self._units: list[str] = []
        self._times: list[int] = []

    def add(self, entry: Entry, names: Sequence[str] = ()) -> None:
        """Add each row of a request; one that brought no row is one row without values. Raise Damaged, with nothing added.

        `names` are those of its batch.
        """
        rows = max(entry.rows, 1)
        found = columns_of(entry.inputs, entry.rows, "in.", names) | columns_of(entry.outputs, entry.rows, "out.")
        times, units = _each(entry.event_times, rows), _each(entry.units, rows)
        for name, values in found.items():
            column = self.columns.get(name)
            if column is None:
                column = self.columns[name] = []
            if len(column) < self.count:
                column += [None] * (self.count - len(column))
            column += values
        self._entries.append(entry)
        self._ids += [f"{entry.id}:{row}" for row in range(rows)]
        self._units += ["" if one is None else str(one) for one in units]
        self._times += [
            one if isinstance(one, int) and EARLIEST <= one <= LATEST else entry.recorded_at for one in times
        ]
        self.count += rows

    def batch(self) -> dict[str, Any]:
        """Give Arrow arrays by name."""
        pa = arrow()
        counts = [max(one.rows, 1) for one in self._entries]
        made = {"id": self._ids, "unit": self._units, "event_time": self._times}
        made["row"] = [row for count in counts for row in range(count)]
        found = {name: pa.array(values, _type(pa, name)) for name, values in made.items()}
        places = pa.array([at for at, count in enumerate(counts) for _ in range(count)], pa.int64())
        for name in _OF_REQUEST:
            array = pa.array([getattr(one, name) for one in self._entries], _type(pa, name))
            found[name] = array if len(counts) == self.count else array.take(places)
        for name, values in self.columns.items():
            values.extend([None] * (self.count - len(values)))
            found[stored(name)] = array_of(values)
        return found


def read(data: bytes, damaged: list[bytes]) -> Any:
    """Give the predictions of a segment as an Arrow table. What cannot be read is put into `damaged`, as it was."""
    batches, rows = [], Rows()
    for whole, content in frames(data):
        if not whole:
            damaged.append(content)
            continue
        try:
            names, entries = unbatched(content)
        except Damaged:
            damaged.append(framed(content))
            continue
        for one in entries:
            try:
                rows.add(decode(one), names)
            except Damaged:
                damaged.append(framed(batched(head_of(names), [one]) if len(entries) > 1 else content))
        if rows.count >= BATCH:
            batches.append((rows.count, rows.batch()))
            rows = Rows()
    if rows.count:
        batches.append((rows.count, rows.batch()))
    return together(batches)


def together(batches: Iterable[tuple[int, Mapping[str, Any]]], *, facts: Iterable[str] = FACTS) -> Any:
    """Put batches of columns into one table: a column gets the type that holds all its values, text at last."""
    pa = arrow()
    held = list(batches)
    names = dict.fromkeys([*facts, *(name for _, batch in held for name in batch)])
    found = {}
    for name in names:
        kinds = {batch[name].type for _, batch in held if name in batch} - {pa.null()}
        kind = _type(pa, name) if name in FACTS else _widest(pa, kinds)
        found[name] = pa.chunked_array(
            [_cast(batch[name], kind) if name in batch else pa.nulls(count, kind) for count, batch in held], kind
        )
    return pa.table(found)


def array_of(values: list[Any]) -> Any:
    """Give an Arrow array of plain values: numbers, truths or texts; a mixture is text."""
    pa = arrow()
    try:
        found = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError):
        try:
            found = pa.array(values, pa.float64())  # whole numbers between others
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            return pa.array([_text(one) for one in values], pa.string())
    kind = found.type
    if pa.types.is_null(kind) or kind in (pa.int64(), pa.float64(), pa.bool_(), pa.string()):
        return found
    return pa.array([_text(one) for one in values], pa.string())


def _widest(pa: Any, kinds: set[Any]) -> Any:
    if not kinds:
        return pa.float64()
    if len(kinds) == 1:
        return kinds.pop()
    return pa.float64() if kinds == {pa.int64(), pa.float64()} else pa.string()


def _cast(array: Any, kind: Any) -> Any:
    return array if array.type == kind else array.cast(kind, safe=False)


def _type(pa: Any, name: str) -> Any:
    return pa.string() if name in TEXTS else pa.bool_() if name == "shadow" else pa.int64()


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict)):
        import json

        return json.dumps(value, default=str)
    return str(value)


def _each(told: Any, rows: int) -> list[Any]:
    """Give what was said of each row: once for all, or one a row."""
    if not isinstance(told, list):
        return [told] * rows
    if len(told) != rows:
        msg = f"{len(told)} values for {rows} rows"
        raise Damaged(msg)
    return told

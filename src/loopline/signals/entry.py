"""entry: what a front writes down of one request, as one line of a segment.

Written as a msgpack array; fields are only ever added at its end. Inputs and outputs go in as they are already encoded: a
map from the name of a column to its values, which are a list, or `{"dtype": "FP64", "data": bytes}` (little-endian, as the Open
Inference Protocol sends it). A column holds one value a row, or several: row after row, or as a list of each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw

from loopline.errors import Invalid
from loopline.nouns.datatype import DATATYPES, unpack

NOTHING: Final = Raw(b"\x80")
"""No columns: an empty map."""


class Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One request and its answer."""

    id: str
    """Of the request."""
    recorded_at: int
    """Microseconds, by the front's clock."""
    rows: int
    number: int
    """Version of the service."""
    arm: str
    version: str
    """`model/delay@7`."""
    change: str
    status: int
    latency_us: int
    shadow: bool = False
    event_times: list[int | None] | int | None = None
    """One a row, or one for all; None: when it was recorded."""
    units: list[str | None] | str | None = None
    """One a row, or one for all; None: nobody said."""
    inputs: Raw = NOTHING
    outputs: Raw = NOTHING
    error: str = ""


class Damaged(ValueError):  # noqa: N818 (named by what it is about)
    """An entry that says nothing that can be a prediction."""


encode = msgspec.msgpack.Encoder().encode
"""Write an entry. About a microsecond: what is Raw is copied."""
_decode = msgspec.msgpack.Decoder(Entry).decode
_columns = msgspec.msgpack.Decoder(dict[str, Any]).decode
_encode_map = msgspec.msgpack.Encoder().encode


def packed(columns: Iterable[tuple[str, str, Any]]) -> Raw:
    """Encode columns, each (name, type, values): a list of JSON values, or the raw bytes of a type."""
    told = {name: {"dtype": kind, "data": data} if isinstance(data, bytes) else data for name, kind, data in columns}
    return Raw(_encode_map(told)) if told else NOTHING


def decode(data: bytes) -> Entry:
    """Read an entry. Raise Damaged."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Damaged(str(error)) from error


def columns_of(encoded: Raw, rows: int, prefix: str = "") -> dict[str, list[Any]]:
    """Give each column of an encoded map with one value a row; what has several values a row gives `NAME[0]`, `NAME[1]`, ….

    Raise Damaged where values and rows do not go together.
    """
    try:
        found = _columns(encoded)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Damaged(str(error)) from error
    told: dict[str, list[Any]] = {}
    for name, values in found.items() if rows else ():
        if type(values) is list and len(values) == rows and type(values[0]) is not list:
            told[prefix + name] = values  # what nearly all are
        else:
            told.update(_spread(prefix + name, _values(name, values), rows))
    return told


def _values(name: str, written: Any) -> list[Any]:
    if isinstance(written, list):
        return written
    if not (isinstance(written, dict) and isinstance(written.get("data"), bytes)):
        msg = f"column {name!r} holds no values"
        raise Damaged(msg)
    kind = str(written.get("dtype"))
    if kind not in DATATYPES:
        msg = f"column {name!r} is of no type that is known: {kind}"
        raise Damaged(msg)
    try:
        return unpack(kind, written["data"])
    except Invalid as error:
        msg = f"column {name!r}: {error.message}"
        raise Damaged(msg) from error


def _spread(name: str, values: list[Any], rows: int) -> Iterator[tuple[str, list[Any]]]:
    nested = bool(values) and all(isinstance(one, list) for one in values)
    if len(values) == rows and not nested:
        yield name, values
        return
    if nested and len(values) == rows:
        width = max(len(one) for one in values)
        for k in range(width):
            yield f"{name}[{k}]", [one[k] if k < len(one) else None for one in values]
        return
    width, rest = divmod(len(values), rows) if rows else (0, 0)
    if rest or (rows and not width):
        msg = f"column {name!r} has {len(values)} values for {rows} rows"
        raise Damaged(msg)
    for k in range(width):
        yield f"{name}[{k}]", values[k::width]

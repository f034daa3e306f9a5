"""entry: what a front writes down of one request, alone in a frame of a segment or with others.

An entry is a msgpack array; fields are only ever added at its end. A frame holds one, or since version 2 a batch: `[2, names,
[entry, …]]`, where `names` are the inputs of the model that answered, in its order, so that a front need not cut a matrix into
columns. Inputs and outputs of an entry go in as they came, each as `[name, type, width, values]` (of outputs the third says
nothing), or, as before, in a map from names to values; who reads finds out what a matrix holds. Values are a list, or bytes:
little-endian, as the Open Inference Protocol sends them (in a map `{"dtype": "FP64", "data": bytes}`). A column holds one value
a row, or several: row after row, or as a list of each row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw

from loopline.errors import Invalid
from loopline.nouns.datatype import DATATYPES, unpack

NOTHING: Final = Raw(b"\x80")
"""No columns: an empty map."""
VERSION: Final = 2
_BATCH: Final = b"\x93\x02"
"""How a batch begins. An entry has more fields, and begins with a text."""


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
"""Write an entry: an Entry, or a tuple of what it holds. A microsecond or two; what is Raw is copied."""
_decode = msgspec.msgpack.Decoder(Entry).decode
_columns = msgspec.msgpack.Decoder(dict[str, Any] | list[tuple[str, str, Any, Any]]).decode
_batch = msgspec.msgpack.Decoder(tuple[int, tuple[str, ...], list[Raw]]).decode


def head_of(names: Sequence[str]) -> bytes:
    """Give how every batch begins whose model has inputs of these names."""
    return _BATCH + encode(names)


def batched(head: bytes, entries: Sequence[bytes]) -> bytes:
    """Put entries that are encoded into one batch."""
    return b"".join((head, b"\xdd", len(entries).to_bytes(4, "big"), *entries))


def unbatched(content: bytes) -> tuple[tuple[str, ...], list[bytes]]:
    """Give the names of a frame's batch and its entries, still encoded; an entry that is alone has no names. Raise Damaged."""
    if not content.startswith(_BATCH):
        return (), [content]
    try:
        _, names, entries = _batch(content)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Damaged(str(error)) from error
    return names, list(map(bytes, entries))


def decode(data: bytes) -> Entry:
    """Read an entry. Raise Damaged."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Damaged(str(error)) from error


def columns_of(encoded: Raw, rows: int, prefix: str = "", names: Sequence[str] = ()) -> dict[str, list[Any]]:
    """Give each column of what is encoded with one value a row; what has several values a row gives `NAME[0]`, `NAME[1]`, ….

    One matrix of all inputs gives them by their `names`. Raise Damaged where values and rows do not go together.
    """
    try:
        found = _columns(encoded)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Damaged(str(error)) from error
    told: dict[str, list[Any]] = {}
    for name, values in (_named(found, rows, names) if isinstance(found, list) else found.items()) if rows else ():
        if type(values) is list and len(values) == rows and type(values[0]) is not list:
            told[prefix + name] = values  # what nearly all are
        else:
            told.update(_spread(prefix + name, _values(name, values), rows))
    return told


def _named(columns: Sequence[tuple[str, str, Any, Any]], rows: int, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Give each input, one matrix of all inputs column by column, as its model calls them (serving/table.py)."""
    for name, kind, width, data in columns:
        values = {"dtype": kind, "data": data} if isinstance(data, bytes) else data
        if not names or len(columns) > 1 or width != len(names) or (width == 1 and (name in names or not kind)):
            yield name, values
        elif width == 1:
            yield names[0], values
        else:
            flat = _values(name, values)
            if len(flat) != rows * width:
                msg = f"matrix {name!r} has {len(flat)} values for {rows} rows of {width}"
                raise Damaged(msg)
            yield from ((one, flat[at::width]) for at, one in enumerate(names))


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

"""entry: what a front writes down of one request, as one line of a segment.

Written as a msgpack array; fields are only ever added at its end. Inputs and outputs go in as they are already encoded: a
map from the name of a column to its values, which are a list, or `{"dtype": "FP64", "data": bytes}` (little-endian, as the Open
Inference Protocol sends it). A column holds one value a row, or several: row after row, or as a list of each row.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw

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
_pieces = msgspec.msgpack.Decoder(dict[str, Raw]).decode
_columns = msgspec.msgpack.Decoder(dict[str, Any]).decode
_encode_map = msgspec.msgpack.Encoder().encode
_FORMATS: Final = {
    "BOOL": "?", "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "UINT8": "B", "UINT16": "H", "UINT32": "I",
    "UINT64": "Q", "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip


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


def without(columns: Raw, names: Collection[str]) -> Raw:
    """Leave columns out of an encoded map; the others are not looked into."""
    found = _pieces(columns)
    kept = {name: piece for name, piece in found.items() if name not in names}
    return columns if len(kept) == len(found) else Raw(_encode_map(kept))


def sampled(request: str, share: float) -> bool:
    """Tell whether a request is among those that are kept whole: the same answer for one id everywhere."""
    return share >= 1 or zlib.crc32(request.encode()) < share * 2**32


def columns_of(encoded: Raw, rows: int) -> Iterator[tuple[str, list[Any]]]:
    """Give each column of an encoded map with one value a row; what has several values a row gives `NAME[0]`, `NAME[1]`, ….

    Raise Damaged where values and rows do not go together.
    """
    try:
        found = _columns(encoded)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Damaged(str(error)) from error
    for name, values in found.items() if rows else ():
        yield from _spread(name, _values(name, values), rows)


def _values(name: str, written: Any) -> list[Any]:
    if isinstance(written, list):
        return written
    if not (isinstance(written, dict) and isinstance(written.get("data"), bytes)):
        msg = f"column {name!r} holds no values"
        raise Damaged(msg)
    form, data = _FORMATS.get(str(written.get("dtype"))), written["data"]
    if written.get("dtype") == "BYTES":
        return list(_texts(name, data))
    try:
        if form == "e":
            import struct

            return list(struct.unpack(f"<{len(data) // 2}e", data))
        return memoryview(data).cast(form or "").tolist()  # type: ignore[no-any-return,call-overload]
    except (TypeError, ValueError) as error:
        msg = f"column {name!r} is no {written.get('dtype')}: {error}"
        raise Damaged(msg) from error


def _texts(name: str, data: bytes) -> Iterator[str]:
    """Read a tensor of BYTES: each value after its length in four bytes."""
    at = 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        if at + 4 > len(data) or end > len(data):
            msg = f"column {name!r} is cut off"
            raise Damaged(msg)
        yield data[at + 4 : end].decode("utf-8", "backslashreplace")
        at = end


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

"""datatype: Open Inference Protocol datatypes, their width in bytes, and values to and from raw little-endian bytes."""

from __future__ import annotations

import struct
import sys
from collections.abc import Sequence
from typing import Any, Final

from loopline.errors import Invalid

FORMATS: Final = {
    "BOOL": "?", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q", "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q",
    "FP16": "e", "FP32": "f", "FP64": "d",
}  # fmt: skip
"""Codes of the struct module. BYTES has none: its elements have lengths of their own."""
SIZES: Final = {name: struct.calcsize("<" + code) for name, code in FORMATS.items()}
TEXT: Final = "BYTES"
DATATYPES: Final = (*FORMATS, TEXT)
_SWAPPED: Final = sys.byteorder != "little"
_LENGTH: Final = struct.Struct("<I")


def unpack(datatype: str, data: bytes) -> list[Any]:
    """Give the values of a tensor's raw bytes. Raise Invalid kind="bad-tensor" where they are cut."""
    if datatype == TEXT:
        return _texts(data)
    if len(data) % SIZES[datatype]:
        raise _cut(datatype, len(data))
    if datatype == "FP16" or _SWAPPED:
        return [one for (one,) in struct.iter_unpack("<" + FORMATS[datatype], data)]
    form: Any = FORMATS[datatype]
    found: list[Any] = memoryview(data).cast(form).tolist()
    return found


def pack(datatype: str, values: Sequence[Any]) -> bytes:
    """Give the raw bytes of values. Raise Invalid kind="bad-tensor" for values that are none of that type."""
    try:
        if datatype == TEXT:
            texts = [one.encode() if isinstance(one, str) else one for one in values]
            return b"".join(_LENGTH.pack(len(one)) + one for one in texts)
        return struct.pack(f"<{len(values)}{FORMATS[datatype]}", *values)
    except (struct.error, TypeError, OverflowError) as error:
        raise Invalid(
            f"these values are not {datatype}: {error}", kind="bad-tensor", hint="look at the types"
        ) from error


def _texts(data: bytes) -> list[Any]:
    found, at, end = [], 0, len(data)
    while at < end:
        if at + 4 > end:
            raise _cut(TEXT, end)
        (size,) = _LENGTH.unpack_from(data, at)
        at += 4
        if size > end - at:
            raise _cut(TEXT, end)
        try:
            found.append(str(data[at : at + size], "utf-8"))
        except UnicodeDecodeError:
            raise Invalid("a text is not UTF-8", kind="bad-tensor", hint="send texts as UTF-8") from None
        at += size
    return found


def _cut(datatype: str, size: int) -> Invalid:
    return Invalid(
        f"a tensor of {datatype} ends in the middle of a value",
        kind="bad-tensor",
        hint="send all of its bytes",
        bytes=size,
    )

r"""records: the lines of a journal.

A record is `\n` + crc32 in 8 hex digits + ` ` + JSON `[kind, time, body]` + `\n`, written by one call. JSON holds no line
break, so that a torn record spoils nothing but itself: the next one begins a line of its own. Numbers that JSON lacks are the
texts `nan`, `inf`, `-inf`. Kinds:

    start    the run: name, project, experiment, parent, params, tags, …       always the first record
    points   [[key, value, step], …], all at the record's time
    params   {key: text}            tags    {key: text}
    capture  {code, commit, environment, packages}
    input    one link               output  one link
    publish  {asset, name, digest, media_type, size, message, metadata}: the run made this version
    finish   {state, error}
    shipped  byte offset up to which the ledger has everything: saves work, decides nothing
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import msgspec

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str, int, Any]).decode


@dataclass(frozen=True, slots=True)
class Record:
    """One record as read."""

    end: int
    """Offset behind it in its file: what orders the records of one journal."""
    kind: str
    time: int
    body: Any


def write_record(kind: str, time: int, body: Any) -> bytes:
    """Give the bytes of a record. Raise TypeError for what JSON cannot hold."""
    text = _encode((kind, time, body))
    return b"\n%08x %b\n" % (crc32(text), text)


def read_records(data: bytes, start: int = 0) -> Iterator[Record]:
    """Give the whole records of `data`, which stands at offset `start`. What is torn is skipped, a tail left for later."""
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        line = data[at:end]
        at = end + 1
        if len(line) > 9 and (found := _read(line)) is not None:
            yield Record(start + at, *found)


def whole(data: bytes) -> int:
    """Give how many leading bytes of `data` are finished lines."""
    return data.rfind(b"\n") + 1


def number_of(written: float | str) -> float:
    """Read a number as a record holds it."""
    return float(written)


def written(number: float) -> float | str:
    """Write a number as a record holds it."""
    return number if math.isfinite(number) else str(number)


def _read(line: bytes) -> tuple[str, int, Any] | None:
    text = line[9:]
    try:
        return _decode(text) if int(line[:8], 16) == crc32(text) else None
    except ValueError:  # msgspec's errors are ValueErrors
        return None

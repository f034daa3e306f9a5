"""textmerge: CSV and JSON Lines for `tablemerge`: rows keep the bytes in which they were written."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from loopline.datasets.tablemerge import MISSING, MOST, Key, Row, Unfit

_BOM: Final = b"\xef\xbb\xbf"


class _Lines:
    """A table of which each row is some bytes."""

    def __init__(
        self, rows: list[bytes], places: dict[Key, int], columns: Sequence[str], cells: Callable[[bytes], Row]
    ) -> None:
        self.rows = rows
        self.places = places
        self.columns = columns
        self.head = b""
        """The line with the names, and what stands before it."""
        self.end = b"\n"
        self.closed = True
        """Whether the last row ends with one."""
        self._cells = cells

    def row(self, key: Key) -> Row:
        """Read the cells of a row."""
        return self._cells(self.rows[self.places[key]])


class _Text:
    def __init__(self, *, packed: bool) -> None:
        self.packed = packed

    def unpacked(self, body: bytes) -> bytes:
        """Give the text, of which there may be only so much."""
        if not self.packed:
            return body
        reader = zlib.decompressobj(wbits=31)
        try:
            text = reader.decompress(body, MOST + 1)
        except zlib.error as error:
            raise Unfit(f"it is not gzip: {error}") from None
        if len(text) > MOST or reader.unused_data or not reader.eof:
            raise Unfit("it is too large, not whole, or several archives in one")
        return text

    def written(self, parts: Sequence[bytes], side: _Lines) -> bytes:
        """Put rows together as a side ends its lines."""
        text = side.head + b"".join(one + side.end for one in parts)
        if not side.closed and text.endswith(side.end) and parts:
            text = text[: -len(side.end)]
        return gzip.compress(text, mtime=0) if self.packed else text

    def changed(self, base: _Lines, side: _Lines) -> set[Key]:
        """Give the rows that are written otherwise; a row that is compared cell by cell later costs no more."""
        rows, others = base.rows, side.rows
        both = ((key, at, side.places[key]) for key, at in base.places.items() if key in side.places)
        if list(base.columns) != list(side.columns):
            return {key for key, _, _ in both if dict(base.row(key)) != dict(side.row(key))}
        return {key for key, at, other in both if rows[at] != others[other]}


class Csv(_Text):
    """Comma- or tab-separated values, with the names in the first line."""

    def __init__(self, delimiter: str, *, packed: bool) -> None:
        super().__init__(packed=packed)
        self.delimiter = delimiter

    def read(self, body: bytes, key: Sequence[str]) -> _Lines:
        """Cut a text into rows, and read the key of each."""
        text = self.unpacked(body)
        bom, text = (_BOM, text[3:]) if text.startswith(_BOM) else (b"", text)
        records, end, closed = _records(text)
        try:
            columns = self._cells(records[0]) if records else []
            if not columns or len(set(columns)) != len(columns):
                raise Unfit("its first line does not name its columns once each")
            at = [_found(columns, one) for one in key]
            keys = list(self._keys(text, len(columns), at))
        except (UnicodeDecodeError, csv.Error) as error:
            raise Unfit(f"it is no table: {error}") from None
        if len(keys) != len(records):
            raise Unfit("its lines do not end as the first one does, or have quotes within cells")
        del keys[0]
        side = _Lines(
            records[1:], places_of(keys), columns, lambda raw: dict(zip(columns, self._cells(raw), strict=True))
        )
        side.head, side.end, side.closed = bom + records[0] + end, end, closed
        return side

    def write(self, sides: Sequence[_Lines], columns: Sequence[str], rows: Sequence[tuple[Key, int | Row]]) -> bytes:
        """Write rows as they were where they can stay so."""
        ours = sides[1]
        if list(columns) != list(ours.columns):
            ours.head = (_BOM if ours.head.startswith(_BOM) else b"") + self._line(columns) + ours.end
        fits = [list(side.columns) == list(columns) for side in sides]
        parts = []
        for key, what in rows:
            if isinstance(what, int) and fits[what]:
                parts.append(sides[what].rows[sides[what].places[key]])
                continue
            row = sides[what].row(key) if isinstance(what, int) else what
            cells = [row.get(one, MISSING) for one in columns]
            parts.append(self._line(["" if one is MISSING else one for one in cells]))
        return self.written(parts, ours)

    def _keys(self, text: bytes, columns: int, at: Sequence[int]) -> Iterator[Key]:
        """Read the key of each row; of no row are the other cells kept."""
        first, single = at[0], len(at) == 1
        for row in csv.reader(io.StringIO(text.decode(), newline=""), delimiter=self.delimiter, strict=True):
            if len(row) == columns:
                yield (row[first],) if single else tuple([row[one] for one in at])
            elif row:
                raise Unfit("its rows do not have the columns that the first line names")

    def _cells(self, raw: bytes) -> list[str]:
        return next(csv.reader(io.StringIO(raw.decode(), newline=""), delimiter=self.delimiter, strict=True))

    def _line(self, cells: Sequence[str]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.delimiter, lineterminator="\r\n").writerow(
            cells
        )  # which it quotes where a cell has it
        return text.getvalue()[:-2].encode()


def _records(text: bytes) -> tuple[list[bytes], bytes, bool]:
    """Cut a CSV into its rows, without empty lines; a line end within quotes is none. Also give it, and if the last has it."""
    first = text.find(b"\n")
    end = b"\r\n" if first > 0 and text[first - 1 : first] == b"\r" else b"\n"
    if b'"' not in text:
        return [line for line in text.split(end) if line], end, text.endswith(end)
    found: list[bytes] = []
    parts: list[bytes] = []
    quoted = 0
    for line in text.split(end):
        if parts or b'"' in line:
            parts.append(line)
            quoted += line.count(b'"')
            if quoted % 2 == 0:
                found.append(end.join(parts))
                parts, quoted = [], 0
        elif line:
            found.append(line)
    if parts:
        raise Unfit("a quote is open at its end")
    return found, end, text.endswith(end)


def _found(columns: Sequence[str], name: str) -> int:
    if name not in columns:
        raise Unfit(f"it has no column {name}")
    return columns.index(name)


def places_of(keys: Sequence[Key]) -> dict[Key, int]:
    """Give each key the number of its row. Raise Unfit where one is empty, or names several."""
    places = {key: at for at, key in enumerate(keys)}
    if len(places) != len(keys):
        ordered = sorted(keys, key=repr)
        twice = next(a for a, b in pairwise(ordered) if a == b)
        raise Unfit(f"{', '.join(map(str, twice))} names several of its rows")
    if any("" in key or None in key or MISSING in key for key in places):
        raise Unfit("its key is empty in some rows")
    return places


class JsonLines(_Text):
    """One JSON object a line."""

    def read(self, body: bytes, key: Sequence[str]) -> _Lines:
        """Cut a text into lines, and read the key of each."""
        text = self.unpacked(body)
        bom, text = (_BOM, text[3:]) if text.startswith(_BOM) else (b"", text)
        first = text.find(b"\n")
        end = b"\r\n" if first > 0 and text[first - 1 : first] == b"\r" else b"\n"
        lines = [line for line in text.split(end) if line.strip()]
        keys = []
        for line in lines:
            row = _object(line)
            cells = tuple(row.get(one, MISSING) for one in key)
            if any(isinstance(cell, (dict, list, bool, float)) for cell in cells):
                raise Unfit("its key is neither whole numbers nor texts")
            keys.append(cells)
        side = _Lines(lines, places_of(keys), (), _object)
        side.head, side.end, side.closed = bom, end, text.endswith(end)
        return side

    def write(self, sides: Sequence[_Lines], columns: Sequence[str], rows: Sequence[tuple[Key, int | Row]]) -> bytes:
        """Write lines as they were; new ones like ours. They have no `columns` in common."""
        del columns
        ours = sides[1]
        return self.written([_line(sides, key, what) for key, what in rows], ours)


def _line(sides: Sequence[_Lines], key: Key, what: int | Row) -> bytes:
    if isinstance(what, int):
        return sides[what].rows[sides[what].places[key]]
    like, other = (side.rows[side.places[key]] for side in sides[1:])
    for one in (like, other):
        json.loads(one, parse_float=_exact)
    compact = b'": ' not in like
    return json.dumps(
        {name: value for name, value in what.items() if value is not MISSING},
        ensure_ascii=like.isascii(),
        separators=(",", ":") if compact else None,
    ).encode()


def _exact(text: str) -> float:
    """Read a number that is written again. Raise Unfit where digits would be lost."""
    if Decimal(text) != Decimal(repr(float(text))):
        raise Unfit(f"{text} has more digits than can be kept where both sides have changed a row")
    return float(text)


def _object(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"it is no table: {error}") from None
    if not isinstance(row, dict):
        raise Unfit("one of its lines is no JSON object")
    return row

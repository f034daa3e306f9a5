"""xml: documents of the protocol, written by hand and read with care: no DOCTYPE, so no entities, and at most 4 MiB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final
from xml.parsers import expat

LARGEST: Final = 4 << 20
"""Bytes of a document that we read: those of 10,000 parts with sums, or of 1,000 long keys."""
DEEPEST: Final = 16
MOST: Final = 100_000
"""Elements of a document: those of 10,000 parts with all their sums."""
SPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
_GRANTEE: Final = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"'
"""The one element that says what it is by an attribute."""
_SPECIAL: Final = re.compile(r"[&<>\"\x00-\x1f\x7f]|[\ufffe\uffff]")

Rows = Iterable[tuple[str, Any]]


def document(name: str, rows: Rows, *, space: str = SPACE) -> bytes:
    """Write a document. A value is text, a number, a truth, or rows; None leaves its element out."""
    attribute = f' xmlns="{space}"' if space else ""
    body = "".join(_written(*row) for row in rows)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}{attribute}>{body}</{name}>'.encode("utf-8", "replace")


def _written(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        inner = "true" if value else "false"
    elif isinstance(value, (str, int)):
        inner = _SPECIAL.sub(lambda found: f"&#{ord(found[0]) or 0xFFFD};", str(value))
    else:
        inner = "".join(_written(*row) for row in value)
    return f"<{name}{_GRANTEE if name == 'Grantee' else ''}>{inner}</{name}>"


class Element:
    """An element that was read: its name without a space, its text, and what is in it."""

    __slots__ = ("inner", "name", "parts")

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[str] = []
        self.inner: list[Element] = []

    @property
    def text(self) -> str:
        """Its text; what stands between elements in it is of no use to anybody, and may be much."""
        return "".join(self.parts)

    def all(self, name: str) -> Sequence[Element]:
        """Give the elements of a name that are in it."""
        return [one for one in self.inner if one.name == name]

    def get(self, name: str) -> str | None:
        """Give the text of the first element of a name; None where there is none."""
        return next((one.text.strip() for one in self.inner if one.name == name), None)


def read(data: bytes, root: str) -> Element:
    """Read a document whose outermost element has a name. Raise ValueError for anything else."""
    parser = expat.ParserCreate(namespace_separator=" ")
    open_: list[Element] = []
    found: list[Element] = []
    count = 0

    def begin(name: str, _: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(open_) >= DEEPEST or count > MOST:
            raise ValueError("too deep, or too many elements")
        one = Element(name.rpartition(" ")[2])
        (open_[-1].inner if open_ else found).append(one)
        open_.append(one)

    def end(_: str) -> None:
        open_.pop()

    def text(data: str) -> None:
        if open_:
            open_[-1].parts.append(data)

    def refuse(*_: Any) -> None:
        raise ValueError("a DOCTYPE")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, text
    parser.StartDoctypeDeclHandler = refuse
    parser.buffer_text = True
    try:
        parser.Parse(data, True)  # noqa: FBT003 (expat's way to say that this is all)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from None
    if not found or found[0].name != root:
        raise ValueError("another document")
    return found[0]

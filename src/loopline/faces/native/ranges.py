"""ranges: which bytes of a blob are asked for, and whether the asker has them already (RFC 9110, §13 and §14)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from loopline.errors import Invalid

if TYPE_CHECKING:
    from starlette.datastructures import Headers

_RANGE: Final = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*\Z")


def etag_of(digest: str) -> str:
    """Give the strong validator of a blob: its digest."""
    return f'"{digest}"'


def unchanged(headers: Headers, digest: str) -> bool:
    """Tell whether `If-None-Match` names this blob: then it need not be sent."""
    said = headers.get("if-none-match")
    if said is None:
        return False
    names = [one.strip().removeprefix("W/") for one in said.split(",")]
    return "*" in names or etag_of(digest) in names


def part_of(headers: Headers, digest: str, size: int) -> tuple[int, int] | None:
    """Give first byte and length of the one range that is asked for; None for the whole blob.

    Several ranges, other units and what is no range are not understood, so the whole is sent (RFC 9110, §14.2). Raise Invalid
    kind="bad-range" (416) for one that lies outside.
    """
    said = headers.get("range")
    if said is None:
        return None
    condition = headers.get("if-range")
    if condition is not None and condition.strip() != etag_of(digest):
        return None
    found = _RANGE.match(said)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        length = min(int(found[2]), size)
        first = size - length
    else:
        first = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
        if found[2] and int(found[2]) < first:
            return None
        length = last - first + 1
    if length <= 0 or first >= size:
        raise Invalid(
            f"the blob has {size} bytes",
            kind="bad-range",
            hint="ask for bytes that are there",
            size=size,
            digest=digest,
        )
    return first, length

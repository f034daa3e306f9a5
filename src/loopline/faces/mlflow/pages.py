"""pages: tokens by which clients go on behind a page.

They hold a place and not a number, so that what is added meanwhile moves nothing from one page to another.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from loopline.faces.mlflow import limits
from loopline.faces.mlflow.errors import Fault, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loopline.nouns.query import Place

_LONGEST: Final = 200_000


def token_of(place: Place, about: Iterable[object]) -> str:
    """Write the place of the last thing of a page. `about` is what was asked for: a token goes on with that alone."""
    return urlsafe_b64encode(json.dumps([_mark(about), place], separators=(",", ":")).encode()).decode()


def place_of(token: str, about: Iterable[object]) -> Place | None:
    """Read a token; None for none. Raise Fault 400 for what is none, and for one that belongs to something else."""
    if not token:
        return None
    try:
        mark, place = json.loads(urlsafe_b64decode(token[:_LONGEST].encode()))
        found = tuple((rank, value) for rank, value in place)
    except (ValueError, TypeError, RecursionError):
        raise _wrong() from None
    if mark != _mark(about):
        raise invalid("Invalid page token: it belongs to another search.")
    if not all(value is None or isinstance(value, str | int | float) for _, value in found):
        raise _wrong()
    return found


def size_fits(size: int, most: int = limits.RESULTS) -> int:
    """Give back how many things a page shall have. Raise Fault 400."""
    if size < 1:
        raise invalid(f"Invalid value {size} for parameter 'max_results' supplied. It must be a positive integer.")
    if size > most:
        raise invalid(f"Invalid value {size} for parameter 'max_results' supplied. It must be at most {most}.")
    return size


def _mark(about: Iterable[object]) -> str:
    return sha256(json.dumps([str(one) for one in about]).encode()).hexdigest()[:16]


def _wrong() -> Fault:
    return invalid("Invalid page token: it is none of this server.")

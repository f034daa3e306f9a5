"""status: an error as a status of HTTP. The one table that every face looks into."""

from __future__ import annotations

from typing import Final

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Refused, Unavailable

CLASSES: Final[dict[type[LooplineError], int]] = {
    Invalid: 400,
    Refused: 403,
    NotFound: 404,
    Conflict: 409,
    Unavailable: 503,
}
"""What a class of errors is as a status."""
KINDS: Final = {
    "not-signed-in": 401,
    "method-not-allowed": 405,
    "offset-moved": 409,
    "length-required": 411,
    "body-too-large": 413,
    "wrong-content-type": 415,
    "bad-range": 416,
    "too-many-requests": 429,
    "not-installed": 501,
    "disk-full": 507,
}
"""Kinds whose status is not that of their class."""


def status_of(error: LooplineError) -> int:
    """Give the status of an error."""
    special = KINDS.get(error.kind)
    if special is not None:
        return special
    return next((status for cls, status in CLASSES.items() if isinstance(error, cls)), 500)

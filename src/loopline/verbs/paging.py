"""paging: how much of a list is asked for, and where the next page begins; shared by the verbs that list.

A *place* says where a page ended; the next one is asked for with `after` (the feed, newest first: with `before`). It is taken
from the last thing of a page, never from its position, so what is added meanwhile moves nothing from one page to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from loopline.errors import Invalid

MOST: Final = 1_000_000
"""The largest limit. What is asked for is held in memory."""


def at_most(limit: int) -> int:
    """Give a limit back. Raise Invalid for one below 1: a database reads it as no limit, and nobody means nothing."""
    if not 1 <= limit <= MOST:
        raise Invalid(
            f"a limit of {limit} lists nothing" if limit < 1 else f"a limit of {limit} is more than {MOST}",
            kind="bad-limit", hint=f"give a limit of 1 to {MOST}, and go on with --after", limit=limit,
        )  # fmt: skip
    return limit


def numbered(after: str) -> int | None:
    """Read a place that is a number; None where none is given. Raise Invalid."""
    if not after:
        return None
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise Invalid(
            f"{after[:200]!r} is no place",
            kind="bad-cursor",
            hint="give the `next` of the page before",
            after=after[:200],
        )
    return int(after)


def next_of(verb: str, typed: Mapping[str, Any], result: Any) -> str | None:
    """Give the place behind which the next page begins; None where this page was not full, or nothing is paged.

    A full page may be the last: then the next one is empty.
    """
    place = _PLACES.get(verb)
    if place is None:
        return None
    items = result.reached if verb == "impact" else result
    if verb == "impact":
        return place(items[-1], typed) if items and not result.complete else None
    limit = typed.get("limit", DEFAULTS[verb])
    return place(items[-1], typed) if isinstance(items, tuple) and len(items) >= limit else None


def _found(last: Any, typed: Mapping[str, Any]) -> str:
    match typed.get("what", "runs"):
        case "runs":
            from loopline.ledger.search import place_of

            return place_of(last, typed.get("order", ""))
        case "people":
            return str(last.actor)
        case _:
            return str(last.id)


def _listed(last: Any, _: Mapping[str, Any]) -> str:
    """Take the path of a file or folder, the name of an asset."""
    path = getattr(last, "path", None)
    return str(last.asset) if path is None else str(path)


def _moved(last: Any, _: Mapping[str, Any]) -> str:
    """Take the number of a version, or of the event of a move."""
    number = getattr(last, "number", None)
    return str(last.seq if number is None else number)


_PLACES: Final[dict[str, Any]] = {
    "find": _found,
    "ls": _listed,
    "history": _moved,
    "feed": lambda last, _: str(last.seq),
    "impact": lambda last, _: f"{last.kind}:{last.key}",
}
DEFAULTS: Final = {"find": 20, "ls": 1000, "history": 20, "feed": 50, "impact": 1000}
"""The limits of the verbs that page, where none is asked for."""
PAGED: Final = frozenset(_PLACES)
"""Verbs whose answers go on."""

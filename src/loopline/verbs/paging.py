"""paging: how much of a list is asked for, and where the next page begins; shared by the verbs that list.

A *place* says where a page ended; the next one is asked for with `after` (the feed, newest first: with `before`). It is taken
from the last thing of a page, never from its position, so what is added meanwhile moves nothing from one page to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from loopline.errors import Invalid

MOST: Final = 10_000
"""The largest limit. What is asked for is held in memory, and whoever may look may ask; the rest is on further pages."""
HELD: Final = 1_000_000
"""The same for what has no pages: bytes of a log, points of a series, files that differ."""


def at_most(limit: int, *, most: int = MOST, paged: bool = True) -> int:
    """Give a limit back. Raise Invalid for more than `most`, and below 1: to a database that is no limit, and nobody means it.

    `paged`: whether the verb can go on behind what it has listed, so that more is to be had.
    """
    if not 1 <= limit <= most:
        on = ", and go on with --after" if paged and limit > most else ""
        raise Invalid(
            f"a limit of {limit} lists nothing" if limit < 1 else f"a limit of {limit} is more than {most}",
            kind="bad-limit", hint=f"give a limit of 1 to {most}{on}", limit=limit, most=most,
        )  # fmt: skip
    return limit


def numbered(after: str) -> int | None:
    """Read a place that is a number; None where none is given. Raise Invalid."""
    if not after:
        return None
    if not (after.isascii() and after.isdigit() and len(after) < 19):
        raise no_place(after)
    return int(after)


def no_place(after: str) -> Invalid:
    """Say that nothing stands at a place, so that nothing is behind it."""
    return Invalid(
        f"{after[:200]!r} is no place", kind="bad-cursor", hint="give the `next` of the page before", after=after[:200]
    )


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
    if verb == "search" and not (typed.get("kind") or typed.get("after")):
        return None  # the first few of each kind: there is no one place behind all of them
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


def _predicted(last: Any, _: Mapping[str, Any]) -> str:
    from loopline.signals.queries import place_of

    return place_of(last)


_PLACES: Final[dict[str, Any]] = {
    "find": _found,
    "ls": _listed,
    "history": _moved,
    "feed": lambda last, _: str(last.seq),
    "impact": lambda last, _: f"{last.kind}:{last.key}",
    "search": lambda last, _: f"{last.kind}:{last.key}",
    "predictions": _predicted,
    "alerts": lambda last, _: str(last.id),
    "merges": lambda last, _: getattr(last, "path", None),
}
DEFAULTS: Final = {
    "find": 20,
    "ls": 1000,
    "history": 20,
    "feed": 50,
    "impact": 1000,
    "search": 10,
    "predictions": 50,
    "alerts": 20,
    "merges": 1000,
}
"""The limits of the verbs that page, where none is asked for."""
PAGED: Final = frozenset(_PLACES)
"""Verbs whose answers go on."""

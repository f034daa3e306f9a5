"""event: what has happened, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import when, who
from loopline.cli.text import aligned, clean
from loopline.nouns.ids import brief

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.event import Event

_TOLD = ("reason", "comment", "message", "why", "state")
"""Which of the payload's values is worth a place in the line; the first one that is there."""


def list_of_event(values: Sequence[Event], screen: Screen) -> Iterator[str]:
    """Draw number, time, actor, what happened to what, and why where that was said."""
    rows = []
    for one in values:
        payload = one.payload or {}
        said = next(
            (str(payload[key]) for key in _TOLD if payload.get(key) and not one.kind.startswith("comment.")), ""
        )
        subject = one.subject if "/" in one.subject else brief(one.subject)
        rows.append([
            screen.paint("dim", str(one.seq)),
            when(one.recorded_at, screen),
            who(one.actor),
            screen.paint("name", clean(one.kind)),
            clean(subject),
            clean(said),
        ])  # fmt: skip
    yield from aligned(rows, right=(0,), width=screen.width)

"""task: work that a server was asked for, how far it is, and what came of it; and the list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id, status, when, who
from loopline.cli.text import aligned, clean, facts, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.task import Task


def task(value: Task, screen: Screen) -> Iterator[str]:
    """Draw one task."""
    yield f"{screen.paint('head', f'task {short_id(value.id)}')}  {clean(value.verb)}  {status(_state(value), screen)}"
    said = _error(value)
    if said:
        yield screen.paint("bad", said)
    yield ""
    pairs = [
        ("by", who(value.actor)),
        ("queue", value.queue if value.queue != "default" else ""),
        ("asked", when(value.created_at, screen)),
        ("took", span(value.ended_at - value.started_at) if value.ended_at and value.started_at else ""),
        ("worker", value.worker or ""),
        ("run", short_id(value.run) if value.run else ""),
        ("tries", str(value.attempts) if value.attempts > 1 else ""),
        *((one.label, f"{one.done}{f' of {one.total}' if one.total else ''} {one.unit}") for one in value.progress),
    ]
    yield from facts([(screen.paint("dim", clean(key)), clean(text)) for key, text in pairs if text])


def list_of_task(values: Sequence[Task], screen: Screen) -> Iterator[str]:
    """Draw one line a task."""
    head = [screen.paint("dim", word) for word in ("task", "verb", "state", "asked", "by", "")]
    rows = [
        [
            screen.paint("name", short_id(one.id)), clean(one.verb), status(_state(one), screen), when(one.created_at, screen),
            who(one.actor), _error(one),
        ]
        for one in values
    ]  # fmt: skip
    yield from aligned([head, *rows], width=screen.width)


def _state(one: Task) -> str:
    return "stopping" if one.cancelled_at and not one.state.over else str(one.state)


def _error(one: Task) -> str:
    return clean(str(one.error.get("message", ""))) if one.error else ""

"""trace: what programs told of their requests: a line each, and one as a tree of its spans."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from loopline.cli.render.words import status, when
from loopline.cli.text import aligned, clean, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.trace import Span, Trace, WholeTrace

_MOST: Final = 500
"""Spans that are drawn."""
_DEEPEST: Final = 40


def list_of_trace(values: Sequence[Trace], screen: Screen) -> Iterator[str]:
    """Draw one line a trace."""
    yield from aligned(
        [
            [
                screen.paint("name", clean(one.id)), status(str(one.state), screen), when(one.time, screen),
                span(one.duration) if one.duration is not None else "", f"{one.spans} spans", clean(one.name or ""),
            ]
            for one in values
        ],
        width=screen.width,
    )  # fmt: skip


def wholetrace(value: WholeTrace, screen: Screen) -> Iterator[str]:
    """Draw how it went, its spans as a tree with how long each took, and what was said about it."""
    one = value.trace
    took = f"  {span(one.duration)}" if one.duration is not None else ""
    yield (
        f"{screen.paint('dim', 'trace')} {screen.paint('name', clean(one.id))}  {status(str(one.state), screen)}{took}"
        f"  {screen.paint('head', clean(one.name or ''))}"
    )
    for label, said in (("in", one.request), ("out", one.response), ("session", one.session)):
        if said:
            yield f"{screen.paint('dim', label)} {clean(said)[:300]}"
    if one.tokens:
        yield (
            screen.paint("dim", "tokens")
            + " "
            + ", ".join(f"{clean(key)} {count}" for key, count in one.tokens.items())
        )
    rows = [
        [
            f"{'  ' * min(depth, _DEEPEST)}{clean(each.name)}",
            clean(each.kind),
            status(str(each.state), screen),
            _took(each),
        ]
        for depth, each in value.tree[:_MOST]
    ]
    yield from aligned(rows, width=screen.width)
    if len(value.spans) > _MOST:
        yield screen.paint("dim", f"and {len(value.spans) - _MOST} more spans")
    for word in value.words:
        over = "" if word.valid else screen.paint("dim", "  (overridden)")
        yield f"{word.kind} {clean(word.name)}: {clean(json.dumps(word.value))[:300]}  by {clean(word.source)}{over}"


def _took(each: Span) -> str:
    return span((each.ended_ns - each.began_ns) // 1000) if each.ended_ns is not None else ""

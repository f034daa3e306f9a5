"""lineage: the tree of reasons behind a thing, and the list of what it touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id, when
from loopline.cli.text import aligned, clean, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.screen import Screen
    from loopline.nouns.lineage import Impact, Reason

_TIMES = ("since", "at", "until")


def reason(value: Reason, screen: Screen) -> Iterator[str]:
    """Draw a tree: what a thing is, and below it what it came from."""
    yield _line(value, screen)
    yield from _below(value, screen, "")


def impact(value: Impact, screen: Screen) -> Iterator[str]:
    """Draw what was reached, near things first; what is current stands out."""
    if not value.reached:
        yield f"nothing was built from {clean(value.of)}"
        return
    rows = []
    for one in sorted(value.reached, key=lambda one: one.distance):
        indent = "  " * max(0, min(one.distance, 6))
        live = screen.mark("wait", "current") if one.current else ""
        key = screen.paint("name", _key(one.kind, one.key))
        rows.append([f"{indent}{screen.paint('dim', one.kind)}", key, live, clean(one.title)])
    yield from aligned(rows, width=screen.width)
    current = sum(one.current and one.kind == "ref" for one in value.reached)
    yield ""
    yield f"{clean(value.of)} reaches {plural(len(value.reached), 'thing')}, {plural(current, 'ref')} among them" + (
        "" if value.complete else "; the walk stopped at its limit, more with --limit"
    )


def _below(value: Reason, screen: Screen, indent: str) -> Iterator[str]:
    last = len(value.because) - 1
    for index, one in enumerate(value.because):
        branch, under = ("└─ ", "   ") if index == last else ("├─ ", "│  ")
        yield f"{screen.paint('dim', indent + branch)}{_line(one, screen)}"
        yield from _below(one, screen, indent + under)


def _line(value: Reason, screen: Screen) -> str:
    told = [f"{clean(key)} {_fact(key, text, screen)}" for key, text in value.facts.items() if text]
    head = f"{screen.paint('dim', value.kind)} {screen.paint('name', _key(value.kind, value.key))}"
    title = f"  {clean(value.title)}" if value.title and value.title != value.key else ""
    return f"{head}{title}{screen.paint('dim', '  (' + ', '.join(told) + ')') if told else ''}"


def _fact(key: str, text: str, screen: Screen) -> str:
    return when(int(text), screen) if key in _TIMES and text.isascii() and text.isdigit() else clean(text)


def _key(kind: str, key: str) -> str:
    return short_id(key) if kind in {"run", "change"} else clean(key)

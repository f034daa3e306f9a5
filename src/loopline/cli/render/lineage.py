"""lineage: the tree of reasons behind a thing, and the list of what it touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id, when
from loopline.cli.text import aligned, clean, cut, plural
from loopline.nouns.digest import short

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
    shown = [one for one in value.reached if one.kind != "artifact" or screen.verbose]
    rows = []
    for one in sorted(shown, key=lambda one: one.distance):
        indent = "  " * max(0, min(one.distance, 6))
        live = screen.mark("good", clean(one.title) or "current") if one.kind == "ref" else clean(one.title)
        rows.append([f"{indent}{screen.paint('dim', one.kind)}", screen.paint("name", _key(one.kind, one.key)), live])
    yield from aligned(rows, width=screen.width)
    refs = sum(one.kind == "ref" for one in value.reached)
    kept = len(value.reached) - len(shown)
    rest = f", and {plural(kept, 'intermediate result')} (-v)" if kept else ""
    yield ""
    yield f"{clean(value.of)} has touched {plural(len(shown), 'thing')}, {plural(refs, 'ref')} among them{rest}" + (
        "" if value.complete else "; the walk stopped at its limit, more with --limit"
    )


def _below(value: Reason, screen: Screen, indent: str) -> Iterator[str]:
    last = len(value.because) - 1
    for index, one in enumerate(value.because):
        branch, under = ("└─ ", "   ") if index == last else ("├─ ", "│  ")
        yield f"{screen.paint('dim', indent + branch)}{_line(one, screen)}"
        deeper = indent + under
        trunk = "│  " if one.because else "   "
        for line in _details(one, screen):
            yield screen.paint("dim", f"{deeper}{trunk}{line}")
        yield from _below(one, screen, deeper)


_GROUPS = ("param", "metric", "check")
"""First words of facts that are told in a line of their own below."""


def _line(value: Reason, screen: Screen) -> str:
    own = {key: text for key, text in value.facts.items() if text and key.partition(" ")[0] not in _GROUPS}
    words = {key: "" if key == "at" else f"{clean(key)} " for key in own}  # "2 min ago" needs no "at"
    told = [words[key] + _fact(key, text, screen) for key, text in own.items()]
    head = f"{screen.paint('dim', value.kind)} {screen.paint('name', _key(value.kind, value.key))}"
    title = f"  {clean(value.title)}" if value.title and value.title != value.key else ""
    return f"{head}{title}{screen.paint('dim', '  (' + ', '.join(told) + ')') if told else ''}"


def _details(value: Reason, screen: Screen) -> Iterator[str]:
    for group in _GROUPS:
        named = {key.partition(" ")[2]: text for key, text in value.facts.items() if key.partition(" ")[0] == group}
        if named:
            told = ", ".join(f"{clean(key)} {clean(text)}" for key, text in named.items())
            yield cut(f"{group}s: {told}", 10_000 if screen.verbose else 140)


def _fact(key: str, text: str, screen: Screen) -> str:
    return when(int(text), screen) if key in _TIMES and text.isascii() and text.isdigit() else clean(text)


def _key(kind: str, key: str) -> str:
    if kind in {"run", "change", "alert", "incident"}:
        return short_id(key)
    return short(key) if key.startswith("sha256:") else clean(key)

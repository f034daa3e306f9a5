"""run: one execution with what it was given, read, made and measured; and the list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id, status, when, who
from loopline.cli.text import aligned, clean, facts, number, size, span
from loopline.nouns.digest import short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.run import Link, Run

METRICS = 12
"""Metrics drawn without -v."""


def run(value: Run, screen: Screen) -> Iterator[str]:
    """Draw one run."""
    title = f"{clean(value.kind)} {short_id(value.id)}"
    yield f"{screen.paint('head', title)}  {clean(value.name)}  {status(value.state, screen)}{_took(value)}"
    if value.error:
        yield screen.paint("bad", clean(value.error))
    yield ""
    pairs = [
        ("experiment", value.experiment if value.experiment != "default" else ""),
        ("by", who(value.actor)),
        ("started", when(value.started_at, screen) if value.started_at else ""),
        ("commit", value.commit or ""),
        ("code", short(value.code) if value.code else ""),
        ("environment", short(value.environment) if value.environment else ""),
        ("part of", short_id(value.parent) if value.parent else ""),
        ("taken from", short_id(value.origin) if value.origin else ""),
        *((f"tag {key}", text) for key, text in value.tags.items()),
    ]
    yield from facts([(screen.paint("dim", clean(key)), clean(text)) for key, text in pairs if text])
    if value.params:
        yield ""
        yield screen.paint("dim", "params")
        yield from facts([(clean(key), clean(text)) for key, text in value.params.items()], indent="  ")
    if value.metrics:
        yield ""
        yield from _metrics(value, screen)
    for word, links in (("inputs", value.inputs), ("outputs", value.outputs)):
        if links:
            yield ""
            yield screen.paint("dim", word)
            yield from aligned([_link(link, screen) for link in links], width=screen.width)


def list_of_run(values: Sequence[Run], screen: Screen) -> Iterator[str]:
    """Draw one line a run, with the metrics that most of them have."""
    counted: dict[str, int] = {}
    for one in values:
        for key in one.metrics:
            if "[" not in key:
                counted[key] = counted.get(key, 0) + 1
    keys = sorted(counted, key=lambda key: -counted[key])[:3]
    head = [screen.paint("dim", clean(word)) for word in ("run", "name", "state", "started", "took", *keys)]
    rows = [
        [
            screen.paint("name", short_id(one.id)),
            clean(one.name),
            status(one.state, screen),
            when(one.started_at or one.recorded_at, screen),
            _took(one).strip() or "–",
            *(number(one.metrics[key]) if key in one.metrics else "–" for key in keys),
        ]
        for one in values
    ]
    yield from aligned([head, *rows], right=set(range(4, 5 + len(keys))))


def _metrics(value: Run, screen: Screen) -> Iterator[str]:
    whole = {key: one for key, one in value.metrics.items() if "[" not in key}
    shown = value.metrics if screen.verbose else dict(list((whole or value.metrics).items())[:METRICS])
    yield screen.paint("dim", "metrics")
    yield from aligned([[f"  {clean(key)}", number(one)] for key, one in shown.items()], right={1})
    if len(shown) < len(value.metrics):
        yield screen.paint("dim", f"  {len(value.metrics) - len(shown)} more with -v")


def _link(link: Link, screen: Screen) -> list[str]:
    place = screen.paint("name", clean(f"{link.asset}@{link.number}" if link.number else link.asset or ""))
    return [f"  {clean(link.name)}", place, short(link.digest), size(link.size) if link.size else ""]


def _took(value: Run) -> str:
    if not value.started_at or not value.ended_at:
        return ""
    return f"  {span(value.ended_at - value.started_at)}"

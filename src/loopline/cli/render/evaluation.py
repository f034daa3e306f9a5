"""evaluation: metrics with their intervals, beside the base, and slice by slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.text import aligned, clean, facts, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.evaluation import Estimate, Evaluation

_HEADS = ("  metric", "value", "95 % interval", "base", "difference", "its interval", "rows")
SLICES = 8
"""Slices drawn without -v."""


def evaluation(value: Evaluation, screen: Screen) -> Iterator[str]:
    """Draw an evaluation: what it was measured on, then the metrics."""
    if value.facts:
        yield from facts([(clean(key), clean(text)) for key, text in value.facts.items()])
        yield ""
    yield from estimates(value.estimates, screen)
    if value.observations:
        from loopline.cli.render.expected import observations

        yield from observations(value.observations, screen, whole=True)


def estimates(values: Sequence[Estimate], screen: Screen) -> Iterator[str]:
    """Draw the overall metrics, then the slices, the ones that lose most against the base first."""
    whole = [one for one in values if not one.slice]
    cut = [one for one in values if one.slice]
    cut.sort(key=lambda one: (one.delta if one.delta is not None else 0.0, one.metric, one.slice, one.member))
    shown = cut if screen.verbose else cut[:SLICES]
    rows = [_row(one) for one in [*whole, *shown]]
    if not rows:
        return
    head = [screen.paint("dim", word) for word in _HEADS]
    used = [index for index in range(len(head)) if index < 2 or any(row[index] for row in rows)]
    right = {used.index(index) for index in (1, 3, 4, 6) if index in used}
    yield from aligned([[row[index] for index in used] for row in [head, *rows]], right=right)
    if len(shown) < len(cut):
        yield screen.paint("dim", f"  {plural(len(cut) - len(shown), 'more slice')} with -v")


def _row(one: Estimate) -> list[str]:
    return [
        f"  {clean(one.key)}",
        number(one.value),
        _interval(one.low, one.high),
        "" if one.base is None else number(one.base),
        "" if one.delta is None else f"{one.delta:+.4f}",
        _interval(one.delta_low, one.delta_high),
        number(one.n) if one.n else "",
    ]


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"[{number(low)}, {number(high)}]"

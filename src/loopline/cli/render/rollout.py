"""rollout: how far a rollout has come, and what has been found out on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id, status, target, when
from loopline.cli.text import aligned, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.rolling import Compared
    from loopline.nouns.rollout import Rollout


def list_of_rollout(values: Sequence[Rollout], screen: Screen) -> Iterator[str]:
    """Draw one line a rollout and why it stands there; of a single one, or with -v, each metric, too."""
    rows = aligned([_row(one, screen) for one in values], width=screen.width)
    for one, row in zip(values, rows, strict=True):
        yield row
        if one.progress.reason:
            yield f"  {clean(one.progress.reason)}"
        for told in one.forecast if not one.over else ():
            if not told.enough or screen.verbose:
                yield f"  {screen.paint('wait', f'step {told.step + 1}, {clean(told.metric)}')}: {clean(told.words)}"
        if one.judged and (len(values) == 1 or screen.verbose):
            yield from (f"  {line}" for line in findings(one.judged.findings, screen))


def rollout(value: Rollout, screen: Screen) -> Iterator[str]:
    """Draw one, with all that was found out."""
    yield from list_of_rollout((value,), screen)


def findings(values: Sequence[Compared], screen: Screen) -> Iterator[str]:
    """Draw one line a metric: the answer, both values, the difference with its bounds, how many units."""
    yield from aligned(
        [
            [
                clean(one.metric), status(one.answer, screen), f"{_number(one.baseline)} → {_number(one.candidate)}",
                f"{_signed(one.estimate)} [{_signed(one.low)}, {_signed(one.high)}], allowed {one.tolerance:g}",
                f"{one.units[1]:,} and {one.units[0]:,} units",
            ]
            for one in values
        ],
        width=screen.width,
    )  # fmt: skip


def _row(one: Rollout, screen: Screen) -> list[str]:
    here = one.progress
    last = len(one.plan.steps)
    step = f"step {min(here.step + 1, last)} of {last}" if here.step >= 0 else ""
    whom = f" of {clean(one.plan.column)} {clean(', '.join(one.members))}" if one.members else ""
    return [
        screen.paint("name", short_id(one.change)), status(here.state, screen), clean(one.ref),
        f"{target(one.old)} → {target(one.new)}", "shadow" if one.shadow else f"{here.weight:.0%}{whom}", step,
        when(here.since, screen),
    ]  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.4g}"

"""expected: what tables should hold, and how that stands: what does not hold first, with rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import status
from loopline.cli.text import aligned, clean, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.expectation import Breach, Expected, Observation

ROWS = 3
"""Rows of each that are drawn without -v."""


def expected(value: Expected, screen: Screen) -> Iterator[str]:
    """Draw what was found: a line a demand, and rows that break it."""
    against = f", against {clean(value.base)}" if value.base else ""
    held = sum(one.holds for one in value.observations)
    mark = status("pass" if value.holds else "fail", screen)
    yield f"{mark}  {clean(value.subject)}{against}: {held} of {plural(len(value.observations), 'expectation')} hold"
    yield from observations(value.observations, screen, every=True, whole=screen.verbose > 0)


def observations(
    values: Sequence[Observation], screen: Screen, *, every: bool = False, whole: bool = False
) -> Iterator[str]:
    """Draw what does not hold with its rows, with `every` also what holds and says something, with `whole` all that holds."""
    bad = [one for one in values if not one.holds]
    for one in bad:
        yield f"  {status('fail', screen)}  {_where(one)}{clean(one.demand)}: {clean(one.observed)}"
        shown = one.samples if screen.verbose else one.samples[:ROWS]
        yield from (f"    {line}" for line in aligned([_row(each) for each in shown], width=screen.width))
        if len(shown) < len(one.samples):
            yield screen.paint("dim", f"    {plural(len(one.samples) - len(shown), 'more row')} with -v")
    for one in values:
        if one.holds and (whole or (every and one.observed)):
            told = f": {clean(one.observed)}" if one.observed else ""
            yield f"  {status('pass', screen)}  {_where(one)}{clean(one.demand)}{told}"


def _where(one: Observation) -> str:
    return f"{clean(one.files)}: " if one.files else ""


def _row(one: Breach) -> list[str]:
    cells = ", ".join(f"{name}={'–' if cell is None else cell}" for name, cell in one.cells.items())
    return [clean(f"{one.file}, row {one.row}"), clean(one.key), clean(cells)]

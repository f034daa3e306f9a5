"""drift: columns of a window beside their reference, those that moved most first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.cli.render.words import status
from loopline.cli.text import aligned, clean, moment, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.drift import ColumnDrift, Drift
    from loopline.nouns.profile import ColumnProfile

BLOCKS: Final = "▁▂▃▄▅▆▇█"
WIDTH: Final = 12


def drift(value: Drift, screen: Screen) -> Iterator[str]:
    """Draw the window, then a line for each column: its distance, its q-value, the reference's shape and the window's."""
    span = f"{moment(value.start, screen.zone)} to {moment(value.end, screen.zone)}"
    yield f"{clean(value.service)}  {clean(value.arm)} {clean(value.version)}  {plural(value.rows, 'row')}, {span}"
    if not value.columns:
        yield "the model has no reference profile: sign it with its training rows"
        return
    moved = sum(one.verdict == "drift" for one in value.columns)
    yield f"{moved} of {plural(len(value.columns), 'column')} moved"
    rows = [
        [
            screen.paint("name", clean(one.column)), status(one.verdict, screen), _effect(one),
            "" if one.q is None else f"q {one.q:.2g}", _shape(one.reference), "→", _shape(one.window), _notes(one),
        ]
        for one in value.columns
    ]  # fmt: skip
    yield from aligned(rows, width=screen.width)


def _effect(one: ColumnDrift) -> str:
    return "" if one.effect is None else f"{'D' if one.test == 'ks' else 'TV'} {one.effect:.2f}"


def _notes(one: ColumnDrift) -> str:
    said = []
    if one.nulls and one.rows:
        said.append(f"{one.nulls / one.rows:.1%} missing")
    if one.outside:
        said.append(f"{plural(one.outside, 'row')} out of range")
    if one.new:
        said.append(f"new: {', '.join(clean(text) for text in one.new[:3])}{', …' if len(one.new) > 3 else ''}")
    return "; ".join(said)


def _shape(one: ColumnProfile | None) -> str:
    """Draw how rows lie over bins, a few together: a block each, the highest one full."""
    told = () if one is None else one.counts or (*one.frequencies, one.others)
    cells = [max(0, count) for count in told]
    return _blocks(cells) if any(cells) else "–"


def _blocks(cells: Sequence[int]) -> str:
    count = min(WIDTH, len(cells))
    sums = [sum(cells[at * len(cells) // count : (at + 1) * len(cells) // count]) for at in range(count)]
    return "".join(BLOCKS[min(7, int(one / max(sums) * 7.999))] if one else " " for one in sums)

"""preview: the beginning of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.text import aligned, clean, cut, number, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.preview import Bin, Column, Preview

_BARS = "▁▂▃▄▅▆▇█"
_WIDE = 24
"""Terminal columns of one cell."""


def preview(value: Preview, screen: Screen) -> Iterator[str]:
    """Draw what a file is, then its columns and first rows, or its text."""
    name = f"{value.version}/{value.path}" if value.path else value.version
    counted = "" if value.count is None else f", {number(value.count)} rows"
    kind = clean(value.media_type or value.form)
    yield f"{screen.paint('head', clean(name))}  {screen.paint('dim', f'{kind}, {size(value.size)}{counted}')}"
    for note in value.notes:
        yield screen.paint("wait", clean(note))
    if value.columns:
        yield ""
        yield from _columns(value.columns, screen)
    if value.rows and value.header:
        yield ""
        head = [screen.paint("dim", cut(clean(one), _WIDE)) for one in value.header]
        rows = [[cut(_cell(cell), _WIDE) for cell in row] for row in value.rows if row]
        yield from aligned([head, *rows], width=screen.width)
    for line in value.text.splitlines():
        yield clean(line)
    if value.cut:
        yield screen.paint("dim", "…")


def _columns(columns: Sequence[Column], screen: Screen) -> Iterator[str]:
    rows = [[screen.paint("dim", word) for word in ("column", "type", "empty", "distinct", "min", "mean", "max", "")]]
    rows += [
        [
            screen.paint("name", cut(clean(one.name), _WIDE)),
            clean(one.type.lower()),
            number(one.nulls),
            number(one.distinct),
            cut(_cell(one.min), _WIDE),
            "" if one.mean is None else number(one.mean),
            cut(_cell(one.max), _WIDE),
            _bars(one.histogram) or ", ".join(cut(_cell(v.value), _WIDE) for v in one.top[:3]),
        ]
        for one in columns
    ]
    yield from aligned(rows, width=screen.width)


def _bars(bins: Sequence[Bin]) -> str:
    most = max((one.count for one in bins), default=0)
    heights = [min(max(one.count, 0) * len(_BARS) // (most + 1), 7) if most > 0 else 0 for one in bins]
    return "".join(_BARS[height] if one.count > 0 else " " for height, one in zip(heights, bins, strict=True)).rstrip()


def _cell(value: str | None) -> str:
    return "–" if value is None else clean(value)

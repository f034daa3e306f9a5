"""hit: what a search has found."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from loopline.cli.render.words import when
from loopline.cli.text import aligned, clean
from loopline.nouns.ids import brief

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.hit import Hit

_TITLES = {
    "asset": "assets", "ref": "refs", "version": "versions", "run": "runs", "change": "changes", "event": "events",
    "person": "people", "file": "files",
}  # fmt: skip


def list_of_hit(values: Sequence[Hit], screen: Screen) -> Iterator[str]:
    """Draw what is called so, then everything else kind by kind."""
    for title, group in groupby(values, key=lambda hit: "called so" if hit.exact else _TITLES[hit.kind]):
        yield screen.paint("dim", title)
        rows = []
        for one in group:
            name = brief(one.key) if one.kind in ("run", "change") else one.key
            kind = f"{one.kind} " if one.exact else ""
            rows.append([
                f"  {kind}{screen.paint('name', clean(name))}",
                when(one.at, screen) if one.at else "",
                clean(one.where),
                clean(one.title),
            ])  # fmt: skip
        yield from aligned(rows, width=screen.width)

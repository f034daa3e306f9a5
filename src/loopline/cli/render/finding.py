"""finding: the lines of doctor and verify, each with its cure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import status
from loopline.cli.text import aligned, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.finding import Finding


def list_of_finding(values: Sequence[Finding], screen: Screen) -> Iterator[str]:
    """Draw one line a finding; below it what it touches and what mends it, where something is wrong."""
    rows = [[status(one.state, screen), clean(one.name), clean(one.text)] for one in values]
    for one, line in zip(values, aligned(rows), strict=True):
        yield line
        if one.touches:
            yield f"     touches {clean(', '.join(one.touches))}"
        if one.fix and one.state != "ok":
            yield f"     {screen.paint('name', '→')} {clean(one.fix)}"

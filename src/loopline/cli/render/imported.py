"""imported: what was brought from another system that keeps versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.text import clean, plural, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.screen import Screen
    from loopline.nouns.imported import Imported


def imported(value: Imported, screen: Screen) -> Iterator[str]:
    """Draw it: a line, and one for each thing that did not come."""
    what = f"{screen.paint('name', clean(value.asset))} from {clean(value.source)}"
    refs = f"{len(value.branches)} branches, {len(value.tags)} tags"
    if value.dry:
        yield f"{what}: {plural(value.commits, 'commit')} to bring, {value.known} here already; {refs}"
    else:
        yield f"{what}: {plural(value.commits, 'commit')}, {plural(value.objects, 'object')}, {size(value.bytes)}; {refs}"
    for line in value.waiting:
        yield f"  {screen.paint('wait', 'did not move')} {clean(line)}"
    for line in value.left:
        yield f"  {screen.paint('wait', 'stays there')} {clean(line)}"

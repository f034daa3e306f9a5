"""reclaim: what `gc` has found and done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.cli.text import aligned, clean, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.screen import Screen
    from loopline.nouns.reclaim import Reclaim

_DONE: Final = {
    "dry": "",
    "noted": "",
    "trashed": "moved to the trash",
    "restored": "taken back",
    "emptied": "gone for good",
}
_MOST: Final = 12


def reclaim(value: Reclaim, screen: Screen) -> Iterator[str]:
    """Draw the sums, whose bytes they were, samples, and what comes next."""
    if value.state in ("dry", "noted", "trashed"):
        yield f"{value.objects:,} objects ({size(value.bytes)}) are named by nothing; {value.kept:,} are in use"
    if value.moved or value.state in ("trashed", "restored", "emptied"):
        number = f" (reclaim {value.number})" if value.number is not None else ""
        yield f"{value.moved:,} objects ({size(value.moved_bytes)}) {_DONE[value.state]}{number}"
    if value.revived:
        yield f"{value.revived:,} objects in the trash are named again, and were taken back"
    rows = [
        [f"  {size(one.bytes)}", f"{one.objects:,}", clean(one.name) or "named by nothing that was deleted"]
        for one in value.shares[:_MOST]
    ]
    if rows:
        yield ""
        yield from aligned([["  bytes", "objects", "of"], *rows])
        if len(value.shares) > _MOST:
            yield f"  and {len(value.shares) - _MOST} more (--json lists all)"
    if value.samples:
        yield ""
        yield from aligned([[f"  {one.digest[7:19]}", size(one.size), clean(one.why)] for one in value.samples])
    if value.note:
        yield ""
        yield f"{screen.paint('name', '→')} {clean(value.note)}"

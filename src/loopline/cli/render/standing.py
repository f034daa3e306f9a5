"""standing: working folders against what they were checked out from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from loopline.cli.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.sdk.standing import Standing

SHOWN: Final = 50
"""Files that are named for a folder; `--json` names all."""
_MARKS: Final = {"added": ("more", "+"), "removed": ("less", "-"), "changed": ("wait", "~")}


def list_of_standing(standings: Sequence[Standing], screen: Screen) -> Iterator[str]:
    """Draw each folder with the files that differ in it."""
    for one in standings:
        part = f" ({clean(' '.join(one.only))} only)" if one.only else ""
        yield f"{screen.paint('name', str(one.asset))} in {clean(one.folder)}{part}: {screen.mark(*_word(one))}"
        for difference in one.differences[:SHOWN]:
            tone, sign = _MARKS[difference.word]
            yield f"  {screen.paint(tone, f'{sign} {difference.word:<8}')} {clean(difference.path)}"
        if len(one.differences) > SHOWN:
            yield screen.paint("dim", f"  and {len(one.differences) - SHOWN} more")


def _word(one: Standing) -> tuple[str, str]:
    at = f"{one.branch}, version {one.number}" if one.branch else f"version {one.number}"
    if one.unfinished:
        return "bad", f"a checkout was cut short{f'; last in step with {at}' if one.number else ''}"
    if one.number is None:
        if one.newest is None:
            return "wait", "never added"
        at = f"never checked out; compared with {one.branch}, version {one.newest}"
        return "wait", at
    if one.newest != one.number:
        return "wait", f"{at}; the branch stands at {one.newest or 'nothing'}"
    return ("wait", f"{at}, changed") if one.differences else ("good", at)

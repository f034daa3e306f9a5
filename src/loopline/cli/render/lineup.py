"""lineup: runs side by side."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id, status, when, who
from loopline.cli.text import aligned, clean, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.lineup import Figure, Line, Lineup


def lineup(value: Lineup, screen: Screen) -> Iterator[str]:
    """Draw each run under a letter, then what differs; what does not with -v."""
    yield from aligned(
        [
            [screen.paint("head", letter), screen.paint("name", short_id(run.id)), clean(run.name), status(run.state, screen),
             who(run.actor), when(run.started_at or run.recorded_at, screen)]
            for letter, run in zip(ascii_uppercase, value.runs, strict=False)
        ],
        width=screen.width,
    )  # fmt: skip
    letters = ascii_uppercase[: len(value.runs)]
    for word, lines in (
        ("facts", value.facts), ("params", value.params), ("metrics", value.metrics), ("packages", value.packages),
    ):  # fmt: skip
        yield from _table(word, lines, letters, screen)
    for letter, files in zip(letters, value.code, strict=False):
        if files:
            yield ""
            yield f"{screen.paint('dim', 'code')}  {plural(len(files), 'file')} of {letter} differ from those of A"
            yield from (f"  {one.word}  {clean(one.path)}" for one in files[:10])


def _table(word: str, lines: Sequence[Line] | Sequence[Figure], letters: str, screen: Screen) -> Iterator[str]:
    shown = [one for one in lines if one.differs or screen.verbose]
    if not lines:
        return
    yield ""
    alike = len(lines) - len(shown)
    more = f"  {alike} alike" if alike else ""
    yield screen.paint("dim", word) + screen.paint("dim", more)
    head = [screen.paint("dim", cell) for cell in ("", *letters)]
    rows = [[f"  {clean(one.name)}", *(_cell(value) for value in one.values)] for one in shown]
    if rows:
        yield from aligned([head, *rows], right=set(range(1, len(letters) + 1)))


def _cell(value: str | float | None) -> str:
    if value is None:
        return "–"
    return who(value) if isinstance(value, str) else number(value)

"""discussion: what people say about a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id, when, who
from loopline.cli.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.comment import Comment


def list_of_comment(values: Sequence[Comment], screen: Screen) -> Iterator[str]:
    """Draw each comment below the one that it answers; what was deleted is told where somebody answered it."""
    answers: dict[str, list[Comment]] = {}
    known = set[str]()
    for one in values:
        answers.setdefault(one.answers if one.answers in known and one.answers else "", []).append(one)
        known.add(one.id)
    waiting = [(one, 1) for one in reversed(answers.pop("", []))]
    while waiting:
        one, level = waiting.pop()
        below = answers.pop(one.id, [])
        if one.deleted_at is None or below:
            yield from _said(one, "  " * min(level, 8), screen)
        waiting += [(answer, level + 1) for answer in reversed(below)]


def _said(one: Comment, indent: str, screen: Screen) -> Iterator[str]:
    told = [who(one.author), when(one.at, screen), *(["edited"] if one.edited_at else []), clean(one.place)]
    yield f"{indent}{screen.paint('name', short_id(one.id))}  {screen.paint('dim', '  '.join(w for w in told if w))}"
    for line in one.body.splitlines() if one.deleted_at is None else ("(deleted)",):
        yield f"{indent}  {clean(line)}"

"""merge: what came of a merge, or the paths that clash in it."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from loopline.cli.render.words import name, status, target, when, who
from loopline.cli.text import aligned, clean, plural, size
from loopline.nouns.digest import short
from loopline.nouns.entry import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.entry import Entry
    from loopline.nouns.merge import Clash, Merge

_VERBS = {"merge": "merge of", "revert": "revert of", "cherry-pick": "cherry-pick of"}


def merge(value: Merge, screen: Screen) -> Iterator[str]:
    """Draw what a merge has done, or what it waits for, with the next step."""
    what = f"{_VERBS[value.kind]} {clean(value.source)} into {name(value.ref, screen)}"
    match value.state:
        case "nothing":
            told = "is in it already" if value.kind == "merge" else f"the {value.kind} would change nothing there"
            yield f"{screen.mark('dim', 'nothing to do')}  {clean(value.source)}, {name(value.ref, screen)}: {told}"
        case "forward":
            yield f"{screen.mark('good', 'forward')}  {name(value.ref, screen)} has nothing of its own: no version is made"
        case "made":
            made = value.version
            digest = f"{short(made.artifact.digest)}  {clean(made.message)}" if made else ""
            yield f"{name(value.ref.asset, screen)}{screen.paint('head', target(made.number if made else None))}  {digest}"
        case "clashing":
            tone = "bad" if value.left else "wait"
            yield f"{screen.mark(tone, plural(value.clashes, 'path'))} clash, {value.left} left to choose: {what}"
            yield f"  {_sides(value)}"
            yield from _next(value, screen)
        case "abandoned":
            yield f"{screen.mark('dim', 'abandoned')}  {what}; {name(value.ref, screen)} is at {target(value.ours)}"
    if value.change is not None:
        from loopline.cli.render.change import change, moves

        if value.change.state == "applied":
            yield from moves(value.change, screen)
        else:
            yield ""
            yield from change(value.change, screen)


def _sides(value: Merge) -> str:
    theirs = target(value.theirs) if value.theirs is not None else "no files"
    base = target(value.base) if value.base is not None else "nothing in common"
    return f"ours {target(value.ours)}, theirs {theirs}, base {base}"


def _next(value: Merge, screen: Screen) -> Iterator[str]:
    ref = clean(quote(str(value.ref)))
    steps = (
        [f"loopline merges {ref}", f"loopline merge --into {ref} --take ours|theirs|base|FILE PATH…"]
        if value.left
        else [f"loopline merge --continue {ref}"]
    )
    yield from (f"{screen.paint('name', '→')} {step}" for step in steps)


def list_of_merge(values: Sequence[Merge], screen: Screen) -> Iterator[str]:
    """Draw one line a merge that waits."""
    rows = [
        [
            name(one.ref, screen),
            f"{status(one.state, screen)}",
            f"{_VERBS[one.kind]} {clean(one.source)}",
            f"{one.left} of {plural(one.clashes, 'path')} left",
            who(one.actor),
            when(one.created_at, screen),
        ]
        for one in values
    ]
    yield from aligned(rows, width=screen.width)


def list_of_clash(values: Sequence[Clash], screen: Screen) -> Iterator[str]:
    """Draw one line a path: how it clashes, what each side has there, and what is taken."""
    rows = [
        [
            screen.mark("good" if one.taken else "bad", _taken(one)),
            one.kind,
            clean(one.path),
            *(f"{side} {_has(has)}" for side, has in (("base", one.base), ("ours", one.ours), ("theirs", one.theirs))),
        ]
        for one in values
    ]
    yield from aligned(rows, width=screen.width)


def _taken(one: Clash) -> str:
    if one.taken is None:
        return "open"
    return f"a file, {short(one.file.digest)}" if one.file is not None else one.taken


def _has(one: Entry | Folder | None) -> str:
    if one is None:
        return "–"
    if isinstance(one, Folder):
        return f"{plural(one.count, 'file')}, {size(one.bytes)}"
    return f"{short(one.digest)} {size(one.size)}{' x' if one.mode & 0o100 else ''}"

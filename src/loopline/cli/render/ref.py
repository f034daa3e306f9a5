"""ref: where a ref points, and how it got there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import name, short_id, target, when, who
from loopline.cli.text import aligned, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.change import Moved
    from loopline.nouns.ref import Ref


def ref(value: Ref, screen: Screen) -> Iterator[str]:
    """Draw one ref."""
    yield from list_of_ref([value], screen)


def list_of_ref(values: Sequence[Ref], screen: Screen) -> Iterator[str]:
    """Draw one line a ref."""
    rows = [
        [
            name(one.name, screen),
            "→",
            screen.paint("head", target(one.target)),
            clean(one.tier),
            when(one.moved_at, screen) if one.moved_at else "",
            f"change {short_id(one.change)}" if one.change else "",
        ]
        for one in values
    ]
    yield from aligned(rows, width=screen.width)


def list_of_moved(values: Sequence[Moved], screen: Screen) -> Iterator[str]:
    """Draw the moves of refs, one line each."""
    rows = [
        [
            screen.paint("name", short_id(one.change)),
            when(one.at, screen),
            f"{target(one.old)} → {screen.paint('head', target(one.new))}",
            _kind(one.kind, screen),
            who(one.author),
            clean(one.reason),
        ]
        for one in values
    ]
    yield from aligned(rows, width=screen.width)


def _kind(kind: str, screen: Screen) -> str:
    return screen.paint("wait", kind) if kind in {"rollback", "hotfix"} else clean(kind)

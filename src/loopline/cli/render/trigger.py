"""trigger: what waits for what, and what was done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id, status, when
from loopline.cli.text import aligned, clean, facts, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.firing import Armed, Firing


def list_of_armed(values: Sequence[Armed], screen: Screen) -> Iterator[str]:
    """Draw each trigger with what it waits for, what it does, when it last fired and when its time comes."""
    for one in values:
        yield f"{screen.paint('name', clean(one.name))}  on {clean(one.on)}"
        last = one.last
        fired = f"{when(last.fired_at, screen)}: {clean(last.why)}, {status(last.state, screen)}" if last else "never"
        bound = f"{one.held} since then ({clean(one.held_why)})" if one.held else ""
        rows = (
            ("do", clean(one.do)),
            ("at most", clean(one.at_most)),
            ("last", fired),
            ("held", bound),
            ("next", moment(one.next_at, screen.zone) if one.next_at is not None else ""),
        )
        yield from facts([(screen.paint("dim", key), text) for key, text in rows if text], indent="  ")
    if not all(one.looking for one in values):
        screen.say("nobody looks now: start a server with loopline up, or have cron call loopline tick --work")


def list_of_firing(values: Sequence[Firing], screen: Screen) -> Iterator[str]:
    """Draw one line a firing: when, how it stands, why, and what came of it."""
    rows = [
        [
            screen.paint("name", clean(one.trigger)), status(one.state, screen), when(one.fired_at, screen), clean(one.why),
            ", ".join(_made(one)), clean(one.error),
        ]
        for one in values
    ]  # fmt: skip
    yield from aligned(rows, width=screen.width)


def firing(value: Firing, screen: Screen) -> Iterator[str]:
    """Draw one."""
    yield from list_of_firing((value,), screen)


def _made(one: Firing) -> Iterator[str]:
    for word in ("run", "change", "incident"):
        key = getattr(one, word)
        if key:
            yield f"{word} {short_id(key)}"

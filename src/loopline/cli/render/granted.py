"""granted: who is in which team and has which role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.plainly import plainly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.screen import Screen
    from loopline.nouns.token import Granted


def granted(one: Granted, screen: Screen) -> Iterator[str]:
    """Draw each team and role with its members, and say where nothing was new."""
    yield from plainly(one.members, screen)
    if not one.changed:
        screen.say("nothing is new: they had that already")

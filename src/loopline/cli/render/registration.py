"""registration: what was registered where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.render.words import short_id
from loopline.cli.text import clean, plural, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.screen import Screen
    from loopline.nouns.registration import Registration


def registration(value: Registration, screen: Screen) -> Iterator[str]:
    """Draw the version, what lies where, and what was read for it."""
    name = f"{screen.paint('name', clean(value.version))} " if value.version else ""
    yield f"{name}{plural(value.files, 'file')}, {size(value.bytes)}, in {clean(value.source)}"
    if value.read:
        yield f"{plural(value.read, 'file')}, {size(value.read_bytes)} {'to read' if value.dry else 'read'}"
    else:
        yield "nothing to read: all of it is known"
    if value.version and value.change is None:
        yield "the branch has these files already"
    elif value.change is not None and value.change.state != "applied":
        yield f"waits for its policy: loopline review {short_id(value.change.id)}"

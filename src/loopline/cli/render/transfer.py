"""transfer: what went from one store to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loopline.cli.text import clean, plural, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.cli.screen import Screen
    from loopline.nouns.transfer import Transfer


def transfer(value: Transfer, screen: Screen) -> Iterator[str]:
    """Draw it in a line."""
    what = f"{screen.paint('name', clean(value.version))} {clean(value.store)}"
    if not value.blobs:
        yield f"{what}: all is there"
    else:
        yield f"{what}: {plural(value.blobs, 'blob')}, {size(value.bytes)} {'to send' if value.dry else 'sent'}"

"""listing: assets with their refs, files of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.cli.render.words import name, target, when
from loopline.cli.text import aligned, clean, plural, size
from loopline.nouns.digest import short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loopline.cli.screen import Screen
    from loopline.nouns.entry import Entry, Folder
    from loopline.nouns.listing import Listed


def list_of_listed(values: Sequence[Listed], screen: Screen) -> Iterator[str]:
    """Draw one line an asset: its versions, its refs, how old the newest is."""
    rows = [
        [
            name(one.asset, screen),
            plural(one.versions, "version"),
            when(one.newest.recorded_at, screen) if one.newest else "–",
            "  ".join(f"{clean(ref.name.ref)} {target(ref.target)}" for ref in one.refs),
        ]
        for one in values
    ]
    yield from aligned(rows, width=screen.width)
    for one in values:  # only where one asset was asked for
        if one.text:
            yield clean(one.text)
        if one.tags:
            yield screen.paint("dim", "tags ") + clean(", ".join(f"{key}={text}" for key, text in one.tags.items()))


def list_of_entry(values: Sequence[Entry | Folder], screen: Screen) -> Iterator[str]:
    """Draw one line a file, or a folder with how many files are in it."""
    yield from aligned([_file_or_folder(one) for one in values], right={0}, width=screen.width)


def _file_or_folder(one: Any) -> list[str]:
    if hasattr(one, "digest"):
        return [size(one.size), short(one.digest), clean(one.path)]
    return [size(one.bytes), plural(one.count, "file"), clean(one.path)]


list_of_folder = list_of_entry

"""address: `flights@main/2013/jan.csv`, taken apart, and what fsspec is told of what is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from loopline.errors import NotFound
from loopline.nouns.entry import Entry, Folder


class Place(NamedTuple):
    """An address, taken apart."""

    pointer: str
    """As it was written: `flights@main`. Empty for the root, in which there are only pointers."""
    path: str
    """Inside the version; empty for all of it."""

    def name(self, path: str) -> str:
        """Give the address of a path in the same version."""
        return f"{self.pointer}/{path.rstrip('/')}" if path else self.pointer


def line_of(place: Place, one: Entry | Folder) -> dict[str, Any]:
    """Tell of a file or a folder as fsspec does."""
    if isinstance(one, Folder):
        return folder_line(place.name(one.path))
    return {"name": place.name(one.path), "size": one.size, "type": "file", "digest": one.digest}


def folder_line(name: str) -> dict[str, Any]:
    """Tell of a folder."""
    return {"name": name, "size": 0, "type": "directory"}


def above(path: str, base: str) -> Iterator[str]:
    """Give the folders in which a file lies, from the one that is looked into downwards."""
    yield base
    at = len(base)
    while (at := path.find("/", at)) >= 0:
        yield path[:at]
        at += 1


def absent(place: Place) -> NotFound:
    """Say that there is nothing at an address."""
    return NotFound(
        f"{place.pointer} has no file {place.path!r}", kind="path-missing", hint=f"fs.ls({place.pointer!r})", path=place.path
    )  # fmt: skip

"""near: the files of a tree brought near before they are read one by one, where the store is far away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from loopline.nouns.entry import Entry
from loopline.store.blobs import bring

SMALL = 1 << 18
"""Larger files come one by one anyway: their bytes cost more than asking for them."""
MANY = 1024
MOST = 32 << 20
"""Files and bytes that are brought at once."""


def ahead(blobs: object, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Give the entries as they come, the bytes of small ones at hand."""
    group, size = list[Entry](), 0
    for entry in entries:
        group.append(entry)
        size += entry.size if entry.size <= SMALL else 0
        if len(group) >= MANY or size >= MOST:
            yield from _brought(blobs, group)
            group, size = [], 0
    yield from _brought(blobs, group)


def _brought(blobs: object, group: list[Entry]) -> list[Entry]:
    small = [entry.digest for entry in group if entry.size <= SMALL]
    if len(small) > 1:
        bring(blobs, small)
    return group

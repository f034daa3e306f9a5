"""writing: the files of a checkout, each whole or not at all. A folder that is not there yet comes with all of its own files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from loopline.datasets.blocks import Stamp
from loopline.datasets.placing import Copies, Place
from loopline.nouns.entry import Entry

MANY: Final = 8
"""Files from which on it is worth to fill a folder before it is moved to its place."""


class Writing:
    """Writes entries into a folder, by way of a scratch folder in it."""

    def __init__(self, copies: Copies, place: Place, top: str, scratch: str) -> None:
        self._copies, self._place, self._top, self._scratch = copies, place, top, scratch

    def write(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Stamp]]:
        """Give each entry when its file is in its place: those of new folders first, folder by folder."""
        folders: dict[str, list[Entry]] = {}
        for entry in entries:
            folders.setdefault(entry.path.rpartition("/")[0], []).append(entry)
        fresh = [folder for folder in sorted(folders) if len(folders[folder]) >= MANY and self._is_free(folder)]
        yield from self._fill({folder: folders.pop(folder) for folder in fresh})
        rest = (entry for several in folders.values() for entry in several)
        for entry, file in self._copies.make(rest):
            yield entry, self._place.put(file, entry.path)

    def _is_free(self, folder: str) -> bool:
        return bool(folder) and not os.path.lexists(os.path.join(self._top, folder))

    def _fill(self, folders: dict[str, list[Entry]]) -> Iterator[tuple[Entry, Stamp]]:
        """Fill folders in the scratch folder, and move each when it is full: those above before those below."""

        def named() -> Iterator[tuple[Entry, str]]:
            for number, entries in enumerate(folders.values()):
                made = os.path.join(self._scratch, f"{number}.folder")
                os.mkdir(made)
                for entry in entries:
                    yield entry, f"{made}/{entry.path.rpartition('/')[2]}"

        for made, written in groupby(self._copies.write(named()), lambda one: os.path.dirname(one[1])):
            several = list(written)
            if self._place.put_folder(made, os.path.dirname(several[0][0].path)):
                yield from ((entry, stamp) for entry, _, stamp in several)
            else:  # somebody made it meanwhile
                yield from ((entry, self._place.put(file, entry.path)) for entry, file, _ in several)

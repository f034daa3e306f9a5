"""writing: the files of a checkout, each whole or not at all. A folder that is not there yet comes with all of its own files."""

from __future__ import annotations

import os
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import closing
from itertools import groupby
from typing import Final

from loopline.datasets.beside import written
from loopline.datasets.blocks import Stamp
from loopline.datasets.copies import Copies
from loopline.datasets.placing import Place
from loopline.datasets.unwritable import failed
from loopline.nouns.entry import Entry

MOST: Final = 1 << 16
"""Files that wait together for their folder to be moved; more of one folder come one by one."""


class Writing:
    """Writes entries into a folder, by way of a scratch folder in it."""

    def __init__(self, copies: Copies, place: Place, top: str, scratch: str, held: int) -> None:
        self._copies, self._place, self._top, self._scratch, self._held = copies, place, top, scratch, held

    def write(self, entries: Collection[Entry]) -> Generator[tuple[Entry, Stamp]]:
        """Give each entry when its file is in its place. Those of one folder come together as far as they stand so. Close it."""
        with closing(written(self._copies, self._named(entries), count=len(entries), held=self._held)) as files:
            for made, some in groupby(files, lambda one: os.path.dirname(one[1])):
                if made == self._scratch:
                    yield from ((entry, self._place.put(file, entry.path)) for entry, file, _ in some)
                    continue
                several = list(some)
                if self._place.put_folder(made, os.path.dirname(several[0][0].path)):
                    yield from ((entry, stamp) for entry, _, stamp in several)
                else:  # it is there by now: a folder in it came first, or somebody made it
                    yield from ((entry, self._place.put(file, entry.path)) for entry, file, _ in several)

    def _named(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, str]]:
        """Name the file in which each is written: in a folder that will be moved whole, where there is none yet."""
        number = 0
        for folder, several in groupby(entries, lambda entry: entry.path.rpartition("/")[0]):
            number += 1
            made = os.path.join(self._scratch, f"{number}.folder")
            fresh = bool(folder) and not os.path.lexists(os.path.join(self._top, folder))
            if fresh:
                try:
                    os.mkdir(made)
                except OSError as error:
                    raise failed(folder, error) from error
            for place, entry in enumerate(several):
                number += 1
                inside = f"{made}/{entry.path.rpartition('/')[2]}"
                yield entry, inside if fresh and place < MOST else os.path.join(self._scratch, f"{number}")

"""leased: blobs of a process that is known to be writing, before it asks for the first time what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from loopline.nouns.digest import Digest
from loopline.store.blobs import Blobs, Writer, put_groups


class Leased:
    """Keeps Blobs' promises by `blobs`; calls `hold` before it takes bytes or says which are missing.

    A process that opens the same store by a pickle of this one holds nothing: whoever sent the pickle does.
    """

    def __init__(self, blobs: Blobs, hold: Callable[[], None]) -> None:
        self.blobs = blobs
        self.hold = hold

    def put(self, data: bytes) -> Digest:
        """Keep `data`."""
        self.hold()
        return self.blobs.put(data)

    def put_all(self, items: Iterable[bytes]) -> list[Digest]:
        """Keep each."""
        self.hold()
        return self.blobs.put_all(items)

    def put_groups(self, items: Iterable[bytes]) -> Iterator[list[Digest]]:
        """Keep each, in groups."""
        self.hold()
        yield from put_groups(self.blobs, items)

    def put_file(self, path: Path) -> tuple[Digest, int]:
        """Keep what a file holds."""
        self.hold()
        return self.blobs.put_file(path)

    def writer(self) -> Writer:
        """Begin a blob."""
        self.hold()
        return self.blobs.writer()

    def missing(self, digests: Iterable[Digest]) -> set[Digest]:
        """Ask which are missing: the others may be relied on."""
        self.hold()
        return self.blobs.missing(digests)

    def __getattr__(self, name: str) -> Any:
        if name == "blobs":  # it is half made: a copy, or something that is taken apart
            raise AttributeError(name)
        return getattr(self.blobs, name)

    def __reduce__(self) -> tuple[Callable[[Blobs], Blobs], tuple[Blobs]]:
        return _itself, (self.blobs,)


def hold_on(blobs: object) -> None:
    """Be known as a writer from now on: for who relies on bytes that it has asked for otherwise. It may do nothing."""
    hold = getattr(blobs, "hold", None)
    if hold is not None:
        hold()


def _itself(blobs: Blobs) -> Blobs:
    return blobs

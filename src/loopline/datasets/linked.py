"""linked: files of a folder that are hard links to a store's blobs, found where somebody wrote into one, and parted from it.

The scan finds such a file as any other that is not as it was; that it is a blob of the store is told by its inode, under
whatever name it goes by now. The store lets go of it, and the file keeps what was written.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from loopline.datasets.blocks import Found
from loopline.datasets.index import Index
from loopline.datasets.parts import WHOLE, Parts
from loopline.datasets.scan import mode_of, open_root, scan, scan_parts, stamp_of
from loopline.errors import LooplineError
from loopline.nouns.digest import Digest
from loopline.store.links import links_of

_CHUNK: Final = 1 << 20


class Written(NamedTuple):
    """A file that was written through its link: in this folder, or in another one that has the same file."""

    path: str
    digest: Digest
    """The blob that it was, which the store has set aside."""


def part_written(blobs: object, folder: Path, index: Index, *, parts: Parts = WHOLE) -> list[Written]:
    """Part what was written or made writable in a folder, or in parts of it, from the store; give what was written.

    The index is brought in step as `scan` does; what is to be read stays so. Raise what `scan` raises, and what writing to the
    store does.
    """
    links = links_of(blobs)
    if links is None:
        return []
    unread, files = scan_parts(folder, index, parts) if parts else (scan(folder, index), list[Found]())
    if not unread and not files:
        return []
    known, top = links.known(), open_root(folder)
    done = dict[tuple[int, int], bool | None]()
    written = list[Written]()
    for file in chain(unread, files) if known else ():
        inode = (file.stamp.dev, file.stamp.inode)
        digest = known.get(inode)
        if digest is None:
            continue
        if inode not in done:
            done[inode] = links.part(digest, os.path.join(top, file.path))
        damaged = done[inode]
        if damaged:
            written.append(Written(file.path, digest))
        if damaged is not None:
            _separate(top, file.path, names=2 if damaged else 1)
    return written


def _separate(top: str, path: str, *, names: int) -> None:
    """Give a file an inode of its own where others than the `names` that are accounted for have it: other folders, as a rule.

    One that changes meanwhile stays as it is; no other file of the store is affected by it any more.
    """
    from loopline.datasets.checkout import alone
    from loopline.datasets.placing import Place

    full = os.path.join(top, path)
    with contextlib.suppress(OSError, LooplineError):
        status = os.lstat(full)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink <= names:
            return
        with alone(top) as (scratch, _):
            made = os.path.join(scratch, "own")
            with open(full, "rb") as source, open(made, "xb") as copy:
                before = os.fstat(source.fileno())
                shutil.copyfileobj(source, copy, _CHUNK)
                copy.flush()
                os.fchmod(copy.fileno(), stat.S_IMODE(before.st_mode))
                os.utime(copy.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
                os.fsync(copy.fileno())
            place = Place(top, {path: Found(path, stamp_of(before), mode_of(before))})
            try:
                place.put(made, path)
            finally:
                place.close()

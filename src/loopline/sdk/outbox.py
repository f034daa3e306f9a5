"""outbox: bytes that a server shall have and did not take yet. A journal names them; whoever ships it sends them.

It is a folder of blobs in the loop's home. What has arrived is forgotten here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.datasets.nodes import MAGIC
from loopline.datasets.tree import Tree
from loopline.errors import LooplineError, NotFound
from loopline.nouns.digest import Digest

if TYPE_CHECKING:
    from loopline.store.blobs import Blobs

_BATCH_BYTES = 16 << 20


def open_outbox(home: Path) -> Blobs:
    """Give the outbox of a home folder."""
    from loopline.wiring import blobs_at

    return blobs_at("", str(home / "outbox"), "0")


def deliver(outbox: Blobs, blobs: Blobs, root: Digest) -> None:
    """Send a blob, and where it is a tree everything in it, to `blobs`. What is not here was sent before, or was never here.

    Raise what writing to `blobs` raises, with everything still here.
    """
    if outbox.size(root) is None:
        return
    below = list(dict.fromkeys(_below(outbox, root)))
    missing = blobs.missing(below)
    group, size = list[bytes](), 0
    for digest in below:
        if digest not in missing or outbox.size(digest) is None:
            continue
        path = outbox.path(digest)
        if path is not None and path.stat().st_size > _BATCH_BYTES // 16:
            blobs.put_file(path)
            continue
        group.append(outbox.read(digest))
        size += len(group[-1])
        if size >= _BATCH_BYTES:
            blobs.put_all(group)
            group, size = [], 0
    blobs.put_all(group)
    for digest in below:
        with suppress(LooplineError):
            outbox.delete(digest)


def _below(outbox: Blobs, root: Digest) -> Iterator[Digest]:
    """Give what a root reaches, files first and itself last."""
    if next(iter(outbox.get(root)), b"").startswith(MAGIC):
        with suppress(NotFound):  # a part was sent before
            tree = Tree(outbox, root)
            yield from (entry.digest for entry in tree.iter())
            yield from reversed(list(tree.nodes()))
    yield root

"""snapshot: the source tree of a project, stored as it stands now. Where nothing changed it costs a look at each file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.datasets.build import build_listed
from loopline.datasets.index import Index
from loopline.datasets.scan import look
from loopline.loop import silent
from loopline.nouns.digest import Digest
from loopline.nouns.progress import Report
from loopline.sdk.source import find_source
from loopline.sdk.standing import index_file, notes, read_note

if TYPE_CHECKING:
    from loopline.settings import Settings
    from loopline.store.blobs import Blobs


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Source as run."""

    tree: Digest
    commit: str | None
    """Git commit, `+dirty` behind it where there were edits; None outside of git."""
    files: int
    left_out: tuple[str, ...] = ()
    """Files that were not taken because they are too large to be source."""


def snapshot(blobs: Blobs, settings: Settings, *, report: Report = silent) -> Snapshot:
    """Store the project's source tree: what git tracks and what is new and not ignored, without folders of data.

    Raise Unavailable where the store cannot be written, Invalid kind="source-too-large" for a folder that is no project.
    """
    root = settings.root.absolute()
    declared = (root / one.folder for one in settings.data)
    apart = (settings.home, root / ".loopline", *declared, *_added(settings.home))
    source = find_source(root, without=tuple(one.absolute() for one in apart))
    index = Index(index_file(settings.home, root, "source"))
    index.keep(source.files)
    built = build_listed(blobs, root, index, look(root, source.files), report=report)
    return Snapshot(built.root, source.commit, built.files, source.left_out)


def _added(home: Path) -> Iterator[Path]:
    """Give the folders that were added or checked out as data here: their history is their own, not the code's."""
    for stand in map(read_note, notes(home)):
        if stand is not None and stand.asset.startswith("data/"):
            yield Path(stand.folder)

"""linking: folders on this machine that were checked out with hard links to the store, and what is written through these."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from loopline.datasets.index import Index, unwritable
from loopline.datasets.linked import Written, part_written
from loopline.datasets.parts import Parts
from loopline.nouns.digest import short
from loopline.sdk.client import Client
from loopline.store.blobs import absent

_TOLD: Final = 6
"""Files that are named one by one."""


def mark(index: Index) -> None:
    """Note that the folder of an index may hold links, before the first is made."""
    note = index.file.with_suffix(".linked")
    with unwritable(note):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.touch()


def tend(client: Client, where: Path, index: Index, parts: Parts) -> list[str]:
    """Part from the store what was written through a link in a folder; give what is to be said about it.

    The index is changed: it should be one that nobody saves.
    """
    written = part_written(client.blobs, where, index, parts=parts)
    said = [_told(client, one) for one in written[:_TOLD]]
    if len(written) > _TOLD:
        said.append(
            f"and {len(written) - _TOLD} more files were written through their links: loopline verify names what is lost"
        )
    return said


def _told(client: Client, one: Written) -> str:
    said = f"{one.path} was written through its link to the store, here or in another folder; the file keeps what was written"
    if not client.blobs.missing([one.digest]):
        return f"{said}, and the store has another copy of what it was"
    error = absent(one.digest)
    client.explain(error)
    touches = ", ".join(error.facts.get("touches", ()))
    of = f", which touches {touches}" if touches else ""
    return (
        f"{said}. The store has set blob {short(one.digest)} aside as damaged{of}: put it back from another store, a backup or a "
        "folder that has the file: loopline verify --repair FOLDER"
    )

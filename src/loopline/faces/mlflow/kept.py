"""kept: files of versions, below `versions/ASSET/NUMBER`, whoever has published them. They are read, and never written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from loopline.datasets.overlay import Overlay
from loopline.faces.mlflow.addresses import fitting
from loopline.faces.mlflow.errors import Fault, invalid, missing
from loopline.faces.mlflow.registry import VERSIONS
from loopline.nouns.artifact import MODEL, TEXT, TREE
from loopline.nouns.entry import Entry
from loopline.nouns.name import Numbered, Pointer
from loopline.nouns.staged import Staged

if TYPE_CHECKING:
    from loopline.faces.desk import Desk
    from loopline.faces.mlflow.asking import Ask
    from loopline.loop import Loop
    from loopline.nouns.version import Version

PREFIX: Final = f"{VERSIONS}/"
READ: Final = "get"
_NUMBER: Final = re.compile(r"[0-9]{1,18}\Z", re.ASCII)
_NAMES: Final = {TEXT: "prompt.txt"}
"""What a version that is one file is called there, by what it is."""
_ANY: Final = "file"


def files_of(ask: Ask, text: str) -> tuple[Loop, Overlay, str]:
    """Give the files of the version that an address names, and the path in them. Raise Fault 400, 404."""
    parts = fitting(text, folder=True).split("/", 3)
    if len(parts) < 3 or not (_NUMBER.match(parts[1]) and _NUMBER.match(parts[2])):
        raise invalid(f"Invalid path: no version has its files at {text[:500]!r}")
    loop, version = _version(ask, int(parts[1]), int(parts[2]))
    return loop, _files(loop, version), parts[3] if len(parts) > 3 else ""


def file_at(ask: Ask, text: str) -> tuple[Loop, Entry]:
    """Give one file of a version. Raise Fault 404."""
    loop, files, path = files_of(ask, text)
    found = files.find(path) if path else None
    if found is None:
        raise missing(f"There is no file {path[:500]!r} in that version.")
    return loop, found.entry


def fixed() -> Fault:
    """Say that a version's files stay what they are."""
    return Fault("RESOURCE_CONFLICT", "A version never changes: register another one, and delete this.")


def _version(ask: Ask, asset: int, number: int) -> tuple[Loop, Version]:
    """Look a version up, and let in who may have it: its name is known only when it was looked up, so that comes first."""
    desk: Desk = ask.request.app.state.desk
    with desk.loop.ledger.read() as tx:
        found = tx.registry.version(asset, number)
    if found is None or found.name.project != ask.project:
        ask.loop(READ)  # whoever is kept to some assets does not learn what is not there
        raise missing("There is no such version.")
    loop = ask.loop(READ, str(found.name))
    with loop.ledger.read() as tx:
        return loop, tx.versions.resolve(Pointer(found.name, Numbered(number)))


def _files(loop: Loop, version: Version) -> Overlay:
    held = version.artifact
    if held.media_type in (TREE, MODEL) or held.media_type.endswith("+tree"):
        return Overlay(loop.blobs, held.digest, None, ())
    name = _NAMES.get(held.media_type, _ANY)
    return Overlay(loop.blobs, None, None, [Staged(name, Entry(name, held.digest, held.size))])

"""describing: what a model says of itself, from the file of its folder that tells; shared by verbs that publish and deploy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid
from loopline.nouns.artifact import MODEL, TREE, Artifact

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.nouns.entry import Entry

PROFILE_FILE: Final = "profile.json"
MODEL_FILE: Final = "model.json"
MLMODEL: Final = "MLmodel"
"""Of a folder that MLflow wrote."""
LARGEST: Final = 16 << 20
"""Bytes of such a file that are read."""


def files_of(loop: Loop, artifact: Artifact) -> dict[str, Entry]:
    """Give the files of a model that say what it is, without the model; empty for what is no model."""
    if artifact.media_type not in (MODEL, TREE):
        return {}
    from loopline.datasets.tree import Tree

    tree = Tree(loop.blobs, artifact.digest)
    found = {name: tree.find(name) for name in (MODEL_FILE, MLMODEL, PROFILE_FILE)}
    return {name: entry for name, entry in found.items() if entry is not None}


def described(loop: Loop, files: Mapping[str, Entry]) -> dict[str, Any]:
    """Give the metadata of a model: flavour, class, signature, versions, and whether loading it unpickles.

    `files` are those of `files_of`; empty where none of them says it. Raise Invalid kind="bad-model-file".
    """
    entry = files.get(MODEL_FILE) or files.get(MLMODEL)
    if entry is None:
        return {}
    if entry.size > LARGEST:
        raise _unreadable(entry, f"it has {entry.size} bytes")
    data = loop.blobs.read(entry.digest)
    if MODEL_FILE not in files:
        from loopline.models.mlmodel import read

        return read(data).metadata
    try:
        said = json.loads(data)
    except ValueError as error:
        raise _unreadable(entry, str(error)) from error
    if not isinstance(said, Mapping):
        raise _unreadable(entry, "it is no JSON object")
    named = {
        "flavour": "flavour",
        "class": "kind",
        "pickle": "pickle",
        "versions": "versions",
        "signature": "signature",
    }
    return {name: said[key] for name, key in named.items() if said.get(key) is not None}


def example(loop: Loop, artifact: Artifact, files: Mapping[str, Entry], *, most: int = 2000) -> str:
    """Give the example of its input that MLflow keeps with a model, as JSON, cut behind `most` characters; empty: none."""
    entry = files.get(MLMODEL)
    if entry is None or MODEL_FILE in files or entry.size > LARGEST:
        return ""
    from loopline.datasets.tree import Tree
    from loopline.models.mlmodel import read

    with suppress(Invalid):
        named = read(loop.blobs.read(entry.digest)).example
        found = Tree(loop.blobs, artifact.digest).find(named) if named.endswith(".json") else None
        if found is not None and found.size <= LARGEST:
            text = loop.blobs.read(found.digest).decode("utf-8", "replace")
            return text if len(text) <= most else f"{text[:most]}…"
    return ""


def _unreadable(entry: Entry, why: str) -> Invalid:
    return Invalid(f"{entry.path} cannot be read: {why}", kind="bad-model-file", hint="publish the model again")

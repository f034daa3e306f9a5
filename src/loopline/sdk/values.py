"""values: what a program hands over to be published, as an artifact, and back."""

from __future__ import annotations

import mimetypes
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.datasets.folders import TreeFolders
from loopline.errors import Invalid
from loopline.nouns.artifact import BYTES, MODEL, TREE, Artifact
from loopline.store.blobs import Blobs

if TYPE_CHECKING:
    from loopline.sdk.lazy import Files


def store(blobs: Blobs, value: Any, *, scratch: Path) -> Artifact:
    """Keep a file or folder (a path, also as text), bytes, a model or any value that a codec knows; durable on return.

    Raise Invalid kind="no-such-file" or "no-codec", Unavailable where the store cannot be written.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        return Artifact(blobs.put(data), BYTES, len(data))
    if isinstance(value, (str, Path)):
        return _file_or_folder(blobs, Path(value).expanduser())
    codec = _codec(lambda one: bool(one.matches(value)))
    if codec is None:
        raise Invalid(
            f"nothing knows how to write a {type(value).__name__}",
            kind="no-codec",
            hint="write it to a file, then publish that",
            type=type(value).__name__,
        )
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        codec.dump(value, Path(folder))
        return _written(blobs, Path(folder), codec.media_type)


def load(found: Files, *, allow_pickle: bool = False) -> Any:
    """Make the value of a version again. Raise Refused for a pickle that is not allowed, Invalid kind="no-codec"."""
    media_type = found.version.artifact.media_type
    if media_type == MODEL:
        from loopline.models.loading import load as load_model

        return load_model(found.whole(), allow_pickle=allow_pickle)
    codec = _codec(lambda one: bool(one.media_type == media_type))
    if codec is None:
        raise Invalid(
            f"{found.version} is {media_type}, which nothing here can load",
            kind="no-codec",
            hint=f"read its files: loopline.data({str(found.version)!r}).path",
            version=str(found.version),
            media_type=media_type,
        )
    here = found.whole()
    if here.is_dir():
        return codec.load(here)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "value").symlink_to(here)
        return codec.load(Path(folder))


def _file_or_folder(blobs: Blobs, path: Path) -> Artifact:
    if path.is_dir():
        tree = TreeFolders(blobs).store(path)
        return Artifact(tree, TREE, blobs.size(tree) or 0)
    try:
        digest, size = blobs.put_file(path)
    except OSError as error:
        raise Invalid(
            f"{path} cannot be read: {error.strerror}",
            kind="no-such-file",
            hint="give the path of a file or a folder; text itself goes as bytes",
            path=str(path),
        ) from error
    return Artifact(digest, mimetypes.guess_type(path.name)[0] or BYTES, size)


def _written(blobs: Blobs, folder: Path, media_type: str) -> Artifact:
    """Store what a codec wrote: one file called `value` is the artifact, anything else is a tree."""
    names = [one.name for one in folder.iterdir()]
    if names == ["value"] and (folder / "value").is_file():
        digest, size = blobs.put_file(folder / "value")
        return Artifact(digest, media_type, size)
    tree = TreeFolders(blobs).store(folder)
    return Artifact(tree, media_type, blobs.size(tree) or 0)


def _codec(fits: Any) -> Any:
    from loopline.wiring import codecs

    for written in codecs().values():
        module, _, name = written.partition(":")
        codec = getattr(import_module(module), name)()
        if fits(codec):
            return codec
    return None

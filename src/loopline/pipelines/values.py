"""values: Python values kept as artifacts, and artifacts taken as values.

A value that no codec takes is refused: nothing is pickled behind anybody's back.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from loopline.errors import Invalid
from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.run import Link
from loopline.pipelines.codecs import VALUE
from loopline.store.blobs import Blobs

_TREE_SUFFIX: Final = "+tree"
_HINTS: Final = {
    "tuple": 'name its members, @step(outputs=("a", "b")), or return a list',
    "set": "return a sorted list",
    "Series": "return series.to_frame()",
    "generator": "return a list",
    "float64": "return float(value)",
    "float32": "return float(value)",
    "int64": "return int(value)",
    "bool_": "return bool(value)",
    "bool": "return bool(value)",
}


class Codec(Protocol):
    """Turns values of some types into files and back.

    One that also has `to_bytes(value)` and `from_bytes(data)` is spared the files.
    """

    name: str
    media_type: str
    """What marks its artifacts. `…+tree`: always a folder, also where it writes one file only."""

    def matches(self, value: Any) -> bool:
        """Tell whether this is a value of its own. It must not import what such a value's library would."""

    def dump(self, value: Any, folder: Path) -> None:
        """Write into an empty folder: one file called `value`, or any files. Equal values give equal bytes."""

    def load(self, folder: Path) -> Any:
        """Read what `dump` wrote, all of it: files of an artifact that is one blob are gone afterwards."""


class Folders(Protocol):
    """Keeps folders as trees."""

    def store(self, folder: Path) -> Digest:
        """Keep a folder's files and give its root. Durable when it returns."""

    def fetch(self, digest: Digest, folder: Path) -> None:
        """Write a tree's files into an empty folder."""


class Values:
    """Keeps and takes the values of steps. Threads may share it; processes share `cache`."""

    def __init__(self, blobs: Blobs, folders: Folders, codecs: Mapping[str, str], cache: Path) -> None:
        self._blobs = blobs
        self._folders = folders
        self._codecs = dict(codecs)
        self._loaded: dict[str, Codec] = {}
        self._cache = Path(cache)

    def keep(self, named: Sequence[tuple[str, Any]], *, step: str) -> tuple[Link, ...]:
        """Make artifacts of a step's outputs, in one go. Raise Invalid no-codec, naming step, output and type."""
        links: dict[str, Link] = {}
        small: list[tuple[str, str, bytes]] = []
        for name, value in named:
            codec = self._for(value, step=step, output=name)
            to_bytes = getattr(codec, "to_bytes", None)
            if to_bytes is None:
                links[name] = self._keep_files(codec, name, value)
            else:
                small.append((name, codec.media_type, to_bytes(value)))
        digests = self._blobs.put_all([data for _, _, data in small])
        for (name, media_type, data), digest in zip(small, digests, strict=True):
            links[name] = Link(name, digest, media_type, len(data))
        return tuple(links[name] for name, _ in named)

    def take(self, artifact: Artifact) -> Any:
        """Make the value. Raise Invalid no-codec where none reads its media type, and what Blobs raise."""
        codec = self._reading(artifact)
        from_bytes = getattr(codec, "from_bytes", None)
        if from_bytes is not None:
            return from_bytes(self._blobs.read(artifact.digest))
        if is_tree(artifact.media_type):
            return codec.load(self.folder(artifact))
        with self._scratch() as folder:
            self._lay(artifact, folder, copy=False)
            return codec.load(folder)

    def folder(self, artifact: Artifact) -> Path:
        """Check an artifact out, once for all processes that share the cache, and give the read-only folder.

        One that is one blob becomes a folder with the file `value`.
        """
        final = self._cache / "trees" / artifact.digest.removeprefix("sha256:")
        if not is_tree(artifact.media_type):
            final = final.with_name(f"{final.name}.{VALUE}")
        if final.is_dir():
            return final
        final.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=final.parent))
        try:
            if is_tree(artifact.media_type):
                self._folders.fetch(artifact.digest, making)
            else:
                self._lay(artifact, making, copy=True)
            _protect(making)
            making.rename(final)
        except OSError:
            if not final.is_dir():
                raise
        finally:
            if making.exists():  # somebody else was faster, or it failed
                _remove(making)
        return final

    def _for(self, value: Any, *, step: str, output: str) -> Codec:
        for name in self._codecs:
            codec = self._codec(name)
            if codec.matches(value):
                return codec
        kind = type(value)
        raise Invalid(
            f"step {step} gives {output}, a {kind.__module__}.{kind.__qualname__}, and no codec writes that",
            kind="no-codec",
            hint=_HINTS.get(kind.__name__)
            or "return plain values, a DataFrame, an array, a table, a path or a model, or install a codec for it",
            step=step,
            output=output,
            type=f"{kind.__module__}.{kind.__qualname__}",
        )

    def _reading(self, artifact: Artifact) -> Codec:
        wanted = {artifact.media_type, artifact.media_type.removesuffix(_TREE_SUFFIX)}
        for name in self._codecs:
            codec = self._codec(name)
            if codec.media_type in wanted:
                return codec
        raise Invalid(
            f"no codec reads {artifact.media_type}",
            kind="no-codec",
            hint="annotate the step's parameter with Data to get its files, or install a codec for it",
            media_type=artifact.media_type,
            digest=artifact.digest,
        )

    def _codec(self, name: str) -> Codec:
        if name not in self._loaded:
            module, _, word = self._codecs[name].partition(":")
            made: Codec = getattr(import_module(module), word)()
            self._loaded[name] = made
        return self._loaded[name]

    def _keep_files(self, codec: Codec, name: str, value: Any) -> Link:
        with self._scratch() as folder:
            codec.dump(value, folder)
            if not is_tree(codec.media_type) and [path.name for path in folder.iterdir()] == [VALUE]:
                digest, size = self._blobs.put_file(folder / VALUE)
                return Link(name, digest, codec.media_type, size)
            root = self._folders.store(folder)
        media_type = codec.media_type if is_tree(codec.media_type) else codec.media_type + _TREE_SUFFIX
        return Link(name, root, media_type, self._blobs.size(root) or 0)

    def _lay(self, artifact: Artifact, folder: Path, *, copy: bool) -> None:
        """Put a blob into a folder, verified."""
        local = None if copy else self._blobs.path(artifact.digest)
        if local is not None:
            self._blobs.verify(artifact.digest)
            (folder / VALUE).symlink_to(local)
            return
        with Path(folder / VALUE).open("wb") as file:
            file.writelines(self._blobs.get(artifact.digest))

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        where = self._cache / "scratch"
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=where, ignore_cleanup_errors=True) as name:
            yield Path(name)


def is_tree(media_type: str) -> bool:
    """Tell whether an artifact is a tree of files, and not one blob."""
    return media_type == TREE or media_type.endswith(_TREE_SUFFIX)


def _protect(folder: Path) -> None:
    """Take write permission from everything in a folder, and from itself."""
    for where, _, names in os.walk(folder, topdown=False):
        for path in (*(Path(where, name) for name in names), Path(where)):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o555)


def _remove(folder: Path) -> None:
    for where, _, _ in os.walk(folder):
        Path(where).chmod(0o700)
    shutil.rmtree(folder)

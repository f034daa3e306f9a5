"""places: where the artifacts of a tracking store lie, and which of these places are opened.

Whoever wrote the store chose its locations, so none is opened because it stands there: what lies below the store itself, below a
root that somebody has named, or behind the server that is asked. Links out of a root are not followed, and nothing that is read
is loaded as anything.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from loopline.faces.mlflow.moving.store import File, Folder
from loopline.store.sources import Changed, FolderSource, Source, file_stamp, source_at

if TYPE_CHECKING:
    from loopline.store.sources import Stamp

PROXIED: Final = "mlflow-artifacts"
"""The scheme of what a server of MLflow hands on."""
_BUCKETS: Final = ("s3", "gs", "az")
_TAIL: Final = re.compile(
    r"(?:^|/)([^/]+/(?:[0-9a-zA-Z-]+|models/m-[0-9a-f]+|traces/tr-[0-9a-f]+)/artifacts(?:/.*)?)\Z"
)
"""What of a location stays the same where a whole artifact root is moved: experiment, run or model, and what is below."""


class Places:
    """The places of one store."""

    def __init__(self, roots: Sequence[str], proxied: Callable[[str], Folder] | None = None) -> None:
        """`roots` are folders and addresses of buckets; `proxied` opens a path behind the server."""
        self._roots = [source_at(root) for root in dict.fromkeys(roots)]
        self._proxied = proxied

    def open(self, location: str) -> Folder | None:
        """Open a folder of artifacts; None where it is in no root, or cannot be read here."""
        scheme, path = _taken_apart(location)
        if scheme == PROXIED and self._proxied is not None:
            return self._proxied(path)
        nothing: Folder | None = None
        for root, below in self._below(scheme, path):
            if not isinstance(root, FolderSource):
                return BucketFolder(root, below)
            found = LocalFolder(root, below)
            if _inside(root, Path(root.name, below)):
                return found
            if not os.path.lexists(Path(root.name, below)):  # a run that has no files has no folder
                nothing = nothing or found
        return nothing

    def close(self) -> None:
        """Let go of what was opened."""

    def _below(self, scheme: str, path: str) -> Iterator[tuple[Source, str]]:
        """Give where a location may be, root by root: as it is written, then where its tail is."""
        for root in self._roots:
            if scheme == PROXIED:
                yield root, path
            elif scheme in _BUCKETS:
                whole = f"{scheme}://{path}"
                if whole == root.name or whole.startswith(root.name + "/"):
                    yield root, whole.removeprefix(root.name).strip("/")
            elif isinstance(root, FolderSource) and scheme == "":
                whole = os.path.normpath(path if Path(path).is_absolute() else f"{root.name}/{path}")
                if whole == root.name or whole.startswith(root.name.rstrip("/") + "/"):
                    yield root, os.path.relpath(whole, root.name)
        tail = _TAIL.search(path)
        if scheme == "" and tail is not None and not os.path.lexists(_origin(scheme, path)):  # the whole root was moved
            yield from ((root, tail[1]) for root in self._roots if isinstance(root, FolderSource))


class LocalFolder:
    """A folder of this machine, below a root."""

    def __init__(self, root: FolderSource, below: str) -> None:
        self._root, self._below = root, "" if below == "." else below

    def list(self) -> Iterator[File]:
        """Give every file below."""
        top = Path(self._root.name, self._below)
        if top.is_file():
            yield File("", top.stat().st_size)
            return
        for folder, names, files in os.walk(top):  # follows no link to a folder
            names.sort()
            for name in sorted(files):
                path = Path(folder, name)
                if path.is_file() and _inside(self._root, path):
                    yield File(path.relative_to(top).as_posix(), path.stat().st_size)

    def read(self, path: str) -> Iterator[bytes]:
        """Give the bytes of a file. Raise Changed."""
        key = "/".join(filter(None, (self._below, path)))
        status = Path(self._root.where(key)).stat()
        return self._root.read(key, file_stamp(status), 0, status.st_size)


class BucketFolder:
    """Objects below a prefix."""

    def __init__(self, root: Source, below: str) -> None:
        self._source = source_at(f"{root.name}/{below}" if below else root.name)
        self._stamps: dict[str, Stamp] = {}

    def list(self) -> Iterator[File]:
        """Give every object below."""
        for seen in self._source.list():
            if not seen.key.endswith("/"):
                self._stamps[seen.key] = seen.stamp
                yield File(seen.key, seen.stamp.size)

    def read(self, path: str) -> Iterator[bytes]:
        """Give the bytes of an object. Raise Changed."""
        stamp = self._stamps.get(path) or self._source.look(path)
        if stamp is None:
            raise Changed("it is not there", gone=True)
        return self._source.read(path, stamp, 0, stamp.size)


def origin_of(location: str) -> str:
    """Say of a location the part that a root would be named by."""
    return _origin(*_taken_apart(location))


def _taken_apart(location: str) -> tuple[str, str]:
    """Give scheme and path of a location; no scheme: a path of this machine."""
    scheme, colon, rest = location.partition(":")
    if not colon or len(scheme) == 1 or "/" in scheme:
        return "", location
    if scheme == PROXIED:
        said = urlsplit(location)
        return scheme, unquote(said.path).strip("/")
    if scheme == "file":
        said = urlsplit(location)
        path = unquote(said.path)
        return ("", path) if said.netloc in ("", "localhost") and path else ("file", f"{said.netloc}{path}")
    return scheme, rest.removeprefix("//").rstrip("/")


def _inside(root: FolderSource, path: Path) -> bool:
    """Tell whether a path is there and no link on it leads out of the root."""
    real = os.path.realpath(path)
    return Path(real).exists() and f"{real}/".startswith(root.top)


def _origin(scheme: str, path: str) -> str:
    if scheme == PROXIED:
        return f"{scheme}:/"
    if scheme:
        return f"{scheme}://{path.partition('/')[0]}"
    tail = _TAIL.search(path)
    return path[: tail.start(1)].rstrip("/") or "/" if tail else path

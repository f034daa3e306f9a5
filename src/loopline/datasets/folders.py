"""folders: a folder as a tree, and back, for whoever has files rather than a working copy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from loopline.datasets.near import ahead
from loopline.datasets.tree import Tree, build
from loopline.errors import Invalid
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.store.blobs import Blobs


class TreeFolders:
    """Keeps folders as trees of `datasets/tree.py`. Threads may share it."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def store(self, folder: Path) -> Digest:
        """Keep every file of a folder and give the root. Raise Invalid for what is no plain file."""
        entries = []
        for path in _files(folder):
            digest, size = self._blobs.put_file(folder / path)
            mode = 0o755 if os.stat(folder / path).st_mode & 0o100 else 0o644
            entries.append(Entry(path, digest, size, mode))
        return build(self._blobs, sorted(entries, key=lambda entry: entry.path.encode()))

    def fetch(self, digest: Digest, folder: Path) -> None:
        """Write a tree's files into an empty folder, each verified."""
        for entry in ahead(self._blobs, Tree(self._blobs, digest).iter()):
            path = folder / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "xb") as file:
                file.writelines(self._blobs.get(entry.digest))
            os.chmod(path, entry.mode)


def _files(folder: Path) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(where, name)
            if os.path.islink(path) or not os.path.isfile(path):
                raise Invalid(
                    f"{path} is no plain file", kind="not-a-file", hint="give a copy of what it points at", path=path
                )
            yield os.path.relpath(path, folder).replace(os.sep, "/")

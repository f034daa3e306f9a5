"""files: all of a version as a read-only folder or file on this machine. Single files are what `lazy` gives."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from loopline.datasets.folders import TreeFolders
from loopline.datasets.near import ahead
from loopline.datasets.tree import Tree
from loopline.errors import Conflict, Unavailable
from loopline.loop import silent
from loopline.nouns.digest import Digest
from loopline.nouns.progress import Progress, Report
from loopline.nouns.version import Version
from loopline.store.blobs import Blobs

_FRESH: Final = ".fresh-"


def materialise(blobs: Blobs, tree: Digest, folder: Path, *, report: Report = silent) -> Path:
    """Make a tree a read-only folder `<folder>/<hex>`, once for all processes, and give its path.

    It appears whole or not at all. One that lost a file (somebody cleaned up, power failed) is made again.
    """
    target = folder / tree.removeprefix("sha256:")
    root = Tree(blobs, tree)
    if _intact(target, root):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if _intact(target, root):  # made while we waited
            return target
        fresh = Path(tempfile.mkdtemp(prefix=_FRESH, dir=folder))
        try:
            _write(blobs, root, fresh, report)
            remove(target)
            fresh.rename(target)
        finally:
            remove(fresh)
    return target


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder against other threads and processes. What a killed one left in it is removed."""
    number = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        for left in folder.glob(f"{_FRESH}*"):
            remove(left)
        yield
    finally:
        os.close(number)


def copy_out(blobs: Blobs, version: Version, target: Path, *, force: bool = False) -> None:
    """Write a version's file or folder to `target`, whole or not at all, for its owner to change.

    Raise Conflict kind="target-exists" for what is there unless `force`, Unavailable kind="target-unwritable".
    """
    if (target.is_symlink() or target.exists()) and not force:
        raise Conflict(
            f"{target} is already there",
            kind="target-exists",
            hint="name another one, or add --force",
            path=str(target),
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_FRESH, dir=target.parent) as scratch:
            fresh = Path(scratch, "value")
            if holds_tree(blobs, version):
                fresh.mkdir()
                TreeFolders(blobs).fetch(version.artifact.digest, fresh)
            else:
                with fresh.open("xb") as file:
                    file.writelines(blobs.get(version.artifact.digest))
            if os.path.lexists(target) and (fresh.is_dir() or (target.is_dir() and not target.is_symlink())):
                target.rename(Path(scratch, "old"))
            fresh.replace(target)
    except OSError as error:
        raise Unavailable(
            f"{target} cannot be written: {error.strerror}",
            kind="target-unwritable",
            hint="check the disk's space and the folder's permissions",
            path=str(target),
        ) from error


def remove(folder: Path) -> None:
    """Remove a folder, read-only ones in it too. Nothing is said where it is not there."""
    for where, _, _ in os.walk(folder):
        Path(where).chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)


def _write(blobs: Blobs, tree: Tree, folder: Path, report: Report) -> None:
    done = 0
    folders = {folder}
    for entry in ahead(blobs, tree.iter()):
        path = folder / entry.path
        if path.parent not in folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            folders.update(one for one in path.parents if one.is_relative_to(folder))
        with path.open("xb") as file:
            for chunk in blobs.get(entry.digest):
                file.write(chunk)
                done += len(chunk)
                report(Progress("fetch files", min(done, tree.bytes - 1), tree.bytes, "B"))
        path.chmod(entry.mode & 0o555)
    for one in sorted(folders, reverse=True):
        one.chmod(0o555)
    if tree.bytes:
        report(Progress("fetch files", tree.bytes, tree.bytes, "B"))


def _intact(folder: Path, tree: Tree) -> bool:
    """Whether each file is there with its size: contents are read-only, but a crash may cut what was not yet on disk."""
    if not folder.is_dir():
        return False
    for entry in tree.iter():
        try:
            found = os.lstat(folder / entry.path)
        except OSError:
            return False
        if found.st_size != entry.size or not stat.S_ISREG(found.st_mode):
            return False
    return True


def holds_tree(blobs: Blobs, version: Version) -> bool:
    """Whether a codec wrote several files: their tree has the codec's media type."""
    from loopline.datasets.nodes import MAGIC

    return next(iter(blobs.get(version.artifact.digest)), b"").startswith(MAGIC)

"""checkout: a folder made to hold a tree, without losing anybody's work.

What differs from the tree that the folder was last in step with (`index.base`) is somebody's work: it is never overwritten or
removed without `force`, and nothing is touched until that is clear for all files. Files that no tree knew stay.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from loopline.datasets.build import Stores
from loopline.datasets.copies import Copies, Source
from loopline.datasets.diff import diff
from loopline.datasets.edit import edit
from loopline.datasets.index import Index
from loopline.datasets.only import EVERYTHING, Only
from loopline.datasets.placing import Place
from loopline.datasets.planning import Folder, Planner
from loopline.datasets.scan import open_root
from loopline.datasets.standing import quiet
from loopline.datasets.tick import tick
from loopline.datasets.tree import Tree, build
from loopline.datasets.unwritable import failed
from loopline.datasets.writing import Writing
from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.digest import Digest
from loopline.nouns.progress import Progress, Report

MOMENT: Final = 1.0
"""Seconds for which a folder is waited for that somebody else is at."""
SCRATCH: Final = ".loopline~"
"""Where files are written before they are renamed into place: in the folder, so that a rename is enough."""


class Gets(Stores, Source, Protocol):
    """What a checkout needs of a blob store."""


@dataclass(frozen=True, slots=True)
class CheckedOut:
    """What a checkout did."""

    written: int
    removed: int
    kept: int
    """Files that were as wanted."""
    bytes: int
    """Of the files written."""
    linked: int = 0
    """Files among them that are hard links to the store's."""
    saved: int = 0
    """Bytes that were not written because of that."""


def checkout(
    blobs: Gets,
    root: Digest,
    folder: Path,
    index: Index,
    *,
    only: Only = EVERYTHING,
    force: bool = False,
    link: bool = False,
    report: Report = quiet,
) -> CheckedOut:
    """Make `folder` hold the files of the tree `root` (those that `only` chooses), each verified; `link` as `Copies` does.

    Each file appears whole or not at all. Cut short at any point, the same call finishes the work. Raise, before anything is
    touched: Conflict kind="local-changes" naming files with somebody's work in them (`force` overwrites it), "folder-busy" while
    another checkout is at work here; Invalid kind="unsafe-path" for a tree that would write into `.git` or through a link,
    "names-collide" where the file system takes two of its names for one. Raise Unavailable kind="disk-full",
    "folder-unwritable" or "index-unreadable", and "local-changes" at a file that is written while this is at work.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failed(str(folder), error) from error
    top = open_root(folder)
    with alone(top) as (scratch, held):
        began = tick(scratch, index.file.parent)
        bases = _bases(blobs, index)
        there = Folder(top)
        planner = Planner(blobs, bases, there, force=force)
        todo = planner.plan(Tree(blobs, root), only, index, report)
        if _folds(scratch):
            _refuse_equal(entry.path for entry in Tree(blobs, root).iter(only.prefix) if only(entry.path))
        index.bases = (*dict.fromkeys([base.root for base in bases] + [root]),)
        index.save()
        place = Place(top, None if force else there.files)
        size = 0
        try:
            for path in sorted(todo.removes):
                place.remove(path)
            index.forget(todo.removes)
            total = todo.bytes
            copies = Copies(blobs, mtime=began - 1, link=link)
            with contextlib.closing(Writing(copies, place, top, scratch, held).write(todo.writes)) as written:
                for entry, stamp in written:
                    index.learn(entry.path, stamp, entry.digest, began=began, mode=entry.mode, placed=True)
                    size += entry.size
                    report(Progress("write files", min(size, total - 1), total, "B"))
            report(Progress("write files", total, total, "B"))
            index.bases = _in_step(blobs, bases, root, only)
        finally:
            place.close()
            index.save()
    return CheckedOut(len(todo.writes), len(todo.removes), todo.kept, size, len(copies.linked), sum(copies.linked))


def _bases(blobs: Gets, index: Index) -> list[Tree]:
    """Read the trees that files may be in step with. One that is gone from the store protects everything: nothing matches it."""
    found = []
    for base in index.bases:
        with contextlib.suppress(NotFound):
            found.append(Tree(blobs, base))
    return found or [Tree(blobs, build(blobs, ()))]


def _in_step(blobs: Gets, bases: list[Tree], root: Digest, only: Only) -> tuple[Digest, ...]:
    """Say what the folder holds now: the tree, or what it held before with the chosen part of the tree."""
    if not only:
        return (root,)
    mixed = []
    for base in bases:
        changed = (one for one in diff(blobs, base.root, root, only.prefix) if only(one.path))
        mixed.append(edit(blobs, base.root, {one.path: one.new for one in changed}))
    return tuple(dict.fromkeys(mixed))


@contextlib.contextmanager
def alone(top: str) -> Iterator[tuple[str, int]]:
    """Hold the folder; give an empty scratch folder in it, and the descriptor whose lock holds it, for who works for us.

    A killed checkout's leftovers are removed.
    """
    scratch = os.path.join(top, SCRATCH)
    try:
        held = _hold(scratch)
    except BlockingIOError:
        raise Conflict(
            f"another checkout is writing into {top}", kind="folder-busy", hint="wait until it is done", path=top
        ) from None
    except OSError as error:
        raise failed(scratch, error) from error
    try:
        _empty(scratch)
        try:
            yield scratch, held
        finally:
            _empty(scratch)
            with contextlib.suppress(OSError):
                os.rmdir(scratch)
    finally:
        os.close(held)


def _hold(scratch: str) -> int:
    """Make a folder where it is not there, and lock it; give its descriptor. Raise BlockingIOError where somebody has it.

    The processes of a killed checkout take a moment to go.
    """
    until = time.monotonic() + MOMENT
    while True:
        with contextlib.suppress(FileExistsError):
            os.mkdir(scratch)
        held = os.open(scratch, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(held), os.lstat(scratch)):
                    return held
        except BlockingIOError:
            os.close(held)
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
            continue
        except BaseException:
            os.close(held)
            raise
        os.close(held)  # whoever had it removed it before we locked it: make another


def _folds(scratch: str) -> bool:
    """Find out by doing it whether the file system takes names for equal that differ in case, or in how an accent is written."""
    found = False
    for made, other in (("aB", "Ab"), ("\u00e9", "e\u0301")):
        file = os.path.join(scratch, made)
        try:
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            found |= os.path.lexists(os.path.join(scratch, other))
        except OSError as error:
            raise failed(file, error) from error
        os.unlink(file)
    return found


def _refuse_equal(paths: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            some = "/".join(parts[:count])
            other = seen.setdefault(unicodedata.normalize("NFC", some).casefold(), some)
            if other != some:
                raise Invalid(
                    f"{other!r} and {some!r} are one name on this file system", kind="names-collide",
                    hint="check out a part without one of them, or into a folder on another file system", paths=[other, some],
                )  # fmt: skip


def _empty(scratch: str) -> None:
    with contextlib.suppress(OSError), os.scandir(scratch) as left:
        for entry in left:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)

"""repairing: putting lost bytes back from another store, or from a folder that still has the files; for the command `verify`.

Damaged bytes are moved aside before, never written over. What is put back is compared with its name, whoever gave it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loopline.errors import Invalid, LooplineError
from loopline.nouns.digest import Digest, short
from loopline.nouns.finding import Finding
from loopline.nouns.progress import Progress
from loopline.verbs.verify import How, look, versions_of

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.store.blobs import Blobs

_STORES: Final = ("blobs/sha256", "packs/*.idx")
"""What a folder has that is a store; folders of people are called `packs`, too."""


def repair(loop: Loop, source: Path, *, store: Callable[[Path], Blobs], how: How) -> tuple[Finding, ...]:
    """Look for bad blobs and put them back from `source`: a store, the home of one, a backup, or any folder of files.

    A node that is put back may show that files below it are lost as well: these are looked for, too. Raise Invalid
    kind="no-folder" for a source that is none.
    """
    if not source.is_dir():
        raise Invalid(
            f"{source} is no folder", kind="no-folder", hint="name a store or a folder of files", path=str(source)
        )
    there = _home(source)
    mended: dict[Digest, Finding] = {}
    while True:
        _, bad = look(loop, versions_of(loop), how)
        left = {digest: found for digest, found in bad.items() if digest not in mended}
        back = dict(_put_back(loop, left, store(there)) if there else _hashed(loop, left, source))
        for digest, where in back.items():
            text, touched = left[digest]
            mended[digest] = Finding(short(digest), "ok", f"{text}, put back from {where}", "", tuple(touched))
        if not back:
            break
    lost = [
        Finding(short(digest), "fail", text, f"{source} does not have it either", tuple(touched))
        for digest, (text, touched) in left.items()
    ]
    return (*mended.values(), *lost) or (Finding("blobs", "ok", "nothing is missing or damaged"),)


def _home(source: Path) -> Path | None:
    """Give the folder of a store, where the source is one or holds one."""
    for one in (source, source / ".loopline"):
        if any(any(one.glob(name)) for name in _STORES):
            return one
    return None


def _put_back(loop: Loop, wanted: Iterable[Digest], there: Blobs) -> Iterator[tuple[Digest, str]]:
    """Copy from another store."""
    for number, digest in enumerate(wanted):
        loop.report(Progress("put back", number, None, "blobs"))
        try:
            there.verify(digest)
        except LooplineError:
            continue
        _set_aside(loop, digest)
        if _copied(loop, digest, there):
            yield digest, "the other store"


def _copied(loop: Loop, digest: Digest, there: Blobs) -> bool:
    """Copy a blob, and tell whether it is the one: what was right a moment ago may be read otherwise now."""
    with loop.blobs.writer() as writer:
        pieces = iter(there.get(digest))
        while True:
            try:
                piece = next(pieces, None)
            except LooplineError:
                return False
            if piece is None:
                return writer.commit()[0] == digest
            writer.write(piece)


def _hashed(loop: Loop, wanted: Iterable[Digest], folder: Path) -> Iterator[tuple[Digest, str]]:
    """Hash the files of a folder until all is found."""
    left = set(wanted)
    for number, file in enumerate(_files(folder)):
        if not left:
            return
        loop.report(Progress("hash files", number, None, "files"))
        digest = _digest(file)
        if digest not in left:
            continue
        _set_aside(loop, digest)
        if loop.blobs.put_file(file)[0] == digest:
            left.discard(digest)
            yield digest, str(file)


def _digest(file: Path) -> Digest:
    import hashlib

    try:
        with file.open("rb", buffering=0) as held:
            return Digest("sha256:" + hashlib.file_digest(held, "sha256").hexdigest())
    except OSError:
        return Digest("")


def _files(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(where) / name
            if file.is_file() and not file.is_symlink():
                yield file


def _set_aside(loop: Loop, digest: Digest) -> None:
    """Move damaged bytes out of the way, in a store that keeps them; others are mended by being written again."""
    aside = getattr(loop.blobs, "set_aside", None)
    if aside is not None:
        aside(digest)

"""copying: a ledger with its bytes in a folder or in one file, and back; shared by the commands `backup` and `restore`.

A folder holds `ledger/<time>.archive`, one for each backup, and `blobs/`, which they share: a later backup copies only what is
new. A file is a tar of the same. Rows are taken first, as of one moment, and bytes afterwards: bytes are never changed, and are
there before a row names them, so whatever the rows name is in the copy while others go on writing.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Conflict, Invalid, LooplineError, NotFound, Unavailable
from loopline.ledger.archive import Archive, check_archive, read_archive, write_archive
from loopline.nouns.digest import Digest, short
from loopline.nouns.finding import Finding
from loopline.nouns.progress import Progress, Report

if TYPE_CHECKING:
    from loopline.loop import Loop
    from loopline.store.blobs import Blobs
    from loopline.store.database import Database

LEDGER: Final = "ledger"
SUFFIX: Final = ".archive"
KEPT: Final = 7
"""How many backups of the rows a folder keeps: they are small, and share their bytes."""
_PARTS: Final = frozenset({LEDGER, "blobs", "packs", "pieces", "tmp", "roots", "assets"})
"""What may lie in a folder of backups, versions that were pushed there included."""
_FEW: Final = 8192
"""Blobs that are copied together: small ones become one pack."""
_LARGE: Final = 64 << 20


def back_up(
    loop: Loop, folder: Path, *, store: Callable[[Path], Blobs], keep: int = KEPT, deep: bool = False
) -> tuple[Finding, ...]:
    """Copy the ledger and the store into a folder, while others write. A second time only what is new is copied.

    `store` opens the folder as a place for bytes. With `deep` what was copied before is read again and mended. Raise Invalid
    kind="not-a-backup" for a folder that holds something else, Unavailable where it cannot be written: then earlier backups are
    as they were.
    """
    _own(folder)
    target = store(folder)
    taken = folder / LEDGER / f"{_stamp(loop.clock.now())}{SUFFIX}"
    with _writing(folder):
        taken.parent.mkdir(parents=True, exist_ok=True)
        archive = write_archive(loop.ledger.database, taken, now=loop.clock.now())
    try:
        copied, lost = _copy(loop.blobs, target, loop.report, deep=deep)
        whole = _whole(loop, target)
        check_archive(taken)
    except BaseException:  # a backup counts only with all its bytes
        taken.unlink(missing_ok=True)
        raise
    for old in archives(folder)[keep:]:
        old.unlink(missing_ok=True)
    return (*_said(archive, taken, copied), *lost, *whole)


def back_up_file(loop: Loop, file: Path) -> tuple[Finding, ...]:
    """Copy the ledger and the store into one new file, a tar. Raise Conflict kind="file-exists"."""
    if file.exists():
        raise Conflict(f"{file} exists", kind="file-exists", hint="choose another name", path=str(file))
    half, rows = (file.with_name(f".{file.name}.{os.getpid()}.{end}") for end in ("half", "rows"))
    try:
        with _writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            archive = write_archive(loop.ledger.database, rows, now=loop.clock.now())
            with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
                with tarfile.open(fileobj=raw, mode="w") as tar:
                    tar.add(rows, f"{LEDGER}/{_stamp(archive.recorded_at)}{SUFFIX}", recursive=False)
                    copied, lost = _pack(loop, tar)
                raw.flush()
                os.fsync(raw.fileno())
            os.link(half, file)
    except FileExistsError as error:
        raise Conflict(f"{file} exists", kind="file-exists", hint="choose another name", path=str(file)) from error
    finally:
        for one in (half, rows):
            one.unlink(missing_ok=True)
    return (*_said(archive, file, copied), *lost)


def restore(
    database: Database, blobs: Blobs, source: Path, *, store: Callable[[Path], Blobs], at: str = "", report: Report
) -> tuple[Finding, ...]:
    """Put a backup, a folder or a file, into an empty database and a store, bytes first; `at` names an older one of a folder.

    What is interrupted can be done again: until the rows are there, all of them at once, there is no ledger. Raise Conflict
    kind="ledger-not-empty", Invalid kind="bad-archive", NotFound kind="no-backup".
    """
    from loopline.ledger.schema import found

    if found(database) is not None:
        raise Conflict(
            "there is a ledger already",
            kind="ledger-not-empty",
            hint="restore into an empty database or another --home",
        )
    with _opened(source, at, store) as (archive, items, number):
        check_archive(archive)
        copied, keeper = 0, _Keeper(blobs)
        for digest, pieces in items:
            report(Progress("restore bytes", copied, number or None, "blobs"))
            keeper.keep(digest, pieces)
            copied += 1
        keeper.flush()
        said = read_archive(archive, database)
    return _said(said, source, copied)


def archives(folder: Path) -> list[Path]:
    """Give the backups of the rows in a folder, newest first."""
    return sorted((folder / LEDGER).glob(f"*{SUFFIX}"), reverse=True)


def _own(folder: Path) -> None:
    """Refuse a folder that holds something else: it may be somebody's home, or a loop's own."""
    names = {one.name for one in folder.iterdir()} if folder.is_dir() else set()
    if folder.exists() and (not folder.is_dir() or (names and not names <= _PARTS)):
        raise Invalid(
            f"{folder} is no folder of backups", kind="not-a-backup", hint="name a new folder, or one that holds backups",
            path=str(folder),
        )  # fmt: skip


def _copy(source: Blobs, target: Blobs, report: Report, *, deep: bool) -> tuple[int, list[Finding]]:
    """Copy what `target` lacks. Give how many blobs were copied, and those that could not be read."""
    copied, seen, lost = 0, 0, list[Finding]()
    keeper = _Keeper(target)
    for several in _chunks(source.iter()):
        missing = target.missing(several)
        if deep:
            missing |= {one for one in several if one not in missing and not _sound(target, one)}
        for digest in several:
            seen += 1
            report(Progress("copy bytes", seen, None, "blobs"))
            if digest in missing:
                try:
                    keeper.keep(digest, _read(source.get(digest)))
                except _Unreadable as unreadable:
                    if not isinstance(unreadable.error, NotFound):  # else deleted a moment ago: then no row needs it
                        lost.append(_damaged(digest, unreadable.error))
                else:
                    copied += 1
        keeper.flush()
    return copied, lost


class _Unreadable(Exception):  # noqa: N818 (it tells the side that failed, and never leaves this file)
    def __init__(self, error: LooplineError) -> None:
        super().__init__(str(error))
        self.error = error


def _read(pieces: Iterable[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except LooplineError as error:
        raise _Unreadable(error) from error


class _Keeper:
    """Keeps blobs that must have the digests that they are said to have; waits for the disk once for many small ones."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._small: list[tuple[Digest, bytes]] = []
        self._size = 0

    def keep(self, digest: Digest, pieces: Iterable[bytes]) -> None:
        """Keep one; a small one is there after `flush`."""
        rest = iter(pieces)
        first = b"".join(islice(rest, 1))
        second = next(rest, None)
        if second is None:
            self._small.append((digest, first))
            self._size += len(first)
            if len(self._small) >= _FEW or self._size > _LARGE:
                self.flush()
            return
        with self._blobs.writer() as writer:
            for piece in (first, second):
                writer.write(piece)
            for piece in rest:
                writer.write(piece)
            found, _ = writer.commit()
        self._compare(digest, found)

    def flush(self) -> None:
        """Keep what waits."""
        small, self._small, self._size = self._small, [], 0
        for (digest, _), found in zip(small, self._blobs.put_all(body for _, body in small), strict=True):
            self._compare(digest, found)

    def _compare(self, digest: Digest, found: Digest) -> None:
        if found != digest:
            raise Invalid(
                f"blob {short(digest)} is damaged in the backup: its bytes hash to {short(found)}", kind="bad-archive",
                hint="take another backup, or restore an older one with --at", digest=digest, found=found,
            )  # fmt: skip


def _pack(loop: Loop, tar: tarfile.TarFile) -> tuple[int, list[Finding]]:
    copied, lost = 0, list[Finding]()
    for digest in loop.blobs.iter():
        loop.report(Progress("copy bytes", copied, None, "blobs"))
        try:
            loop.blobs.verify(digest)  # in a tar a member that was begun cannot be taken back
            size = loop.blobs.size(digest)
        except NotFound:
            continue
        except LooplineError as error:
            lost.append(_damaged(digest, error))
            continue
        member = tarfile.TarInfo(f"blobs/sha256/{digest[7:]}")
        member.size, member.mode = size or 0, 0o444
        tar.addfile(member, io.BufferedReader(_Pieces(loop.blobs.get(digest))))
        copied += 1
    return copied, lost


def _sound(blobs: Blobs, digest: Digest) -> bool:
    try:
        blobs.verify(digest)
    except LooplineError:
        return False
    return True


def _whole(loop: Loop, target: Blobs) -> list[Finding]:
    """Look whether all that versions need is in the copy; what came meanwhile is copied, too."""
    from loopline.verbs.verify import verify

    with loop.ledger.read() as tx:
        projects = tx.projects.list()
    both: Any = _Both(loop.blobs, target)
    found = [
        replace(one, name=f"{project}: {one.name}", fix="loopline verify --deep")
        for project in projects
        for one in verify(replace(loop, project=project, blobs=both))
        if one.state != "ok"
    ]
    return found or [Finding("bytes", "ok", f"all that {len(projects)} projects name are in the copy")]


class _Both:
    """The copy, which takes what it lacks from the store when it is asked for it."""

    def __init__(self, source: Blobs, target: Blobs) -> None:
        self._source, self._target = source, target

    def size(self, digest: Digest) -> int | None:
        if self._target.size(digest) is None and self._source.size(digest) is not None:
            keeper = _Keeper(self._target)
            with suppress(_Unreadable):  # then it is missing in the copy, as it is in the store
                keeper.keep(digest, _read(self._source.get(digest)))
            keeper.flush()
        return self._target.size(digest)

    def read(self, digest: Digest) -> bytes:
        self.size(digest)
        return self._target.read(digest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


class _Pieces(io.RawIOBase):
    """A stream of bytes as a file to read."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(into), len(self._rest))
        into[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


@contextmanager
def _opened(
    source: Path, at: str, store: Callable[[Path], Blobs]
) -> Iterator[tuple[Path, Iterator[tuple[Digest, Iterable[bytes]]], int]]:
    """Give the archive of the rows, the blobs, and how many there are, of a folder or a file."""
    if source.is_dir():
        blobs = store(source)
        digests = list(blobs.iter())
        yield _chosen(source, at), ((one, blobs.get(one)) for one in digests), len(digests)
        return
    if not source.is_file():
        raise NotFound(
            f"there is no backup at {source}",
            kind="no-backup",
            hint="name what `loopline backup` wrote",
            path=str(source),
        )
    import tempfile

    try:
        with tempfile.TemporaryDirectory() as folder, tarfile.open(source, "r:") as tar:
            first = tar.next()
            if first is None or not first.name.startswith(f"{LEDGER}/") or not first.isreg():
                raise _no_archive(source)
            rows = Path(folder) / "rows"
            with rows.open("wb") as file:
                file.writelines(_body(tar, first))
            yield rows, _members(tar, source), 0
    except tarfile.TarError as error:
        raise _no_archive(source) from error


def _members(tar: tarfile.TarFile, source: Path) -> Iterator[tuple[Digest, Iterable[bytes]]]:
    """Give the blobs of a tar. A member's name is a digest or nothing: no path of it is ever opened."""
    from loopline.nouns.digest import parse_digest

    while (member := tar.next()) is not None:
        name = member.name.removeprefix("blobs/sha256/")
        if name == member.name or not member.isreg():
            raise _no_archive(source)
        yield parse_digest(f"sha256:{name}"), _body(tar, member)


def _body(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    file = tar.extractfile(member)
    while file is not None and (piece := file.read(1 << 20)):
        yield piece


def _chosen(folder: Path, at: str) -> Path:
    listed = archives(folder)
    found = next((one for one in listed if one.name.startswith(at)), None)
    if found is None:
        known = ", ".join(one.name.removesuffix(SUFFIX) for one in listed[:5])
        raise NotFound(
            f"there is no backup {at} in {folder}" if at else f"there is no backup in {folder}", kind="no-backup",
            hint=f"those that are there begin with {known}" if known else "name what `loopline backup` wrote", path=str(folder),
        )  # fmt: skip
    return found


def _said(archive: Archive, place: Path, copied: int) -> tuple[Finding, ...]:
    rows = sum(archive.rows.values())
    return (
        Finding(
            "ledger",
            "ok",
            f"{rows} rows of {len(archive.rows)} tables, {archive.rows.get('events', 0)} events: {place}",
        ),
        Finding("blobs", "ok", f"{copied} copied, each compared with its digest"),
    )


def _damaged(digest: Digest, error: LooplineError) -> Finding:
    return Finding(short(digest), "fail", f"not in the copy: {error.message}", error.hint)


def _no_archive(source: Path) -> Invalid:
    return Invalid(
        f"{source} is no backup of Loopline",
        kind="bad-archive",
        hint="name what `loopline backup` wrote",
        file=str(source),
    )


def _stamp(now: int) -> str:
    return datetime.fromtimestamp(now / 1e6, UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def _chunks(digests: Iterator[Digest]) -> Iterator[list[Digest]]:
    while several := list(islice(digests, _FEW)):
        yield several


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise Unavailable(
            f"{place} cannot be written: {error.strerror}", kind="backup-failed",
            hint="free some space, or choose a folder that can be written", path=str(place),
        ) from error  # fmt: skip

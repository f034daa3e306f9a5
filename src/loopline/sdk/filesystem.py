"""filesystem: data as a filesystem of fsspec, `loopline://flights@main/2013/jan.csv`; imported only by those who have fsspec.

An address is a pointer (without a kind it is data), and a path in that version. What is written goes to a branch and is *staged*
there, until `commit` makes a version of it. A branch is read as it stands; by a process that has written to it, with what is
staged. There are no empty folders: a folder is there as long as a file is in it.
"""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from sys import maxsize
from typing import TYPE_CHECKING, Any, Final

from fsspec import AbstractFileSystem
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.transaction import Transaction
from fsspec.utils import isfilelike, stringify_path

from loopline.datasets.path import check_path
from loopline.datasets.tree import build
from loopline.nouns.artifact import TREE, Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry
from loopline.nouns.name import Named, Pointer, RefName, parse_pointer
from loopline.nouns.version import Version
from loopline.sdk import session as sessions
from loopline.sdk.address import Place, above, absent, folder_line, line_of
from loopline.sdk.lazy import Files, fetch, pointer_of
from loopline.sdk.opened import Reader
from loopline.sdk.oserrors import Plain, as_os
from loopline.sdk.writing import MOST, SMALL, Batch, Written, WrittenText

if TYPE_CHECKING:
    from loopline.nouns.change import Published
    from loopline.nouns.entry import Difference
    from loopline.nouns.staged import Staging
    from loopline.sdk.client import Client

_KEPT: Final = 32
"""Versions whose upper nodes stay in memory."""
_wrote: set[tuple[str, str]] = set()
"""Branches that this process has written to and not committed since, by ledger and name."""


class _Together(Transaction):  # type: ignore[misc]
    """Files that are staged together, all or none, when their block ends well."""

    def complete(self, commit: bool = True) -> None:
        with self.fs.together():
            super().complete(commit=commit)


class _Staged(Files):
    """A branch with what is staged on it, which is no version: a run is told what that lies on."""

    base: Files | None = None

    def note(self) -> None:
        """Have a run write down the version below, and say once that it read more."""
        from loopline.sdk.fluent import current

        if self.base is not None:
            self.base.note()
        if (run := current()) is not None:
            run.warn(
                f"staged {self.version.asset}", f"reads what is staged on {self.version.asset}, which is no version"
            )


class LooplineFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Reads versions of data, and writes to branches. Threads may share it.

    `folder`: the project's, the present one when left out (or whatever `loopline.connect` chose). `staged`: whether branches are
    read with what is staged on them; when left out, those are that this process has written to.
    """

    protocol = "loopline"
    root_marker = ""
    transaction_type = _Together

    def __init__(self, folder: str | None = None, *, staged: bool | None = None, **options: Any) -> None:
        super().__init__(folder=folder, staged=staged, **options)
        self.folder = Path(folder).expanduser().absolute() if folder else None
        self.reads_staged = staged
        self._known: dict[tuple[str, str], Files] = {}
        self._pinned: dict[str, Files] = {}
        self._own = threading.local()

    @property
    def fsid(self) -> str:
        """Name the ledger that it reads."""
        return f"loopline:{self._ledger()}"

    def ls(self, path: Any, detail: bool = True, **_: Any) -> list[Any]:
        """List a folder; of a file the file; of the root the branches and tags of all data."""
        place = self._place(path)
        with as_os(path):
            if place.pointer:
                files = self._files(place)
                entry = self._entry(files, place)
                lines = [entry] if entry else files.ls(place.path, limit=maxsize)
                if not lines and place.path:
                    raise absent(place)
                found = [line_of(place, one) for one in lines]
            else:
                found = self._pointers()
        return found if detail else sorted(one["name"] for one in found)

    def info(self, path: Any, **_: Any) -> dict[str, Any]:
        """Tell size, type and digest of a path."""
        place = self._place(path)
        with as_os(path):
            if not place.pointer:
                return folder_line("")
            files = self._files(place)
            entry = self._entry(files, place)
            if entry is not None:
                return line_of(place, entry)
            if not place.path or files.ls(place.path, limit=1):
                return folder_line(place.name(place.path))
            raise absent(place)

    def find(
        self, path: Any, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **more: Any
    ) -> Any:
        """List all files below a path, in one walk over the tree; of what is not there, none."""
        place = self._place(path)
        if maxdepth is not None or not place.pointer:
            return super().find(path, maxdepth=maxdepth, withdirs=withdirs, detail=detail, **more)
        found: dict[str, dict[str, Any]] = {}
        try:
            with as_os(path):
                files = self._files(place)
                entry = self._entry(files, place)
                base = f"{place.path}/" if place.path else ""
                for one in [entry] if entry else files.files(base):
                    for folder in above(one.path, base) if withdirs and not entry else ():
                        found.setdefault(place.name(folder), folder_line(place.name(folder)))
                    found[place.name(one.path)] = line_of(place, one)
        except FileNotFoundError:
            found = {}
        names = sorted(found)
        return {name: found[name] for name in names} if detail else names

    def modified(self, path: Any) -> datetime:
        """Give when the version was made in which a file is read."""
        self.info(path)
        with as_os(path):
            return datetime.fromtimestamp(self._files(self._place(path)).version.recorded_at / 1e6, UTC)

    created = modified

    def checksum(self, path: Any) -> str:
        """Give a file's digest."""
        return str(self.info(path)["digest"])

    ukey = checksum

    def get_file(self, rpath: Any, lpath: Any, callback: Any = DEFAULT_CALLBACK, outfile: Any = None, **_: Any) -> None:
        """Copy a file to this machine, whole or not at all."""
        if outfile is not None or isfilelike(lpath):
            super().get_file(rpath, lpath, callback=callback, outfile=outfile)
            return
        target = Path(lpath)
        if self.isdir(rpath):
            target.mkdir(parents=True, exist_ok=True)
            return
        with self.open(rpath, "rb") as source:
            target.parent.mkdir(parents=True, exist_ok=True)
            callback.set_size(source.size)
            number, fresh = tempfile.mkstemp(prefix=".fresh-", dir=target.parent)
            try:
                with os.fdopen(number, "wb") as file:
                    while data := source.read(1 << 20):
                        file.write(data)
                        callback.relative_update(len(data))
                Path(fresh).chmod(0o666 & ~_mask())
                Path(fresh).replace(target)
            except BaseException:
                Path(fresh).unlink(missing_ok=True)
                raise

    def open(self, path: Any, mode: str = "rb", *args: Any, **options: Any) -> Any:
        """Open a file; a block that writes and raises leaves nothing of it, with text as with bytes."""
        if mode in ("w", "wt", "x", "xt", "a", "at") and not options.get("compression"):
            text = {name: options.pop(name) for name in ("encoding", "errors", "newline") if name in options}
            binary = super().open(path, f"{mode[0]}b", *args, **options)
            return WrittenText(binary, **{"encoding": "utf-8", **text})
        return super().open(path, mode, *args, **options)

    def _open(self, path: Any, mode: str = "rb", autocommit: bool = True, **_: Any) -> Reader | Written:
        place = self._place(path)
        if mode == "rb":
            return self._reader(place)
        if mode not in ("wb", "xb", "ab"):
            raise ValueError(f"a file cannot be opened with {mode!r} here: write all of it anew, or append")
        with as_os(path):
            self._ref(place)
            check_path(place.path)
            before = None if mode == "wb" else self._files(place, staged=True).find(place.path)
        if mode == "xb" and before is not None:
            raise FileExistsError(errno.EEXIST, "it is there already", str(path))
        keep = lambda digest, size: self._put(place, digest, size)  # noqa: E731 - a closure with a type
        return Written(self._client().blobs, keep, path=str(path), before=before, at_once=autocommit)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Stage what this thread writes and removes within the block when it ends, all or none; nothing where it raises."""
        if getattr(self._own, "batches", None) is not None:
            yield
            return
        self._own.batches = {}
        try:
            yield
            for ref, batch in self._own.batches.items():
                with as_os(ref):
                    self._send(ref, batch)
        finally:
            self._own.batches = None

    def pipe_file(self, path: Any, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        """Write a file."""
        if self._intrans or mode == "create":
            with self.open(path, "xb" if mode == "create" else "wb") as file:
                file.write(value)
            return
        place = self._place(path)
        with as_os(path):
            self._ref(place)
            self._hold(place, bytes(value))

    def put_file(
        self, lpath: Any, rpath: Any, callback: Any = DEFAULT_CALLBACK, mode: str = "overwrite", **_: Any
    ) -> None:
        """Copy a file of this machine to a branch."""
        source = Path(lpath)
        if self._intrans or mode == "create" or source.is_dir() or source.stat().st_size > SMALL:
            super().put_file(lpath, rpath, callback=callback, mode=mode)
            return
        data = source.read_bytes()
        callback.set_size(len(data))
        self.pipe_file(rpath, data)
        callback.relative_update(len(data))

    def pipe(self, path: Any, value: Any = None, **options: Any) -> None:
        """Write a file, or many, which are staged together."""
        with self.together():
            super().pipe(path, value, **options)

    def put(self, lpath: Any, rpath: Any, *args: Any, **options: Any) -> None:
        """Copy files of this machine to a branch; they are staged together."""
        with self.together():
            super().put(lpath, rpath, *args, **options)

    def cp_file(self, path1: Any, path2: Any, **_: Any) -> None:
        """Copy a file within the ledger: no bytes travel. Folders come with their files."""
        source, place = self._place(path1), self._place(path2)
        with as_os(path1):
            files = self._files(source)
            entry = self._entry(files, source)
            if entry is None and not files.ls(source.path, limit=1):
                raise absent(source)
        if entry is not None:
            with as_os(path2):
                self._stage(place, Entry(place.path, entry.digest, entry.size, entry.mode))

    def copy(self, path1: Any, path2: Any, *args: Any, **options: Any) -> None:
        """Copy files within the ledger; they are staged together."""
        with self.together():
            super().copy(path1, path2, *args, **options)

    def mv(self, path1: Any, path2: Any, *args: Any, **options: Any) -> None:
        """Move files: within a branch they are at the one place or at the other, never at both."""
        if isinstance(path1, str) and isinstance(path2, str):
            here, there = (f"{self._strip_protocol(one)}/" for one in (path1, path2))
            if here != there and there.startswith(here):
                raise OSError(errno.EINVAL, "a folder cannot be moved into itself", path1, None, path2)
        with self.together():
            super().mv(path1, path2, *args, **options)

    def rm_file(self, path: Any) -> None:
        """Remove a file. A folder is gone with its files."""
        if self.info(path)["type"] == "file":
            with as_os(path):
                self._stage(self._place(path), None)

    _rm = rm_file

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Remove files, or with `recursive` folders with all below them, in one go."""
        with self.together():
            for one in path if isinstance(path, list | tuple) else [path]:
                place = self._place(one)
                folder = place.path and not {"*", "?", "["} & set(place.path) and self.isdir(one)
                if folder and recursive and maxdepth is None:
                    with as_os(one):
                        self._stage(place._replace(path=f"{place.path}/"), None)
                elif folder and not recursive:
                    raise IsADirectoryError(errno.EISDIR, "a folder is removed with recursive=True", str(one))
                else:
                    super().rm(one, recursive=recursive, maxdepth=maxdepth)

    def mkdir(self, path: Any, create_parents: bool = True, **_: Any) -> None:
        """Do nothing: a folder is there as soon as a file is in it."""

    def makedirs(self, path: Any, exist_ok: bool = False) -> None:
        """Do nothing, as `mkdir`."""

    def rmdir(self, path: Any) -> None:
        """Do nothing for an empty folder, which is none. Raise OSError for any other."""
        if self.isdir(path):
            raise OSError(errno.ENOTEMPTY, "the folder is not empty", str(path))

    def commit(self, ref: str, message: str = "", **options: Any) -> Published:
        """Make a version of what is staged on a branch: `fs.commit("flights@main", "July")`. Raise as the verb `commit` does."""
        where = self._ref(self._place(ref))
        published: Published = self._client().do("commit", where, message=message, **options)
        _wrote.discard((self._ledger(), where.key))
        return published

    def staged(self, ref: str, **options: Any) -> tuple[Difference, ...]:
        """List what a commit would change on a branch."""
        told: tuple[Difference, ...] = self._client().do("staged", self._ref(self._place(ref)), **options)
        return told

    def discard(self, ref: str, **options: Any) -> tuple[Difference, ...]:
        """Forget what is staged on a branch, or below a `prefix`, and tell what that was."""
        told: tuple[Difference, ...] = self._client().do("discard", self._ref(self._place(ref)), **options)
        return told

    def _put(self, place: Place, digest: Digest, size: int) -> None:
        self._stage(place, Entry(place.path, digest, size))

    def _hold(self, place: Place, data: bytes) -> None:
        if len(data) > SMALL:
            self._put(place, self._client().blobs.put(data), len(data))
        else:
            self._stage(place, data)

    def _stage(self, place: Place, what: Entry | bytes | None) -> None:
        """Stage a file, or with None that it goes; where a block gathers what is staged together, when that ends."""
        check_path(place.path.removesuffix("/"))
        ref = self._ref(place)
        with self.together():
            batch = self._own.batches.setdefault(ref, Batch())
            match what:
                case None:
                    batch.remove(place.path)
                case bytes():
                    batch.hold(place.path, what)
                    if batch.held > MOST:
                        batch.store(self._client().blobs)
                case _:
                    batch.put(what)

    def _send(self, ref: RefName, batch: Batch) -> None:
        client = self._client()
        batch.store(client.blobs)
        tree = build(client.blobs, batch.files) if batch.files else None
        client.do("stage", ref, tree=tree, remove=batch.gone)
        _wrote.add((self._ledger(), ref.key))

    def _reader(self, place: Place) -> Reader:
        with as_os(place.name(place.path)):
            files = self._files(place)
            entry = self._entry(files, place)
            if entry is None:
                if not place.path or files.ls(place.path, limit=1):
                    raise IsADirectoryError(errno.EISDIR, "a folder cannot be opened", place.name(place.path))
                raise absent(place)
            raw = files.opened(entry)
        raw.blobs = Plain(raw.blobs, place.name(place.path))
        return raw.buffered()

    def _entry(self, files: Files, place: Place) -> Entry | None:
        """Look up the file that an address names: without a path, a version that is one file."""
        if files.is_folder:
            return files.find(place.path) if place.path else None
        return None if place.path else files.chosen([])[0]

    def _session(self) -> sessions.Session:
        return sessions.session(self.folder)

    def _client(self) -> Client:
        return self._session().client()

    def _ledger(self) -> str:
        settings = self._session().settings
        return settings.url or str(settings.home)

    def _place(self, path: Any) -> Place:
        text = self._strip_protocol(stringify_path(path)).lstrip("/")
        head, at, rest = text.partition("@")
        if text and not at:
            raise FileNotFoundError(errno.ENOENT, "say of which branch or version: flights@main/jan.csv", str(path))
        rev, _, inside = rest.partition("/")
        return Place(f"{head}{at}{rev}", inside)

    def _pointer(self, place: Place) -> Pointer:
        with as_os(place.pointer):
            return parse_pointer(pointer_of(place.pointer), project=self._client().project)

    def _ref(self, place: Place) -> RefName:
        pointer = self._pointer(place)
        if not isinstance(pointer.revision, Named):
            raise OSError(errno.EROFS, "a version stays as it is: write to a branch", place.pointer)
        return RefName(pointer.asset, pointer.revision.ref)

    def _files(self, place: Place, *, staged: bool = False) -> Files:
        """Find what an address means now; where that is a branch, as `staged` or this process's own writing wants it."""
        if place.pointer in self._pinned:
            return self._pinned[place.pointer]
        client, pointer = self._client(), self._pointer(place)
        if isinstance(pointer.revision, Named):
            ref = RefName(pointer.asset, pointer.revision.ref)
            wrote = (self._ledger(), ref.key) in _wrote
            if staged or (wrote if self.reads_staged is None else self.reads_staged):
                return self._with_staged(client, ref)
        return self._kept(fetch(client, pointer))

    def _with_staged(self, client: Client, ref: RefName) -> Files:
        told: Staging = client.do("stage", ref)
        base = self._kept(fetch(client, Pointer(ref.asset, Named(ref.ref)))) if told.base else None
        if base is not None and base.version.artifact.digest == told.tree:
            return base
        at = base.version.recorded_at if base else 0
        seen = Version(ref.asset, 0, Artifact(told.tree or Digest(""), TREE, 0), recorded_at=at)
        found = _Staged(
            seen, client.blobs, client.work, limit=client.cache_limit, report=client.report, explain=client.explain
        )
        found.base = base
        return found

    def _kept(self, found: Files) -> Files:
        """Give the same files as last time, whose upper nodes are in memory."""
        key = (self._ledger(), f"{found.version.asset.key}@{found.version.number}")
        kept = self._known.setdefault(key, found)
        if len(self._known) > _KEPT:
            for old in list(self._known)[:-_KEPT]:
                self._known.pop(old, None)
        return kept

    def _pointers(self) -> list[dict[str, Any]]:
        listed = self._client().do("ls", "data", limit=10_000)
        refs = [(one.asset, str(ref.name).rpartition("@")[2]) for one in listed for ref in one.refs]
        return [folder_line(f"{asset}@{ref.replace('/', '%2F')}".removeprefix("data/")) for asset, ref in refs]


def of_version(files: Files) -> DirFileSystem:
    """Give the files of a version as a filesystem of their own, whose paths begin in it."""
    fs = LooplineFileSystem(skip_instance_cache=True)
    name = f"{files.version.asset.key}@{files.version.number}"
    fs._pinned[name] = files  # noqa: SLF001 (its own file)
    return DirFileSystem(path=name, fs=fs)


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

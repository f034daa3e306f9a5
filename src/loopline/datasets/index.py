"""index: what the file system said about each file when it was read, so that it need not be read again.

A cache and nothing more: without it every file is hashed once. A file is taken as unchanged when its size, both times, inode and
device are as they were, and its last change lies before the reading began. The second half matters as in git
(Documentation/technical/racy-git): the clock of a file system ticks in milliseconds, and a file that was written in
the tick in which it was read may be written again without its stamp changing; such a file is read once more.

The index knows a tree, too, and in which paths the folder as last read differs from it: so what has changed costs what has
changed. And beside all of it stands `base`: the tree that the folder was last in step with, by checkout or by publishing. What
differs from that one is somebody's work, which a checkout does not overwrite.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from xxhash import xxh3_64, xxh3_64_digest

from loopline.datasets.blocks import EXECUTABLE, LINK, NO_DIGEST, UNREAD, Block, Found, Stamp, pack_stamp
from loopline.datasets.path import join_path
from loopline.errors import Unavailable
from loopline.nouns.digest import Digest, is_digest_prefix
from loopline.nouns.entry import Entry
from loopline.store.files import Scratch, drop

MAGIC: Final = b"\x89LLIDX\x03\n"
_BEFORE: Final = b"\x89LLIDX\x02\n"
"""A head in MessagePack; what it says of bases is nowhere else."""
_Drift = list[tuple[str, str, int, int]]
_Folders = list[tuple[bytes, int, int]]
_Head = tuple[list[str], str, _Drift, bytes, _Folders]
"""Bases, the tree and the drift from it, the name of the rules, and of each folder: its name, and the length of its names and
their number. Behind the head come the four columns of each folder. It is JSON, but for a drift, which may be long: most
commands have none, and MessagePack takes longer to load than to look at a folder."""
_OPEN: Final = 64
"""Blocks in which files can be found by name without reading all names: what that takes is let go of for others."""


class Index:
    """The stamps and digests of one folder's files, kept in one file. For one thread at a time.

    A file that is missing, damaged or of another format is an empty index. One that is there and cannot be read (an error of
    the disk, a permission) is one without stamps, and is not written over; only who asks it for `bases` is refused, because what
    it would say is not known. Two processes that save one after the other lose knowledge, never correctness: `bases` stay as
    they were set last, and whoever sets them should hold the folder (a checkout does).
    """

    def __init__(self, file: Path) -> None:
        self.file = Path(file)
        self.rules = b""
        """Names the ignore rules by which files were left out."""
        self.tree: Digest | None = None
        """A tree that is kept, and from which the folder as last read differs by `drift`; None: no such tree is known."""
        self.drift: dict[str, Entry | None] = {}
        """Where the folder is other than `tree`: what that has there."""
        self._bases: tuple[Digest, ...] = ()
        self._unread: OSError | None = None
        self._blocks: dict[str, Block] = {}
        self._open: dict[str, Block] = {}
        self._dirty = False
        self._halfway = False
        """Whether something is being noted: what a signal cut short there must not be saved."""
        self._saved: tuple[Digest, ...] = ()
        self._file = self._named()
        self._load()

    @property
    def bases(self) -> tuple[Digest, ...]:
        """Trees that a file may be in step with: one; more after a checkout that was cut short.

        Raise Unavailable kind="index-unreadable".
        """
        if self._unread is not None:
            raise Unavailable(
                f"cannot read {self.file}: {self._unread.strerror}", kind="index-unreadable",
                hint="check the disk and the file's permissions; without that file all that differs counts as changed here",
                path=str(self.file),
            ) from self._unread  # fmt: skip
        return self._bases

    @bases.setter
    def bases(self, roots: tuple[Digest, ...]) -> None:
        self._bases, self._unread = roots, None

    @property
    def base(self) -> Digest | None:
        """Root of the tree that the folder was last in step with; None where there was none."""
        return self.bases[0] if self.bases else None

    @base.setter
    def base(self, root: Digest) -> None:
        self.bases = (root,)

    def __len__(self) -> int:
        """Count the files it knows."""
        return sum(map(len, self._blocks.values()))

    def find(self, path: str, stamp: Stamp) -> Digest | None:
        """Give the digest of a file, if its stamp proves that it is as it was read."""
        block, at = self._row(path) or (None, 0)
        found = None if block is None or block.stamp(at) != pack_stamp(stamp) else block.entry(path, at)
        return None if found is None else found.digest

    def entry(self, path: str) -> Entry | None:
        """Give what a file was when it was last read; None where it was not there."""
        block, at = self._row(path) or (None, 0)
        return None if block is None else block.entry(path, at)

    def found(self, path: str) -> Found:
        """Give a file that it knows as a scan saw it."""
        row = self._row(path)
        if row is None:
            raise KeyError(path)
        block, at = row
        return Found(path, block.unpack(at), 0o755 if block.flag(at) & EXECUTABLE else 0o644)

    def clear(self) -> None:
        """Forget what was read, so that everything is read once more."""
        self._halfway = True
        self._blocks, self._open = {}, {}
        self.rebase(None, {})

    def links(self) -> list[str]:
        """Name the files that are links: what one holds may change without it."""
        return [join_path(folder, name) for folder, block in self._blocks.items() for name in block.links()]

    def name(self) -> tuple[int, int] | None:
        """Tell the file that holds just what this index knows from others; None: there is none, or it is another one."""
        kept = self._unread is None and not self._halfway and not self._dirty and self._bases == self._saved
        return self._file if kept and self._named() == self._file else None

    def below(self, path: str) -> Iterator[Entry]:
        """Give what a file was when it was last read, or the files of a folder and below it, in no order."""
        alone, inside = self.entry(path), path + "/"
        if alone is not None:
            yield alone
        for folder, block in self._blocks.items():
            if folder == path or folder.startswith(inside):
                rows = ((join_path(folder, name), at) for at, name in enumerate(block.listed()))
                yield from (entry for one, at in rows if (entry := block.entry(one, at)) is not None)

    def entries(self) -> Iterator[Entry]:
        """Give what all files were when they were last read, in the order of a tree."""
        below: dict[str, set[str]] = {}
        for folder in self._blocks:
            while folder:
                above, _, name = folder.rpartition("/")
                known = below.setdefault(above, set())
                if name in known:
                    break
                known.add(name)
                folder = above  # noqa: PLW2901 (all folders above it)
        inside = [self._rows("", below)]
        while inside:
            row = next(inside[-1], None)
            if row is None:
                inside.pop()
            elif row[2] < 0:
                inside.append(self._rows(join_path(*row[:2]), below))
            elif (found := self._blocks[row[0]].entry(join_path(*row[:2]), row[2])) is not None:
                yield found

    def _rows(self, folder: str, below: dict[str, set[str]]) -> Iterator[tuple[str, str, int]]:
        """Give the folder, a name in it, and its place, in the order of a tree; place -1: a folder."""
        block = self._blocks.get(folder)
        rows = [] if block is None else [(name, name, at) for at, name in enumerate(block.listed())]
        rows += [(name + "/", name, -1) for name in below.get(folder, ())]
        return ((folder, name, at) for _, name, at in sorted(rows))

    def learn(
        self, path: str, stamp: Stamp, digest: Digest, *, began: int, mode: int = 0o644, placed: bool = False
    ) -> None:
        """Note what a file holds that had this stamp before and after reading, which began at `began` (a `tick`).

        One that we have `placed` was changed since, by us: its time of writing, which we have set, tells whether by others.
        """
        self._halfway = True
        folder, _, name = path.rpartition("/")
        block = self._reach(folder)
        if block is None:
            self._blocks[folder] = block = Block.empty()
            self._reach(folder)
        at = block.find(name)
        old = None if at is None else block.entry(path, at)
        flag = (EXECUTABLE if mode == 0o755 else 0) | (0 if at is None else block.flag(at) & LINK)
        changed = stamp.mtime if placed else max(stamp.mtime, stamp.ctime)
        block.put(name, pack_stamp(stamp, proves=changed < began), bytes.fromhex(digest[7:]), flag, at=at)
        if self.tree is not None:
            self._drifted(path, old, Entry(path, digest, stamp.size, mode))
        self._dirty, self._halfway = True, False

    def forget(self, paths: Iterable[str]) -> None:
        """Forget these files: many at once cost what one does."""
        self._halfway = True
        gone: dict[str, list[str]] = {}
        for path in paths:
            folder, _, name = path.rpartition("/")
            gone.setdefault(folder, []).append(name)
        for folder, names in gone.items():
            block = self._blocks.get(folder)
            if block is None:
                continue
            for name in names:
                at = block.find(name)
                if at is not None:
                    self._dirty = True
                    path = join_path(folder, name)
                    self._drifted(path, block.entry(path, at), None)
            block.remove(names)
        self._halfway = False

    def keep(self, paths: Iterable[str]) -> None:
        """Forget all files but these."""
        here = set(paths)
        below = ((folder + "/" if folder else "", block) for folder, block in self._blocks.items())
        self.forget([folder + name for folder, block in below for name in block.listed() if folder + name not in here])

    def block(self, folder: str) -> Block | None:
        """Give what is known of one folder's own files."""
        return self._blocks.get(folder)

    def folders(self) -> list[str]:
        """Name the folders of which something is known."""
        return list(self._blocks)

    def see(self, folder: str, name: str, stamp: bytes, flag: int) -> None:
        """Note that a file has this stamp, which it had not or nobody knew: what it holds is to be read."""
        self._halfway = True
        block, path = self._blocks.setdefault(folder, Block.empty()), join_path(folder, name)
        at = block.find(name)
        old = None if at is None else block.entry(path, at)
        block.put(name, stamp, NO_DIGEST, flag | UNREAD, at=at)
        self._drifted(path, old, None)
        self._dirty, self._halfway = True, False

    def replace(self, folder: str, block: Block | None) -> None:
        """Put what a folder holds now in the place of what it held; None: it is gone."""
        self._halfway = True
        old = self._blocks.pop(folder, None)
        self._open.pop(folder, None)
        if block is not None:
            self._blocks[folder] = block
        if old is not None and self.tree is not None:
            other = set(old.listed())
            if block is not None:
                other = other.difference(block.listed()).union(block.silent())
            for name in other:
                at = old.find(name)
                if at is not None:
                    path = join_path(folder, name)
                    self._drifted(path, old.entry(path, at), None)
        self._dirty, self._halfway = True, False

    def rebase(self, tree: Digest | None, drift: dict[str, Entry | None]) -> None:
        """Say which tree the folder as last read differs from, and where."""
        self._halfway = True
        self.tree, self.drift = tree, drift
        self._dirty, self._halfway = True, False

    def save(self) -> None:
        """Write it if anything is new, whole or not at all. Raise Unavailable kind="index-unwritable".

        Where a signal came between two halves of a note, what this process has learned is lost, and nothing false is kept.
        """
        if self._unread is not None or self._halfway or (not self._dirty and self._bases == self._saved):
            return
        if self._bases == self._saved and self._named() != self._file:  # a checkout may have set them while we looked
            self._bases = Index(self.file)._bases or self._bases  # noqa: SLF001 (its own kind)
            self._saved = self._bases
        drift = [
            (path, old.digest, old.size, old.mode) if old else (path, "", 0, 0) for path, old in self.drift.items()
        ]
        folders = [(name, len(one.names), one.count()) for name, one in self._blocks.items()]
        tail = _packed(drift) if drift else b""
        said = (self._bases, self.tree or "", len(tail), self.rules.hex(), folders)
        head = json.dumps(said, separators=(",", ":")).encode() + tail
        rows = (column for block in self._blocks.values() for column in block.columns())
        with unwritable(self.file):
            number, temporary = Scratch(str(self.file.parent), lambda: None).make()
            try:
                with open(number, "wb", closefd=False) as stream:
                    total = xxh3_64()
                    stream.write(MAGIC + total.digest())
                    for piece in chain((len(head).to_bytes(8, "little"), head), rows):
                        total.update(piece)
                        stream.write(piece)
                    stream.seek(len(MAGIC))
                    stream.write(total.digest())
                os.fchmod(number, 0o644)
                if self._bases != self._saved:  # all else is only knowledge, and found again
                    os.fsync(number)
                os.replace(temporary, self.file)
            finally:
                drop(number, temporary)
        self._dirty, self._saved, self._file = False, self._bases, self._named()

    def _drifted(self, path: str, old: Entry | None, new: Entry | None) -> None:
        """Note that a file was one thing and is another."""
        if self.tree is None:
            return
        kept = self.drift.get(path, old)
        if kept == new:
            self.drift.pop(path, None)
        elif path not in self.drift:
            self.drift[path] = old

    def _row(self, path: str) -> tuple[Block, int] | None:
        """Find a file: its folder's block, and its place there."""
        folder, _, name = path.rpartition("/")
        block = self._reach(folder)
        at = None if block is None else block.find(name)
        return None if block is None or at is None else (block, at)

    def _reach(self, folder: str) -> Block | None:
        """Give a block in which files are about to be found by name."""
        block = self._blocks.get(folder)
        if block is not None:
            if self._open.pop(folder, None) is None and len(self._open) >= _OPEN:
                self._open.pop(next(iter(self._open))).close()
            self._open[folder] = block  # behind those that were not asked for as lately
        return block

    def _named(self) -> tuple[int, int] | None:
        """Tell the file that has its name now from others that had or will have it."""
        try:
            status = os.stat(self.file)
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _load(self) -> None:
        try:
            data = self.file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._unread = error
            return
        start = len(MAGIC) + 16
        magic = data[: len(MAGIC)]
        if magic not in (MAGIC, _BEFORE) or data[len(MAGIC) : start - 8] != xxh3_64_digest(
            memoryview(data)[start - 8 :]
        ):
            return
        end = start + int.from_bytes(data[start - 8 : start], "little")
        try:
            bases, tree, drift, rules, folders = (_head if magic == MAGIC else _old_head)(data[start:end])
        except (ValueError, TypeError, RecursionError):  # msgspec's errors are the first
            return
        for folder, length, count in folders:
            columns = []
            for size in Block.sizes_of(length, count):
                columns.append(data[end : end + size])
                end += size
            self._blocks[os.fsdecode(folder)] = Block(*columns)
        self.rules = rules
        self._bases = self._saved = tuple(Digest(base) for base in bases if is_digest_prefix(base))
        if is_digest_prefix(tree):
            self.tree = Digest(tree)
            self.drift = {
                path: Entry(path, Digest(digest), size, mode) if digest else None for path, digest, size, mode in drift
            }


def _head(data: bytes) -> _Head:
    """Read a head; drift stands behind its JSON."""
    text, end = json.JSONDecoder().raw_decode(data.decode("latin-1"))
    bases: list[str]
    tree: str
    bases, tree, length, rules, folders = text
    named: _Folders = [(os.fsencode(name), names, count) for name, names, count in folders]
    if end + length != len(data):
        msg = "the head has another length"
        raise ValueError(msg)
    drift = _unpacked(data[end:]) if length else []
    return bases, tree, drift, bytes.fromhex(rules), named


def _old_head(data: bytes) -> _Head:
    import msgspec

    head: _Head = msgspec.msgpack.decode(data, type=_Head)
    return head


def _packed(drift: _Drift) -> bytes:
    import msgspec

    return msgspec.msgpack.encode(drift)


def _unpacked(data: bytes) -> _Drift:
    import msgspec

    return msgspec.msgpack.decode(data, type=_Drift)


@contextlib.contextmanager
def unwritable(file: Path) -> Iterator[None]:
    """Say of an error of the system that the index cannot be written."""
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"cannot write {file}: {error.strerror}",
            kind="index-unwritable",
            hint="check the disk's space and the folder's permissions",
            path=str(file),
        ) from error

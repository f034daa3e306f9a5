"""blocks: what an index knows of one folder's own files, packed in columns, so that an unchanged folder is one comparison."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from loopline.nouns.digest import Digest
from loopline.nouns.entry import Entry

EXECUTABLE: Final = 1
"""Flag: its owner may execute it."""
LINK: Final = 2
"""Flag: a symbolic link, which stands for the file that it names."""
IGNORED: Final = 4
"""Flag: a rule leaves it out; the row says only that it is there."""
UNREAD: Final = 8
"""Flag: its stamp was seen, its bytes were not read yet."""
_APART: Final = bytes(flag for flag in range(16) if flag & (IGNORED | UNREAD))
_FEW: Final = 8
"""How many names are searched for before all are taken apart."""
_row: Final = struct.Struct("<qqqQQ")
NO_STAMP: Final = bytes(_row.size)
"""Stamp of what is left out."""
NO_DIGEST: Final = bytes(32)
"""Digest of what was not read."""


class Stamp(NamedTuple):
    """What tells, without reading a file, that it is the one that was read."""

    size: int
    mtime: int
    ctime: int
    inode: int
    dev: int


class Found(NamedTuple):
    """One file of a folder."""

    path: str
    """Relative, `/` between parts."""
    stamp: Stamp
    mode: int
    """0o755 where its owner may execute it, 0o644 otherwise."""


def pack(status: os.stat_result) -> bytes:
    """Take the stamp of a file as it rests in a block."""
    return _row.pack(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


def pack_all(number: int, names: list[str]) -> bytearray | None:
    """Take the stamps of files in an open folder, one behind the other; None where one is no file. One that is gone raises."""
    look, put, width = os.stat, _row.pack_into, _row.size  # a hundred thousand times: no call that need not be
    kind, regular = 0o170000, stat.S_IFREG
    packed = bytearray(width * len(names))
    at = 0
    for name in names:
        of = look(name, dir_fd=number, follow_symlinks=False)
        if of.st_mode & kind != regular:
            return None
        put(packed, at, of.st_size, of.st_mtime_ns, of.st_ctime_ns, of.st_ino, of.st_dev)
        at += width
    return packed


def pack_stamp(stamp: Stamp, *, proves: bool = True) -> bytes:
    """Pack a stamp that was taken apart; one that proves nothing so that no file has it (no change was at second 0)."""
    return _row.pack(*(stamp if proves else stamp._replace(ctime=0)))


def join_names(names: Iterable[str]) -> bytes:
    """Pack names; the system gives none with a NUL in it."""
    return os.fsencode("\0".join(names))


class Block:
    """The files of one folder in the order in which the system lists them. Equal columns are an equal folder."""

    __slots__ = ("_added", "_asked", "_at", "_digests", "_flags", "_names", "_stamps")

    def __init__(self, names: bytes, stamps: bytes, digests: bytes, flags: bytes) -> None:
        self._names = names
        self._added: list[str] = []
        self._stamps: bytes | bytearray = stamps
        self._digests: bytes | bytearray = digests
        self._flags: bytes | bytearray = flags
        self._at: dict[str, int] | None = None
        self._asked = 0

    @classmethod
    def empty(cls) -> Block:
        """Begin with a folder of which nothing is known."""
        return cls(b"", b"", b"", b"")

    @property
    def names(self) -> bytes:
        """All names, packed."""
        if self._added:
            self._names = join_names(self.listed())
            self._added = []
        return self._names

    def columns(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Give names, stamps, digests and flags, as they are saved, and keep them so."""
        self._stamps, self._digests, self._flags = bytes(self._stamps), bytes(self._digests), bytes(self._flags)
        return self.names, self._stamps, self._digests, self._flags

    @staticmethod
    def sizes_of(names: int, count: int) -> tuple[int, int, int, int]:
        """Give the lengths of the columns of a folder, given that of its names and their number."""
        return names, _row.size * count, 32 * count, count

    def count(self) -> int:
        """Count the names."""
        return len(self._flags)

    def other(self, stamps: bytearray) -> list[int]:
        """Give the places whose stamp is another one, of as many as there are names."""
        known, seen, width = memoryview(self._stamps), memoryview(stamps), _row.size
        places = []
        halves = [(0, self.count())]
        while halves:  # where few are other, most are told by comparing large parts
            low, high = halves.pop()
            if known[width * low : width * high] == seen[width * low : width * high]:
                continue
            if high - low == 1:
                places.append(low)
                continue
            middle = (low + high) // 2
            halves += [(middle, high), (low, middle)]
        return places

    def is_plain(self) -> bool:
        """Tell whether there are neither links nor ignored files, so that each listed name has a stamp of its own."""
        return not self._flags.translate(None, b"\0\1")

    def __len__(self) -> int:
        """Count the files that were read."""
        return len(self._flags.translate(None, _APART))

    def listed(self) -> list[str]:
        """Give all names, in order."""
        return (os.fsdecode(self._names).split("\0") if self._names else []) + self._added

    def find(self, name: str) -> int | None:
        """Give the place of a file. A few are searched for among the packed names, for many these are taken apart once."""
        if self._at is None:
            if self._asked < _FEW and self._names and not self._added:
                self._asked += 1
                packed = b"\0" + self._names + b"\0"
                at = packed.find(b"\0" + os.fsencode(name) + b"\0")
                return None if at < 0 else packed.count(b"\0", 0, at)
            self._at = {one: at for at, one in enumerate(self.listed())}
        return self._at.get(name)

    def close(self) -> None:
        """Let go of what finding made."""
        self._at, self._asked = None, 0

    def stamp(self, at: int) -> bytes:
        """Give one packed stamp."""
        return bytes(self._stamps[_row.size * at : _row.size * (at + 1)])

    def unpack(self, at: int) -> Stamp:
        """Give one stamp."""
        return Stamp(*_row.unpack_from(self._stamps, _row.size * at))

    def flag(self, at: int) -> int:
        """Give the flags of one."""
        return self._flags[at]

    def digest(self, at: int) -> bytes:
        """Give the 32 bytes of one digest."""
        return bytes(self._digests[32 * at : 32 * at + 32])

    def size(self, at: int) -> int:
        """Give the size of one, in bytes."""
        found: int = _row.unpack_from(self._stamps, _row.size * at)[0]
        return found

    def entry(self, path: str, at: int) -> Entry | None:
        """Give what one was when it was read, which has this path; None where it was not read."""
        flag = self._flags[at]
        if flag & (IGNORED | UNREAD):
            return None
        mode = 0o755 if flag & EXECUTABLE else 0o644
        return Entry(path, Digest("sha256:" + self.digest(at).hex()), self.size(at), mode)

    def unread(self) -> Iterator[tuple[str, Stamp, int]]:
        """Give name, stamp and flags of those that are to be read."""
        if self.is_read():
            return
        flags, stamps, names = bytes(self._flags), bytes(self._stamps), self.listed()
        for at, flag in enumerate(flags):
            if flag & UNREAD:
                yield names[at], Stamp(*_row.unpack_from(stamps, _row.size * at)), flag

    def links(self) -> list[str]:
        """Name the symbolic links."""
        if self.is_plain():
            return []
        return [name for name, flag in zip(self.listed(), self._flags, strict=True) if flag & LINK]

    def silent(self) -> Iterator[str]:
        """Name those of which nothing is known: not read yet, or left out."""
        if len(self) < len(self._flags):
            yield from (
                name for name, flag in zip(self.listed(), self._flags, strict=True) if flag & (IGNORED | UNREAD)
            )

    def is_read(self) -> bool:
        """Tell whether nothing is to be read."""
        return not any(flag & UNREAD for flag in set(self._flags))

    def sizes(self) -> list[int]:
        """Give the sizes of those that are to be read."""
        if self.is_read():
            return []
        return [self.size(at) for at, flag in enumerate(self._flags) if flag & UNREAD]

    def put(self, name: str, stamp: bytes, digest: bytes, flag: int, *, at: int | None) -> None:
        """Write one row: `at` the place where `find` has found its name, or behind all others."""
        if isinstance(self._flags, bytes):
            self._stamps, self._digests = bytearray(self._stamps), bytearray(self._digests)
            self._flags = bytearray(self._flags)
        if at is None:
            at = len(self._flags)
            self._added.append(name)
            if self._at is not None:
                self._at[name] = at
        self._stamps[_row.size * at : _row.size * (at + 1)] = stamp  # type: ignore[index]
        self._digests[32 * at : 32 * at + 32] = digest  # type: ignore[index]
        self._flags[at : at + 1] = bytes([flag])

    def remove(self, names: Iterable[str]) -> None:
        """Forget files."""
        gone = set(names)
        kept = [(name, at) for at, name in enumerate(self.listed()) if name not in gone]
        self._names, self._added = join_names(name for name, _ in kept), []
        self._stamps = b"".join(self.stamp(at) for _, at in kept)
        self._digests = b"".join(self.digest(at) for _, at in kept)
        self._flags = bytes(self._flags[at] for _, at in kept)
        self._at = None


class Listing:
    """A block in the making: the rows of a folder as it is listed now."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._stamps: list[bytes] = []
        self._digests: list[bytes] = []
        self._flags = bytearray()

    def add(self, name: str, stamp: bytes, digest: bytes, flag: int) -> None:
        """Append a row."""
        self.names.append(name)
        self._stamps.append(stamp)
        self._digests.append(digest)
        self._flags.append(flag)

    def ignore(self, name: str) -> None:
        """Note a file that is left out."""
        self.add(name, NO_STAMP, NO_DIGEST, IGNORED)

    def see(self, name: str, stamp: bytes, flag: int) -> None:
        """Note a file that is to be read."""
        self.add(name, stamp, NO_DIGEST, flag | UNREAD)

    def block(self) -> Block:
        """Make it a block."""
        return Block(join_names(self.names), b"".join(self._stamps), b"".join(self._digests), bytes(self._flags))

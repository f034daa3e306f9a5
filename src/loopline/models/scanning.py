"""scanning: what a model's files hold, found without loading or running anything.

Zips (skops, PyTorch, npz) are opened, and zips inside them; joblib's compressed files are decompressed; every file is tried
as a pickle, whatever it is called.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from loopline.errors import NotFound
from loopline.models.pickles import names_in

LIMIT: Final = 2 << 30
"""Bytes looked at in one file after decompression; what is larger is reported as a problem, not as clean."""
_DEPTH: Final = 4


class _Reads(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


_PACKED: Final[tuple[tuple[bytes, Callable[[io.BytesIO], _Reads]], ...]] = (
    (b"\x1f\x8b", lambda raw: gzip.GzipFile(fileobj=raw)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ", lzma.LZMAFile),
)


@dataclass(frozen=True, slots=True)
class Scanned:
    """One file, or one member of an archive (`model.zip!data.pkl`)."""

    path: str
    size: int
    format: str
    """pickle, skops, zip, numpy, json or other."""
    pickle: bool
    """Whether whoever loads it unpickles."""
    types: tuple[str, ...] = ()
    """What it names: types in a skops schema, imports in a pickle."""
    problem: str = ""
    """Why it could not be looked at as a whole; such a file is not clean."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a model holds."""

    files: tuple[Scanned, ...]

    @property
    def pickle(self) -> bool:
        """Whether any part is a pickle."""
        return any(one.pickle for one in self.files)

    @property
    def types(self) -> tuple[str, ...]:
        """All types that any part names, sorted."""
        return tuple(sorted({name for one in self.files for name in one.types}))

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be looked at."""
        return tuple(f"{one.path}: {one.problem}" for one in self.files if one.problem)


def scan(path: Path) -> Scan:
    """Look at a file, or at all files of a folder, in the order of their names. Raise NotFound kind="no-model"."""
    path = Path(path)
    if path.is_file():
        return Scan(tuple(_scan_bytes(path.name, *_read(path), 0)))
    if not path.is_dir():
        raise NotFound(f"{path} does not exist", kind="no-model", hint="name a model's folder or file", path=str(path))
    found: list[Scanned] = []
    for one in sorted(path.rglob("*")):
        if one.is_file():
            found.extend(_scan_bytes(one.relative_to(path).as_posix(), *_read(one), 0))
    return Scan(tuple(found))


def _read(path: Path) -> tuple[bytes, str]:
    with path.open("rb") as stream:
        return _bounded(stream)


def _bounded(stream: _Reads) -> tuple[bytes, str]:
    """Read up to the limit, and say where there was more or it broke."""
    parts: list[bytes] = []
    left = LIMIT
    try:
        while left and (chunk := stream.read(min(left, 1 << 20))):
            parts.append(chunk)
            left -= len(chunk)
        problem = "" if left or not stream.read(1) else f"larger than {LIMIT} bytes: not looked at as a whole"
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        problem = f"damaged: {error}"
    return b"".join(parts), problem


def _scan_bytes(path: str, data: bytes, problem: str, depth: int) -> Iterator[Scanned]:
    if zipfile.is_zipfile(io.BytesIO(data)):  # also where something stands in front of the archive
        yield from _scan_zip(path, data, depth)
    elif data.startswith(b"\x93NUMPY"):
        # An array of objects is a pickle behind numpy's header.
        objects = b"|O" in data[: 10 + int.from_bytes(data[8:12], "little") % 65_536]
        yield Scanned(path, len(data), "numpy", objects, ("?",) if objects else (), problem)
    else:
        yield _scan_plain(path, data, problem)


def _scan_zip(path: str, data: bytes, depth: int) -> Iterator[Scanned]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        yield Scanned(path, len(data), "zip", pickle=False, problem=f"damaged: {error}")
        return
    types, problem = _schema_types(archive) if "schema.json" in names else ((), "")
    if depth >= _DEPTH:
        problem = f"archives inside archives, more than {_DEPTH} deep: not looked at"
    yield Scanned(path, len(data), "skops" if types else "zip", pickle=False, types=types, problem=problem)
    for info in archive.infolist() if depth < _DEPTH else ():
        if info.is_dir():
            continue
        try:
            with archive.open(info) as member:
                inner = _bounded(member)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError) as error:
            yield Scanned(
                f"{path}!{info.filename}", info.file_size, "other", pickle=False, problem=f"unreadable: {error}"
            )
            continue
        yield from _scan_bytes(f"{path}!{info.filename}", *inner, depth + 1)


def _schema_types(archive: zipfile.ZipFile) -> tuple[tuple[str, ...], str]:
    """Name the types of a skops schema; an archive whose schema is none is a plain zip."""
    try:
        found: set[str] = set()
        waiting = [json.loads(archive.read("schema.json"))]
        while waiting:
            here = waiting.pop()
            if isinstance(here, dict):
                if "__module__" in here and "__class__" in here:
                    found.add(f"{here['__module__']}.{here['__class__']}")
                waiting.extend(here.values())
            elif isinstance(here, list):
                waiting.extend(here)
    except (ValueError, zipfile.BadZipFile, RecursionError) as error:
        return (), f"its schema.json cannot be read: {error}"
    return tuple(sorted(found)), ""


def _scan_plain(path: str, data: bytes, problem: str) -> Scanned:
    plain = data
    for mark, opened in _PACKED:
        if data.startswith(mark):
            plain, problem = _bounded(opened(io.BytesIO(data)))
    if data[:1] == b"\x78":  # joblib compresses with bare zlib
        stream = zlib.decompressobj()
        try:
            plain = stream.decompress(data, LIMIT) or data
            problem = problem or (
                f"larger than {LIMIT} bytes: not looked at as a whole" if stream.unconsumed_tail else ""
            )
        except zlib.error:
            plain = data
    if not problem and _is_json(plain):
        return Scanned(path, len(data), "json", pickle=False)
    stream_found = names_in(plain)
    if stream_found.pickle:
        return Scanned(path, len(data), "pickle", pickle=True, types=stream_found.names, problem=problem)
    return Scanned(path, len(data), "other", pickle=False, problem=problem)


def _is_json(data: bytes) -> bool:
    if data[:1] not in (b"{", b"["):
        return False
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True

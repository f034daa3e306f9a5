"""dvcobjects: the hashes by which DVC names bytes, where they lie, and its listings of folders.

DVC 3 names a file by its md5, below `files/md5/`. DVC 2 hashed text as if its lines ended by LF alone (`md5-dos2unix`), at the
root of the same cache. A folder is a JSON list of its files, named by the md5 of that list with `.dir` behind it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from loopline.datasets.path import check_path
from loopline.errors import Invalid

MD5: Final = "md5"
LEGACY: Final = "md5-dos2unix"
DIR: Final = ".dir"
BLOCK: Final = 1 << 20
"""Bytes that DVC reads at a time: what it takes for text, it decides for each block."""
_HASH: Final = re.compile(r"[0-9a-f]{32}(\.dir)?\Z")
_TEXT: Final = bytes(range(32, 127)) + b"\n\r\t\f\b"
_LOOKED_AT: Final = 512


def is_hash(value: str) -> bool:
    """Tell whether this is an md5, or that of a folder."""
    return bool(_HASH.match(value))


def place_of(value: str, algorithm: str = MD5) -> str:
    """Say where an object lies in a cache or a remote."""
    folder = "files/md5/" if algorithm == MD5 else ""
    return f"{folder}{value[:2]}/{value[2:]}"


class Summing:
    """The hashes of one file, whose bytes come in blocks of `BLOCK`, the last one shorter."""

    def __init__(self, algorithm: str = MD5) -> None:
        self._plain = _md5()
        self._legacy = [_md5(), _md5()] if algorithm == LEGACY else []
        self._text: bool | None = None

    def update(self, block: bytes) -> None:
        """Take the next block."""
        self._plain.update(block)
        if not self._legacy:
            return
        is_text = _is_text(block[:_LOOKED_AT])
        self._text = is_text if self._text is None else self._text
        unix = block.replace(b"\r\n", b"\n")
        each, first = self._legacy
        each.update(unix if is_text else block)
        first.update(unix if self._text else block)

    @property
    def md5(self) -> str:
        """Give the md5 of the bytes as they are."""
        return self._plain.hexdigest()

    @property
    def value(self) -> str:
        """Give what DVC calls them."""
        return (self._legacy or [self._plain])[0].hexdigest()

    def is_(self, value: str) -> bool:
        """Tell whether DVC calls the bytes so. Before 2.0 the first block said for the whole file whether it is text."""
        wanted = value.removesuffix(DIR)
        return wanted in {one.hexdigest() for one in self._legacy or [self._plain]}


def sums_of(data: bytes, algorithm: str = MD5) -> Summing:
    """Hash bytes that are all there."""
    summing = Summing(algorithm)
    for start in range(0, len(data), BLOCK):
        summing.update(data[start : start + BLOCK])
    return summing


def listing(files: Mapping[str, str]) -> bytes:
    """Write the list of a folder's files, md5 by path, to the byte as DVC does."""
    return json.dumps([{"md5": files[path], "relpath": path} for path in sorted(files)], sort_keys=True).encode()


def listed(data: bytes, value: str) -> dict[str, str]:
    """Read the list of a folder's files: hashes by path. Raise Invalid kind="bad-dvc-object" or "bad-path"."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise _bad(value, "is no JSON") from None
    if not isinstance(found, list):
        raise _bad(value, "is no list")
    files: dict[str, str] = {}
    for one in found:
        path, hashed = (one.get("relpath"), one.get("md5")) if isinstance(one, dict) else (None, None)
        if not isinstance(path, str) or not isinstance(hashed, str) or not is_hash(hashed) or hashed.endswith(DIR):
            raise _bad(value, "has a line without path and md5")
        check_path(path)
        files[path] = hashed
    return files


def ordered(files: Iterable[str]) -> Sequence[str]:
    """Sort paths as a tree has them."""
    return sorted(files, key=str.encode)


def _bad(value: str, why: str) -> Invalid:
    return Invalid(
        f"{value}, DVC's list of a folder, {why}",
        kind="bad-dvc-object",
        hint="dvc pull gets it again",
        value=value,
        why=why,
    )


def _is_text(block: bytes) -> bool:
    if not block:
        return True
    return b"\x00" not in block and len(block.translate(None, _TEXT)) / len(block) <= 0.30


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)

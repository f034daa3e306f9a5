"""path: which strings may name a file in a tree, and in what order they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from loopline.errors import Invalid

MOST_BYTES: Final = 4096
"""Length of the longest path, in UTF-8 bytes (Linux's PATH_MAX)."""


def check_path(path: str) -> bytes:
    """Give the key of `path`: its UTF-8 bytes. Raise Invalid kind="bad-path", naming the rule that was broken."""
    try:
        key = path.encode()
    except UnicodeEncodeError:
        raise _bad(path, "is not UTF-8", "rename the file") from None
    if not key:
        raise _bad(path, "is empty", "name a file inside the folder")
    if key.startswith(b"/"):
        raise _bad(path, "is absolute", "write it relative to the dataset's folder")
    if b"\0" in key:
        raise _bad(path, "holds a NUL", "rename the file")
    if len(key) > MOST_BYTES:
        raise _bad(path, f"is longer than {MOST_BYTES} bytes", "shorten it")
    if not are_paths([key]):
        raise _bad(path, "has an empty, '.' or '..' part", "write it with plain names between single slashes")
    return key


def are_paths(keys: Sequence[bytes]) -> bool:
    """Tell whether each key is one that `check_path` gives, in one pass over all of them."""
    if not keys:
        return True
    joined = b"/" + b"/\0/".join(keys) + b"/"
    if joined.count(b"\0") != len(keys) - 1 or max(map(len, keys)) > MOST_BYTES:
        return False
    if b"//" in joined or b"/./" in joined or b"/../" in joined:
        return False
    try:
        joined.decode()
    except UnicodeDecodeError:
        return False
    return True


def join_path(folder: str, name: str) -> str:
    """Give the path of what has this name in a folder; "" is the folder at the top."""
    return f"{folder}/{name}" if folder else name


def after_prefix(prefix: bytes) -> bytes | None:
    """Give the smallest key above all that start with `prefix`; None where there is no such bound."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else None


def _bad(path: str, why: str, hint: str) -> Invalid:
    shown = path if len(path) <= 200 else path[:200] + "…"
    return Invalid(f"{shown!r} cannot name a file: it {why}", kind="bad-path", hint=hint, path=path)

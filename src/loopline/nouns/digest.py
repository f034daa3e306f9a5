"""digest: the one name that bytes have."""

from __future__ import annotations

import re
from typing import NewType

from loopline.errors import Invalid

Digest = NewType("Digest", str)
"""`sha256:` and 64 lower-case hex digits."""

MIN_PREFIX = 12
"""Hex digits a shortened digest must have, so that a prefix is a name and not a guess."""

_WHOLE = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PREFIX = re.compile(r"sha256:[0-9a-f]{12,64}\Z")


def digest_of(data: bytes | bytearray | memoryview) -> Digest:
    """Name these bytes."""
    import hashlib  # a read command never hashes

    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def parse_digest(text: str) -> Digest:
    """Take a whole digest as written by a person or a wire. Raise Invalid for anything else."""
    if not _WHOLE.match(text):
        raise Invalid(f"{text!r} is not a digest", kind="bad-digest", hint="write sha256: and 64 hex digits", text=text)
    return Digest(text)


def find_digest(text: str | None) -> Digest | None:
    """Take a whole digest out of what somebody wrote down; None where it is anything else."""
    return Digest(text) if text and _WHOLE.match(text) else None


def is_digest_prefix(text: str) -> bool:
    """Tell whether `text` is `sha256:` and 12 to 64 hex digits."""
    return bool(_PREFIX.match(text))


def short(digest: str) -> str:
    """Give the first twelve hex digits, for people."""
    return digest.removeprefix("sha256:")[:MIN_PREFIX]

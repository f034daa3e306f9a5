"""checksums: the sums that clients send along, and what is needed for them."""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from loopline.faces.s3.errors import Fault

LENGTHS: Final = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
"""Algorithms by name, with the bytes of their sums."""
PREFIX: Final = "x-amz-checksum-"
FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"


class Sum(Protocol):
    """A sum that grows."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Give the sum of all."""


class _Crc:
    def __init__(self, step: Callable[[bytes, int], int], length: int) -> None:
        self._step, self._length, self._state = step, length, 0

    def update(self, data: bytes, /) -> None:
        self._state = self._step(data, self._state)

    def digest(self) -> bytes:
        return self._state.to_bytes(self._length, "big")


def sum_of(algorithm: str) -> Sum:
    """Begin a sum. Raise Fault for one that needs a library which is not there."""
    match algorithm:
        case "CRC32":
            return _Crc(zlib.crc32, 4)
        case "SHA1":
            return hashlib.sha1(usedforsecurity=False)
        case "SHA256":
            return hashlib.sha256()
        case "CRC32C":
            return _Crc(_crt().crc32c, 4)
        case "CRC64NVME":
            return _Crc(_crt().crc64nvme, 8)
    raise Fault("InvalidRequest", f"The checksum algorithm {algorithm[:20]} is not known here.")


def written(value: bytes) -> str:
    """Write a sum as the protocol does."""
    return b64encode(value).decode()


def parsed(algorithm: str, text: str) -> str:
    """Give a sum as it is written. Raise Fault for what is none."""
    try:
        if len(b64decode(text, validate=True)) == LENGTHS[algorithm]:
            return text
    except (Error, ValueError):
        pass
    raise Fault("InvalidRequest", f"Value for {PREFIX}{algorithm.lower()} header is invalid.")


def sent(headers: Mapping[str, str]) -> dict[str, str]:
    """Give the sums that headers hold, by algorithm."""
    return {
        name: parsed(name, headers[f"{PREFIX}{name.lower()}"])
        for name in LENGTHS
        if f"{PREFIX}{name.lower()}" in headers
    }


def named(text: str) -> str:
    """Give an algorithm's name as we write it. Raise Fault for one that is not known."""
    name = text.upper().replace("-", "")
    if name not in LENGTHS:
        raise Fault("InvalidRequest", f"The checksum algorithm {text[:20]} is not known here.")
    return name


def composed(algorithm: str, parts: list[str]) -> str:
    """Give the sum over the sums of parts, with their number."""
    total = sum_of(algorithm)
    for one in parts:
        total.update(b64decode(one))
    return f"{written(total.digest())}-{len(parts)}"


def _crt() -> Any:
    try:
        from awscrt import checksums
    except ImportError:
        raise Fault(
            "NotImplemented", "CRC32C and CRC64NVME need pip install 'loopline[s3door]' on the server; CRC32 does not."
        ) from None
    return checksums

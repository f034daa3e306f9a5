"""sums: how much there is of each kind, and a digest of all of it that does not depend on the order in which it is met.

A row's digest is the sha256 of its canonical form; the sum of several is that of their digests modulo 2²⁵⁶, so that two sides
which are read in different orders, in parts, and each only once, can still be held against each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from hashlib import sha256
from struct import Struct
from typing import Final

KINDS: Final = (
    "experiments", "runs", "params", "tags", "points", "inputs", "outputs", "files", "bytes", "logged models", "models",
    "versions", "aliases",
)  # fmt: skip
_SIZE: Final = 1 << 256
_POINT: Final = Struct("<qqd").pack
_NAN: Final = float("nan")


class Sums:
    """Counts and digests by kind. One thread uses it."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(KINDS, 0)
        self._digests = dict.fromkeys(KINDS, 0)

    def row(self, kind: str, *parts: object) -> None:
        """Count a row."""
        self.counts[kind] += 1
        told = json.dumps(parts, ensure_ascii=True, sort_keys=True, default=dict).encode()
        self.add(kind, int.from_bytes(sha256(told).digest()))

    def bytes(self, size: int) -> None:
        """Count bytes."""
        self.counts["bytes"] += size

    def many(self, kind: str, count: int, digest: int) -> None:
        """Count rows that were summed elsewhere."""
        self.counts[kind] += count
        self.add(kind, digest)

    def add(self, kind: str, digest: int) -> None:
        """Add a digest, without a count."""
        self._digests[kind] = (self._digests[kind] + digest) % _SIZE

    def digest(self, kind: str) -> str:
        """Give the digest of a kind."""
        return f"{self._digests[kind]:064x}"

    def digests(self) -> dict[str, int]:
        """Give the digest of each kind."""
        return dict(self._digests)

    def merge(self, other: Sums) -> None:
        """Add all of another one."""
        for kind in KINDS:
            self.many(kind, other.counts[kind], other._digests[kind])


def sum_of_points(run: str, key: str, points: Iterable[tuple[int, int, float | None]]) -> int:
    """Sum the points of a series: step, time in milliseconds, value."""
    begun = sha256(f"{run}\0{key}\0".encode())
    total = 0
    for step, time, value in points:
        one = begun.copy()
        one.update(_POINT(step, time, _NAN if value is None or math.isnan(value) else value))
        total += int.from_bytes(one.digest())
    return total % _SIZE

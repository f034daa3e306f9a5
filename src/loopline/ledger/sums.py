"""sums: what other algorithms make of bytes, by digest (table sums). Unlike an alias a sum names nothing: many bytes have one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loopline.nouns.digest import Digest
from loopline.store.database import Rows

_FEW = 500


class Sums:
    """Sums of the bytes of every project."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, digest: str, sums: Mapping[str, str]) -> None:
        """Write sums of some bytes down. Repeating is harmless."""
        self._insert((digest, algorithm, value) for algorithm, value in sorted(sums.items()))

    def add_all(self, algorithm: str, sums: Mapping[Digest, str]) -> None:
        """Write one sum of many bytes down, by digest. Repeating is harmless."""
        self._insert((digest, algorithm, value) for digest, value in sorted(sums.items()))

    def _insert(self, rows: Iterable[tuple[str, str, str]]) -> None:
        self._rows.many(
            "INSERT INTO sums (digest, algorithm, value) VALUES (?, ?, ?) ON CONFLICT (digest, algorithm) DO NOTHING",
            list(rows),
        )

    def of(self, digest: str) -> dict[str, str]:
        """Give the sums of some bytes, by algorithm."""
        return dict(self._rows.all("SELECT algorithm, value FROM sums WHERE digest = ?", digest))

    def all(self, algorithm: str, digests: Iterable[str]) -> dict[str, str]:
        """Give one sum of many bytes, by digest; what nobody has summed up is left out."""
        wanted, found = sorted(set(digests)), dict[str, str]()
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            marks = ", ".join("?" * len(few))
            found.update(
                self._rows.all(
                    f"SELECT digest, value FROM sums WHERE algorithm = ? AND digest IN ({marks})", algorithm, *few
                )
            )
        return found

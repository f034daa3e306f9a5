"""datasets: data as clients describe them, and which runs have read them (tables datasets, links).

The tags of a run's input are in taggings, under the subject `input/RUN/DIGEST`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from loopline.nouns.dataset import Dataset, Reading

if TYPE_CHECKING:
    from loopline.ledger.taggings import Taggings
    from loopline.nouns.digest import Digest
    from loopline.store.database import Rows

_FEW: Final = 500
_COLUMNS: Final = "d.name, d.sum, d.source_type, d.source, d.schema, d.profile"


class Summary(NamedTuple):
    """Data that runs of an experiment have read."""

    experiment: int
    name: str
    sum: str
    tag: str | None
    """What one of their tags says, where they have it."""


class Datasets:
    """Descriptions by the digest of their bytes."""

    def __init__(self, rows: Rows, taggings: Taggings) -> None:
        self._rows = rows
        self._taggings = taggings

    def describe(self, digest: Digest, one: Dataset) -> None:
        """Write a description down. Repeating is harmless."""
        self._rows.do(
            "INSERT INTO datasets (digest, name, sum, source_type, source, schema, profile) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (digest) DO NOTHING",
            digest, one.name, one.sum, one.source_type, one.source, one.schema, one.profile,
        )  # fmt: skip

    def tag(self, run: str, digest: Digest, reading: Reading) -> None:
        """Keep the tags of an input."""
        self._taggings.set(_subject(run, digest), reading.tags)

    def read_by(self, runs: Iterable[str]) -> dict[str, list[Reading]]:
        """Give what runs have read, in the order in which it was told; runs that have read nothing are left out."""
        wanted, rows = list(dict.fromkeys(runs)), []
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            rows += self._rows.all(
                f"SELECT l.run, l.digest, {_COLUMNS} FROM links l CROSS JOIN datasets d WHERE d.digest = l.digest"
                f" AND l.direction = 'in' AND l.run IN ({', '.join('?' * len(few))}) ORDER BY l.id",
                *few,
            )
        tags = self._taggings.of_all(_subject(row[0], row[1]) for row in rows)
        found: dict[str, list[Reading]] = {}
        for run, digest, *described in rows:
            found.setdefault(run, []).append(Reading(Dataset(*described), tags.get(_subject(run, digest), {})))
        return found

    def summaries(self, experiments: Sequence[int], tag: str, *, limit: int) -> list[Summary]:
        """Give what runs of some experiments have read, each once, with what one tag of it says."""
        found: list[Summary] = []
        for start in range(0, len(experiments), _FEW):
            few = experiments[start : start + _FEW]
            rows = self._rows.all(
                "SELECT DISTINCT r.experiment, d.name, d.sum, g.value FROM runs r CROSS JOIN links l CROSS JOIN datasets d"
                " LEFT JOIN taggings g ON g.subject = 'input/' || l.run || '/' || l.digest AND g.key = ?"
                " WHERE l.run = r.id AND l.direction = 'in' AND d.digest = l.digest"
                f" AND r.experiment IN ({', '.join('?' * len(few))}) ORDER BY 1, 2, 3, 4 LIMIT ?",
                tag, *few, limit - len(found),
            )  # fmt: skip
            found += [Summary(*row) for row in rows]
            if len(found) >= limit:
                break
        return found


def _subject(run: str, digest: str) -> str:
    return f"input/{run}/{digest}"

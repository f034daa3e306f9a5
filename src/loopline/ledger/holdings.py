"""holdings: which bytes a project has, so that nobody reads those of another by their digest (tables holdings, walked).

A project *holds* what was uploaded to it, and what its records name: versions, outputs, code, environments, logs. A tree is
*walked* when everything below it is written down as held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.digest import Digest
from loopline.store.database import Rows

BATCH: Final = 500
TREES: Final = (TREE, MODEL)
"""Media types of what is a tree of files."""
_NAMED: Final = (
    "SELECT v.digest FROM versions v CROSS JOIN assets a WHERE a.id = v.asset AND a.project = ? AND v.digest IN ({marks})",
    (
        "SELECT l.digest FROM links l CROSS JOIN runs r WHERE r.id = l.run AND r.project = ? AND l.direction = 'out'"
        " AND l.digest IN ({marks})"
    ),
    "SELECT code FROM runs WHERE project = ? AND code IN ({marks})",
    "SELECT environment FROM runs WHERE project = ? AND environment IN ({marks})",
    (
        "SELECT t.value FROM tags t CROSS JOIN runs r WHERE r.id = t.run AND r.project = ? AND t.key IN ('log', 'key')"
        " AND t.value IN ({marks})"
    ),
    (
        "SELECT s.digest FROM resolutions s CROSS JOIN merges m WHERE m.id = s.merge AND m.project = ?"
        " AND s.digest IN ({marks})"
    ),
)
"""Where records name bytes that their project made. What a run read may be another project's, and counts for nothing."""


class Holdings:
    """What each project holds."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, project: str, digests: Iterable[str]) -> None:
        """Write down that a project holds these. Repeating is harmless."""
        self._rows.many(
            "INSERT INTO holdings (project, digest) VALUES (?, ?) ON CONFLICT (project, digest) DO NOTHING",
            [(project, digest) for digest in sorted(set(digests))],
        )

    def among(self, project: str, digests: Iterable[str]) -> set[str]:
        """Give those that are written down as held."""
        return self._in("SELECT digest FROM holdings WHERE project = ? AND digest IN ({marks})", project, digests)

    def named(self, project: str, digests: Iterable[str]) -> set[str]:
        """Give those that a record of the project names as its own."""
        wanted, found = set(digests), set[str]()
        for sql in _NAMED:
            found |= self._in(sql, project, wanted - found)
        return found

    def walked(self, project: str, roots: Iterable[str]) -> set[str]:
        """Give those trees (or nodes of trees) below which everything is held."""
        return self._in("SELECT root FROM walked WHERE project = ? AND root IN ({marks})", project, roots)

    def walk(self, project: str, roots: Iterable[str]) -> None:
        """Write down that everything below these is held. Repeating is harmless."""
        self._rows.many(
            "INSERT INTO walked (project, root) VALUES (?, ?) ON CONFLICT (project, root) DO NOTHING",
            [(project, root) for root in sorted(set(roots))],
        )

    def forget(self, digests: Iterable[str]) -> None:
        """Let no project hold these by having uploaded them, nor count any tree as looked into: they are about to go."""
        self._rows.do("DELETE FROM walked")
        for chunk in _chunks(sorted(set(digests))):
            self._rows.do(f"DELETE FROM holdings WHERE digest IN ({', '.join('?' * len(chunk))})", *chunk)

    def roots(self, project: str) -> Iterator[Digest]:
        """Give the trees that records name and nobody has walked: of versions, the newest first, of what is staged, of runs."""
        unwalked = "NOT EXISTS (SELECT 1 FROM walked w WHERE w.project = ? AND w.root = {0})"
        marks = ", ".join("?" * len(TREES))
        versions = (
            "SELECT v.digest FROM artifacts t CROSS JOIN versions v CROSS JOIN assets a"
            f" WHERE t.media_type IN ({marks}) AND v.digest = t.digest AND a.id = v.asset AND a.project = ?"
            f" AND {unwalked.format('v.digest')} ORDER BY v.recorded_at DESC"
        )
        code = f"SELECT DISTINCT code FROM runs WHERE project = ? AND code IS NOT NULL AND {unwalked.format('code')}"
        outputs = (
            "SELECT DISTINCT l.digest FROM links l CROSS JOIN runs r WHERE r.id = l.run AND l.direction = 'out'"
            f" AND l.media_type IN ({marks}) AND r.project = ? AND {unwalked.format('l.digest')}"
        )
        staged = (
            "SELECT k.root FROM workings k WHERE k.root IS NOT NULL AND substr(k.owner, 1, ?) = ?"
            f" AND {unwalked.format('k.root')}"
        )
        here, owner = (project, project), f"{project}:"
        for sql, values in (
            (versions, (*TREES, *here)), (staged, (len(owner), owner, project)), (code, here), (outputs, (*TREES, *here)),
        ):  # fmt: skip
            for row in self._rows.all(sql, *values):
                yield Digest(row[0])

    def _in(self, sql: str, project: str, digests: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for chunk in _chunks(sorted(set(digests))):
            marks = ", ".join("?" * len(chunk))
            found.update(row[0] for row in self._rows.all(sql.format(marks=marks), project, *chunk))
        return found


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]

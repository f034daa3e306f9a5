"""lineage: what runs read and made, and the walks over it (tables links, packages)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

from loopline.errors import NotFound
from loopline.ledger.assets import Assets
from loopline.nouns.artifact import DATASET
from loopline.nouns.name import AssetName, parse_asset
from loopline.nouns.run import Link
from loopline.store.database import Row, Rows

BATCH = 500
"""Values in one `IN (…)`."""
FEW = 2000
"""Rows that are fetched at once; where there are more, it goes page by page."""
_DIGESTS = (
    (
        "versions",
        "digest",
        "SELECT 1 FROM versions v JOIN assets a ON a.id = v.asset WHERE v.digest = ? AND a.project = ?",
    ),
    (
        "links",
        "digest",
        "SELECT 1 FROM links l CROSS JOIN runs r WHERE r.id = l.run AND l.digest = ? AND r.project = ?",
    ),
    ("runs", "code", "SELECT 1 FROM runs WHERE code = ? AND project = ?"),
    ("runs", "environment", "SELECT 1 FROM runs WHERE environment = ? AND project = ?"),
)
"""Where digests are written, and how to tell whether a project has one."""


class Made(NamedTuple):
    """An output of a run, as the walk forward meets it."""

    digest: str
    run: str
    distance: int


class Lineage:
    """The edges of every run.

    `CROSS JOIN` keeps SQLite at the edges, from which it looks up the few runs that it needs; to PostgreSQL it is a join.
    """

    def __init__(self, rows: Rows, assets: Assets) -> None:
        self._rows = rows
        self._assets = assets

    def record(self, run: str, *, project: str, inputs: Iterable[Link] = (), outputs: Iterable[Link] = ()) -> None:
        """Write down what a run read and made."""
        self.record_all([(run, project, tuple(inputs), tuple(outputs))])

    def record_all(self, edges: Iterable[tuple[str, str, Sequence[Link], Sequence[Link]]]) -> None:
        """Write down what several runs read and made: (run, project, inputs, outputs)."""
        rows = [
            (run, way, one.name, one.digest, one.media_type, one.size, self._asset(project, one), one.number)
            for run, project, inputs, outputs in edges
            for way, links in (("in", inputs), ("out", outputs))
            for one in links
        ]
        if rows:
            self._rows.many(
                "INSERT INTO links (run, direction, name, digest, media_type, size, asset, number)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def renew(self, run: str, link: Link, *, project: str) -> bool:
        """Say that an output of a run is these bytes now, in the place of what had its name; False where it was already."""
        rows = self._rows.all(
            "SELECT digest FROM links WHERE run = ? AND direction = 'out' AND name = ?", run, link.name
        )
        if [row[0] for row in rows] == [link.digest]:
            return False
        self._rows.do("DELETE FROM links WHERE run = ? AND direction = 'out' AND name = ?", run, link.name)
        self.record(run, project=project, outputs=(link,))
        return True

    def unread(self, run: str, inputs: Iterable[Link], *, project: str) -> list[Link]:
        """Give those inputs that are not written down of a run yet: several processes of it may tell of the same."""
        rows = self._rows.all("SELECT name, digest, asset, number FROM links WHERE run = ? AND direction = 'in'", run)
        known = {tuple(row) for row in rows}
        return [one for one in inputs if (one.name, one.digest, self._asset(project, one), one.number) not in known]

    def publish(self, run: str, name: str, asset: AssetName, number: int) -> None:
        """Say under which version an output became known."""
        self._rows.do(
            "UPDATE links SET asset = ?, number = ? WHERE run = ? AND direction = 'out' AND name = ?",
            self._assets.id_of(asset), number, run, name,
        )  # fmt: skip

    def makers(self, project: str, digest: str) -> list[str]:
        """Give the project's runs that made these bytes, first maker first; whole pipelines before their steps.

        Of bytes that were made over and over (from the cache, every night) only the first makers are looked at.
        """
        rows = self._rows.all(
            "SELECT l.run FROM (SELECT DISTINCT o.run FROM links o CROSS JOIN runs p"
            f" WHERE p.id = o.run AND p.project = ? AND o.digest = ? AND o.direction = 'out' ORDER BY o.run LIMIT {BATCH}) l"
            " JOIN runs r ON r.id = l.run WHERE r.deleted_at IS NULL ORDER BY r.parent IS NOT NULL, r.state = 'cached', r.id",
            project, digest,
        )  # fmt: skip
        return [row[0] for row in rows]

    def readers(self, project: str, digest: str, *, limit: int = 1000) -> list[str]:
        """Give the project's runs that read these bytes, oldest first."""
        return list(islice((run for page in self._readers(project, [digest]) for run in page), limit))

    def known(self, project: str, prefix: str, *, limit: int = 100) -> list[str]:
        """Give the whole digests that begin so, of a project's versions, code, environments, and of what its runs read or made.

        It looks one digest up after the other: one may stand on half of all edges.
        """
        found: set[str] = set()
        for table, column, owner in _DIGESTS:
            here = prefix
            while len(found) < limit:
                row = self._rows.one(
                    f"SELECT {column} FROM {table} WHERE {column} >= ? AND {column} < ? ORDER BY {column} LIMIT 1",
                    here, prefix + "g",
                )  # fmt: skip
                if row is None:
                    break
                if row[0] not in found and self._rows.one(f"{owner} LIMIT 1", row[0], project):
                    found.add(row[0])
                here = row[0] + "0"
        return sorted(found)

    def titles(self, project: str, digests: Iterable[str]) -> dict[str, str]:
        """Give what the project's runs call data that lives elsewhere, by digest."""
        found: dict[str, str] = {}
        for chunk in _chunks(sorted(set(digests))):
            marks = ", ".join("?" * len(chunk))
            for (digest,) in self._rows.all(
                f"SELECT digest FROM artifacts WHERE media_type = ? AND digest IN ({marks})", DATASET, *chunk
            ):
                row = self._rows.one(
                    "SELECT l.name FROM links l CROSS JOIN runs r WHERE r.id = l.run AND l.digest = ? AND r.project = ? LIMIT 1",
                    digest, project,
                )  # fmt: skip
                if row:
                    found[digest] = row[0]
        return found

    def forward(
        self, project: str, digests: Iterable[str], *, runs: Iterable[str] = (), limit: int = 10_000
    ) -> Iterator[Made]:
        """Walk from digests and runs of a project to all that it made from them, nearest first, each digest once."""
        seen = set(digests)
        frontier = sorted(seen)
        waiting = list(dict.fromkeys(runs))
        walked: set[str] = set()
        distance, given = 0, 0
        while frontier or waiting:
            distance += 1
            made: list[str] = []
            for page in chain(self._outputs_of(waiting), self._made_from(project, frontier, walked)):
                for digest, run in page:
                    if digest in seen:
                        continue
                    seen.add(digest)
                    made.append(digest)
                    yield Made(digest, run, distance)
                    given += 1
                    if given >= limit:
                        return
            frontier, waiting = made, []

    def pack(self, environment: str, packages: Mapping[str, str]) -> None:
        """Write down which packages an environment holds. Repeating is harmless."""
        self._rows.many(
            "INSERT INTO packages (environment, name, version) VALUES (?, ?, ?) ON CONFLICT (environment, name) DO NOTHING",
            [(environment, name, version) for name, version in packages.items()],
        )

    def packed(self, environment: str) -> dict[str, str]:
        """Give the packages of an environment."""
        return dict(
            self._rows.all("SELECT name, version FROM packages WHERE environment = ? ORDER BY name", environment)
        )

    def runs_with_package(self, project: str, name: str, version: str = "", *, limit: int = 1000) -> list[str]:
        """Give the runs whose environment held a package (of one version, if named)."""
        rows = self._rows.all(
            "SELECT r.id FROM packages p JOIN runs r ON r.environment = p.environment"
            " WHERE p.name = ? AND (? = '' OR p.version = ?) AND r.project = ? AND r.deleted_at IS NULL ORDER BY r.id LIMIT ?",
            name, version, version, project, limit,
        )  # fmt: skip
        return [row[0] for row in rows]

    def runs_with(self, project: str, column: str, value: str, *, limit: int = 1000) -> list[str]:
        """Give the runs with this `code`, `environment` or `git_commit`."""
        if column not in ("code", "environment", "git_commit"):
            msg = f"no such column: {column}"
            raise AssertionError(msg)
        rows = self._rows.all(
            f"SELECT id FROM runs WHERE {column} = ? AND project = ? AND deleted_at IS NULL ORDER BY id LIMIT ?",
            value, project, limit,
        )  # fmt: skip
        return [row[0] for row in rows]

    def _made_from(self, project: str, digests: list[str], walked: set[str]) -> Iterator[list[Row]]:
        """Give the outputs of the runs that read any of `digests`, by one query where they are few, else a page at a time."""
        for chunk in _chunks(digests):
            marks = ", ".join("?" * len(chunk))
            rows = self._rows.all(
                "SELECT o.digest, o.run FROM links i CROSS JOIN runs r CROSS JOIN links o"
                " WHERE r.id = i.run AND r.project = ? AND o.run = r.id AND o.direction = 'out'"
                f" AND i.direction = 'in' AND i.digest IN ({marks}) LIMIT {FEW}",  # as a value it costs a third more
                project, *chunk,
            )  # fmt: skip
            if len(rows) < FEW:
                yield rows
                continue
            for runs in self._readers(project, chunk):
                fresh = [run for run in runs if run not in walked]
                walked.update(fresh)
                yield from self._outputs_of(fresh)

    def _readers(self, project: str, digests: list[str]) -> Iterator[list[str]]:
        """Give the runs that read any of `digests`, oldest first, a page at a time: half of all runs may have read one."""
        marks = ", ".join("?" * len(digests))
        after = ""
        while True:
            rows = self._rows.all(
                "SELECT DISTINCT l.run FROM links l CROSS JOIN runs r WHERE r.id = l.run AND r.project = ?"
                f" AND l.direction = 'in' AND l.digest IN ({marks}) AND l.run > ? ORDER BY l.run LIMIT {BATCH}",
                project, *digests, after,
            )  # fmt: skip
            yield [row[0] for row in rows]
            if len(rows) < BATCH:
                return
            after = rows[-1][0]

    def _outputs_of(self, runs: list[str]) -> Iterator[list[Row]]:
        for chunk in _chunks(runs):
            marks = ", ".join("?" * len(chunk))
            yield self._rows.all(
                f"SELECT digest, run FROM links WHERE direction = 'out' AND run IN ({marks}) ORDER BY id",
                *chunk,
            )

    def _asset(self, project: str, link: Link) -> int | None:
        if link.asset is None:
            return None
        name = parse_asset(link.asset, project=project)
        here = self._assets.id_of(name)
        if here is None and name.project != project:
            raise NotFound(
                f"there is no {name.key}", kind="no-asset", hint="loopline ls", asset=name.key, project=project
            )
        return self._assets.ensure(name) if here is None else here


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]

"""lineage: what runs read and made, and the walks over it (tables links, packages)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loopline.ledger.assets import Assets
from loopline.nouns.name import AssetName, parse_asset
from loopline.nouns.run import Link
from loopline.store.database import Row, Rows

BATCH = 500
"""Values in one `IN (…)`."""


@dataclass(frozen=True, slots=True)
class Made:
    """An output of a run, as the walk forward meets it."""

    digest: str
    run: str
    distance: int
    asset: AssetName | None
    number: int | None


class Lineage:
    """The edges of every run."""

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
                "INSERT INTO links (run, direction, name, digest, media_type, size, asset, number) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def publish(self, run: str, name: str, asset: AssetName, number: int) -> None:
        """Say under which version an output became known."""
        self._rows.do(
            "UPDATE links SET asset = ?, number = ? WHERE run = ? AND direction = 'out' AND name = ?",
            self._assets.id_of(asset), number, run, name,
        )  # fmt: skip

    def makers(self, digest: str) -> list[str]:
        """Give the runs that made these bytes, first maker first; whole pipelines before their steps."""
        rows = self._rows.all(
            "SELECT l.run FROM links l JOIN runs r ON r.id = l.run WHERE l.digest = ? AND l.direction = 'out' AND r.deleted_at IS NULL"
            " ORDER BY r.parent IS NOT NULL, r.state = 'cached', r.id LIMIT 100",
            digest,
        )  # fmt: skip
        return list(dict.fromkeys(row[0] for row in rows))

    def readers(self, digest: str, *, limit: int = 1000) -> list[str]:
        """Give the runs that read these bytes, oldest first."""
        rows = self._rows.all(
            "SELECT DISTINCT run FROM links WHERE digest = ? AND direction = 'in' ORDER BY run LIMIT ?", digest, limit
        )
        return [row[0] for row in rows]

    def forward(self, digests: Iterable[str], *, runs: Iterable[str] = (), limit: int = 10_000) -> Iterator[Made]:
        """Walk from digests and runs to everything made from them, nearest first, each digest once, at most `limit`."""
        seen = set(digests)
        frontier = list(seen)
        walked: set[str] = set()
        waiting = list(dict.fromkeys(runs))
        distance, given = 0, 0
        while frontier or waiting:
            distance += 1
            reached = self._runs_reading(frontier) + waiting
            new_runs = [run for run in dict.fromkeys(reached) if run not in walked]
            walked.update(new_runs)
            frontier, waiting = [], []
            for row in self._outputs_of(new_runs):
                if row[0] in seen:
                    continue
                seen.add(row[0])
                frontier.append(row[0])
                name = self._assets.name_of(row[2]) if row[2] is not None else None
                yield Made(row[0], row[1], distance, name, row[3])
                given += 1
                if given >= limit:
                    return

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
            value,
            project,
            limit,
        )
        return [row[0] for row in rows]

    def _runs_reading(self, digests: list[str]) -> list[str]:
        found: list[str] = []
        for chunk in _chunks(digests):
            marks = ", ".join("?" * len(chunk))
            rows = self._rows.all(f"SELECT run FROM links WHERE direction = 'in' AND digest IN ({marks})", *chunk)
            found.extend(row[0] for row in rows)
        return found

    def _outputs_of(self, runs: list[str]) -> Iterator[Row]:
        for chunk in _chunks(runs):
            marks = ", ".join("?" * len(chunk))
            yield from self._rows.all(
                f"SELECT digest, run, asset, number FROM links WHERE direction = 'out' AND run IN ({marks}) ORDER BY id",
                *chunk,
            )

    def _asset(self, project: str, link: Link) -> int | None:
        return None if link.asset is None else self._assets.ensure(parse_asset(link.asset, project=project))


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]

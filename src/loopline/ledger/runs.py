"""runs: what was executed (tables experiments, runs, params, tags, marks)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from loopline.errors import Conflict, NotFound
from loopline.ledger.assets import not_deleted
from loopline.nouns.name import AssetName
from loopline.nouns.run import Link, Run, RunState
from loopline.store.database import Row, Rows

_COLUMNS = (
    "r.id, r.project, r.name, r.kind, r.state, e.name, r.parent, r.actor, r.started_at, r.ended_at, r.recorded_at, r.code,"
    " r.git_commit, r.environment, r.cache_key, r.origin, r.error, r.foreign_id"
)
_SELECT = f"SELECT {_COLUMNS} FROM runs r JOIN experiments e ON e.id = r.experiment"
BY_ID = f"{_SELECT} WHERE r.project = ? AND r.id >= ? AND r.id < ? AND (r.deleted_at IS NULL OR ? = 1) LIMIT 2"
BY_FOREIGN = f"{_SELECT} WHERE r.project = ? AND r.foreign_id = ? AND (r.deleted_at IS NULL OR ? = 1) LIMIT 2"
"""In one condition, the two would walk through every run of the project."""
LEAST = 4
"""Digits that the beginning of an id must have, so that it is a name and not a guess."""


def anything(run: Run) -> None:
    """Accept a run."""


class Runs:
    """The runs of every project."""

    def __init__(self, rows: Rows, now: int) -> None:
        self._rows = rows
        self._now = now
        self._experiments: dict[tuple[str, str], int] = {}
        self.marks: Mapping[str, str] = {}
        """Tags that every run gets which is started in this transaction: which task it came of."""
        self.accepts: Callable[[Run], None] = anything
        """Raises for a run that this transaction may not start."""

    def experiment(self, project: str, name: str) -> int:
        """Give an experiment's id, creating it where it is missing and reviving it where it was deleted."""
        known = self._experiments.get((project, name))
        if known is None:
            row = self._rows.one(
                "SELECT id FROM experiments WHERE project = ? AND name = ? AND deleted_at IS NULL", project, name
            )
            row = row or self._rows.one(
                "INSERT INTO experiments (project, name, created_at) VALUES (?, ?, ?)"
                " ON CONFLICT (project, name) DO UPDATE SET deleted_at = NULL RETURNING id",
                project, name, self._now,
            )  # fmt: skip
            known = self._experiments[project, name] = int(row[0]) if row else 0
        return known

    def start(self, run: Run) -> Run:
        """Write a run down, with its params and tags. Starting the same id twice is a Conflict."""
        return self.start_all([run])[0]

    def start_all(self, runs: Iterable[Run]) -> list[Run]:
        """Write several down at once."""
        done = [replace(run, recorded_at=self._now, tags={**run.tags, **self.marks}) for run in runs]
        for run in done:
            self.accepts(run)
            if self._rows.one("SELECT 1 FROM runs WHERE id = ?", run.id):
                raise Conflict(
                    f"run {run.id} is already there", kind="run-exists", hint="start it under a new id", run=run.id
                )
        self._rows.many(
            "INSERT INTO runs (id, project, experiment, name, kind, state, parent, actor, started_at, ended_at, recorded_at,"
            " code, git_commit, environment, cache_key, origin, error, foreign_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    r.id, r.project, self.experiment(r.project, r.experiment), r.name, r.kind, str(r.state), r.parent, r.actor,
                    r.started_at, r.ended_at, r.recorded_at, r.code, r.commit, r.environment, r.cache_key, r.origin, r.error,
                    r.foreign_id,
                )
                for r in done
            ],
        )  # fmt: skip
        self._keep("params", [(r.id, k, v) for r in done for k, v in r.params.items()])
        self._keep("tags", [(r.id, k, v) for r in done for k, v in r.tags.items()])
        return done

    def find(self, run: str) -> Run | None:
        """Look one up with params, tags, last metrics, inputs and outputs."""
        row = self._rows.one(f"{_SELECT} WHERE r.id = ?", run)
        return self._fill([_run(row)])[0] if row else None

    def get(self, run: str) -> Run:
        """Look one up by its whole id. Raise NotFound."""
        found = self.find(run)
        if found is None:
            raise NotFound(f"there is no run {run}", kind="no-run", hint="loopline find runs", run=run)
        return found

    def standing(self, project: str, name: str) -> tuple[str, int | None] | None:
        """Give the id of the run that has this whole id, or this foreign id, and when it was deleted; None where there is none.

        It is one look at one row: what a training loop sends by the thousand asks no more.
        """
        row = self._rows.one("SELECT id, deleted_at FROM runs WHERE id = ? AND project = ?", name, project)
        row = row or self._rows.one(
            "SELECT id, deleted_at FROM runs WHERE project = ? AND foreign_id = ? ORDER BY id LIMIT 1", project, name
        )
        if row is None and "-" in name:
            return self.standing(project, name.replace("-", ""))
        return (row[0], row[1]) if row else None

    def resolve(self, project: str, prefix: str, *, deleted: bool = False) -> Run:
        """Find a run by the first digits of its id (4 or more), or by its foreign id. Raise NotFound, Conflict."""
        return self._fill([_run(self._resolved(project, prefix, deleted=deleted))])[0]

    def identify(self, project: str, prefix: str, *, deleted: bool = False) -> str:
        """Give the whole id of a run as `resolve` finds it, without reading more of it."""
        return str(self._resolved(project, prefix, deleted=deleted)[0])

    def _resolved(self, project: str, prefix: str, *, deleted: bool) -> Row:
        low, high = (prefix, prefix + "g") if len(prefix) >= LEAST else ("", "")
        rows = self._rows.all(BY_ID, project, low, high, int(deleted))
        exact = [row for row in rows if row[0] == prefix]
        if not exact:
            others = self._rows.all(BY_FOREIGN, project, prefix, int(deleted))
            rows += [row for row in others if row[0] not in {one[0] for one in rows}]
        rows = exact or rows
        if len(rows) > 1:
            raise Conflict(
                f"several runs begin with {prefix}", kind="ambiguous-run", hint="write more digits", prefix=prefix
            )
        if not rows:
            raise NotFound(f"there is no run {prefix}", kind="no-run", hint="loopline find runs", run=prefix)
        return rows[0]

    def names(self, project: str, ids: Iterable[str]) -> dict[str, str]:
        """Give the names of those of a project's runs that have these whole ids."""
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return {}
        rows = self._rows.all(
            f"SELECT id, name FROM runs WHERE project = ? AND id IN ({', '.join('?' * len(wanted))})", project, *wanted
        )
        return dict(rows)

    def search(self, where: str, values: Iterable[object], *, order: str, limit: int) -> list[Run]:
        """Give runs by a condition that `ledger/search.py` has composed."""
        rows = self._rows.all(f"{_SELECT} WHERE {where} ORDER BY {order} LIMIT ?", *values, limit)
        return self._fill([_run(row) for row in rows])

    def described(self, ids: Iterable[str]) -> list[Run]:
        """Look up several by their whole ids, in that order, with params and tags alone; leave out what is not there."""
        wanted, found = list(dict.fromkeys(ids)), list[Run]()
        for start in range(0, len(wanted), 500):
            few = wanted[start : start + 500]
            marks = ", ".join("?" * len(few))
            runs = {row[0]: _run(row) for row in self._rows.all(f"{_SELECT} WHERE r.id IN ({marks})", *few)}
            params, tags = self._pairs("params", marks, few), self._pairs("tags", marks, few)
            found += [replace(runs[r], params=params.get(r, {}), tags=tags.get(r, {})) for r in few if r in runs]
        return found

    def count(self, project: str) -> int:
        """Count the runs of a project, without those inside others."""
        row = self._rows.one(
            "SELECT COUNT(*) FROM runs WHERE project = ? AND parent IS NULL AND deleted_at IS NULL", project
        )
        return int(row[0]) if row else 0

    def counts(self) -> dict[str, int]:
        """Count the runs of every project by state, deleted ones too."""
        rows = self._rows.all(
            "SELECT state, SUM(number) FROM (SELECT state, COUNT(*) AS number FROM runs"
            " GROUP BY project, state) AS each GROUP BY state"
        )
        return {row[0]: int(row[1]) for row in rows}

    def experiments(self, project: str) -> list[tuple[str, int]]:
        """Give each experiment with how many runs are in it, the newest first."""
        rows = self._rows.all(
            "SELECT e.name, COUNT(*) FROM runs r JOIN experiments e ON e.id = r.experiment WHERE r.project = ?"
            " AND r.parent IS NULL AND r.deleted_at IS NULL GROUP BY e.name ORDER BY MAX(r.id) DESC",
            project,
        )
        return [(row[0], int(row[1])) for row in rows]

    def around(self, run: Run) -> Run | None:
        """Give the run of its project that it is inside of; None where there is none, or it has not been written down yet."""
        found = self.find(run.parent) if run.parent else None
        return found if found and found.project == run.project else None

    def children(self, run: str) -> list[Run]:
        """Give the runs of its project inside a run, in the order of their ids. Those of others that name it are not inside."""
        rows = self._rows.all(
            f"{_SELECT} WHERE r.parent = ? AND r.project = (SELECT project FROM runs WHERE id = ?) AND r.deleted_at IS NULL"
            " ORDER BY r.id",
            run, run,
        )  # fmt: skip
        return self._fill([_run(row) for row in rows])

    def open_with(self, project: str, tag: str) -> list[Run]:
        """Give the runs of a project that are not over and have a tag, without those inside of others, with their tags."""
        rows = self._rows.all(
            f"{_SELECT} WHERE r.project = ? AND r.state IN ('pending', 'running') AND r.parent IS NULL"
            " AND EXISTS (SELECT 1 FROM tags t WHERE t.run = r.id AND t.key = ?) ORDER BY r.id",
            project, tag,
        )  # fmt: skip
        return self._fill([_run(row) for row in rows])

    def cached(self, project: str, keys: Iterable[str]) -> dict[str, Run]:
        """For each cache key that a finished run has, give the newest such run with its outputs.

        The newest is found here: asked to order by id, SQLite would walk through every run of the project.
        """
        found: dict[str, Run] = {}
        wanted = list(dict.fromkeys(keys))
        for start in range(0, len(wanted), 500):
            chunk = wanted[start : start + 500]
            marks = ", ".join("?" * len(chunk))
            rows = self._rows.all(
                f"{_SELECT} WHERE r.project = ? AND r.cache_key IN ({marks}) AND r.state = 'finished' AND r.deleted_at IS NULL",
                project, *chunk,
            )  # fmt: skip
            for row in rows:
                if row[14] not in found or row[0] > found[row[14]].id:
                    found[row[14]] = _run(row)
        return {run.cache_key or "": run for run in self._fill(list(found.values()), light=True)}

    def move(
        self,
        run: str,
        state: RunState,
        *,
        error: str | None = None,
        started_at: int | None = None,
        ended_at: int | None = None,
    ) -> bool:
        """Change a run's state. A run that is over stays as it is: give False then.

        `started_at` replaces the time of its start, where it waited between being written down and beginning.
        """
        ended = (ended_at or self._now) if state.over else None
        return bool(
            self._rows.do(
                "UPDATE runs SET state = ?, error = COALESCE(?, error), ended_at = COALESCE(?, ended_at),"
                " started_at = COALESCE(?, CASE WHEN ? = 'running' AND started_at IS NULL THEN ? ELSE started_at END)"
                " WHERE id = ? AND state IN ('pending', 'running')",
                str(state), error, ended, started_at, str(state), self._now, run,
            )
        )  # fmt: skip

    def annotate(
        self, run: str, *, params: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add params and tags. A param is written once: another value for it is a Conflict. A tag is replaced."""
        for key, value in (params or {}).items():
            row = self._rows.one("SELECT value FROM params WHERE run = ? AND key = ?", run, key)
            if row is not None and row[0] != value:
                raise Conflict(
                    f"param {key} of run {run} is already {row[0]!r}", kind="param-exists", hint="log it under another name",
                    run=run, key=key, old=row[0], new=value,
                )  # fmt: skip
        self._keep("params", [(run, k, v) for k, v in (params or {}).items()])
        self._keep("tags", [(run, k, v) for k, v in (tags or {}).items()])

    def untag(self, run: str, keys: Iterable[str]) -> int:
        """Remove tags and tell how many were there."""
        return sum(self._rows.do("DELETE FROM tags WHERE run = ? AND key = ?", run, key) for key in keys)

    def rename(self, run: str, name: str) -> None:
        """Give a run another name."""
        self._rows.do("UPDATE runs SET name = ? WHERE id = ?", name, run)

    def again(self, run: str, state: RunState) -> bool:
        """Take a run that is over up again: False where it is not over."""
        return bool(
            self._rows.do(
                "UPDATE runs SET state = ?, ended_at = NULL, error = NULL WHERE id = ? AND state NOT IN ('pending', 'running')",
                str(state), run,
            )
        )  # fmt: skip

    def capture(self, run: str, *, code: str | None, commit: str | None, environment: str | None) -> None:
        """Write down what ran, where it became known only after the start."""
        self._rows.do(
            "UPDATE runs SET code = COALESCE(?, code), git_commit = COALESCE(?, git_commit),"
            " environment = COALESCE(?, environment) WHERE id = ?",
            code, commit, environment, run,
        )  # fmt: skip

    def foreign(self, project: str, name: str) -> Run | None:
        """Look one up by the id that another program gave it, or by its own."""
        row = self._rows.one(f"{_SELECT} WHERE r.project = ? AND r.foreign_id = ? ORDER BY r.id LIMIT 1", project, name)
        row = row or self._rows.one(f"{_SELECT} WHERE r.id = ? AND r.project = ?", name.replace("-", ""), project)
        return self._fill([_run(row)])[0] if row else None

    def known(self, project: str, names: Iterable[str]) -> dict[str, str]:
        """Give the ids of those of a project's runs that have these whole ids, or that another program calls so."""
        wanted, found = list(dict.fromkeys(names)), dict[str, str]()
        for column in ("foreign_id", "id"):  # its own id counts first
            for start in range(0, len(wanted), 500):
                few = wanted[start : start + 500]
                found.update(
                    self._rows.all(
                        f"SELECT {column}, id FROM runs WHERE project = ? AND {column} IN ({', '.join('?' * len(few))})",
                        project, *few,
                    )
                )  # fmt: skip
        return found

    def those(self, ids: Iterable[str]) -> list[Run]:
        """Give runs by their whole ids, deleted or not, in no order."""
        wanted, found = list(dict.fromkeys(ids)), list[Row]()
        for start in range(0, len(wanted), 500):
            few = wanted[start : start + 500]
            found += self._rows.all(f"{_SELECT} WHERE r.id IN ({', '.join('?' * len(few))})", *few)
        return self._fill([_run(row) for row in found])

    def ids(self, experiment: int, *, after: str = "", limit: int) -> list[str]:
        """Give the ids of an experiment's runs, deleted or not, in their order; `after` is one to go on from."""
        rows = self._rows.all(
            "SELECT id FROM runs WHERE experiment = ? AND id > ? ORDER BY id LIMIT ?", experiment, after, limit
        )
        return [row[0] for row in rows]

    def began(self, run: str, time: int) -> None:
        """Say that it began at `time` or before, over or not: another program's events come in any order."""
        self._rows.do(
            "UPDATE runs SET started_at = ? WHERE id = ? AND (started_at IS NULL OR started_at > ?)", time, run, time
        )

    def adopt(self, run: str, *, tag: str, value: str) -> None:
        """Put the runs of its project that name it as their parent, by a tag, inside of it; a run is never inside of itself."""
        self._rows.do(
            "UPDATE runs SET parent = ? WHERE parent IS NULL AND id <> ? AND project = (SELECT project FROM runs WHERE id = ?)"
            " AND id IN (SELECT run FROM tags WHERE key = ? AND value = ?)",
            run, run, run, tag, value,
        )  # fmt: skip

    def advance(self, run: str, source: str, sequence: int) -> bool:
        """Take the mark of a journal forward to `sequence`; False where that part was shipped before."""
        return bool(
            self._rows.do(
                "INSERT INTO marks (run, source, sequence) VALUES (?, ?, ?) ON CONFLICT (run, source)"
                " DO UPDATE SET sequence = excluded.sequence WHERE marks.sequence < excluded.sequence",
                run, source, sequence,
            )
        )  # fmt: skip

    def shipped(self, run: str, source: str) -> int:
        """Give the sequence up to which a journal was taken; -1 where it never was."""
        row = self._rows.one("SELECT sequence FROM marks WHERE run = ? AND source = ?", run, source)
        return int(row[0]) if row else -1

    def deleted(self, run: str) -> int | None:
        """Tell when a run was deleted; None where it is there, or never was."""
        return self.all_deleted([run]).get(run)

    def all_deleted(self, runs: Iterable[str]) -> dict[str, int]:
        """Tell of some runs which were deleted, and when."""
        wanted, found = list(dict.fromkeys(runs)), dict[str, int]()
        for start in range(0, len(wanted), 500):
            few = wanted[start : start + 500]
            marks = ", ".join("?" * len(few))
            found.update(
                self._rows.all(
                    f"SELECT id, deleted_at FROM runs WHERE deleted_at IS NOT NULL AND id IN ({marks})", *few
                )
            )
        return found

    def delete(self, run: str) -> None:
        """Mark it deleted."""
        if not self._rows.do("UPDATE runs SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL", self._now, run):
            raise NotFound(f"there is no run {run}", kind="no-run", hint="loopline find runs", run=run)

    def restore(self, run: str) -> None:
        """Take the mark away. Raise Conflict where there is none."""
        if not self._rows.do("UPDATE runs SET deleted_at = NULL WHERE id = ? AND deleted_at IS NOT NULL", run):
            raise not_deleted(run)

    def _keep(self, table: str, rows: list[tuple[str, str, str]]) -> None:
        if rows:
            self._rows.many(
                f"INSERT INTO {table} (run, key, value, number) VALUES (?, ?, ?, ?) ON CONFLICT (run, key)"
                " DO UPDATE SET value = excluded.value, number = excluded.number",
                [(*row, _number(row[2])) for row in rows],
            )

    def _pairs(self, table: str, marks: str, ids: Iterable[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for run, key, value in self._rows.all(
            f"SELECT run, key, value FROM {table} WHERE run IN ({marks}) ORDER BY key", *ids
        ):
            found.setdefault(run, {})[key] = value
        return found

    def _fill(self, runs: list[Run], *, light: bool = False) -> list[Run]:
        if not runs:
            return []
        pairs: dict[str, dict[str, dict[str, str]]] = {"params": {}, "tags": {}}
        metrics: dict[str, dict[str, float]] = {}
        links: dict[str, dict[str, list[Link]]] = {"in": {}, "out": {}}
        home = {run.id: run.project for run in runs}
        for start in range(0, len(runs), 500):
            ids = [run.id for run in runs[start : start + 500]]
            marks = ", ".join("?" * len(ids))
            for row in self._rows.all(
                "SELECT l.run, l.direction, l.name, l.digest, l.media_type, l.size, a.kind, a.name, l.number,"
                " a.project FROM links l"
                f" LEFT JOIN assets a ON a.id = l.asset WHERE l.run IN ({marks}) ORDER BY l.id",
                *ids,
            ):
                asset = AssetName(row[9], row[6], row[7]).within(home[row[0]]) if row[6] else None
                links[row[1]].setdefault(row[0], []).append(Link(row[2], row[3], row[4], row[5], asset, row[8]))
            if light:
                continue
            for table, into in pairs.items():
                into.update(self._pairs(table, marks, ids))
            for row in self._rows.all(f"SELECT run, key, last FROM series WHERE run IN ({marks}) ORDER BY key", *ids):
                metrics.setdefault(row[0], {})[row[1]] = float("nan") if row[2] is None else row[2]
        return [
            replace(
                r, params=pairs["params"].get(r.id, {}), tags=pairs["tags"].get(r.id, {}), metrics=metrics.get(r.id, {}),
                inputs=tuple(links["in"].get(r.id, ())), outputs=tuple(links["out"].get(r.id, ())),
            )
            for r in runs
        ]  # fmt: skip


def _number(value: str) -> float | None:
    """Read a param as a number where it is one, so that a search can compare it as one."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _run(row: Row) -> Run:
    return Run(
        id=row[0], project=row[1], name=row[2], kind=row[3], state=RunState(row[4]), experiment=row[5], parent=row[6],
        actor=row[7], started_at=row[8], ended_at=row[9], recorded_at=row[10], code=row[11], commit=row[12], environment=row[13],
        cache_key=row[14], origin=row[15], error=row[16], foreign_id=row[17],
    )  # fmt: skip

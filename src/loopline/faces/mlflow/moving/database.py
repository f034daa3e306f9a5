"""database: a tracking store in SQLite or PostgreSQL, read by SQL, from the schemas of MLflow 1 to that of 3.17.

What a schema lacks is older: its table or column is taken for empty. A schema that is newer than those known here is refused, for
what it keeps may mean something else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid
from loopline.faces.mlflow.moving import store
from loopline.faces.mlflow.moving.database_models import logged, registered
from loopline.faces.mlflow.moving.store import Group, Made, Told

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.places import Places
    from loopline.store.borrowed import Borrowed
    from loopline.store.database import Row

REVISIONS: Final = frozenset([
    "451aebb31d03",
    "90e64c465722",
    "181f10493468",
    "df50e92ffc5e",
    "7ac759974ad8",
    "89d4b8295536",
    "2b4d017a5e9b",
    "cfd24bdc0731",
    "0a8213491aaa",
    "728d730b5ebd",
    "27a6a02d2cf1",
    "84291f40a231",
    "a8c4a736bde6",
    "39d1c3be5f05",
    "c48cb773bb87",
    "bd07f7e963c5",
    "0c779009ac13",
    "cc1f77228345",
    "97727af70f4d",
    "3500859a5d39",
    "7f2a7d5fae7d",
    "2d6e25af4d3e",
    "acf3f17fdcc7",
    "867495a8f9d4",
    "5b0e9adcef9c",
    "4465047574b1",
    "f5a4f2784254",
    "0584bdc529eb",
    "400f98739977",
    "6953534de441",
    "bda7b8c39065",
    "cbc13b556ace",
    "770bee3ae1dd",
    "a1b2c3d4e5f6",
    "de4033877273",
    "1a0cddfcaa16",
    "534353b11cbc",
    "71994744cf8e",
    "3da73c924c2f",
    "bf29a5ff90ea",
    "1bd49d398cd23",
    "b7c8d9e0f1a2",
    "5d2d30f0abce",
    "c9d4e5f6a7b8",
    "2c33131f4dae",
    "d3e4f5a6b7c8",
    "d0e1f2a3b4c5",
    "c8d9e0f1a2b3",
    "1b5f0d9ad7c1",
    "e1f2a3b4c5d6",
    "76601a5f987d",
    "c3d6457b6d8a",
    "a5b4c3d2e1f0",
    "ae8bbe7743c9",
    "7d34483879f0",
    "da6fb0208061",
    "89d3d66ed43f",
    "b7e4c1a90f23",
    "a8b9c0d1e2f3",
    "c1d2e3f4a5b6",
    "c3d9e7f1a2b4",
    "6f8d9c3b2a1e",
    "1971f2d9a75b",
    "17e22815139b",
    "b7e2c1a4d9f3",
    "75868b020152",
    "dc11669786a5",
])
"""Names of the schemas from MLflow 1.0 to 3.17, as a database says them."""
_UNREAD: Final = {
    "trace_info": "traces", "assessments": "assessments", "evaluation_datasets": "evaluation datasets", "webhooks": "webhooks",
    "scorers": "scorers", "endpoints": "gateway endpoints", "issues": "issues",
}  # fmt: skip

TOGETHER: Final = 50_000
"""Points that are read at once; of a run that has more they come page by page."""


class Tables:
    """Reads tables whose columns may be lacking."""

    def __init__(self, rows: Borrowed) -> None:
        self._rows = rows
        self._known: dict[str, frozenset[str]] = {}

    def has(self, table: str, column: str = "") -> bool:
        """Tell whether there is a table, or a column of it."""
        if table not in self._known:
            self._known[table] = self._rows.columns(table)
        return column in self._known[table] if column else bool(self._known[table])

    def select(self, table: str, columns: Sequence[str], where: str = "", *values: Any) -> Iterator[Row]:
        """Give columns of the rows of a table, None for a column that is lacking; nothing where there is no such table."""
        if not self.has(table):
            return iter(())
        names = ", ".join(f'"{one}"' if self.has(table, one) else "NULL" for one in columns)
        return self._rows.rows(f"SELECT {names} FROM {table} {where}", *values)

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        return next(self._rows.rows(f"SELECT COUNT(*) FROM {table}"))[0] if self.has(table) else 0

    def tags(self, table: str, subject: str, ids: Sequence[Any], **named: str) -> dict[Any, dict[str, str]]:
        """Give the keys and values of a table by the subject that they are about."""
        found: dict[Any, dict[str, str]] = defaultdict(dict)
        key, value = named.get("key", "key"), named.get("value", "value")
        if ids:
            where = f"WHERE {subject} IN ({marks(ids)})"
            for at, name, text in self.select(table, (subject, key, value), where, *ids):
                found[at][name] = text or ""
        return found


class DatabaseStore:
    """A database."""

    def __init__(self, rows: Borrowed, places: Places) -> None:
        """Open it. Raise Invalid kind="bad-source" for no tracking store, kind="source-too-new"."""
        self.name = rows.name
        self._rows, self._places = rows, places
        self._tables = Tables(rows)
        if not (self._tables.has("experiments", "experiment_id") and self._tables.has("runs", "run_uuid")):
            raise Invalid(
                f"{rows.name} is no tracking store of MLflow", kind="bad-source", hint="name another database",
                source=rows.name,
            )  # fmt: skip
        found = [str(row[0]) for row in self._tables.select("alembic_version", ("version_num",))]
        if strange := [one for one in found if one not in REVISIONS]:
            raise Invalid(
                f"{rows.name} has a schema that is not known here: {strange[0]}", kind="source-too-new",
                hint="it may be newer than MLflow 3.17: upgrade Loopline, or adopt from a server that runs on it",
                source=rows.name, revision=strange[0],
            )  # fmt: skip

    def groups(self) -> Iterator[Group]:
        """Give every experiment."""
        columns = ("experiment_id", "name", "lifecycle_stage", "creation_time", "last_update_time", "artifact_location")
        rows = list(self._tables.select("experiments", columns, "ORDER BY experiment_id"))
        tags = self._tables.tags("experiment_tags", "experiment_id", [row[0] for row in rows])
        for number, name, stage, created, updated, location in rows:
            yield Group(
                str(number), name or "", stage == "deleted", created or 0, updated or 0, tags.get(number, {}), location or ""
            )  # fmt: skip

    def runs(self, group: Group) -> Iterator[Sequence[Told]]:
        """Give the runs of an experiment."""
        columns = ("run_uuid", "name", "user_id", "status", "start_time", "end_time", "lifecycle_stage", "artifact_uri")
        last = ""
        while True:  # page by page: no lock is held while they are written down
            where = f"WHERE experiment_id = ? AND run_uuid > ? ORDER BY run_uuid LIMIT {store.RUNS}"
            rows = list(self._tables.select("runs", columns, where, int(group.id), last))
            if not rows:
                return
            last = rows[-1][0]
            yield self._told(group, rows)

    def points(self, runs: Sequence[Told]) -> Iterator[tuple[str, Sequence[store.Value]]]:
        """Give the points of some runs, few runs at a time: nobody who writes there waits while we write here."""
        ids = sorted(run.id for run in runs)
        if not ids or not self._tables.has("metrics"):
            return
        count = f"SELECT run_uuid, COUNT(*) FROM metrics WHERE run_uuid IN ({marks(ids)}) GROUP BY run_uuid ORDER BY run_uuid"
        few, number = list[str](), 0
        for run, more in list(self._rows.rows(count, *ids)):
            if few and number + more > TOGETHER:
                yield from self._points(runs, few, number)
                few, number = [], 0
            few.append(run)
            number += more
        yield from self._points(runs, few, number)

    def _points(
        self, runs: Sequence[Told], few: Sequence[str], number: int
    ) -> Iterator[tuple[str, Sequence[store.Value]]]:
        if not few:
            return
        columns = ("run_uuid", "key", "step", "timestamp", "value", "is_nan")
        rows = self._tables.select("metrics", columns, f"WHERE run_uuid IN ({marks(few)}) ORDER BY run_uuid", *few)
        yield from store.parts(
            runs,
            (
                (run, (key, step or 0, time or 0, store.number_of(value, nan=bool(nan))))
                for run, key, step, time, value, nan in (list(rows) if number <= TOGETHER else rows)
            ),
        )

    def logged(self, group: Group) -> Iterator[store.Logged]:
        """Give the logged models of an experiment."""
        return logged(self._tables, group)

    def registered(self) -> Iterator[store.Registered]:
        """Give the registered models."""
        return registered(self._tables)

    def folder(self, location: str) -> store.Folder | None:
        """Open the artifacts at a location."""
        return self._places.open(location)

    def unread(self) -> Mapping[str, int]:
        """Count what is not among all this."""
        counts = {what: self._tables.count(table) for table, what in _UNREAD.items()}
        return {what: count for what, count in counts.items() if count}

    def close(self) -> None:
        """Let go of it."""
        self._rows.close()
        self._places.close()

    def _told(self, group: Group, rows: Sequence[Row]) -> list[Told]:
        ids = [row[0] for row in rows]
        params, tags = self._tables.tags("params", "run_uuid", ids), self._tables.tags("tags", "run_uuid", ids)
        datasets, read, made = self._datasets(ids), self._models(ids, "RUN_INPUT"), self._models(ids, "RUN_OUTPUT")
        found = []
        for run, column, user_id, status, started, ended, stage, location in rows:
            name, user, rest = store.named(column, user_id, tags.get(run, {}))
            found.append(
                Told(
                    run, group.id, name, user, status or "RUNNING", started, ended, stage == "deleted", location or "",
                    params.get(run, {}), rest, tuple(datasets.get(run, ())), read.get(run, ()), made.get(run, ()),
                )
            )  # fmt: skip
        return found

    def _datasets(self, ids: Sequence[str]) -> dict[str, list[tuple[store.Dataset, Mapping[str, str]]]]:
        if not self._tables.has("inputs"):
            return {}
        where = f"WHERE destination_type = 'RUN' AND source_type = 'DATASET' AND destination_id IN ({marks(ids)})"
        inputs = list(self._tables.select("inputs", ("input_uuid", "source_id", "destination_id"), where, *ids))
        tags = self._tables.tags("input_tags", "input_uuid", [row[0] for row in inputs], key="name")
        wanted = sorted({row[1] for row in inputs})
        columns = (
            "dataset_uuid", "name", "digest", "dataset_source_type", "dataset_source", "dataset_schema", "dataset_profile",
        )  # fmt: skip
        known = {
            row[0]: store.Dataset(*(one or "" for one in row[1:]))
            for few in pages(wanted)
            for row in self._tables.select("datasets", columns, f"WHERE dataset_uuid IN ({marks(few)})", *few)
        }
        found: dict[str, list[tuple[store.Dataset, Mapping[str, str]]]] = defaultdict(list)
        for number, source, run in sorted(inputs, key=lambda row: (row[2], row[1])):
            if source in known:
                found[run].append((known[source], tags.get(number, {})))
        return found

    def _models(self, ids: Sequence[str], kind: str) -> dict[str, tuple[Made, ...]]:
        where = f"WHERE source_type = ? AND source_id IN ({marks(ids)}) ORDER BY source_id, destination_id"
        rows = self._tables.select("inputs", ("source_id", "destination_id", "step"), where, kind, *ids)
        return {
            run: tuple(Made(one[1], one[2] or 0) for one in several) for run, several in groupby(rows, lambda r: r[0])
        }


def marks(values: Sequence[object]) -> str:
    """Write as many marks as there are values."""
    return ", ".join("?" * len(values))


def pages(values: Sequence[Any], size: int = 500) -> Iterable[Sequence[Any]]:
    """Give values by so many."""
    return (values[start : start + size] for start in range(0, len(values), size))

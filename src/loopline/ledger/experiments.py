"""experiments: the groups that runs belong to (table experiments; their tags are in taggings)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, NotFound
from loopline.ledger.querying import Hung, Shape, Sql, scan
from loopline.nouns.experiment import Experiment
from loopline.nouns.query import ATTRIBUTE, Order, Place, Query

if TYPE_CHECKING:
    from loopline.ledger.taggings import Taggings
    from loopline.store.database import Row, Rows

_SELECT = "SELECT e.id, e.project, e.name, e.created_at, e.updated_at, e.deleted_at FROM experiments e"

_ALL = (
    "SELECT id, name, created_at, updated_at, deleted_at FROM experiments WHERE project = ?"
    " UNION ALL SELECT 0, ?, 0, 0, NULL"
    " WHERE ? <> '' AND NOT EXISTS (SELECT 1 FROM experiments WHERE project = ? AND name = ?)"
)
_FEW: Final = 500
EXPERIMENTS: Final = Shape(
    attributes={
        "id": "e.id", "number": "e.id", "name": "e.name", "created_ms": "e.created_at / 1000",
        "updated_ms": "COALESCE(e.updated_at, e.created_at) / 1000",
    },
    hung={"tag": Hung("taggings {a}", "{a}.subject = 'experiment/' || e.id")},
    sure=frozenset({"id", "number", "name", "created_ms", "updated_ms"}),
    numbers=frozenset({"id", "number", "created_ms", "updated_ms"}),
)  # fmt: skip
"""`experiments e`."""


class Experiments:
    """The experiments of every project."""

    def __init__(self, rows: Rows, now: int, taggings: Taggings) -> None:
        self._rows = rows
        self._now = now
        self._taggings = taggings

    def create(
        self,
        project: str,
        name: str,
        tags: Mapping[str, str],
        *,
        number: int | None = None,
        above: int = 0,
        created_at: int | None = None,
    ) -> Experiment:
        """Begin one, under a number where that is free, else under the next one, which is higher than `above`.

        Raise Conflict kind="experiment-exists", also where one of that name was deleted: it can be restored.
        """
        there = self.find(project, name, deleted=True)
        if there is not None:
            state = "deleted" if there.deleted_at else "there"
            raise Conflict(
                f"the experiment {name!r} is already {state}", kind="experiment-exists",
                hint=f"loopline delete experiment/{name} --restore" if there.deleted_at else "log to it, or take another name",
                name=name, deleted=bool(there.deleted_at),
            )  # fmt: skip
        begun = created_at or self._now
        row = self._rows.one(
            "INSERT INTO experiments (project, name, created_at, updated_at) VALUES (?, ?, ?, ?) RETURNING id",
            project, name, begun, self._now,
        )  # fmt: skip
        given = int(row[0]) if row else 0
        for wanted in (number, above + 1):
            if wanted and (wanted == number or given <= above) and self._take(given, wanted):
                given = wanted
                break
        made = Experiment(given, project, name, begun, self._now, None, dict(tags))
        self._taggings.set(made.subject, tags)
        return made

    def _take(self, given: int, number: int) -> bool:
        """Give an experiment another number than the one it got, unless that is taken; the next ones get higher ones."""
        if not self._rows.do(
            "UPDATE experiments SET id = ? WHERE id = ? AND NOT EXISTS (SELECT 1 FROM experiments WHERE id = ?)",
            number, given, number,
        ):  # fmt: skip
            return False
        if self._rows.dialect != "sqlite":
            self._rows.one(
                "SELECT setval(pg_get_serial_sequence('experiments', 'id'), (SELECT MAX(id) FROM experiments))"
            )
        return True

    def find(self, project: str, name: str, *, deleted: bool = False) -> Experiment | None:
        """Look one up by its name; a deleted one only if asked for."""
        return self._one("e.project = ? AND e.name = ?", project, name, deleted=deleted)

    def get(self, project: str, name: str, *, deleted: bool = False) -> Experiment:
        """Look one up by its name. Raise NotFound with near names."""
        found = self.find(project, name, deleted=deleted)
        if found is None:
            from difflib import get_close_matches

            near = get_close_matches(name, [one.name for one in self.list(project)], n=1)
            hint = f"did you mean {near[0]}?" if near else "loopline find experiments"
            raise NotFound(
                f"there is no experiment {name!r}", kind="no-experiment", hint=hint, name=name, project=project
            )
        return found

    def by_id(self, project: str, number: int) -> Experiment | None:
        """Look one up by its number, deleted or not."""
        return self._one("e.project = ? AND e.id = ?", project, number, deleted=True)

    def list(self, project: str, *, limit: int = 1_000, after: str = "") -> Sequence[Experiment]:
        """Give those that were not deleted, by name; `after` is a name to go on from."""
        return self.search(
            "e.project = ? AND e.deleted_at IS NULL AND e.name > ?", (project, after), order="e.name", limit=limit
        )

    def search(
        self, where: str, values: Iterable[object], *, order: str, limit: int, offset: int = 0
    ) -> Sequence[Experiment]:
        """Give experiments `e` by a condition that the ledger has composed, with their tags."""
        rows = self._rows.all(f"{_SELECT} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?", *values, limit, offset)
        return self._tagged([_experiment(row) for row in rows])

    def query(
        self, project: str, query: Query, *, unborn: str = "", limit: int, after: Place | None = None
    ) -> Sequence[tuple[Experiment, Place]]:
        """Give those of a project that a query finds, in its order, then the newest first, each with its place.

        `unborn` is the name of one that is there before anybody has begun it: then its number and its times are 0.
        """
        if not any(one.key == "id" for one in query.orders):
            query = replace(query, orders=(*query.orders, Order(ATTRIBUTE, "id", descending=True)))
        query = replace(query, orders=(*query.orders, Order(ATTRIBUTE, "number")))
        alive = {None: [], True: [Sql("e.deleted_at IS NOT NULL")], False: [Sql("e.deleted_at IS NULL")]}[query.deleted]
        table = Sql(f"({_ALL}) e", (project, unborn, unborn, project, unborn))
        found = scan(self._rows, EXPERIMENTS, table, query, where=[Sql("1 = 1"), *alive], limit=limit, after=after)
        several = {one.id: one for one in self._numbered([match.id for match in found])}
        return [(several.get(one.id) or Experiment(0, project, unborn), one.place) for one in found]

    def numbers(self, project: str, names: Iterable[str]) -> dict[str, int]:
        """Give the numbers of a project's experiments by their names, deleted ones too."""
        wanted, found = list(dict.fromkeys(names)), dict[str, int]()
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            marks = ", ".join("?" * len(few))
            found.update(
                self._rows.all(
                    f"SELECT name, id FROM experiments WHERE project = ? AND name IN ({marks})", project, *few
                )
            )
        return found

    def here(self, project: str) -> set[int]:
        """Give the numbers of all of a project, deleted ones too."""
        return {row[0] for row in self._rows.all("SELECT id FROM experiments WHERE project = ?", project)}

    def rename(self, experiment: Experiment, name: str) -> None:
        """Give it another name. Raise Conflict kind="experiment-exists" where that is taken."""
        there = self.find(experiment.project, name, deleted=True)
        if there is not None and there.id != experiment.id:
            raise Conflict(
                f"the experiment {name!r} is already there", kind="experiment-exists", hint="take another name", name=name,
                deleted=bool(there.deleted_at),
            )  # fmt: skip
        self._rows.do("UPDATE experiments SET name = ?, updated_at = ? WHERE id = ?", name, self._now, experiment.id)

    def touch(self, experiment: Experiment) -> None:
        """Write down that something about it is new."""
        self._rows.do("UPDATE experiments SET updated_at = ? WHERE id = ?", self._now, experiment.id)

    def delete(self, experiment: Experiment) -> None:
        """Mark it deleted, with those of its runs that were not. Restoring brings back just these."""
        row = self._rows.one("SELECT MAX(deleted_at) FROM runs WHERE experiment = ?", experiment.id)
        at = max(self._now, (row[0] or 0) + 1 if row else 0)  # a time of its own tells these runs from the others
        self._rows.do("UPDATE experiments SET deleted_at = ?, updated_at = ? WHERE id = ?", at, at, experiment.id)
        self._rows.do("UPDATE runs SET deleted_at = ? WHERE experiment = ? AND deleted_at IS NULL", at, experiment.id)

    def restore(self, experiment: Experiment) -> None:
        """Take the mark away, and that of the runs which were deleted with it."""
        self._rows.do(
            "UPDATE runs SET deleted_at = NULL WHERE experiment = ? AND deleted_at = ?",
            experiment.id,
            experiment.deleted_at,
        )
        self._rows.do("UPDATE experiments SET deleted_at = NULL, updated_at = ? WHERE id = ?", self._now, experiment.id)

    def _one(self, where: str, *values: object, deleted: bool) -> Experiment | None:
        row = self._rows.one(f"{_SELECT} WHERE {where}", *values)
        if row is None or (row[5] is not None and not deleted):
            return None
        return self._tagged([_experiment(row)])[0]

    def _numbered(self, numbers: Sequence[int]) -> Sequence[Experiment]:
        rows: list[Row] = []
        for start in range(0, len(numbers), _FEW):
            few = numbers[start : start + _FEW]
            rows += self._rows.all(f"{_SELECT} WHERE e.id IN ({', '.join('?' * len(few))})", *few)
        return self._tagged([_experiment(row) for row in rows])

    def _tagged(self, several: Sequence[Experiment]) -> Sequence[Experiment]:
        tags = self._taggings.of_all(one.subject for one in several)
        return [replace(one, tags=tags[one.subject]) if one.subject in tags else one for one in several]


def _experiment(row: Row) -> Experiment:
    return Experiment(row[0], row[1], row[2], row[3], row[4] or row[3], row[5])

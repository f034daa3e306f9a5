"""logged: models that runs have logged (tables logged_models, model_params, model_metrics; their tags are in taggings)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.errors import Conflict, NotFound
from loopline.nouns.digest import Digest
from loopline.nouns.logged import LoggedModel, LoggedState, Measure

if TYPE_CHECKING:
    from loopline.ledger.taggings import Taggings
    from loopline.store.database import Row, Rows

_FEW: Final = 500
_SELECT: Final = (
    "SELECT m.id, m.project, m.experiment, m.name, m.run, m.kind, m.state, m.message, m.digest, m.created_at, m.updated_at,"
    " m.deleted_at FROM logged_models m"
)


class LoggedModels:
    """The logged models of every project."""

    def __init__(self, rows: Rows, now: int, taggings: Taggings) -> None:
        self._rows = rows
        self._now = now
        self._taggings = taggings

    def begin(self, model: LoggedModel) -> LoggedModel:
        """Write one down, with its params and tags. Raise Conflict kind="model-exists" for an id that is taken."""
        if self._rows.one("SELECT 1 FROM logged_models WHERE id = ?", model.id):
            raise Conflict(
                f"the model {model.id} is already there",
                kind="model-exists",
                hint="log it under a new id",
                model=model.id,
            )
        made = replace(model, created_at=model.created_at or self._now, updated_at=model.updated_at or self._now)
        self._rows.do(
            "INSERT INTO logged_models (id, project, experiment, run, name, kind, state, message, digest, created_at, updated_at,"
            " deleted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            made.id, made.project, made.experiment, made.run, made.name, made.kind, str(made.state), made.message, made.digest,
            made.created_at, made.updated_at, made.deleted_at,
        )  # fmt: skip
        self._params(made.id, made.params)
        self._taggings.set(made.subject, made.tags)
        return made

    def find(self, project: str, name: str, *, deleted: bool = False) -> LoggedModel | None:
        """Look one up by its id; a deleted one only if asked for."""
        row = self._rows.one(f"{_SELECT} WHERE m.id = ? AND m.project = ?", name, project)
        if row is None or (row[11] is not None and not deleted):
            return None
        return self._filled([_model(row)])[0]

    def get(self, project: str, name: str, *, deleted: bool = False) -> LoggedModel:
        """Look one up by its id. Raise NotFound kind="no-model", also for one of another project."""
        found = self.find(project, name, deleted=deleted)
        if found is None:
            raise NotFound(f"there is no logged model {name}", kind="no-model", hint="loopline find runs", model=name)
        return found

    def of_run(self, run: str) -> Sequence[LoggedModel]:
        """Give those that a run has made, oldest first, without those that were deleted."""
        rows = self._rows.all(f"{_SELECT} WHERE m.run = ? AND m.deleted_at IS NULL ORDER BY m.created_at, m.id", run)
        return self._filled([_model(row) for row in rows])

    def of(self, experiment: int, *, after: str = "", limit: int) -> Sequence[LoggedModel]:
        """Give those of an experiment, deleted or not, by id; `after` is one to go on from."""
        rows = self._rows.all(
            f"{_SELECT} WHERE m.experiment = ? AND m.id > ? ORDER BY m.id LIMIT ?", experiment, after, limit
        )
        return self._filled([_model(row) for row in rows])

    def all(self, names: Iterable[str]) -> Sequence[LoggedModel]:
        """Give models by their ids, deleted or not, in that order; those that are not there are left out."""
        wanted = list(dict.fromkeys(names))
        found: dict[str, LoggedModel] = {}
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            rows = self._rows.all(f"{_SELECT} WHERE m.id IN ({', '.join('?' * len(few))})", *few)
            found.update((row[0], _model(row)) for row in rows)
        return self._filled([found[name] for name in wanted if name in found])

    def deleted_with(self, experiment: int, deleted_at: int) -> Sequence[LoggedModel]:
        """Give those of an experiment that were deleted at that moment: with it."""
        rows = self._rows.all(
            f"{_SELECT} WHERE m.experiment = ? AND m.deleted_at = ? ORDER BY m.id", experiment, deleted_at
        )
        return [_model(row) for row in rows]

    def end(self, model: LoggedModel, state: LoggedState, digest: Digest | None = None) -> None:
        """Say how far it has come. One that is sealed stays so: Conflict kind="model-sealed"."""
        done = self._rows.do(
            "UPDATE logged_models SET state = ?, digest = COALESCE(?, digest), updated_at = ? WHERE id = ? AND digest IS NULL",
            str(state), digest, self._now, model.id,
        )  # fmt: skip
        if not done:
            raise sealed(model)

    def touch(self, model: LoggedModel) -> None:
        """Write down that something about it is new."""
        self._rows.do("UPDATE logged_models SET updated_at = ? WHERE id = ?", self._now, model.id)

    def annotate(self, model: LoggedModel, *, params: Mapping[str, str]) -> None:
        """Add params. Each is written once: another value for it is a Conflict kind="param-exists"."""
        for key, value in params.items():
            if model.params.get(key, value) != value:
                raise Conflict(
                    f"param {key} of model {model.id} is already {model.params[key]!r}", kind="param-exists",
                    hint="log it under another name", model=model.id, key=key, old=model.params[key], new=value,
                )  # fmt: skip
        self._params(model.id, params)

    def delete(self, model: LoggedModel) -> None:
        """Mark it deleted."""
        self._rows.do(
            "UPDATE logged_models SET deleted_at = ?, updated_at = ? WHERE id = ? AND deleted_at IS NULL",
            self._now, self._now, model.id,
        )  # fmt: skip

    def restore(self, model: LoggedModel) -> None:
        """Take the mark away."""
        self._rows.do("UPDATE logged_models SET deleted_at = NULL, updated_at = ? WHERE id = ?", self._now, model.id)

    def delete_of(self, experiment: int) -> None:
        """Mark those of an experiment deleted that were not."""
        self._rows.do(
            "UPDATE logged_models SET deleted_at = ? WHERE experiment = ? AND deleted_at IS NULL", self._now, experiment
        )

    def restore_of(self, experiment: int, deleted_at: int) -> None:
        """Take the mark away from those that got it with their experiment."""
        self._rows.do(
            "UPDATE logged_models SET deleted_at = NULL WHERE experiment = ? AND deleted_at = ?", experiment, deleted_at
        )

    def measured(self, measures: Iterable[Measure]) -> None:
        """Keep what runs have measured of models: of each run, metric and data the value of the greatest (step, time)."""
        latest: dict[tuple[str, ...], Measure] = {}
        for one in measures:
            key = (one.model, one.run, one.key, one.dataset, one.sum)
            if key not in latest or (one.step, one.time) >= (latest[key].step, latest[key].time):
                latest[key] = one
        self._rows.many(
            "INSERT INTO model_metrics (model, run, key, dataset, sum, step, time, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (model, run, key, dataset, sum) DO UPDATE SET step = excluded.step, time = excluded.time,"
            " value = excluded.value"
            " WHERE (excluded.step, excluded.time) >= (model_metrics.step, model_metrics.time)",
            [
                (*key, one.step, one.time or self._now, None if math.isnan(one.value) else one.value)
                for key, one in sorted(latest.items())
            ],
        )

    def known(self, project: str, names: Iterable[str]) -> set[str]:
        """Give those ids that are of models of a project which were not deleted."""
        wanted, found = list(dict.fromkeys(names)), set[str]()
        for start in range(0, len(wanted), _FEW):
            few = wanted[start : start + _FEW]
            marks = ", ".join("?" * len(few))
            found.update(
                row[0]
                for row in self._rows.all(
                    f"SELECT id FROM logged_models WHERE project = ? AND deleted_at IS NULL AND id IN ({marks})",
                    project,
                    *few,
                )
            )
        return found

    def _params(self, model: str, params: Mapping[str, str]) -> None:
        self._rows.many(
            "INSERT INTO model_params (model, key, value) VALUES (?, ?, ?) ON CONFLICT (model, key) DO NOTHING",
            [(model, key, value) for key, value in params.items()],
        )

    def _filled(self, models: list[LoggedModel]) -> list[LoggedModel]:
        if not models:
            return []
        params: dict[str, dict[str, str]] = {}
        measures: dict[str, list[Measure]] = {}
        ids = [one.id for one in models]
        for start in range(0, len(ids), _FEW):
            few = ids[start : start + _FEW]
            marks = ", ".join("?" * len(few))
            for model, key, value in self._rows.all(
                f"SELECT model, key, value FROM model_params WHERE model IN ({marks}) ORDER BY model, key", *few
            ):
                params.setdefault(model, {})[key] = value
            for row in self._rows.all(
                "SELECT model, run, key, value, step, time, dataset, sum FROM model_metrics"
                f" WHERE model IN ({marks}) ORDER BY model, key, time, step, run, dataset, sum", *few,
            ):  # fmt: skip
                value = math.nan if row[3] is None else row[3]
                measures.setdefault(row[0], []).append(Measure(row[0], row[1], row[2], value, *row[4:]))
        tags = self._taggings.of_all(one.subject for one in models)
        return [
            replace(
                one, params=params.get(one.id, {}), tags=tags.get(one.subject, {}), measures=tuple(measures.get(one.id, ()))
            )
            for one in models
        ]  # fmt: skip


def sealed(model: LoggedModel) -> Conflict:
    """Say that a model is an artifact by now, which never changes."""
    return Conflict(
        f"the model {model.id} is finished, and sealed as an artifact: its files cannot change", kind="model-sealed",
        hint="log another model", model=model.id, digest=model.digest,
    )  # fmt: skip


def _model(row: Row) -> LoggedModel:
    digest = Digest(row[8]) if row[8] else None
    return LoggedModel(
        row[0], row[1], row[2], row[3], row[4], row[5], LoggedState(row[6]), row[7], digest, row[9], row[10], row[11]
    )

"""folder: a tracking store in a folder (`mlruns`), as MLflow 1.x to 3.x write it.

    EXPERIMENT/meta.yaml, tags/KEY
    EXPERIMENT/RUN/meta.yaml, params/KEY, tags/KEY, metrics/KEY, inputs/ID/meta.yaml, outputs/MODEL/meta.yaml, artifacts/
    EXPERIMENT/datasets/ID/meta.yaml
    EXPERIMENT/models/MODEL/meta.yaml, params/KEY, tags/KEY, metrics/KEY, artifacts/
    models/NAME/meta.yaml, tags/KEY, aliases/ALIAS, version-N/meta.yaml, tags/KEY
    .trash/EXPERIMENT/…

A key with slashes is a file in folders. Files are YAML, read by its safe subset, or text as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid
from loopline.faces.mlflow.moving import store
from loopline.faces.mlflow.moving.database_models import PLAIN, model_of
from loopline.faces.mlflow.moving.files import folders, meta_of, pairs_of
from loopline.faces.mlflow.moving.places import LocalFolder
from loopline.faces.mlflow.moving.store import Group, Logged, Made, Measured, Numbered, Registered, Told
from loopline.store.sources import FolderSource

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.places import Places

TRASH: Final = ".trash"
MODELS: Final = "models"
DATASETS: Final = "datasets"
STATUS: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
"""Numbers of statuses in a run's file."""
_OWN: Final = frozenset({"tags", DATASETS, "traces", MODELS, TRASH})
"""Folders of an experiment that are no runs."""


class FolderStore:
    """A folder."""

    def __init__(self, root: Path, places: Places) -> None:
        """Open it. Raise Invalid kind="bad-source" where it is no tracking store."""
        self.name = str(root)
        self._root, self._places = root, places
        self._source = FolderSource(str(root))
        if not root.is_dir() or next(self._groups(), None) is None:
            raise Invalid(
                f"{root} is no tracking store of MLflow", kind="bad-source",
                hint="name the folder mlruns, or a database: sqlite:///mlflow.db", source=str(root),
            )  # fmt: skip

    def groups(self) -> Iterator[Group]:
        """Give every experiment."""
        for at, said in self._groups():
            yield Group(
                str(said.get("experiment_id", at.name)), str(said.get("name") or at.name),
                at.parent.name == TRASH or said.get("lifecycle_stage") == "deleted", _number(said, "creation_time"),
                _number(said, "last_update_time"), pairs_of(at / "tags"), str(said.get("artifact_location") or ""),
            )  # fmt: skip

    def runs(self, group: Group) -> Iterator[Sequence[Told]]:
        """Give the runs of an experiment."""
        found: list[Told] = []
        for at in self._runs(group):
            if (said := meta_of(at)) is not None:
                found.append(self._told(group, at, said))
            if len(found) >= store.RUNS:
                yield found
                found = []
        if found:
            yield found

    def points(self, runs: Sequence[Told]) -> Iterator[tuple[str, Sequence[store.Value]]]:
        """Give the points of some runs."""
        return store.parts(runs, ((run.id, value) for run in runs for value in self._values(run)))

    def logged(self, group: Group) -> Iterator[Logged]:
        """Give the logged models of an experiment."""
        for at in folders(self._at(group) / MODELS):
            if (said := meta_of(at)) is None:
                continue
            yield Logged(
                str(said.get("model_id") or at.name), group.id, str(said.get("name") or ""), str(said.get("model_type") or ""),
                PLAIN.get(said.get("status", 2), "READY"), str(said.get("status_message") or ""),
                str(said.get("source_run_id") or ""), _number(said, "creation_timestamp"),
                _number(said, "last_updated_timestamp"), said.get("lifecycle_stage") == "deleted",
                str(said.get("artifact_location") or ""), pairs_of(at / "params"),
                pairs_of(at / "tags"), tuple(_measured(at / "metrics")),
            )  # fmt: skip

    def registered(self) -> Iterator[Registered]:
        """Give the registered models."""
        for at in folders(self._root / MODELS):
            if (said := meta_of(at)) is None or "name" not in said or "model_id" in said:
                continue
            versions = sorted(filter(None, map(_version, folders(at))), key=lambda one: one.number)
            yield Registered(
                str(said["name"]), str(said.get("description") or ""), _number(said, "creation_timestamp"),
                _number(said, "last_updated_timestamp"), pairs_of(at / "tags"),
                {alias: int(number) for alias, number in pairs_of(at / "aliases").items() if number.strip().isdecimal()},
                tuple(versions),
            )  # fmt: skip

    def folder(self, location: str) -> store.Folder | None:
        """Open the artifacts at a location: those beside the run's or the model's own file first."""
        below = location.removeprefix(f"{self._source.name}/")
        if below != location and (self._root / below).is_dir():
            return LocalFolder(self._source, below)
        return self._places.open(location)

    def unread(self) -> Mapping[str, int]:
        """Count what is not among all this."""
        traces = sum(1 for at, _ in self._groups() for _ in folders(at / "traces"))
        return {"traces": traces} if traces else {}

    def close(self) -> None:
        """Let go of it."""
        self._places.close()

    def _groups(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for top in (self._root, self._root / TRASH):
            for at in folders(top):
                said = meta_of(at) if at.name not in (TRASH, MODELS) else None
                if said is not None and "name" in said:
                    yield at, said

    def _at(self, group: Group) -> Path:
        at = self._root / group.id
        return at if at.is_dir() else self._root / TRASH / group.id

    def _runs(self, group: Group) -> Iterator[Path]:
        return (at for at in folders(self._at(group)) if at.name not in _OWN)

    def _told(self, group: Group, at: Path, said: Mapping[str, Any]) -> Told:
        run = str(said.get("run_id") or said.get("run_uuid") or at.name)
        name, user, tags = store.named(
            said.get("run_name") or said.get("name"), said.get("user_id"), pairs_of(at / "tags")
        )
        status = said.get("status", 1)
        beside = at / "artifacts"
        return Told(
            run, group.id, name, user, STATUS.get(status, "RUNNING") if isinstance(status, int) else str(status),
            _number(said, "start_time") or None, _number(said, "end_time") or None, said.get("lifecycle_stage") == "deleted",
            f"{self._source.name}/{beside.relative_to(self._root)}" if beside.is_dir() else str(said.get("artifact_uri") or ""),
            pairs_of(at / "params"), tags, tuple(self._datasets(at)), *self._models(at),
        )  # fmt: skip

    def _values(self, run: Told) -> Iterator[store.Value]:
        at = self._at(Group(run.group, "")) / run.id / "metrics"
        for key, text in _texts(at):
            said = dict.fromkeys(tuple(line.split(" ")[:3]) for line in text.splitlines())  # some are there twice
            for words in said:
                if len(words) >= 2:
                    yield key, int(words[2]) if len(words) > 2 else 0, int(words[0]), store.number_of(words[1])

    def _datasets(self, at: Path) -> Iterator[tuple[store.Dataset, Mapping[str, str]]]:
        for one in folders(at / "inputs"):
            said = meta_of(one) or {}
            if said.get("source_type") != "DATASET":
                continue
            told = meta_of(at.parent / DATASETS / str(said.get("source_id"))) or {}
            if told:
                parts = (told.get(key) for key in ("name", "digest", "source_type", "source", "schema", "profile"))
                tags = said.get("tags") or {}
                yield store.Dataset(*(str(part or "") for part in parts)), {str(k): str(v) for k, v in tags.items()}

    def _models(self, at: Path) -> tuple[tuple[Made, ...], tuple[Made, ...]]:
        read = [meta_of(one) or {} for one in folders(at / "inputs")]
        made = [meta_of(one) or {} for one in folders(at / "outputs")]
        return (
            tuple(Made(str(one["source_id"])) for one in read if str(one.get("source_type", "")).startswith("MODEL")),
            tuple(
                Made(str(one["destination_id"]), int(one.get("step") or 0)) for one in made if one.get("destination_id")
            ),
        )


def _version(at: Path) -> Numbered | None:
    said = meta_of(at) if at.name.startswith("version-") else None
    if said is None or said.get("current_stage") == store.GONE:
        return None
    source = str(said.get("source") or "")
    return Numbered(
        int(said["version"]), str(said.get("description") or ""), str(said.get("user_id") or ""),
        str(said.get("current_stage") or "None"), source, str(said.get("run_id") or ""),
        str(said.get("model_id") or "") or model_of(source), str(said.get("status") or "READY"),
        str(said.get("status_message") or ""), _number(said, "creation_timestamp"), _number(said, "last_updated_timestamp"),
        str(said.get("storage_location") or ""), pairs_of(at / "tags"),
    )  # fmt: skip


def _measured(at: Path) -> Iterator[Measured]:
    for key, text in _texts(at):
        for line in text.splitlines():
            time, value, step, run, *dataset = line.split(" ")
            yield Measured(
                key,
                store.number_of(value),
                int(step),
                int(time),
                run,
                " ".join(dataset[:-1]),
                dataset[-1] if dataset else "",
            )


def _texts(at: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(one for one in at.rglob("*") if one.is_file() and not one.is_symlink()) if at.is_dir() else ():
        yield path.relative_to(at).as_posix(), path.read_text(encoding="utf-8", errors="replace")


def _number(said: Mapping[str, Any], key: str) -> int:
    found = said.get(key)
    return int(found) if isinstance(found, (int, float)) or (isinstance(found, str) and found.isdecimal()) else 0

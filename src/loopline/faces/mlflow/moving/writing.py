"""writing: a tracking store laid out as a folder that MLflow opens (`folder.py` says how).

What says of a run or a model that it is there, its `meta.yaml`, is written last, and every file under another name first: whoever
is cut short writes again what lacks it, and nothing is there by half.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loopline.errors import Invalid
from loopline.faces.mlflow.errors import Fault
from loopline.faces.mlflow.limits import key_fits
from loopline.faces.mlflow.moving.files import META, write_meta
from loopline.faces.mlflow.moving.folder import DATASETS, MODELS, STATUS, TRASH
from loopline.faces.mlflow.moving.store import NAME, NOBODY, USER, Dataset, Group, Told

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.left import Left
    from loopline.faces.mlflow.moving.store import Folder, Value

NUMBERS: Final = {status: number for number, status in STATUS.items()}
MARK: Final = ".loopline-export"
"""Stands in a folder from the beginning of an export to its end."""
PART: Final = ".loopline-part"
"""What a file is called until all of it is there."""


class Writing:
    """Writes one folder."""

    def __init__(self, root: Path, left: Left) -> None:
        self.root, self._left = root, left
        self._taken: dict[str, str] = {}

    def group(self, group: Group) -> Path:
        """Write an experiment down, and give its folder: under its id, or where that is taken under the next that is free."""
        number = group.id
        while self._taken.setdefault(number, group.name) != group.name:
            number = str(int(number) + 1)
        at = (self.root / TRASH if group.deleted else self.root) / number
        pairs(at / "tags", group.tags, self._left, f"experiment {group.name}")
        write_meta(at, {
            "artifact_location": str(self.root / number), "creation_time": group.created, "experiment_id": number,
            "last_update_time": group.updated, "lifecycle_stage": _stage(deleted=group.deleted), "name": group.name,
        })  # fmt: skip
        return at

    def run(self, at: Path, told: Told, folder: Folder | None, values: Iterable[Value]) -> None:
        """Write a run down, with its points and files."""
        to, name = at / told.id, f"run {told.id}"
        if (to / META).exists():
            shutil.rmtree(to)  # it may have gone on since
        (to / "artifacts").mkdir(parents=True, exist_ok=True)
        tags = {**told.tags, NAME: told.name, **({USER: told.user} if told.user and told.signed else {})}
        pairs(to / "params", told.params, self._left, name)
        pairs(to / "tags", tags, self._left, name)
        for one in ("params", "tags", "metrics"):
            (to / one).mkdir(exist_ok=True)
        self._points(to / "metrics", values, name)
        for dataset, said in told.datasets:
            self._dataset(at, to, dataset, said)
        for made in told.made:
            ends = {"destination_id": made.model, "source_id": made.model}
            ways = {"destination_type": "MODEL_OUTPUT", "source_type": "RUN_OUTPUT"}
            write_meta(to / "outputs" / made.model, {**ends, **ways, "step": made.step, "tags": {}})
        for read in told.read:
            ends = {"destination_id": told.id, "source_id": read.model}
            write_meta(
                to / "inputs" / read.model, {**ends, "destination_type": "RUN", "source_type": "MODEL", "tags": {}}
            )
        if folder is not None:
            copy(folder, to / "artifacts")
        write_meta(to, {
            "artifact_uri": str(self._home(at) / told.id / "artifacts"), "end_time": told.ended, "entry_point_name": "",
            "experiment_id": at.name, "lifecycle_stage": _stage(deleted=told.deleted), "run_id": told.id, "run_uuid": told.id,
            "run_name": told.name, "source_name": "", "source_type": 4, "source_version": "", "start_time": told.started,
            "status": NUMBERS[told.status], "tags": [], "user_id": told.user or NOBODY,
            **({"deleted_time": told.ended or told.started} if told.deleted else {}),
        })  # fmt: skip

    def _home(self, at: Path) -> Path:
        """Give where an experiment lies when it is not deleted: addresses name that place."""
        return self.root / at.name

    def _points(self, at: Path, values: Iterable[Value], name: str) -> None:
        fit: dict[str, bool] = {}
        for key, step, time, value in values:
            if key not in fit:
                fit[key] = _fits(key, fit, self._left, name)
            if fit[key]:
                file = at / key
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("a", encoding="utf-8") as out:
                    out.write(f"{time} {value!r} {step}\n")

    def _dataset(self, at: Path, to: Path, dataset: Dataset, tags: Mapping[str, str]) -> None:
        number = sha256(f"{dataset.name}\0{dataset.digest}".encode()).hexdigest()[:32]
        write_meta(at / DATASETS / number, {
            "digest": dataset.digest, "name": dataset.name, "profile": dataset.profile or None, "schema": dataset.schema or None,
            "source": dataset.source, "source_type": dataset.source_type,
        })  # fmt: skip
        ends = {"destination_id": number, "destination_type": "RUN", "source_id": number, "source_type": "DATASET"}
        write_meta(to / "inputs" / number, {**ends, "tags": dict(tags)})

    def models(self) -> Path:
        """Give the folder of registered models, which must be there."""
        found = self.root / MODELS
        found.mkdir(parents=True, exist_ok=True)
        return found


def pairs(at: Path, said: Mapping[str, str], left: Left, name: str) -> None:
    """Write params or tags, a file each; a key that no file can be called is left out."""
    fit: dict[str, bool] = {}
    for key, value in said.items():
        fit[key] = _fits(key, fit, left, name)
        if fit[key]:
            file = at / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(value.encode(errors="replace"))


def copy(folder: Folder, to: Path) -> None:
    """Write the files of a folder that are not there yet."""
    for file in folder.list():
        at = to / file.path
        if at.exists() and at.stat().st_size == file.size:
            continue
        at.parent.mkdir(parents=True, exist_ok=True)
        part = at.with_name(at.name + PART)
        with part.open("wb") as out:
            out.writelines(folder.read(file.path))
        Path(part).replace(at)


def sweep(root: Path) -> None:
    """Take away what was being written when somebody was cut short."""
    for path in root.rglob(f"*{PART}"):
        path.unlink()


def _fits(key: str, others: Mapping[str, bool], left: Left, name: str) -> bool:
    """Tell whether a file can be called so, beside the others."""
    try:
        key_fits(key)
    except Fault:
        left.out("keys", "no file of MLflow is called so", f"{name}: {key}")
        return False
    clash = any(
        one.startswith(f"{key}/") or key.startswith(f"{one}/") for one, there in others.items() if there and one != key
    )
    if clash:
        left.out("keys", "it would be a file and a folder for MLflow", f"{name}: {key}")
    return not clash


def _stage(*, deleted: bool) -> str:
    return "deleted" if deleted else "active"


def must_be_new(root: Path) -> None:
    """Raise Invalid for a folder that holds something else than an export that was cut short."""
    strange = root.exists() and (not root.is_dir() or (any(root.iterdir()) and not (root / MARK).exists()))
    if strange:
        raise Invalid(
            f"{root} is not empty", kind="target-not-empty", hint="name a new folder: what is in one is never touched",
            path=str(root),
        )  # fmt: skip

"""ours: the ledger of one project, as a tracking store of MLflow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from loopline.datasets.tree import Tree
from loopline.faces.mlflow.moving import store
from loopline.faces.mlflow.moving.keys import FROM
from loopline.faces.mlflow.moving.store import Dataset, File, Group, Logged, Made, Measured, Numbered, Registered, Told
from loopline.faces.mlflow.naming import ADOPTED, MADE, STATUS, experiment_id, experiment_name, tag_told
from loopline.faces.mlflow.registry import KIND, REFS, own_tags, stage_of
from loopline.ledger.datasets import Datasets
from loopline.ledger.registry import Narrow
from loopline.nouns.artifact import MODEL, TREE
from loopline.nouns.entry import Entry
from loopline.nouns.logged import LoggedState
from loopline.nouns.name import AssetName
from loopline.nouns.owner import Owner
from loopline.verbs.filing import view
from loopline.verbs.modelling import made_by
from loopline.verbs.noting import TEXT
from loopline.verbs.reading import models_read
from loopline.verbs.registry import LOGGED, SOURCE

if TYPE_CHECKING:
    from loopline.ledger.ledger import Tables
    from loopline.ledger.registry import Entered
    from loopline.loop import Loop
    from loopline.nouns.dataset import Reading
    from loopline.nouns.experiment import Experiment
    from loopline.nouns.logged import LoggedModel
    from loopline.nouns.ref import Ref
    from loopline.nouns.run import Run

RUNNING: Final = "mlflow.source.git.commit"
PARENT: Final = "mlflow.parentRunId"
STATES: Final = {LoggedState.PENDING: "PENDING", LoggedState.READY: "READY", LoggedState.FAILED: "FAILED"}
PAGE: Final = 10_000
ALL: Final = 100_000
OWNER: Final = "owner:"
"""What a location here begins with: behind it, kind and id of whose files they are."""


class OurStore:
    """The ledger."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.name = f"project {loop.project}"

    def groups(self) -> Iterator[Group]:
        """Give every experiment."""
        with self._loop.ledger.read() as tx:
            found = tx.experiments.search("e.project = ?", (self._loop.project,), order="e.id", limit=ALL)
        yield from map(group_of, found)

    def runs(self, group: Group) -> Iterator[Sequence[Told]]:
        """Give the runs of an experiment."""
        with self._loop.ledger.read() as tx:
            here = tx.experiments.find(self._loop.project, kept_name(group), deleted=True)
        last = ""
        while here is not None:
            with self._loop.ledger.read() as tx:
                ids = tx.runs.ids(here.id, after=last, limit=store.RUNS)
            if not ids:
                return
            last = ids[-1]
            yield self.those(ids, group.id)

    def those(self, ids: Sequence[str], group: str = "") -> list[Told]:
        """Give runs by the ids that they have here, in their order."""
        with self._loop.ledger.read() as tx:
            found = {run.id: run for run in tx.runs.those(ids)}
            gone = tx.runs.all_deleted(ids)
            made, taken = made_by(tx, ids), models_read(tx, ids)
            data = Datasets(tx.rows, tx.taggings).read_by(ids)
        return [
            replace(
                run_of(found[one], group, deleted=one in gone), datasets=tuple(map(_dataset, data.get(one, ()))),
                made=tuple(Made(*each) for each in sorted(made.get(one, {}).items())),
                read=tuple(Made(each) for each in sorted(taken.get(one, ()))),
            )
            for one in ids if one in found
        ]  # fmt: skip

    def points(self, runs: Sequence[Told]) -> Iterator[tuple[str, Sequence[store.Value]]]:
        """Give the points of some runs."""
        with self._loop.ledger.read() as tx:
            keys = {run.id: tx.metrics.keys(run.id) for run in runs}
        return store.parts(
            runs,
            (
                (run.id, (key, step, time, math.nan if value is None else value))
                for run in runs
                for key in keys[run.id]
                for step, time, value in self.series(run.id, key)
            ),
        )

    def series(self, run: str, key: str) -> Iterator[tuple[int, int, float | None]]:
        """Give (step, time, value) of a series."""
        behind: tuple[int, int, int] | None = None
        while True:
            with self._loop.ledger.read() as tx:
                rows = tx.metrics.rows(run, key, behind=behind, limit=PAGE)
            yield from ((step, time // 1000, value) for step, time, _, value in rows)
            if len(rows) < PAGE:
                return
            behind = tuple(rows[-1][:3])

    def logged(self, group: Group) -> Iterator[Logged]:
        """Give the logged models of an experiment."""
        with self._loop.ledger.read() as tx:
            here = tx.experiments.find(self._loop.project, kept_name(group), deleted=True)
        last = ""
        while here is not None:
            with self._loop.ledger.read() as tx:
                found = tx.logged.of(here.id, after=last, limit=store.RUNS)
            yield from (logged_of(one, group.id) for one in found)
            if not found:
                return
            last = found[-1].id

    def model(self, name: str) -> Logged | None:
        """Give a logged model by its id."""
        with self._loop.ledger.read() as tx:
            found = tx.logged.find(self._loop.project, name, deleted=True)
        return logged_of(found, "") if found else None

    def registered(self) -> Iterator[Registered]:
        """Give the registered models."""
        with self._loop.ledger.read() as tx:
            names = [one.name.name for one in tx.registry.models(self._loop.project, KIND)]
        for name in names:
            if (found := self.named(name)) is not None:
                yield found

    def named(self, name: str) -> Registered | None:
        """Give a registered model by its name."""
        with self._loop.ledger.read() as tx:
            asset = tx.assets.find(AssetName(self._loop.project, KIND, name))
            if asset is None:
                return None
            refs = tx.refs.of(asset.name)
            found = list(tx.registry.versions(self._loop.project, KIND, Narrow(names=(name,))))
            versions = [version_of(tx, one, refs) for one in found]
            tags = tx.taggings.of(asset.subject)
        aliases = {ref.name.ref: ref.target for ref in refs if ref.name.ref not in REFS.values()}
        return Registered(
            name, asset.description, asset.created_at // 1000, asset.created_at // 1000, tags, aliases, tuple(versions)
        )

    def folder(self, location: str) -> store.Folder | None:
        """Open the files of a run or a model."""
        kind, _, name = location.removeprefix(OWNER).partition("/")
        if not location.startswith(OWNER):
            return None
        if kind == "version":
            return _of_version(self._loop, name)
        owner = Owner(self._loop.project, "run" if kind == "run" else "model", name)
        files = view(self._loop, owner).iter()
        return OurFolder(self._loop, {one.path: one.entry for one in files if not one.path.endswith("/")})

    def unread(self) -> Mapping[str, int]:
        """Count nothing."""
        return {}

    def close(self) -> None:
        """Do nothing: the loop is somebody else's."""


class OurFolder:
    """Files that the ledger names."""

    def __init__(self, loop: Loop, found: Mapping[str, Entry]) -> None:
        self._loop, self._found = loop, found

    def list(self) -> Iterator[File]:
        """Give every file."""
        return (File(path, entry.size) for path, entry in self._found.items())

    def read(self, path: str) -> Iterator[bytes]:
        """Give the bytes of a file."""
        return self._loop.blobs.get(self._found[path].digest)


def _of_version(loop: Loop, name: str) -> OurFolder | None:
    """Open the files of a version: `NUMBER/MODEL`. One that is no tree is one file."""
    number, _, model = name.partition("/")
    with loop.ledger.read() as tx:
        version = tx.versions.find(AssetName(loop.project, KIND, model), int(number))
    if version is None:
        return None
    made = version.artifact
    if made.media_type in (TREE, MODEL):
        return OurFolder(loop, {one.path: one for one in Tree(loop.blobs, made.digest).iter()})
    return OurFolder(loop, {"data": Entry("data", made.digest, made.size)})


def kept_name(group: Group) -> str:
    """Give the name under which the ledger keeps an experiment of its own that was told of."""
    from loopline.faces.mlflow.naming import name_kept

    return name_kept(group.name)


def group_of(one: Experiment) -> Group:
    """Tell of an experiment."""
    tags = {key: value for key, value in one.tags.items() if key not in (ADOPTED, FROM)}
    return Group(
        one.tags.get(ADOPTED) or experiment_id(one), experiment_name(one.name), one.deleted_at is not None,
        one.created_at // 1000, one.updated_at // 1000, tags,
    )  # fmt: skip


def run_of(run: Run, group: str, *, deleted: bool) -> Told:
    """Tell of a run, without what it has read and made."""
    tags = {tag_told(key): value for key, value in run.tags.items()}
    if run.parent:
        tags.setdefault(PARENT, run.parent)
    if run.commit:
        tags.setdefault(RUNNING, run.commit)
    _, user, rest = store.named("", run.actor, tags)
    return Told(
        run.id, group, run.name, user, STATUS[run.state], _ms(run.started_at), _ms(run.ended_at), deleted,
        f"{OWNER}run/{run.id}", run.params, rest, signed=store.USER in tags,
    )  # fmt: skip


def _dataset(one: Reading) -> tuple[Dataset, Mapping[str, str]]:
    said = one.dataset
    return Dataset(said.name, said.sum, said.source_type, said.source, said.schema, said.profile), one.tags


def logged_of(one: LoggedModel, group: str) -> Logged:
    """Tell of a logged model."""
    return Logged(
        one.id, group, one.name, one.kind, STATES[one.state], one.message, one.run or "", one.created_at // 1000,
        one.updated_at // 1000, one.deleted_at is not None, f"{OWNER}model/{one.id}", one.params, one.tags,
        tuple(Measured(m.key, m.value, m.step, m.time // 1000, m.run, m.dataset, m.sum) for m in one.measures),
    )  # fmt: skip


def version_of(tx: Tables, one: Entered, refs: Iterable[Ref]) -> Numbered:
    """Tell of a version: when it was made and by whom as where it was adopted from, if it was."""
    tags, said = tx.taggings.of(one.subject), one.metadata
    made = said[MADE] if isinstance(said.get(MADE), dict) else {}
    return Numbered(
        one.number, tags.get(TEXT, ""), str(made.get("user", one.author)), stage_of(one.number, refs, tags),
        str(said.get(SOURCE, "")), one.run or "", str(said.get(LOGGED, "")), "READY", "",
        int(made.get("created") or one.recorded_at // 1000), one.recorded_at // 1000,
        f"{OWNER}version/{one.number}/{one.name.name}",
        own_tags(one, tags),
    )  # fmt: skip


def _ms(time: int | None) -> int | None:
    return None if time is None else time // 1000

"""adopting_runs: runs of a store with their params, tags and points."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from loopline.faces.mlflow.moving.keys import RUN, find_runs, text
from loopline.faces.mlflow.moving.store import USER
from loopline.faces.mlflow.naming import STATES, tag_kept
from loopline.nouns.run import Run, RunState

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.left import Left
    from loopline.faces.mlflow.moving.store import Store, Told, Value
    from loopline.ledger.ledger import Tables, Writing
    from loopline.ledger.metrics import Value as Kept
    from loopline.loop import Loop
    from loopline.nouns.experiment import Experiment

PARENT: Final = "mlflow.parentRunId"
COMMIT: Final = "mlflow.source.git.commit"
TOGETHER: Final = 50_000
"""Points of one transaction."""


class Runs:
    """Writes runs down."""

    def __init__(self, loop: Loop, store: Store, left: Left) -> None:
        self._loop, self._store, self._left = loop, store, left
        self.ids: dict[str, str] = {}
        """Ids that runs have here, where they are others than there."""

    def write(self, group: Experiment, batch: Sequence[Told]) -> dict[str, str]:
        """Write a batch down, and give the ids that its runs have here."""
        loop = self._loop
        with loop.ledger.read() as tx:
            known = find_runs(tx, loop.project, [told.id for told in batch])
            here = {run.id: run for run in tx.runs.those(known.values())}
            gone = tx.runs.all_deleted(known.values())
        fresh = [told for told in batch if told.id not in known]
        more = [told for told in batch if told.id in known and _lacks(told, here[known[told.id]], gone)]
        if fresh or more:
            known |= self._begin(group, fresh, more, known)
        self.ids.update((there, own) for there, own in known.items() if there != own)
        self._points(batch, known, {told.id for told in fresh})
        return known

    def _begin(
        self, group: Experiment, fresh: Sequence[Told], more: Sequence[Told], known: Mapping[str, str]
    ) -> dict[str, str]:
        loop = self._loop
        with loop.ledger.write(loop.project, loop.actor) as tx:
            runs = [self._run(tx, group, told) for told in fresh]
            tx.runs.start_all(runs)
            ids = {told.id: run.id for told, run in zip(fresh, runs, strict=True)}
            for told in fresh:
                if told.deleted:
                    tx.runs.delete(ids[told.id])
            for told in more:
                _add(tx, told, tx.runs.get(known[told.id]))
            changed = [known[told.id] for told in more]
            tx.say("runs.adopted", group.name, source=self._store.name, runs=list(ids.values()), changed=changed)
            if group.deleted_at is not None:  # a run that begins has brought it back
                tx.experiments.delete(tx.experiments.get(loop.project, group.name, deleted=True))
        return ids

    def _run(self, tx: Tables, group: Experiment, told: Told) -> Run:
        """Make the run: under its own id, or where that is none or another project's, under a new one that remembers it."""
        loop = self._loop
        own = bool(RUN.match(told.id)) and tx.runs.find(told.id) is None
        parent = told.tags.get(PARENT, "")
        return Run(
            id=told.id if own else loop.ids.new(), foreign_id=None if own else told.id, project=loop.project,
            name=text(told.name) or told.id, state=STATES.get(told.status, RunState.RUNNING), experiment=group.name,
            parent=self.ids.get(parent, parent) if RUN.match(parent) else None, actor=str(loop.actor),
            started_at=_us(told.started), ended_at=_us(told.ended), commit=told.tags.get(COMMIT) or None,
            params=_texts(told.params), tags=tags_kept(told),
        )  # fmt: skip

    def _points(self, batch: Sequence[Told], ids: Mapping[str, str], fresh: set[str]) -> None:
        """Write points down, many in a transaction; of a run that was here only those that it lacks."""
        loop = self._loop
        with loop.ledger.read() as tx:
            counts = tx.metrics.counts(ids[told.id] for told in batch if told.id in ids and told.id not in fresh)
        waiting: list[tuple[str, dict[str, list[Kept]], bool]] = []
        number, last = 0, ""
        for run, values in self._store.points(batch):
            series = _series(values)
            number += len(values)
            same = run not in fresh and run != last and _sizes(series) == counts.get(ids[run], {})
            last = run
            if not same:
                waiting.append((ids[run], series, run not in fresh))
            if number >= TOGETHER:
                self._extend(waiting)
                waiting, number = [], 0
        self._extend(waiting)

    def _extend(self, waiting: Iterable[tuple[str, dict[str, list[Kept]], bool]]) -> None:
        some = list(waiting)
        if some:
            with self._loop.ledger.telemetry() as tx:
                for run, series, once in some:
                    tx.metrics.extend(run, series, once=once)


def tags_kept(told: Told) -> dict[str, str]:
    """Give the tags that the ledger keeps of a run: its user is one of them."""
    tags = {**told.tags, **({USER: told.user} if told.user else {})}
    return {tag_kept(text(key)): text(value) for key, value in tags.items()}


def _lacks(told: Told, here: Run, gone: Mapping[str, int]) -> bool:
    """Tell whether there is more than is here."""
    return (
        bool(told.params.keys() - here.params.keys() or tags_kept(told).keys() - here.tags.keys())
        or (told.deleted and here.id not in gone)
        or (STATES.get(told.status, RunState.RUNNING).over and not here.state.over)
    )


def _add(tx: Writing, told: Told, here: Run) -> None:
    """Add what a run lacks; nothing is overwritten."""
    params = {key: value for key, value in _texts(told.params).items() if key not in here.params}
    tags = {key: value for key, value in tags_kept(told).items() if key not in here.tags}
    tx.runs.annotate(here.id, params=params, tags=tags)
    state = STATES.get(told.status, RunState.RUNNING)
    if state.over:
        tx.runs.move(here.id, state, ended_at=_us(told.ended))
    if told.deleted and tx.runs.deleted(here.id) is None:
        tx.runs.delete(here.id)


def _series(values: Iterable[Value]) -> dict[str, list[Kept]]:
    found: dict[str, list[Kept]] = defaultdict(list)
    for key, step, time, value in values:
        found[key].append((step, time * 1000, None if math.isnan(value) else value))
    for series in found.values():
        series.sort(key=lambda point: point[:2])  # as they are read, and so that the newest is behind all others
    return {text(key): series for key, series in found.items()}


def _sizes(series: Mapping[str, Sequence[Kept]]) -> dict[str, int]:
    return {key: len(points) for key, points in series.items()}


def _texts(pairs: Mapping[str, str]) -> dict[str, str]:
    return {text(key): text(value) for key, value in pairs.items()}


def _us(time: int | None) -> int | None:
    return None if time is None else time * 1000

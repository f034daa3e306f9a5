"""adopting_inputs: what runs of a store have read and which models they have made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from loopline.faces.mlflow.moving.keys import text
from loopline.ledger.datasets import Datasets
from loopline.nouns.dataset import Dataset, Reading
from loopline.verbs.modelling import made, made_by
from loopline.verbs.reading import models_read, read, versions_at

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.left import Left
    from loopline.faces.mlflow.moving.store import Told
    from loopline.loop import Loop

AT_ONCE: Final = 500


class Inputs:
    """Writes it down. Models may be of any experiment, so those come at the end."""

    def __init__(self, loop: Loop, left: Left) -> None:
        self._loop, self._left = loop, left
        self._models: list[tuple[str, dict[str, int], tuple[str, ...]]] = []
        """Runs, with the models that they have made and read."""

    def data(self, batch: Sequence[Told], ids: Mapping[str, str]) -> None:
        """Write down the data that runs have read and of which that is not known yet."""
        loop = self._loop
        some = [told for told in batch if told.id in ids]
        for told in some:
            if told.made or told.read:
                models = {one.model: one.step for one in told.made}, tuple(one.model for one in told.read)
                self._models.append((ids[told.id], *models))
        wanted = [told for told in some if told.datasets]
        if not wanted:
            return
        with loop.ledger.read() as tx:
            known = Datasets(tx.rows, tx.taggings).read_by(ids[told.id] for told in wanted)
            runs = {run.id: run for run in tx.runs.those(ids[told.id] for told in wanted)}
        for told in wanted:
            run = runs[ids[told.id]]
            here = {(one.dataset.name, one.dataset.sum) for one in known.get(run.id, ())}
            fresh = [one for one in readings(told) if (one.dataset.name, one.dataset.sum) not in here]
            if fresh:
                with loop.ledger.read() as tx:
                    linked = [
                        Reading(one.dataset, one.tags, tuple(versions_at(tx, loop.project, one.dataset.name, one.dataset.source)))
                        for one in fresh
                    ]  # fmt: skip
                read(loop, run, linked)

    def models(self) -> None:
        """Say which models runs have made and read, where the models are here."""
        loop = self._loop
        for start in range(0, len(self._models), AT_ONCE):
            some = self._models[start : start + AT_ONCE]
            names = [run for run, _, _ in some]
            with loop.ledger.read() as tx:
                known, seen = made_by(tx, names), models_read(tx, names)
                runs = {run.id: run for run in tx.runs.those(names)}
                there = tx.logged.known(loop.project, {one for _, own, taken in some for one in (*own, *taken)})
            for run, own, taken in some:
                for model in sorted({*own, *taken} - there):
                    self._left.out("outputs", "the model was deleted, or is not here", f"run {run}: {model}")
                fresh = {one: step for one, step in own.items() if one in there and one not in known.get(run, {})}
                if fresh:
                    made(loop, run, fresh)
                unread = [one for one in taken if one in there and one not in seen.get(run, ())]
                if unread:
                    read(loop, runs[run], (), unread)


def readings(told: Told) -> list[Reading]:
    """Give what a run has read as the ledger keeps it."""
    return [
        Reading(
            Dataset(
                *(text(part) for part in (one.name, one.digest, one.source_type, one.source, one.schema, one.profile))
            ),
            {text(key): text(value) for key, value in tags.items()},
        )
        for one, tags in told.datasets
    ]

"""comparing: what another store has, held against what of it is here, by counts and by digests.

Both sides are read anew. What has come here since is not counted: of a run only those params, tags and points that it has there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from loopline.faces.mlflow.moving.adopting_inputs import readings
from loopline.faces.mlflow.moving.keys import find_group, find_runs, name_of, tags_of, text
from loopline.faces.mlflow.moving.ours import OurStore
from loopline.faces.mlflow.moving.sums import KINDS, Sums, sum_of_points
from loopline.nouns.adoption import Tally
from loopline.nouns.progress import Progress

if TYPE_CHECKING:
    from loopline.faces.mlflow.moving.store import Group, Logged, Measured, Numbered, Registered, Store, Told
    from loopline.loop import Loop

SHOWN: Final = 20
"""Names of what differs that are told."""
Series = dict[str, list[tuple[int, int, float | None]]]


class Comparing:
    """Holds one store against one project."""

    def __init__(self, loop: Loop, store: Store) -> None:
        self._loop, self._store, self._ours = loop, store, OurStore(loop)
        self.there, self.here = Sums(), Sums()
        self.differing: list[str] = []
        self._done = 0

    def run(self) -> None:
        """Read both sides."""
        for group in self._store.groups():
            self._group(group)
            for batch in self._store.runs(group):
                self._runs(group, batch)
                self._done += len(batch)
                self._loop.report(Progress("verify", self._done, None, "runs"))
            for model in self._store.logged(group):
                self._model(model)
        for one in self._store.registered():
            self._registered(one)

    def files(self, there: Sums, here: Sums) -> None:
        """Take over what files came to, which are read once only."""
        self.there.merge(there)
        self.here.merge(here)

    def tallies(self) -> tuple[Tally, ...]:
        """Give what it came to."""
        return tuple(
            Tally(
                kind, self.there.counts[kind], self.here.counts[kind], self.there.digest(kind) == self.here.digest(kind)
            )
            for kind in KINDS
        )

    def _group(self, group: Group) -> None:
        with self._loop.ledger.read() as tx:
            here = find_group(tx, self._loop.project, group, self._store.name)
        tags = tags_of(group)
        told = [name_of(group), group.deleted, tags]
        self.there.row("experiments", *told)
        if here is not None:
            found = [name_of(group), here.deleted_at is not None, _of(here.tags, tags)]
            self.here.row("experiments", *found)
            self._same(f"experiment {group.name}", told, found)
        else:
            self._same(f"experiment {group.name}", told, None)

    def _runs(self, group: Group, batch: Sequence[Told]) -> None:
        with self._loop.ledger.read() as tx:
            ids = find_runs(tx, self._loop.project, [told.id for told in batch])
        here = {one.id: one for one in self._ours.those(list(ids.values()), group.id)}
        for told in batch:
            self._run(told, here.get(ids.get(told.id, "")))
        self._points(batch, ids)

    def _run(self, told: Told, here: Told | None) -> None:
        row = [
            told.id,
            text(told.name) or told.id,
            told.status,
            told.started,
            told.ended,
            told.deleted,
            text(told.user),
        ]
        params, tags = _texts(told.params), _texts(told.tags)
        self.there.row("runs", *row)
        self._rows(self.there, told.id, params, tags)
        self._ends(self.there, told, told)
        if here is None:
            self._same(f"run {told.id}", row, None)
            return
        user = here.user if told.user else ""
        found = [told.id, here.name, here.status, here.started, here.ended, here.deleted, user]
        self.here.row("runs", *found)
        own_params, own_tags = _of(here.params, params), _of(here.tags, tags)
        self._rows(self.here, told.id, own_params, own_tags)
        self._ends(self.here, told, here)
        self._same(f"run {told.id}", [row, params, tags], [found, own_params, own_tags])

    def _rows(self, sums: Sums, run: str, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        for kind, pairs in (("params", params), ("tags", tags)):
            for key, value in pairs.items():
                sums.row(kind, run, key, value)

    def _ends(self, sums: Sums, told: Told, side: Told) -> None:
        """Count what one side says of what a run has read and made, as far as the other store says it, too."""
        wanted = {(one.dataset.name, one.dataset.sum) for one in readings(told)}
        for one in readings(side):
            if (one.dataset.name, one.dataset.sum) in wanted:
                sums.row("inputs", told.id, asdict(one.dataset), dict(one.tags))
        for made in set(told.made) & set(side.made):
            sums.row("outputs", told.id, made.model, made.step)
        for read in {one.model for one in told.read} & {one.model for one in side.read}:
            sums.row("inputs", told.id, read)

    def _points(self, batch: Sequence[Told], ids: Mapping[str, str]) -> None:
        """Sum points part by part: of a run with many, no more than one part is in memory."""
        sums: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
        for run, values in self._store.points(batch):
            series: Series = defaultdict(list)
            for key, step, time, value in values:
                series[key].append((step, time, value))
            for key, points in ((text(said), points) for said, points in series.items()):
                count, total = sums[run, key]
                sums[run, key] = (count + len(points), (total + sum_of_points(run, key, points)) % (1 << 256))
        for (run, key), (count, total) in sums.items():
            self.there.many("points", count, total)
            own = list(self._ours.series(ids[run], key)) if run in ids else []
            found = sum_of_points(run, key, own)
            if found != total and len(own) > count:
                own = self._only(batch, run, key, own)
                found = sum_of_points(run, key, own)
            self.here.many("points", len(own), found)
            self._same(f"run {run}: {key}", total, found)

    def _only(
        self, batch: Sequence[Told], run: str, key: str, own: Sequence[tuple[int, int, float | None]]
    ) -> list[tuple[int, int, float | None]]:
        """Leave out of a series what is not there: it has come here since."""
        wanted = {
            sum_of_points(run, key, [(step, time, value)])
            for _, values in self._store.points([told for told in batch if told.id == run])
            for name, step, time, value in values if text(name) == key
        }  # fmt: skip
        return [point for point in own if sum_of_points(run, key, [point]) in wanted]

    def _model(self, told: Logged) -> None:
        here = self._ours.model(told.id)
        row = _logged_row(told, told)
        self.there.row("logged models", *row)
        found = _logged_row(here, told) if here is not None else None
        if found is not None:
            self.here.row("logged models", *found)
        self._same(f"logged model {told.id}", row, found)

    def _registered(self, told: Registered) -> None:
        here = self._ours.named(told.name)
        tags = _texts(told.tags)
        row = [told.name, text(told.description), tags]
        self.there.row("models", *row)
        found = [told.name, here.description, _of(here.tags, tags)] if here else None
        if found is not None:
            self.here.row("models", *found)
        self._same(f"model {told.name}", row, found)
        own = {one.number: one for one in here.versions} if here else {}
        for version in told.versions:
            one = own.get(version.number)
            self._version(told.name, version, one)
        for alias, number in told.aliases.items():
            self.there.row("aliases", told.name, alias, number)
            at = self._alias(told.name, alias)
            if at is not None:
                self.here.row("aliases", told.name, alias, at)
            self._same(f"model {told.name}@{alias}", number, at)

    def _alias(self, name: str, alias: str) -> int | None:
        from loopline.faces.mlflow.registry import asset_of
        from loopline.nouns.name import RefName

        with self._loop.ledger.read() as tx:
            ref = tx.refs.find(RefName(asset_of(self._loop.project, name), alias))
        return ref.target if ref else None

    def _version(self, name: str, told: Numbered, here: Numbered | None) -> None:
        row = _version_row(name, told, told)
        self.there.row("versions", *row)
        found = _version_row(name, here, told) if here else None
        if found is not None:
            self.here.row("versions", *found)
        self._same(f"model {name} {told.number}", row, found)

    def _same(self, name: str, there: object, here: object) -> None:
        if there != here and len(self.differing) < SHOWN:
            self.differing.append(f"{name} is not here" if here is None else f"{name} is not the same")


def _logged_row(one: Logged, like: Logged) -> list[object]:
    measures = {(m.run, m.key, m.dataset, m.digest): (m.step, m.time, repr(m.value)) for m in _latest(one)}
    wanted = {(m.run, m.key, m.dataset, m.digest) for m in like.metrics}
    tags, params = _texts(like.tags), _texts(like.params)
    status = one.status if one.status in ("READY", "FAILED") else "PENDING"
    return [
        one.id, text(one.name), text(one.kind), status, text(one.message), one.run, one.created, one.deleted,
        _of(_texts(one.tags), tags), _of(_texts(one.params), params),
        sorted([*key, *measures[key]] for key in wanted if key in measures),
    ]  # fmt: skip


def _latest(one: Logged) -> list[Measured]:
    return sorted(one.metrics, key=lambda m: (m.step, m.time))


def _version_row(name: str, one: Numbered, like: Numbered) -> list[object]:
    return [
        name, one.number, text(one.description), one.stage, one.created, one.model,
        _of(_texts(one.tags), _texts(like.tags)),
    ]  # fmt: skip


def _texts(pairs: Mapping[str, str]) -> dict[str, str]:
    return {text(key): text(value) for key, value in pairs.items()}


def _of(pairs: Mapping[str, str], like: Mapping[str, str]) -> dict[str, str]:
    """Give those pairs whose keys another has."""
    return {key: pairs[key] for key in like if key in pairs}

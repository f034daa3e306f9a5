"""summing: all that a store has, counted and summed, so that two stores can be held against each other."""

from __future__ import annotations

from collections import defaultdict
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING

from loopline.faces.mlflow.moving.sums import Sums, sum_of_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loopline.faces.mlflow.moving.store import Group, Logged, Registered, Store, Told

SHOWN = 20


def summed(store: Store) -> Sums:
    """Count and sum a store. Where it names places is not part of it, nor when something of it was changed last."""
    total = Sums()
    for _, one in pieces(store):
        total.merge(one)
    return total


def differences(one: Store, other: Store) -> Iterator[str]:
    """Name what two stores have otherwise, the first of it."""
    there = {name: sums.digests() for name, sums in pieces(other)}
    found = (
        f"{name} is not the same" if name in there else f"{name} is not there"
        for name, sums in pieces(one) if there.get(name) != sums.digests()
    )  # fmt: skip
    yield from islice(found, SHOWN)


def pieces(store: Store) -> Iterator[tuple[str, Sums]]:
    """Give experiments, runs and models by name, each with what it comes to."""
    for group in store.groups():
        sums = Sums()
        sums.row("experiments", group.name, group.deleted, dict(group.tags))
        yield f"experiment {group.name}", sums
        yield from _runs(store, group)
        for logged in store.logged(group):
            yield f"model {logged.id}", _logged(store, group, logged)
    for registered in store.registered():
        yield f"model {registered.name}", _registered(registered)


def _runs(store: Store, group: Group) -> Iterator[tuple[str, Sums]]:
    for batch in store.runs(group):
        found = {told.id: _run(store, group, told) for told in batch}
        for run, values in store.points(batch):
            series = defaultdict(list)
            for key, step, time, value in values:
                series[key].append((step, time, value))
            for key, points in series.items():
                found[run].many("points", len(points), sum_of_points(run, key, points))
        yield from ((f"run {run}", sums) for run, sums in found.items())


def _run(store: Store, group: Group, told: Told) -> Sums:
    sums = Sums()
    sums.row("runs", told.id, group.name, told.name, told.user, told.status, told.started, told.ended, told.deleted)
    for kind, pairs in (("params", told.params), ("tags", told.tags)):
        for key, value in pairs.items():
            sums.row(kind, told.id, key, value)
    for dataset, tags in told.datasets:
        sums.row(
            "inputs", told.id, dataset.name, dataset.digest, dataset.source_type, dataset.source, dataset.schema,
            dataset.profile, dict(tags),
        )  # fmt: skip
    for read in told.read:
        sums.row("inputs", told.id, read.model)
    for made in told.made:
        sums.row("outputs", told.id, made.model, made.step)
    _files(sums, store, told.location, told.id)
    return sums


def _logged(store: Store, group: Group, told: Logged) -> Sums:
    sums = Sums()
    measures = sorted([m.key, repr(m.value), m.step, m.time, m.run, m.dataset, m.digest] for m in told.metrics)
    sums.row(
        "logged models", told.id, group.name, told.name, told.kind, told.status, told.message, told.run, told.created,
        told.deleted, dict(told.params), dict(told.tags), measures,
    )  # fmt: skip
    _files(sums, store, told.location, told.id)
    return sums


def _registered(told: Registered) -> Sums:
    sums = Sums()
    sums.row("models", told.name, told.description, told.created, dict(told.tags))
    for one in told.versions:
        sums.row(
            "versions", told.name, one.number, one.description, one.user, one.stage, one.run, one.model, one.status, one.created,
            dict(one.tags),
        )  # fmt: skip
    for alias, number in told.aliases.items():
        sums.row("aliases", told.name, alias, number)
    return sums


def _files(sums: Sums, store: Store, location: str, owner: str) -> None:
    folder = store.folder(location) if location else None
    if folder is None:
        return
    for file in folder.list():
        state, size = sha256(), 0
        for chunk in folder.read(file.path):
            state.update(chunk)
            size += len(chunk)
        sums.row("files", owner, file.path, state.hexdigest())
        sums.bytes(size)

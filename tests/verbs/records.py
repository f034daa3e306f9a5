"""The least that can stand behind `signals.queries` and `signals.folder`: predictions in memory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from loopline.models.profile import encode, profile
from loopline.nouns.artifact import JSON, Artifact
from loopline.nouns.change import Move
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.profile import Profile
from loopline.nouns.service import Arm, Monitor, Service
from loopline.verbs.moving import Plan, begin

from .conftest import PROJECT, World

if TYPE_CHECKING:
    import pytest

PROD = RefName(AssetName(PROJECT, "service", "delay"), "prod")
HOUR = 3_600_000_000


class Records:
    """Rows by event time, and a count of requests and errors by recorded time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.columns: dict[str, Any] = {}
        self.buckets: list[tuple[int, Any]] = []
        queries, folder = ModuleType("loopline.signals.queries"), ModuleType("loopline.signals.folder")
        queries.window, queries.traffic = self.window, self.traffic  # type: ignore[attr-defined]
        folder.folder_of = Path  # type: ignore[attr-defined]
        for module in (queries, folder):
            monkeypatch.setitem(sys.modules, module.__name__, module)

    def add(self, event_time: int, rows: dict[str, Any]) -> None:
        """Answer rows about one moment."""
        count = len(next(iter(rows.values())))
        for name, values in {"event_time": np.full(count, event_time), **rows}.items():
            self.columns[name] = (
                np.concatenate([self.columns[name], values]) if name in self.columns else np.asarray(values)
            )

    def ask(self, at: int, requests: int, errors: int = 0) -> None:
        """Count requests at a moment of recorded time."""
        told = {"shadow": False, "refused": 0, "p50_us": 1_000.0, "p99_us": 2_000.0}
        self.buckets.append((at, SimpleNamespace(requests=requests, errors=errors, **told)))

    def window(
        self, _folder: Path, start: int, end: int, arm: str, columns: Sequence[str], *, limit: int
    ) -> dict[str, Any]:
        """Give columns of a window."""
        assert (arm, limit) == ("champion", 1_000_000)
        times = self.columns.get("event_time")
        if times is None:
            return {}
        inside = (times >= start) & (times < end)
        return {name: self.columns[name][inside] for name in columns if name in self.columns}

    def traffic(self, _folder: Path, start: int, end: int, _step: int) -> list[Any]:
        """Give what was asked in a window."""
        return [bucket for at, bucket in self.buckets if start <= at < end]


def rows(count: int = 1_000, *, shift: float = 0.0, seed: int = 0) -> dict[str, Any]:
    """Give rows of a window, as records name their columns."""
    rng = np.random.default_rng(seed)
    return {"in.temp": rng.normal(shift, 1, count), "in.hour": rng.integers(5, 23, count)}


def deploy(world: World, *monitors: Monitor, signed: bool = True) -> Service:
    """Put a service into production whose model was trained on `rows()`."""
    import msgspec

    blobs, ledger = world.loop.blobs, world.loop.ledger
    reference: Profile = profile(None, {name[3:]: values for name, values in rows().items()})
    digest = blobs.put(encode(reference)) if signed else None
    service = Service(
        "service/delay",
        (Arm("champion", "model/delay@1", digest or blobs.put(b"m"), profile=digest),),
        monitors=monitors,
    )
    body = blobs.put(msgspec.json.encode(service))
    with ledger.write(PROJECT, world.loop.actor) as tx:
        size = blobs.size(body) or 0
        version = tx.versions.publish(PROD.asset, Artifact(body, JSON, size), author="person:ann")
        here = tx.refs.find(PROD)
        begin(tx, world.loop, Plan((Move(PROD, here.target if here else None, version.number),), "serve it"))
    return service

"""Predictions of a service, written down as a front writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec  # noqa: TC002 (mypy knows its Raw at run time)
import numpy as np

from loopline.models import profile as profiles
from loopline.nouns.artifact import JSON, Artifact
from loopline.nouns.change import Move
from loopline.nouns.name import AssetName, RefName
from loopline.nouns.profile import Profile
from loopline.nouns.run import Point, Run
from loopline.nouns.service import Arm, Monitor, Service
from loopline.serving.specification import dump_service
from loopline.signals.entry import NOTHING, Entry, encode
from loopline.signals.segments import Recorder
from loopline.verbs.moving import Plan, begin
from loopline.verbs.recorded import signals_of
from tests.signals.recorded import packed

from .conftest import PROJECT, World

PROD = RefName(AssetName(PROJECT, "service", "delay"), "prod")
HOUR = 3_600_000_000


class Records:
    """Writes predictions down as a front does."""

    def __init__(self, world: World) -> None:
        self._loop = world.loop
        self._number = 0

    def add(self, event_time: int, rows: dict[str, Any]) -> None:
        """Answer rows about one moment, `in.NAME` and `out.NAME`."""
        count = len(next(iter(rows.values())))
        told = [(name, *_raw(np.asarray(values))) for name, values in rows.items()]
        inputs = [(name[3:], kind, data) for name, kind, data in told if name.startswith("in.")]
        outputs = [(name[4:], kind, data) for name, kind, data in told if name.startswith("out.")]
        self._write(event_time, event_time, count, packed(inputs), packed(outputs))

    def ask(self, at: int, requests: int, errors: int = 0) -> None:
        """Count requests at a moment of recorded time."""
        for number in range(requests):
            self._write(at, at, 1, status=500 if number < errors else 200)

    @property
    def last(self) -> str:
        """Id of the last request."""
        return f"q{self._number}"

    def _write(self, recorded_at: int, event_time: int, rows: int, *columns: msgspec.Raw, status: int = 200) -> None:
        self._number += 1
        inputs, outputs = columns or (NOTHING, NOTHING)
        entry = Entry(
            f"q{self._number}", recorded_at, rows, 1, "champion", "model/delay@1", "c", status, 1_000, event_times=event_time,
            inputs=inputs, outputs=outputs,
        )  # fmt: skip
        recorder = Recorder(signals_of(self._loop, PROD))
        assert recorder.offer(encode(entry))
        assert recorder.close()


def _raw(values: Any) -> tuple[str, Any]:
    match values.dtype.kind:
        case "f":
            return "FP64", values.astype("<f8").tobytes()
        case "i":
            return "INT64", values.astype("<i8").tobytes()
        case _:
            return "BYTES", values.tolist()


def rows(count: int = 1_000, *, shift: float = 0.0, seed: int = 0) -> dict[str, Any]:
    """Give rows of a window, as records name their columns."""
    rng = np.random.default_rng(seed)
    return {"in.temp": rng.normal(shift, 1, count), "in.hour": rng.integers(5, 23, count)}


def deploy(
    world: World, *monitors: Monitor, signed: bool = True, measured: Mapping[str, float] | None = None
) -> Service:
    """Put a service into production whose model was trained on `rows()`, by a run that has measured something."""
    blobs, ledger = world.loop.blobs, world.loop.ledger
    reference: Profile = profiles.profile(None, {name[3:]: values for name, values in rows().items()})
    digest = blobs.put(profiles.encode(reference)) if signed else None
    run = ""
    if measured:
        with ledger.write(PROJECT, world.loop.actor) as tx:
            run = tx.runs.start(Run(world.loop.ids.new(), PROJECT, "train", "pipeline", started_at=tx.now)).id
            tx.say("run.started", run)
            tx.metrics.add(run, [Point(name, value) for name, value in measured.items()])
    arm = Arm("champion", "model/delay@1", digest or blobs.put(b"m"), profile=digest, run=run)
    service = Service("service/delay", (arm,), monitors=monitors)
    body = blobs.put(dump_service(service))
    with ledger.write(PROJECT, world.loop.actor) as tx:
        size = blobs.size(body) or 0
        version = tx.versions.publish(PROD.asset, Artifact(body, JSON, size), author="person:ann")
        here = tx.refs.find(PROD)
        begin(tx, world.loop, Plan((Move(PROD, here.target if here else None, version.number),), "serve it"))
    return service

"""Build a ledger of EDGES edges in this folder (`build EDGES`), or ask it one question, the first of the process (`ask WHAT`)."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from loopline.ledger.ledger import Writing
from loopline.loop import Loop
from loopline.nouns.artifact import Artifact
from loopline.nouns.digest import Digest
from loopline.nouns.name import AssetName
from loopline.nouns.run import Link, Run, RunState
from loopline.settings import load_settings
from loopline.verbs.impact import impact
from loopline.verbs.why import why
from loopline.wiring import open_loop

FIXED, RUNS, EACH = 7, 4, 25
"""Shared inputs of a run; runs of a training; trainings on one data version."""
DATA = AssetName("bench", "data", "flights")
MODEL = AssetName("bench", "model", "delay")


def digest(*what: object) -> Digest:
    """Name made-up bytes."""
    return Digest("sha256:" + hashlib.sha256(repr(what).encode()).hexdigest())


def training(number: int) -> Iterator[tuple[str, list[Link], list[Link]]]:
    """Give the runs of one training with what they read and made: ten edges each.

    A training reads one data version and the model before it, as warm starts do; that makes one long chain.
    """
    data = number // EACH + 1
    shared = [Link(f"table{n}", digest("table", n)) for n in range(FIXED)]
    version = Link("data", digest("data", data), asset=str(DATA), number=data)
    features, model, report = (Link(w, digest(w, number)) for w in ("features", "model", "report"))
    published = Link("model", model.digest, asset=str(MODEL), number=number + 1)
    before = [Link("base", digest("model", number - 1), asset=str(MODEL), number=number)] if number else []
    other = [Link("other", digest("other", number, n)) for n in range(2)]
    yield "pipeline", [version, *before, *shared[: 8 - len(before) - 1]], [published, report]
    yield "features", [version, *shared], [features, other[0]]
    yield "fit", [features, *before, *shared[: 8 - len(before) - 1]], [model, other[1]]
    yield "assess", [model, features, *shared[:6]], [report, Link("table", digest("table of", number))]


def build(loop: Loop, edges: int) -> None:
    """Write it through the ledger's own tables, many runs a transaction."""
    trainings = edges // (10 * RUNS)
    with loop.ledger.write(loop.project, loop.actor) as tx:
        tx.projects.ensure(loop.project)
        for number in range(trainings // EACH + 1):
            tx.versions.publish(DATA, Artifact(digest("data", number + 1)), author="person:bench")
        tx.say("bench.built", "data")
    for start in range(0, trainings, 1000):
        with loop.ledger.write(loop.project, loop.actor) as tx:
            for number in range(start, min(start + 1000, trainings)):
                write_training(tx, loop, number)
            tx.say("bench.built", f"{start}")


def write_training(tx: Writing, loop: Loop, number: int) -> None:
    """Write one training and publish its model."""
    parent: str | None = None
    for name, inputs, outputs in training(number):
        kind = "step" if parent else "pipeline"
        run = Run(loop.ids.new(), loop.project, name, kind, RunState.FINISHED, parent=parent, params={"n": str(number)})
        tx.runs.start(run)
        tx.lineage.record(run.id, project=loop.project, inputs=inputs, outputs=outputs)
        parent = parent or run.id
    tx.versions.publish(MODEL, Artifact(digest("model", number)), author="person:bench", run=parent)


def ask(loop: Loop, what: str) -> list[float]:
    """Time one question; its answer has to be as large as it should be."""
    trainings = 25_000
    cpu, wall = time.process_time(), time.perf_counter()
    if what == "why":
        reason = why(loop, f"{MODEL}@{trainings - 1}")
        assert reason.because
    else:
        limit = {"page": 1_000, "whole": 10_000}[what]
        reached = impact(loop, f"{DATA}@{trainings // EACH // 2}", limit=limit)
        assert len(reached.reached) >= limit, len(reached.reached)
    return [(time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000, 1]


with_loop = open_loop(load_settings(Path.cwd()))
if sys.argv[1] == "build":
    build(with_loop, int(sys.argv[2]))
else:
    print(json.dumps({sys.argv[2]: ask(with_loop, sys.argv[2])}))

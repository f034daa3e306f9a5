from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from loopline.nouns.name import Numbered, parse_ref
from loopline.nouns.task import Task
from loopline.testing.loop import loop as new_loop
from loopline.verbs import counting
from loopline.verbs.counting import OTHER, counted
from loopline.verbs.propose import propose
from loopline.verbs.put import put
from loopline.verbs.start import start
from loopline.verbs.subscribe import subscribe

from .served import served

if TYPE_CHECKING:
    import pytest


def test_every_project_counts(tmp_path: Path) -> None:
    """What is counted is what the whole server sees to: tasks, runs, subscriptions and services of all projects."""
    loop, ref, _ = served(tmp_path)
    subscribe(loop, "http://127.0.0.1:9/hook", secret="env:HOOK")
    before = counted(loop)
    other = replace(loop, project="trains")
    for _ in range(3):
        start(other, "train")
    with loop.ledger.telemetry() as tx:
        tx.tasks.add(Task("0" * 32, "trains", "run", "person:ann", queue="gpu"))
    loop.clock.advance(seconds=90)  # type: ignore[attr-defined]
    found = counted(other)
    assert found.runs["running"] == before.runs.get("running", 0) + 3
    assert found.tasks == {("gpu", "queued"): 1}
    assert found.waits_s == {"gpu": 90.0}
    assert [(project, one.ref, one.number, one.state) for project, one in found.deployments] == [
        ("flights", str(ref), 1, "waiting")
    ]
    assert (found.backlog.subscriptions, found.backlog.dead) == (1, 0)
    assert found.events > before.events
    assert found.size > 10_000


def test_a_deployment_is_behind_in_its_own_project(tmp_path: Path) -> None:
    """What a service follows is looked up where it is declared, whichever project the server calls its own."""
    loop, _, _ = served(tmp_path)
    model = parse_ref("model/delay@champion", project="flights")
    put(loop, model.asset, digest=loop.blobs.put(b"another"))
    propose(loop, model, to=Numbered(1), why="first")
    (here,) = counted(loop).deployments
    (elsewhere,) = counted(replace(loop, project="trains")).deployments
    assert here == elsewhere


def test_queues_beyond_the_largest_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes up names of queues makes no series without end."""
    monkeypatch.setattr(counting, "MOST", 2)
    loop = new_loop()
    with loop.ledger.telemetry() as tx:
        tx.projects.ensure("flights")
        for number, queue in enumerate(["a", "a", "a", "b", "b", "c", "d"]):
            tx.tasks.add(Task(f"{number:032x}", "flights", "run", "person:ann", queue=queue))
    found = counted(loop)
    assert found.tasks == {("a", "queued"): 3, ("b", "queued"): 2, (OTHER, "queued"): 2}
    assert set(found.waits_s) == {"a", "b", OTHER}

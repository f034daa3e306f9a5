from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.nouns.artifact import DATASET, Artifact
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName
from loopline.nouns.run import Link

from .conftest import PROJECT

if TYPE_CHECKING:
    from .conftest import Hand

MODEL = AssetName("flights", "model", "delay")


def _d(name: str) -> str:
    return digest_of(name.encode())


def _chain(hand: Hand, *edges: tuple[str, str]) -> list[str]:
    """One run for each (read, made)."""
    runs = []
    for read, made in edges:
        run = hand.run()
        with hand.write() as tx:
            tx.lineage.record(
                run.id,
                project="flights",
                inputs=[Link("in", digest_of(read.encode()))],
                outputs=[Link("out", digest_of(made.encode()))],
            )
        runs.append(run.id)
    return runs


def test_forward_walks_everything_once(hand: Hand) -> None:
    """A diamond with a circle is walked to its end, each artifact once, at its nearest distance."""
    _chain(hand, ("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("d", "a"), ("d", "e"), ("x", "y"))
    with hand.read() as tx:
        reached = {m.digest: m.distance for m in tx.lineage.forward("flights", [_d("a")])}
    assert reached == {_d("b"): 1, _d("c"): 1, _d("d"): 2, _d("e"): 3}


def test_forward_stops_at_its_limit(hand: Hand) -> None:
    """A walk over a large graph gives what was asked for and no more."""
    _chain(hand, *[(str(i), str(i + 1)) for i in range(10)])
    with hand.read() as tx:
        assert [m.digest for m in tx.lineage.forward("flights", [_d("0")], limit=3)] == [_d("1"), _d("2"), _d("3")]


def test_forward_may_start_from_runs(hand: Hand) -> None:
    """What a run made is one step from the run."""
    runs = _chain(hand, ("a", "b"), ("b", "c"))
    with hand.read() as tx:
        assert [m.distance for m in tx.lineage.forward("flights", [], runs=[runs[0]])] == [1, 2]


def test_makers_prefer_whole_pipelines(hand: Hand) -> None:
    """Of a pipeline and its step that both gave the same bytes, the pipeline is named first."""
    pipeline = hand.run(kind="pipeline")
    step = hand.run(kind="step", parent=pipeline.id)
    with hand.write() as tx:
        for run in (step, pipeline):
            tx.lineage.record(run.id, project="flights", outputs=[Link("o", digest_of(b"m"))])
        assert tx.lineage.makers("flights", _d("m")) == [pipeline.id, step.id]
        assert tx.lineage.readers("flights", _d("m")) == []


def test_an_output_learns_its_version(hand: Hand) -> None:
    """Publishing an output writes its asset and number onto the edge."""
    (run,) = _chain(hand, ("a", "m"))
    hand.publish(b"m", run=run)
    with hand.write() as tx:
        tx.lineage.publish(run, "out", MODEL, 1)
        assert (tx.runs.get(run).outputs[0].asset, tx.runs.get(run).outputs[0].number) == ("model/delay", 1)


def test_packages_lead_to_runs(hand: Hand) -> None:
    """A vulnerable package is found in every run whose environment held it."""
    environment = digest_of(b"env")
    run = hand.run(environment=environment)
    with hand.write() as tx:
        tx.lineage.pack(environment, {"numpy": "2.0", "scipy": "1.1"})
        tx.lineage.pack(environment, {"numpy": "9"})
        assert tx.lineage.packed(environment) == {"numpy": "2.0", "scipy": "1.1"}
        assert tx.lineage.runs_with_package("flights", "numpy") == [run.id]
        assert tx.lineage.runs_with_package("flights", "numpy", "9") == []
        assert tx.lineage.runs_with("flights", "environment", environment) == [run.id]
        with pytest.raises(AssertionError):
            tx.lineage.runs_with("flights", "error", "x")


def test_data_elsewhere_has_the_name_that_runs_gave_it(hand: Hand) -> None:
    """Of digests that describe data elsewhere the title is the link's name, in the project of the run alone."""
    elsewhere, bytes_here = digest_of(b"dataset"), digest_of(b"bytes")
    run = hand.run()
    with hand.write() as tx:
        tx.assets.describe(Artifact(elsewhere, DATASET, 7))
        links = (Link("db/orders", elsewhere, DATASET, 7), Link("model", bytes_here))
        tx.lineage.record(run.id, project=PROJECT, outputs=links)
        assert tx.lineage.titles(PROJECT, [elsewhere, bytes_here]) == {elsewhere: "db/orders"}
        assert tx.lineage.titles("other", [elsewhere]) == {}

"""What runs have read, told by clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import NotFound
from loopline.ledger.datasets import Datasets
from loopline.nouns.artifact import DATASET
from loopline.nouns.dataset import Dataset, Reading
from loopline.nouns.name import RefName
from loopline.verbs.reading import models_read, read, versions_at

from .conftest import DATA, PROJECT

if TYPE_CHECKING:
    from loopline.nouns.run import Run

    from .conftest import World


def _run(world: World) -> Run:
    run: Run = world.do("start", "train")
    return run


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("loopline://data/flights@1", 1),
        ("loopline://data/flights", 2),
        ('{"uri": "loopline://data/flights@2"}', 2),
        ('{"url": "s3://flights/main/jan.csv"}', 2),
        ('{"path": "s3a://flights.main/jan.csv"}', 2),
        ('{"uri": "s3://raw/jan.csv"}', 2),
        ("lakefs://flights/main/jan.csv", 2),
        ('"lakefs://flights/1/"', 1),
    ],
)
def test_a_source_that_is_an_asset_is_its_version(world: World, source: str, number: int) -> None:
    """Whatever address of this server it names, in whatever form clients write sources."""
    world.data(jan=b"2")
    world.do("bucket", "raw", RefName(DATA, "main"))
    with world.loop.ledger.read() as tx:
        (link,) = versions_at(tx, PROJECT, "jan", source)
        assert (link.name, link.asset, link.number) == ("jan", "data/flights", number)
        assert link.digest == tx.versions.get(DATA, number).artifact.digest


@pytest.mark.parametrize(
    "source",
    [
        "", "{}", "[]", "7", "{", '{"uri": 7}', "s3://flights", "s3://other/main/x", "s3://flights/nope/x", "loopline://secret:data/x@1",
        "loopline://data/flights@9", "loopline://data", "loopline://",
        "https://flights/main/x", "s3://flights.9/x", "/home/x.csv",
        "loopline://" + "/" * 5000, "s3://%00/main/x",
        '{"uri": "s3://\\ud800.main/x"}', '{"uri": "loopline://data/\\udfff@1"}', '{"uri": "lakefs://a\\u0000b/main/x"}',
    ],
)  # fmt: skip
def test_a_source_that_is_no_asset_is_nothing(world: World, source: str) -> None:
    """It may say anything, and never fails."""
    with world.loop.ledger.read() as tx:
        assert list(versions_at(tx, PROJECT, "jan", source)) == []


def test_a_version_that_was_read_is_an_input_beside_its_description(world: World) -> None:
    """So that lineage goes on from there; told again, nothing is new."""
    run = _run(world)
    with world.loop.ledger.read() as tx:
        links = tuple(versions_at(tx, PROJECT, "jan", "loopline://data/flights@1"))
    told = Reading(Dataset("jan", "d1", "loopline", "loopline://data/flights@1"), {"use": "training"}, links)
    before = len(world.events())
    read(world.loop, run, [told])
    read(world.loop, run, [told])
    assert [one.kind for one in world.events()[before:]] == ["run.logged", "run.unchanged"]
    with world.loop.ledger.read() as tx:
        inputs = tx.runs.get(run.id).inputs
        (kept,) = Datasets(tx.rows, tx.taggings).read_by([run.id])[run.id]
        assert tx.holdings.among(PROJECT, [one.digest for one in inputs]) >= {inputs[0].digest}
    assert [(one.name, one.media_type == DATASET, one.number) for one in inputs] == [
        ("jan", True, None),
        ("jan", False, 1),
    ]
    assert (kept.dataset, kept.tags) == (told.dataset, {"use": "training"})
    assert world.loop.blobs.read(inputs[0].digest) == told.dataset.written


def test_a_model_that_is_not_there_is_not_read(world: World) -> None:
    """And nothing else of that telling is kept."""
    run = _run(world)
    with pytest.raises(NotFound) as raised:
        read(world.loop, run, [Reading(Dataset("jan", "d1"))], ["m-0"])
    assert raised.value.kind == "no-model"
    with world.loop.ledger.read() as tx:
        assert Datasets(tx.rows, tx.taggings).read_by([run.id]) == {}
        assert models_read(tx, [run.id]) == {}


def test_a_rehearsal_keeps_nothing(world: World) -> None:
    """Of what was read."""
    run = _run(world)
    read(world.rehearsing().loop, run, [Reading(Dataset("jan", "d1"))])
    with world.loop.ledger.read() as tx:
        assert tx.runs.get(run.id).inputs == ()

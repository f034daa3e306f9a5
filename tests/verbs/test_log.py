from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Conflict, NotFound
from loopline.nouns.digest import digest_of
from loopline.nouns.run import Link, Point

from .conftest import DATA

if TYPE_CHECKING:
    from .conftest import World


def test_points_are_telemetry(world: World) -> None:
    """Points alone are kept without an event; the rest is one event."""
    run = world.do("start", "train")
    before = len(world.events())
    assert world.do("log", run.id, points=(Point("loss", 0.5, 1), Point("loss", 0.3, 2)))
    assert len(world.events()) == before
    assert world.do("log", run.id, params={"lr": "1"}, tags={"t": "x"}, outputs=(Link("o", digest_of(b"o")),))
    (event,) = world.events(before)
    assert (event.kind, event.subject) == ("run.logged", run.id)
    found = world.do("show", run.id)
    assert (found.metrics, found.params, found.tags) == ({"loss": 0.3}, {"lr": "1"}, {"t": "x"})


def test_a_sequence_is_taken_once(world: World) -> None:
    """Sending the same part of a journal again changes nothing and is no event."""
    run = world.do("start", "train")
    asked: dict[str, Any] = {"points": (Point("loss", 0.5),), "tags": {"t": "a"}, "source": "journal", "sequence": 10}
    assert world.do("log", run.id, **asked)
    before = len(world.events())
    assert not world.do("log", run.id, **asked)
    assert not world.do("log", run.id, **(asked | {"sequence": 9, "tags": {"t": "b"}}))
    assert len(world.events()) == before
    with world.loop.ledger.read() as tx:
        assert len(tx.metrics.history(run.id, "loss")) == 1
    assert world.do("log", run.id, **(asked | {"sequence": 11, "tags": {"t": "b"}}))
    assert world.do("show", run.id).tags == {"t": "b"}


def test_a_refused_batch_can_be_sent_again(world: World) -> None:
    """A conflict takes nothing, not even the mark of the journal."""
    run = world.do("start", "train", params={"lr": "1"})
    with pytest.raises(Conflict):
        world.do("log", run.id, params={"lr": "2"}, tags={"t": "x"}, source="j", sequence=1)
    assert world.do("show", run.id).tags == {}
    assert world.do("log", run.id, tags={"t": "x"}, source="j", sequence=1)


def test_another_project_cannot_log(world: World) -> None:
    """A run of another project is as if it were not there, by its id and by its first digits."""
    run = world.do("start", "train")
    for name in (run.id, run.id[:20]):
        with pytest.raises(NotFound):
            world.abroad().do("log", name, points=(Point("x", 1.0),))


def test_an_edge_makes_no_asset_in_another_project(world: World) -> None:
    """An input names what is there elsewhere, or nothing: writing a log must not create it."""
    abroad = world.abroad()
    run = abroad.do("start", "train")
    link = Link("d", digest_of(b"d"), asset="flights:data/flights", number=1)
    abroad.do("log", run.id, inputs=(link,))
    assert abroad.do("show", run.id).inputs == (link,)
    with pytest.raises(NotFound):
        abroad.do("log", run.id, inputs=(Link("d", digest_of(b"d"), asset="flights:data/new", number=1),))
    assert [one.asset for one in world.do("ls", "data")] == [DATA]


def test_an_input_is_written_down_once(world: World) -> None:
    """What several processes of a run tell of the same input is one edge; under another name it is another."""
    run = world.do("start", "train")
    link = Link("d", digest_of(b"d"), asset="data/flights", number=1)
    for name in ("d", "d", "test", "d"):
        assert world.do("log", run.id, inputs=(replace(link, name=name),))
    assert world.do("show", run.id).inputs == (link, replace(link, name="test"))


def test_a_rehearsal_keeps_no_point(world: World) -> None:
    """With --dry-run neither telemetry nor the rest is kept."""
    run = world.do("start", "train")
    world.rehearsing().do("log", run.id, points=(Point("x", 1.0),))
    world.rehearsing().do("log", run.id, tags={"t": "x"})
    found = world.do("show", run.id)
    assert (found.metrics, found.tags) == ({}, {})

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from loopline.cli.render import draw
from loopline.cli.screen import Screen
from loopline.errors import Invalid
from loopline.nouns.run import Point

if TYPE_CHECKING:
    from .conftest import World


def test_runs_are_found_by_what_they_measured(guarded: World) -> None:
    """Newest first, with a filter and an order over metrics."""
    assert [run.metrics["auc"] for run in guarded.do("find")] == [0.8, 0.7]
    (best,) = guarded.do("find", "runs", "metrics.auc > 0.75")
    assert best.metrics == {"auc": 0.8}
    assert [r.metrics["auc"] for r in guarded.do("find", order="metrics.auc asc")] == [0.7, 0.8]


def test_steps_are_left_out_unless_asked_for(world: World) -> None:
    """A word of a filter that only looks like `parent` or `kind` does not change what is listed."""
    outer = world.do("start", "apparent", kind="pipeline")
    world.do("start", "apparent", kind="step", parent=outer.id)
    assert len(world.do("find", where="name = apparent")) == 1
    assert len(world.do("find", where="kind = step")) == 1
    assert len(world.do("find", where=f"parent = '{outer.id}'")) == 1
    assert len(world.do("find", steps=True)) == 2


def test_words_that_look_like_numbers_are_words(world: World) -> None:
    """A commit, an experiment or a tag made of digits is found as it was written."""
    world.do("start", "2024", experiment="019", commit="12345e6", tags={"build": "007"})
    for where in ("name = 2024", "experiment = 019", "commit = 12345e6", "commit = '12345e6'", "tags.build ~ 007"):
        assert len(world.do("find", where=where)) == 1, where


def test_a_day_is_a_time(world: World) -> None:
    """`started` is compared with a day, a time with its zone, or microseconds."""
    world.do("start", "train")
    for where, count in (
        ("started >= 2026-01-01", 1),
        ("started > '2026-01-02'", 0),
        ("started < '2026-01-01T00:00:01Z'", 1),
    ):
        assert len(world.do("find", where=where)) == count, where
    with pytest.raises(Invalid):
        world.do("find", where="started > yesterday")


def test_silences_that_hold_are_found(world: World) -> None:
    """The one that ends first comes first; one that was ended is none; a page goes on behind the last one."""
    world.do("silence", "service/b@prod/*", why="later", lasting=timedelta(hours=8))
    world.do("silence", "service/a@prod/*", why="soon")
    world.do("silence", "service/c@prod/*", why="over")
    world.do("silence", "service/c@prod/*", why="enough", lasting=timedelta(0))
    found = world.do("find", "silences")
    assert [one.why for one in found] == ["soon", "later"]
    assert world.do("find", "silences", limit=1, after=found[0].id) == found[1:]
    assert [line.split()[0] for line in draw(found, Screen(io.StringIO(), io.StringIO(), environ={}))] == [
        "service/a@prod/*",
        "service/b@prod/*",
    ]


def test_open_ones_only(guarded: World) -> None:
    """Runs that go on, changes that may still move, incidents that are not resolved."""
    run = guarded.do("start", "train")
    guarded.do("log", run.id, points=(Point("auc", float("nan")),))
    assert [one.id for one in guarded.do("find", open=True)] == [run.id]
    change = guarded.propose(1)
    assert [one.id for one in guarded.do("find", "changes", open=True)] == [change.id]
    assert guarded.do("find", "incidents", open=True) == ()


def test_what_is_not_understood_is_refused(world: World) -> None:
    """No filter, order or limit is silently ignored."""
    for asked in (
        {"where": "auc >"}, {"where": "auc > 1"}, {"order": "auc"}, {"limit": 0}, {"what": "changes", "where": "state = applied"},
        {"what": "incidents", "order": "opened"},
    ):  # fmt: skip
        with pytest.raises(Invalid):
            world.do("find", **asked)


def test_deleted_runs_and_other_projects_are_not_found(guarded: World) -> None:
    """A run that was deleted is not listed, and no run of another project ever is."""
    run = guarded.do("find")[0]
    guarded.do("delete", run.id)
    assert run.id not in {one.id for one in guarded.do("find")}
    for what in ("runs", "changes", "incidents"):
        assert guarded.abroad().do("find", what) == ()

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.run import RunState

from .conftest import CODE, ENVIRONMENT

if TYPE_CHECKING:
    from .conftest import World


ID = "0" * 31 + "1"


def test_a_run_begins(world: World) -> None:
    """It runs, has what it was given, and one event says so."""
    before = len(world.events())
    run = world.do("start", "train", params={"lr": "0.1"}, tags={"who": "me"}, code=CODE, experiment="delay")
    assert (run.state, run.params, run.code, run.experiment) == (RunState.RUNNING, {"lr": "0.1"}, CODE, "delay")
    (event,) = world.events(before)
    assert (event.kind, event.subject) == ("run.started", run.id)
    assert event.payload is not None
    assert event.payload["params"] == {"lr": "0.1"}


def test_starting_twice_gives_the_run_that_is_there(world: World) -> None:
    """What became known later is added, and the answer shows it; a param with another value is a conflict."""
    world.do("start", "train", run=ID, params={"lr": "0.1"})
    again = world.do("start", "train", run=ID, environment=ENVIRONMENT, packages={"numpy": "2"}, params={"depth": "3"})
    assert (again.environment, again.params) == (ENVIRONMENT, {"lr": "0.1", "depth": "3"})
    assert [event.kind for event in world.events()][-2:] == ["run.started", "run.captured"]
    with pytest.raises(Conflict):
        world.do("start", "train", run=ID, params={"lr": "0.2"})


def test_an_id_of_another_project_is_taken(world: World) -> None:
    """Another project can neither read nor change a run by starting it again, and learns nothing of it."""
    world.do("start", "train", run=ID, params={"lr": "0.1"})
    with pytest.raises(Conflict) as caught:
        world.abroad().do("start", "train", run=ID, tags={"mine": "yes"})
    assert caught.value.kind == "run-exists"
    assert "flights" not in str(caught.value.facts)
    assert world.do("show", ID).tags == {}


@pytest.mark.parametrize(
    "written", ["", "1", "../" + "0" * 29, "0" * 31, "0" * 33, "G" * 32, "A" * 32, "0" * 31 + "\n"]
)
def test_an_id_has_a_form(world: World, written: str) -> None:
    """Whatever is no id of 32 hex digits is refused before it is stored."""
    with pytest.raises(Invalid) as caught:
        world.do("start", "train", run=written)
    assert caught.value.kind == "bad-id"


def test_the_run_around_it_is_found_by_its_first_digits(world: World) -> None:
    """A parent is a run of this project; a whole id may be that of a run that is still to arrive."""
    outer = world.do("start", "pipeline")
    assert world.do("start", "step", parent=outer.id[:30]).parent == outer.id
    assert world.do("start", "step", parent=ID).parent == ID
    for wrong in ("abcd", ""):
        with pytest.raises(NotFound):
            world.do("start", "step", parent=wrong)


def test_an_id_of_another_project_looks_like_an_unknown_one(world: World) -> None:
    """A whole id is taken as a parent whether or not another project has such a run, and nothing comes into that run by it."""
    outer = world.do("start", "secret pipeline")
    with pytest.raises(NotFound):
        world.abroad().do("start", "step", parent=outer.id[:30])
    there, unknown = (world.abroad().do("start", "step", parent=name) for name in (outer.id, ID))
    assert (there.parent, unknown.parent) == (outer.id, ID)
    with world.loop.ledger.read() as tx:
        assert tx.runs.children(outer.id) == []
        assert tx.runs.around(there) is None


def test_a_rehearsal_leaves_nothing(world: World) -> None:
    """With --dry-run there is an answer and no run."""
    run = world.rehearsing().do("start", "train")
    with pytest.raises(NotFound):
        world.do("show", run.id)


@pytest.mark.parametrize(
    "tag", ["log", "key", "task", "task.fence", "modules", "resumes", "observed.at", "observed.start"]
)
def test_tags_that_the_system_writes_are_refused(world: World, tag: str) -> None:
    """What is read back as a fact is written by nobody else: neither with a new run, nor with one that is there, nor later."""
    run = world.do("start", "train", run=ID)
    tags = {"mine": "1", tag: "x"}
    for ask in (
        partial(world.do, "start", "train", tags=tags),
        partial(world.do, "start", "train", run=ID, tags=tags),
        partial(world.do, "log", run.id, tags=tags),
    ):
        with pytest.raises(Invalid) as caught:
            ask()
        assert (caught.value.kind, caught.value.facts["tags"]) == ("reserved-tag", [tag])
    assert world.do("show", ID).tags == {}
    assert world.do("start", "train", tags={"logs": "x", "tasks": "y", "my.log": "z"}).tags["my.log"] == "z"

"""A registry's words come down to assets, versions and changes, and no policy is passed by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, NotFound, Refused
from loopline.nouns.artifact import Artifact
from loopline.nouns.change import ChangeState
from loopline.nouns.name import AssetName, Numbered, Pointer
from loopline.nouns.run import Link
from loopline.verbs.noting import TEXT
from loopline.verbs.registry import Entry, Notes, Standing, arrange, enter, open_model, point, strike

from .conftest import BOB, CHAMPION, MODEL, PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loopline.nouns.version import Version

    from .conftest import World

NEW = AssetName(PROJECT, "model", "new")


def entered(world: World, body: bytes = b"x", asset: AssetName = NEW, **more: object) -> Version:
    """Enter a version that is one blob."""
    return enter(world.loop, asset, Entry(Artifact(world.loop.blobs.put(body), size=len(body)), **more))  # type: ignore[arg-type]


def test_a_model_is_there_before_it_has_a_version(world: World) -> None:
    """It is listed and described, once; asking for its newest version says that there is none."""
    made = open_model(world.loop, NEW, tags={"team": "ops"}, text="soon")
    assert (made.description, made.last_number) == ("soon", 0)
    assert [str(one.asset) for one in world.do("ls", "model")] == ["model/new"]
    assert world.do("history", str(NEW)) == ()
    with pytest.raises(NotFound):
        world.do("why", "model/new@latest")
    with pytest.raises(Conflict) as taken:
        open_model(world.loop, NEW, tags={})
    assert taken.value.kind == "asset-exists"
    assert world.events()[-1].kind == "model.opened"


def test_a_version_is_entered_whole(world: World) -> None:
    """Tags, text and run come with it in one event, and the run's lineage ends there."""
    open_model(world.loop, NEW, tags={})
    run = world.do("start", "train").id
    digest = world.loop.blobs.put(b"x")
    world.do("log", run, outputs=(Link("model", digest),))
    made = entered(world, tags={"a": "b"}, text="good", run=run, metadata={"source": "here"})
    with world.loop.ledger.read() as tx:
        assert tx.taggings.of(tx.versions.subject(made)) == {TEXT: "good", "a": "b"}
        assert [(one.asset, one.number) for one in tx.runs.get(run).outputs] == [("model/new", 1)]
    again = entered(world, run=run)
    with world.loop.ledger.read() as tx:
        assert [one.number for one in tx.runs.get(run).outputs] == [1]
    assert (again.number, world.events()[-1].kind) == (2, "version.published")
    entered(world, b"y", run=run, output="files")
    with world.loop.ledger.read() as tx:
        assert [(one.name, one.number) for one in tx.runs.get(run).outputs] == [("model", 1), ("files", 3)]


def test_a_name_that_is_used_again_goes_on_counting(world: World) -> None:
    """What was there before stays deleted, with its tags and its text, and a number never means other bytes."""
    open_model(world.loop, NEW, tags={"old": "yes"}, text="old")
    entered(world)
    point(world.loop, NEW, {"prod": 1}, why="x")
    change = strike(world.loop, NEW, why="gone")
    assert change is not None
    assert (change.state, [move.new for move in change.moves]) == (ChangeState.APPLIED, [None])
    made = open_model(world.loop, NEW, tags={})
    with world.loop.ledger.read() as tx:
        assert (made.description, tx.taggings.of(made.subject), tx.versions.list(NEW)) == ("", {}, [])
    assert entered(world, b"y").number == 2
    world.do("delete", "model/new@1", restore=True)
    assert world.do("get", Pointer(NEW, Numbered(1))).number == 1


def test_several_refs_move_by_one_change(world: World) -> None:
    """With what is noted; what is so already is no change, and no event."""
    open_model(world.loop, NEW, tags={})
    for body in (b"1", b"2"):
        entered(world, body)
    point(world.loop, NEW, {"staging": 1}, why="try it")
    change = point(
        world.loop, NEW, {"staging": None, "production": 1}, why="good", notes=Notes("kept", sets={2: "yes"})
    )
    assert change is not None
    assert (change.state, change.reason, len(change.moves)) == (ChangeState.APPLIED, "good", 2)
    before = len(world.events())
    assert (
        point(world.loop, NEW, {"production": 1}, why="again", notes=Notes("kept", sets={2: "yes"}, drops=(1,))) is None
    )
    assert len(world.events()) == before
    assert point(world.loop, NEW, {}, why="drop it", notes=Notes("kept", drops=(2,))) is None
    with world.loop.ledger.read() as tx:
        assert tx.taggings.of(tx.versions.subject(tx.versions.get(NEW, 2))) == {}
    with pytest.raises(NotFound):
        point(world.loop, NEW, {"production": 9}, why="no such version")


def test_a_policy_holds_a_ref_and_what_is_noted(guarded: World) -> None:
    """Asking twice finds the change that waits; approved, asking again moves it; a policy that is gone lets it through, too."""
    notes = Notes("moved", sets={1: "yes"})
    first = point(guarded.loop, MODEL, {"champion": 1}, why="x", notes=notes)
    again = point(guarded.loop, MODEL, {"champion": 1}, why="y", notes=notes)
    assert first is not None
    assert again is not None
    assert (first.id, first.state, again.reason) == (again.id, ChangeState.PROPOSED, "x")
    assert guarded.target() is None
    with guarded.loop.ledger.read() as tx:
        assert tx.taggings.of(tx.versions.subject(tx.versions.get(MODEL, 1))) == {}
    guarded.do("approve", first.id, by=BOB)
    done = point(guarded.loop, MODEL, {"champion": 1}, why="z", notes=notes)
    assert done is not None
    assert (done.id, done.state, guarded.target()) == (first.id, ChangeState.APPLIED, 1)
    with guarded.loop.ledger.read() as tx:
        assert tx.taggings.of(tx.versions.subject(tx.versions.get(MODEL, 1))) == {"moved": "yes"}
    point(guarded.loop, MODEL, {"champion": 2}, why="next")
    guarded.policy()
    assert point(guarded.loop, MODEL, {"champion": 2}, why="next").state is ChangeState.APPLIED  # type: ignore[union-attr]


def test_what_a_policy_holds_is_not_deleted(guarded: World) -> None:
    """Neither the version nor the model goes before the ref may go; asking twice makes one change."""
    change = guarded.propose(1)
    guarded.do("approve", change.id, by=BOB)
    guarded.do("apply", change.id)
    held = strike(guarded.loop, MODEL, 1, why="gone")
    again = strike(guarded.loop, MODEL, 1, why="gone")
    whole = strike(guarded.loop, MODEL, why="gone")
    assert held is not None
    assert again is not None
    assert whole is not None
    assert (held.state, again.id, whole.id, guarded.target(CHAMPION)) == (ChangeState.PROPOSED, held.id, held.id, 1)
    assert strike(guarded.loop, MODEL, 2, why="nothing stands there") is None
    guarded.do("approve", held.id, by=BOB)
    assert strike(guarded.loop, MODEL, why="gone").state is ChangeState.APPLIED  # type: ignore[union-attr]
    with guarded.loop.ledger.read() as tx:
        assert tx.assets.find(MODEL) is None


def test_a_version_in_quarantine_takes_no_ref(world: World) -> None:
    """A rollback has put it there; a registry's client cannot bring it back."""
    world.train(b"one")
    with world.loop.ledger.write(PROJECT, world.loop.actor) as tx:
        tx.versions.quarantine(MODEL, 1, reason="bad")
        tx.say("x", "y")
    with pytest.raises(Refused):
        point(world.loop, MODEL, {"champion": 1}, why="x")
    assert world.target() is None


def test_a_wish_is_asked_when_refs_move(world: World) -> None:
    """What has moved between the look and the write is seen: a ref that somebody else has just moved is not taken away."""
    open_model(world.loop, NEW, tags={})
    entered(world)
    entered(world, b"y")
    point(world.loop, NEW, {"prod": 1}, why="x")
    seen: list[Mapping[str, int]] = []

    def leave(here: Mapping[str, int]) -> Standing:
        seen.append(here)
        if len(seen) == 1:
            point(world.loop, NEW, {"prod": 2}, why="faster")
        return ({"prod": None} if here.get("prod") == 1 else {}), Notes("stage", sets={1: "old"})

    assert arrange(world.loop, NEW, leave, why="out") is None
    assert seen == [{"prod": 1}, {"prod": 2}]
    with world.loop.ledger.read() as tx:
        assert [(one.name.ref, one.target) for one in tx.refs.of(NEW)] == [("prod", 2)]

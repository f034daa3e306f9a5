from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.artifact import Artifact
from loopline.nouns.logged import LoggedModel, LoggedState
from loopline.nouns.name import RefName
from loopline.verbs.filing import keep, of_run
from loopline.verbs.modelling import begin, end

from .conftest import BOB, CHAMPION, DATA, MODEL

if TYPE_CHECKING:
    from loopline.nouns.run import Run

    from .conftest import World


def test_each_thing_can_be_marked_once(guarded: World) -> None:
    """A version, a run and an asset go, each with one event; a second time they are not there."""
    run = guarded.do("find")[0]
    before = len(guarded.events())
    for what in ("model/delay@2", run.id, "model/delay"):
        assert guarded.do("delete", what, why="old") == what
        with pytest.raises(NotFound):
            guarded.do("delete", what)
    assert [(e.kind, e.subject) for e in guarded.events(before)] == [
        ("deleted", "model/delay@2"), ("deleted", run.id), ("deleted", "model/delay"),
    ]  # fmt: skip


def test_what_is_current_stays(world: World) -> None:
    """What a ref points at, and an asset with refs, cannot be deleted; afterwards they can."""
    for what in ("data/flights@1", "data/flights@main", "data/flights"):
        with pytest.raises(Invalid):
            world.do("delete", what)
    world.do("branch", DATA, "main", delete=True)
    world.do("delete", "data/flights@1")
    world.do("delete", "data/flights")


def test_a_change_does_not_bring_back_what_was_deleted(guarded: World) -> None:
    """An open change to a version or an asset that is gone cannot be applied."""
    change = guarded.propose(1)
    guarded.do("approve", change.id, by=BOB)
    guarded.do("delete", str(MODEL))
    with pytest.raises(NotFound):
        guarded.do("apply", change.id)
    assert str(MODEL) not in {str(one.asset) for one in guarded.do("ls")}
    assert guarded.target(CHAMPION) is None


def test_numbers_are_not_given_twice(guarded: World) -> None:
    """A deleted name goes on counting where it was."""
    guarded.do("delete", "model/delay")
    assert guarded.train(b"three").number == 3


def test_lineage_outlives_a_deleted_run(guarded: World) -> None:
    """What a run made is still explained by it."""
    run = guarded.do("find")[-1]
    guarded.do("delete", run.id)
    assert [one.key for one in guarded.do("why", "model/delay@1").because] == [run.id]


def test_another_project_deletes_nothing(guarded: World) -> None:
    """Neither by name nor by id nor with the project before the name."""
    run = guarded.do("find")[0]
    for what in (run.id, "model/delay@1", "model/delay"):
        with pytest.raises(NotFound):
            guarded.abroad().do("delete", what)
    for what in ("flights:model/delay@1", "flights:model/delay"):
        with pytest.raises(Invalid):
            guarded.abroad().do("delete", what)


def test_a_rehearsal_deletes_nothing(guarded: World) -> None:
    """With --dry-run the rules are applied and the thing stays."""
    guarded.rehearsing().do("delete", "model/delay@1")
    assert guarded.do("show", "model/delay@1").deleted_at is None
    with pytest.raises(Invalid):
        guarded.rehearsing().do("delete", f"{RefName(DATA, 'main')}")


def test_what_was_deleted_comes_back_as_it_was(guarded: World) -> None:
    """A version, a run and an asset return with one event each, and what was deleted by itself stays deleted."""
    run = guarded.do("find")[0]
    for what in ("model/delay@2", run.id, "model/delay"):
        guarded.do("delete", what)
    before = len(guarded.events())
    for what in ("model/delay", run.id):
        assert guarded.do("delete", what, restore=True, why="needed") == what
    assert [(e.kind, e.subject) for e in guarded.events(before)] == [("restored", "model/delay"), ("restored", run.id)]
    assert run.id in {one.id for one in guarded.do("find")}
    assert [one.number for one in guarded.do("history", "model/delay")] == [1]
    guarded.do("delete", "model/delay@2", restore=True)
    assert [one.number for one in guarded.do("history", "model/delay")] == [2, 1]


def test_only_what_was_deleted_is_restored(guarded: World) -> None:
    """What is there is refused, what never was is not found, and a version is named by its number."""
    run = guarded.do("find")[0]
    for what in ("model/delay@2", run.id, "model/delay"):
        with pytest.raises(Conflict) as caught:
            guarded.do("delete", what, restore=True)
        assert caught.value.kind == "not-deleted"
    for what in ("model/delay@9", "f" * 32, "model/none"):
        with pytest.raises(NotFound):
            guarded.do("delete", what, restore=True)
    with pytest.raises(Invalid) as wrong:
        guarded.do("delete", "model/delay@latest", restore=True)
    assert wrong.value.kind == "needs-number"


def test_what_was_reclaimed_is_not_restored(guarded: World) -> None:
    """A version without bytes stays deleted: it could not be read, and would stop every reclaim; so does its asset."""
    version = guarded.do("show", "model/delay@2")
    guarded.do("delete", "model/delay@2")
    body = guarded.loop.blobs.read(version.artifact.digest)
    guarded.loop.blobs.delete(version.artifact.digest)
    with pytest.raises(NotFound) as caught:
        guarded.do("delete", "model/delay@2", restore=True)
    assert caught.value.kind == "blob-missing"
    guarded.loop.blobs.put(body)
    guarded.do("delete", "model/delay@2", restore=True)
    guarded.do("delete", "model/delay")
    guarded.loop.blobs.delete(version.artifact.digest)
    with pytest.raises(NotFound):
        guarded.do("delete", "model/delay", restore=True)
    guarded.loop.blobs.put(body)
    assert guarded.do("delete", "model/delay", restore=True) == "model/delay"


def test_a_logged_model_is_marked_and_comes_back(world: World) -> None:
    """By its id; a second mark and a mark that is not there are refused."""
    run, model = filed(world)
    assert model.digest is not None
    assert world.do("delete", model.id) == model.id
    with pytest.raises(NotFound):
        world.do("delete", model.id)
    with world.loop.ledger.read() as tx:
        assert tx.logged.find(model.project, model.id) is None
    assert world.do("delete", model.id, restore=True) == model.id
    with pytest.raises(Conflict):
        world.do("delete", model.id, restore=True)
    assert run.id != model.id


def test_what_was_reclaimed_does_not_come_back(world: World) -> None:
    """A run, a model and an experiment whose trees are gone stay deleted, and it is said why; before that they come back."""
    run, model = filed(world)
    for what in (run.id, model.id, "experiment/default"):
        world.do("delete", what)
        world.do("delete", what, restore=True)
    with world.loop.ledger.read() as tx:
        digests = [link.digest for link in tx.runs.get(run.id).outputs]
    for what in (run.id, model.id, "experiment/default"):
        world.do("delete", what)
        kept = {digest: world.loop.blobs.read(digest) for digest in digests}
        for digest in digests:
            world.loop.blobs.delete(digest)
        with pytest.raises(NotFound) as caught:
            world.do("delete", what, restore=True)
        assert caught.value.kind == "blob-missing"
        for body in kept.values():
            world.loop.blobs.put(body)
        world.do("delete", what, restore=True)


def filed(world: World) -> tuple[Run, LoggedModel]:
    """Make a run that is over, with a file and a sealed model."""
    run = world.do("start", "train")
    with world.loop.ledger.read() as tx:
        group = tx.experiments.get(run.project, "default")
    model = begin(world.loop, group, "clf", run=run.id)
    for owner, body in ((of_run(run), b"file"), (model.owner, b"model")):
        keep(world.loop, owner, "a", Artifact(world.loop.blobs.put(body), size=len(body)))
    sealed = end(world.loop, model.id, LoggedState.READY)
    return world.do("finish", run.id), sealed

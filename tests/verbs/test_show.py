from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.comparison import Review
from loopline.nouns.deployment import Deployment
from loopline.nouns.ref import Ref
from loopline.nouns.run import Run
from loopline.nouns.version import Version
from loopline.verbs.plain import plain, restore

from .conftest import PROJECT
from .records import PROD, deploy

if TYPE_CHECKING:
    from .conftest import World


def test_each_thing_is_shown_as_what_it_is(guarded: World) -> None:
    """A ref, a version, a run by its first digits, a change as its review."""
    run = guarded.do("start", "train")
    change = guarded.propose(1)
    assert isinstance(guarded.do("show", "data/flights@main"), Ref)
    for text in ("data/flights@1", "data/flights", "model/delay@latest"):
        assert isinstance(guarded.do("show", text), Version), text
    assert isinstance(guarded.do("show", run.id[:31] + run.id[31]), Run)
    assert isinstance(guarded.do("show", change.id), Review)


def test_a_beginning_that_several_have_is_ambiguous(guarded: World) -> None:
    """Between a change and a run nobody guesses, nor between two runs."""
    change = guarded.propose(1)
    twin = change.id[:20] + "f" * 12
    guarded.do("start", "train", run=twin)
    with pytest.raises(Conflict):
        guarded.do("show", change.id[:20])
    assert isinstance(guarded.do("show", twin[:21]), Run)


def test_a_deployment_is_shown_with_its_specification(world: World) -> None:
    """One of which the specification cannot be read is shown without it."""
    deploy(world)
    found = world.do("show", str(PROD))
    assert isinstance(found, Deployment)
    assert found.service
    assert (found.number, found.service.arms[0].version) == (1, "model/delay@1")
    assert restore(Deployment, plain(found)) == found
    with world.loop.ledger.read() as tx:
        digest = tx.versions.get(PROD.asset, 1).artifact.digest
    world.loop.blobs.delete(digest)
    assert world.do("show", str(PROD)).service is None


@pytest.mark.parametrize("text", ["", "0", "01", "019", "zzzz", "%", "_", "' OR 1=1 --", "019b%"])
def test_a_guess_is_no_name(world: World, text: str) -> None:
    """Fewer than four digits, and what are no digits, find nothing."""
    world.do("start", "train")
    with pytest.raises(NotFound):
        world.do("show", text)


def test_nothing_of_another_project_is_shown(guarded: World) -> None:
    """Neither by its id nor by its first digits nor by its name: it is as if it were not there."""
    run, change = guarded.do("start", "train"), guarded.propose(1)
    for text in (run.id, run.id[:20], change.id, "model/delay@1", "data/flights@main"):
        with pytest.raises(NotFound):
            guarded.abroad().do("show", text)


def test_what_was_deleted_is_not_shown(guarded: World) -> None:
    """A deleted run or version answers as one that is not there."""
    run = guarded.do("find")[0]
    guarded.do("delete", run.id)
    with pytest.raises(NotFound):
        guarded.do("show", run.id)
    guarded.do("delete", "model/delay@2")
    with pytest.raises(NotFound) as caught:
        guarded.do("show", "model/delay@2")
    assert caught.value.kind == "version-deleted"


def test_a_name_that_makes_no_sense_is_refused(world: World) -> None:
    """A kind that does not exist, an empty name and a broken digest are errors of the caller."""
    for text in ("modell/delay", "model/", "model/delay@sha256:12", "model/delay@"):
        with pytest.raises(Invalid):
            world.do("show", text)
    assert world.do("show", f"{PROJECT}:data/flights@1").number == 1

"""Models that runs log, from their beginning to an artifact."""

from __future__ import annotations

import pytest

from loopline.datasets.tree import Tree
from loopline.errors import Conflict, Invalid, NotFound
from loopline.nouns.artifact import MODEL, Artifact
from loopline.nouns.experiment import Experiment
from loopline.nouns.logged import LoggedModel, LoggedState, Measure
from loopline.verbs.filing import keep
from loopline.verbs.modelling import begin, end, is_logged, made, made_by, measured, tell, versions_of

from .conftest import MODEL as MODEL_NAME
from .conftest import PROJECT, World


@pytest.fixture
def run(world: World) -> str:
    """Begin a run."""
    return str(world.do("start", "train").id)


def group(world: World) -> Experiment:
    """Give the experiment of runs that name none."""
    with world.loop.ledger.read() as tx:
        return tx.experiments.get(PROJECT, "default")


def logged(world: World, run: str, name: str = "clf", body: bytes = b"flavors: {}") -> LoggedModel:
    """Log a model with one file."""
    model = begin(world.loop, group(world), name, run=run)
    keep(world.loop, model.owner, "MLmodel", Artifact(world.loop.blobs.put(body), size=len(body)))
    return model


def test_a_finished_model_is_an_artifact_and_an_output_of_its_run(world: World, run: str) -> None:
    """Its files as one tree, under the name of the model; lineage finds the run by its digest."""
    model = end(world.loop, logged(world, run).id, LoggedState.READY)
    assert model.digest is not None
    assert [entry.path for entry in Tree(world.loop.blobs, model.digest).iter()] == ["MLmodel"]
    with world.loop.ledger.read() as tx:
        assert [(one.name, one.digest, one.media_type) for one in tx.runs.get(run).outputs] == [
            ("clf", model.digest, MODEL)
        ]
        assert tx.lineage.makers(PROJECT, model.digest) == [run]
    assert world.events()[-1].kind == "model.sealed"


def test_finishing_again_changes_nothing_and_nothing_else_is_possible(world: World, run: str) -> None:
    """A sealed model stays ready."""
    model = end(world.loop, logged(world, run).id, LoggedState.READY)
    assert end(world.loop, model.id, LoggedState.READY) == model
    for state in (LoggedState.PENDING, LoggedState.FAILED):
        with pytest.raises(Conflict) as caught:
            end(world.loop, model.id, state)
        assert caught.value.kind == "model-sealed"


def test_a_model_without_files_is_ready_and_no_artifact(world: World, run: str) -> None:
    """There is nothing to seal; files may still come, also after it failed, and finishing it then seals them."""
    model = begin(world.loop, group(world), "outside", run=run)
    assert end(world.loop, model.id, LoggedState.READY).digest is None
    end(world.loop, model.id, LoggedState.FAILED)
    keep(world.loop, model.owner, "a", Artifact(world.loop.blobs.put(b"a"), size=1))
    assert end(world.loop, model.id, LoggedState.READY).digest is not None


def test_models_of_one_name_are_outputs_of_their_own(world: World, run: str) -> None:
    """The second is called by its id, also where it has the same files under another name."""
    first = end(world.loop, logged(world, run).id, LoggedState.READY)
    second = end(world.loop, logged(world, run, body=b"other").id, LoggedState.READY)
    with world.loop.ledger.read() as tx:
        outputs = {one.name: one.digest for one in tx.runs.get(run).outputs}
    assert outputs == {"clf": first.digest, second.id: second.digest}


def test_more_can_be_said_of_a_sealed_model(world: World, run: str) -> None:
    """Tags and params; what it is made of stays."""
    model = end(world.loop, logged(world, run).id, LoggedState.READY)
    tell(world.loop, model.id, tags={"a": "1", "b": "2"}, params={"depth": "3"})
    tell(world.loop, model.id, untag=("a",))
    with world.loop.ledger.read() as tx:
        found = tx.logged.get(PROJECT, model.id)
    assert (found.tags, found.params, found.digest) == ({"b": "2"}, {"depth": "3"}, model.digest)


def test_a_registered_model_knows_its_versions(world: World, run: str) -> None:
    """By the digest that both have."""
    model = end(world.loop, logged(world, run).id, LoggedState.READY)
    assert model.digest is not None
    world.do("put", MODEL_NAME, digest=model.digest, media_type=MODEL)
    with world.loop.ledger.read() as tx:
        assert versions_of(tx, PROJECT, model.digest) == [("delay", 1)]
        assert versions_of(tx, PROJECT, None) == []


def test_what_a_run_made_and_measured_is_kept(world: World, run: str) -> None:
    """Of models that are there; of others nothing is kept."""
    model = logged(world, run)
    made(world.loop, run, {model.id: 7})
    with pytest.raises(NotFound) as caught:
        made(world.loop, run, {model.id: 8, "m-none": 1})
    assert caught.value.kind == "no-model"
    with world.loop.ledger.read() as tx:
        assert made_by(tx, [run, "other"]) == {run: {model.id: 7}}
    with world.loop.ledger.telemetry() as tx:
        measured(tx, PROJECT, [Measure(model.id, run, "acc", 0.5)])
    with pytest.raises(NotFound), world.loop.ledger.telemetry() as tx:
        measured(tx, PROJECT, [Measure("m-none", run, "acc", 0.5)])
    with world.loop.ledger.read() as tx:
        assert [one.value for one in tx.logged.get(PROJECT, model.id).measures] == [0.5]


def test_nothing_is_logged_to_a_deleted_experiment(world: World, run: str) -> None:
    """And a deleted experiment takes its models along, and brings them back."""
    model = end(world.loop, logged(world, run).id, LoggedState.READY)
    world.do("delete", "experiment/default")
    with world.loop.ledger.read() as tx:
        assert tx.logged.find(PROJECT, model.id) is None
        gone = tx.experiments.get(PROJECT, "default", deleted=True)
    with pytest.raises(Invalid) as caught:
        begin(world.loop, gone, "more")
    assert caught.value.kind == "experiment-deleted"
    world.do("delete", "experiment/default", restore=True)
    with world.loop.ledger.read() as tx:
        assert tx.logged.find(PROJECT, model.id) is not None


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("m-" + "0a" * 16, True),
        ("m-" + "0A" * 16, False),
        ("m-0a", False),
        ("0a" * 16, False),
        ("m-" + "0" * 33, False),
    ],
)
def test_an_id_of_a_logged_model_is_told_from_others(*, word: str, right: bool) -> None:
    """`m-` and 32 hex digits."""
    assert is_logged(word) is right

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid, LooplineError, NotFound, Refused
from loopline.nouns.artifact import MODEL as MODEL_TYPE
from loopline.nouns.change import ChangeState
from loopline.nouns.declaration import Candidate, Declaration
from loopline.nouns.digest import digest_of
from loopline.nouns.name import AssetName, Named, Numbered, Pointer, RefName
from loopline.nouns.policy import Approvals, Policy
from loopline.nouns.run import Link
from loopline.nouns.service import Labels, Monitor, Recording
from loopline.verbs.deploying import service_of

from .conftest import BOB, CHAMPION, CODE, DATA, ENVIRONMENT, MODEL, PROJECT

if TYPE_CHECKING:
    from loopline.nouns.service import Service
    from loopline.nouns.version import Version

    from .conftest import World

DELAY = AssetName(PROJECT, "service", "delay")
PROD = RefName(DELAY, "prod")
SIGNATURE = {"inputs": [{"name": "carrier", "type": "BYTES"}], "outputs": [{"name": "predict", "type": "INT64"}]}
DECLARED = Declaration("service/delay", (Candidate("main", "model/delay@champion"),), unit=("carrier",))


def train(world: World, body: bytes = b"model", **about: Any) -> Version:
    """Publish a model that a run has made from flights."""
    with world.loop.ledger.read() as tx:
        source = None if tx.assets.find(DATA) is None else tx.versions.get(DATA, 1)
    source = source or world.data(a_csv=b"rows").version
    run = world.do("start", "train", code=CODE, environment=ENVIRONMENT)
    told = json.dumps({"pickle": False, "signature": SIGNATURE, **about}).encode()
    root = world.tree(model_json=told, profile_json=b"{}", model_skops=body)
    inputs = (Link("data", source.artifact.digest, asset=str(DATA), number=1),)
    world.do("log", run.id, inputs=inputs, outputs=(Link("model", root),))
    version: Version = world.do("put", MODEL, digest=root, media_type=MODEL_TYPE, run=run.id)
    world.do("finish", run.id)
    return version


def champion(world: World, number: int) -> None:
    """Move the champion."""
    world.do("propose", CHAMPION, to=Numbered(number), why="best")


def deployed(world: World, *bodies: bytes) -> None:
    """Train a model of each body, make it champion and deploy it, one after the other."""
    for number, body in enumerate(bodies, start=1):
        train(world, body)
        champion(world, number)
        world.do("deploy", PROD, declared=DECLARED)


def served(world: World, number: int) -> Service:
    """Read a version of the service."""
    with world.loop.ledger.read() as tx:
        return service_of(world.loop, tx.versions.get(DELAY, number))


def test_a_service_is_pinned_and_its_ref_moves(world: World) -> None:
    """Every part of the model is named by digest, and the ref has a tier by its name."""
    version = train(world)
    champion(world, 1)
    change = world.do("deploy", PROD, declared=DECLARED)
    assert (change.state, change.reason) == (ChangeState.APPLIED, "deploy model/delay@1")
    (arm,) = served(world, 1).arms
    assert (arm.version, arm.digest, arm.run) == ("model/delay@1", version.artifact.digest, version.run)
    assert (arm.environment, arm.profile, arm.follows) == (ENVIRONMENT, digest_of(b"{}"), "model/delay@champion")
    assert arm.signature.inputs[0].name == "carrier"
    with world.loop.ledger.read() as tx:
        assert tx.refs.get(PROD).tier == "production"


def test_without_a_declaration_a_model_is_enough(world: World) -> None:
    """Whoever names a model gets a service with what is usual; with neither, the next step is told."""
    train(world)
    world.do("deploy", PROD, model=Pointer(MODEL, Numbered(1)))
    assert served(world, 1).arms[0].follows == "model/delay@1"
    with pytest.raises(NotFound) as caught:
        world.do("deploy", RefName(AssetName(PROJECT, "service", "other"), "prod"))
    assert caught.value.kind == "no-service"


def test_what_the_project_declares_is_deployed(world: World) -> None:
    """Where a project file is at hand nobody has to hand the declaration over."""
    train(world)
    champion(world, 1)
    world.loop = replace(world.loop, services=(DECLARED,))
    world.do("deploy", PROD)
    assert served(world, 1).unit == ("carrier",)


def test_promoting_moves_nothing_that_is_served_and_deploying_again_does(world: World) -> None:
    """What is served is pinned; that it is behind is said by overview, show and services, until it is deployed again."""
    for body in (b"1", b"2"):
        train(world, body)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    champion(world, 2)
    said = ("model/delay@champion is 2, served is 1",)
    shown = world.do("show", str(PROD))
    assert (shown.number, shown.behind, shown.state) == (1, said, "waiting")
    assert [one.behind for one in world.do("services")] == [said]
    assert [one.behind for one in world.do("overview").refs if one.ref.name == PROD] == [said]
    world.do("deploy", PROD, declared=DECLARED)
    assert world.target(PROD) == 2
    assert world.do("show", str(PROD)).behind == ()


def test_the_same_again_is_the_version_that_is_there(world: World) -> None:
    """Another ref gets the same version, a former one is found again, and where nothing would move that is said."""
    for body in (b"1", b"2"):
        train(world, body)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    staging = RefName(DELAY, "staging")
    world.do("deploy", staging, declared=DECLARED)
    assert (world.target(staging), world.target(PROD)) == (1, 1)
    with pytest.raises(Invalid) as caught:
        world.do("deploy", PROD, declared=DECLARED)
    assert caught.value.kind == "nothing-to-move"
    champion(world, 2)
    world.do("deploy", PROD, declared=DECLARED)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    assert world.target(PROD) == 1
    world.do("deploy", PROD, to=Numbered(2))
    assert world.target(PROD) == 2


def test_lineage_goes_through_a_service(world: World) -> None:
    """Why leads from the ref to the data, and impact from the data to the ref."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    told = str(world.do("why", str(PROD)))
    assert all(word in told for word in ("service/delay@1", "model/delay@1", "data/flights@1", "deploy service/delay"))
    reached = {one.key for one in world.do("impact", "data/flights@1").reached}
    assert {"model/delay@1", "service/delay@1", "service/delay@prod"} <= reached


def test_a_rollback_brings_service_and_models_back_together(world: World) -> None:
    """What was promoted together returns together, with the champion that it follows; the bad model is not deployed again."""
    for body in (b"1", b"2"):
        train(world, body)
    changes = []
    for number in (1, 2):
        champion(world, number)
        world.do("deploy", RefName(DELAY, "next"), declared=DECLARED)
        changes.append(world.do("propose", PROD, to=Numbered(number), why="next", together=True))
    assert {str(move.ref) for move in changes[-1].moves} == {"service/delay@prod", "model/delay@prod"}
    world.do("rollback", PROD, why="slow")
    assert (world.target(PROD), world.target(RefName(MODEL, "prod")), world.target()) == (1, 1, 1)
    with pytest.raises(Refused) as caught:
        world.do("deploy", PROD, model=Pointer(MODEL, Numbered(2)))
    assert caught.value.kind == "quarantined"


def test_a_policy_decides_as_of_any_move(world: World) -> None:
    """Where approvals are needed the change waits, deploying again goes on with it, and an approval lets it through."""
    train(world)
    champion(world, 1)
    world.policy(Policy("prod", ("service/*@prod",), approvals=Approvals(count=1)))
    change = world.do("deploy", PROD, declared=DECLARED)
    assert change.state is ChangeState.PROPOSED
    assert world.do("deploy", PROD, declared=DECLARED).id == change.id
    world.do("approve", change.id, by=BOB)
    assert world.do("deploy", PROD, declared=DECLARED).state is ChangeState.APPLIED


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        (replace(DECLARED, unit=("carier",)), "unknown-column"),
        (replace(DECLARED, outputs=("predict_proba",)), "unknown-column"),
        (replace(DECLARED, name="service/other"), "other-service"),
        (replace(DECLARED, arms=(Candidate("main", "model/never"),)), "no-asset"),
        (replace(DECLARED, arms=(Candidate("main", "data/flights"),)), "not-a-model"),
    ],
)
def test_what_cannot_be_served_is_refused(world: World, declared: Declaration, kind: str) -> None:
    """Columns that no model has, other services, and what is no model are told before anything moves."""
    train(world)
    champion(world, 1)
    with pytest.raises(LooplineError) as caught:
        world.do("deploy", PROD, declared=declared)
    assert (caught.value.kind, bool(caught.value.hint)) == (kind, True)


def test_bad_models_are_not_served(world: World) -> None:
    """A model in quarantine, a deleted one, and one that unpickles without leave are refused."""
    for body in (b"1", b"2", b"3"):
        train(world, body, pickle=body == b"3")
    with world.loop.ledger.write(PROJECT, BOB) as tx:
        tx.versions.quarantine(MODEL, 1, reason="leaks")
        tx.say("test", "test")
    world.do("delete", "model/delay@2")
    kinds = []
    for number in (1, 2, 3):
        with pytest.raises(LooplineError) as caught:
            world.do("deploy", PROD, model=Pointer(MODEL, Numbered(number)))
        kinds.append(caught.value.kind)
    assert kinds == ["quarantined", "version-deleted", "needs-pickle"]
    world.do("deploy", PROD, model=Pointer(MODEL, Numbered(3)), allow_pickle=True)
    assert served(world, 1).arms[0].pickle


def test_only_services_are_deployed(world: World) -> None:
    """A ref of a model is promoted, not deployed."""
    with pytest.raises(Invalid) as caught:
        world.do("deploy", CHAMPION, model=Pointer(MODEL, Named("champion")))
    assert caught.value.kind == "not-a-service"


@pytest.mark.parametrize(
    ("where", "declared"),
    [
        ("labels.join", replace(DECLARED, labels=Labels(join=("carrier",)))),
        ("labels.join", replace(DECLARED, labels=Labels(join=("unit", "event_time")))),
        ("labels.slices", replace(DECLARED, labels=Labels(slices=("carrier",)))),
        ("event_time", replace(DECLARED, event_time="carrier")),
        ("monitor drift", replace(DECLARED, monitors=(Monitor("drift", "drift", columns=("carrier",)),))),
    ],
)
def test_nothing_can_need_a_column_that_is_redacted(world: World, where: str, declared: Declaration) -> None:
    """Who would join labels by it, slice by it or watch it is told when the service is deployed, not when all is lost."""
    train(world)
    champion(world, 1)
    with pytest.raises(Invalid) as caught:
        world.do("deploy", PROD, declared=replace(declared, recording=Recording(redact=("carrier",))))
    assert (caught.value.kind, caught.value.facts["where"]) == ("redacted-column", where)


def test_a_column_is_redacted_whole(world: World) -> None:
    """One place of an answer cannot be left out alone, and is refused: it would be written down."""
    train(world)
    champion(world, 1)
    with pytest.raises(Invalid) as caught:
        world.do("deploy", PROD, declared=replace(DECLARED, recording=Recording(redact=("predict[1]",))))
    assert (caught.value.kind, caught.value.facts["column"]) == ("unknown-column", "predict[1]")
    world.do("deploy", PROD, declared=replace(DECLARED, recording=Recording(redact=("carrier", "predict"))))


def test_refs_of_the_models_move_with_it(world: World) -> None:
    """With `also` the champion moves in the same change to the model that is served, which is said to follow it."""
    train(world)
    change = world.do("deploy", PROD, model=Pointer(MODEL, Numbered(1)), also=(CHAMPION,))
    assert [(str(one.ref), one.new) for one in change.moves] == [("model/delay@champion", 1), ("service/delay@prod", 1)]
    assert served(world, 1).arms[0].follows == "model/delay@champion"
    train(world, b"better")
    champion(world, 2)
    change = world.do("deploy", PROD, model=Pointer(MODEL, Numbered(2)), also=(CHAMPION,))
    assert [str(one.ref) for one in change.moves] == ["service/delay@prod"]  # the other stands there already
    with pytest.raises(Invalid) as caught:
        world.do("deploy", PROD, model=Pointer(MODEL, Numbered(2)), also=(RefName(DATA, "main"),))
    assert caught.value.kind == "not-served"

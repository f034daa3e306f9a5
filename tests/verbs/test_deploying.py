from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid, NotFound
from loopline.nouns.artifact import SERVICE
from loopline.nouns.name import AssetName
from loopline.nouns.service import Labels, Monitor
from loopline.verbs import load
from loopline.verbs.deploying import behind, declared_as, service_at, service_of

from . import served as serving
from .conftest import CHAMPION, OTHER, PROJECT
from .test_deploy import DECLARED, PROD, SIGNATURE, champion, served, train

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import World


def test_the_service_is_read_as_it_was_deployed(tmp_path: Path) -> None:
    """The specification behind the ref comes back whole."""
    loop, ref, _ = serving.served(tmp_path)
    with loop.ledger.read() as tx:
        assert service_at(tx, loop, tx.refs.get(ref)).arms[0].signature == serving.SIGNATURE


def test_every_verb_of_services_refuses_other_refs_alike(tmp_path: Path) -> None:
    """Whoever names a model where a service belongs reads the same words and the same next step everywhere."""
    loop, _, _ = serving.served(tmp_path)
    asked: dict[str, dict[str, Any]] = {
        "deploy": {}, "undeploy": {}, "monitors": {}, "monitoring": {}, "predictions": {}, "quality": {}, "drift": {},
        "traffic": {}, "tail": {}, "label": {"rows": ({"id": "0" * 32, "label": 1},)},
    }  # fmt: skip
    said = set()
    for verb, words in asked.items():
        with pytest.raises(Invalid) as caught:
            load(verb)(loop, str(CHAMPION) if verb == "tail" else CHAMPION, **words)
        said.add((caught.value.kind, caught.value.message, caught.value.hint))
    assert said == {("not-a-service", f"{CHAMPION} is no service", "name one such as service/delay@prod")}


def test_a_specification_belongs_to_its_service(world: World) -> None:
    """The bytes of one service under the name of another are no version that could be served."""
    train(world)
    champion(world, 1)
    world.do("deploy", PROD, declared=DECLARED)
    assert served(world, 1).name == "service/delay"
    with world.loop.ledger.read() as tx:
        digest = tx.versions.get(PROD.asset, 1).artifact.digest
    other = world.do("put", AssetName(PROJECT, "service", "other"), digest=digest, media_type=SERVICE)
    with pytest.raises(Invalid) as caught:
        service_of(world.loop, other)
    assert caught.value.kind == "bad-service"


NUMBER = {"name": "predict", "type": "FP64"}
CLASSES = {"name": "predict", "type": "FP64", "values": ["0", "1"]}
SPECIES = {"name": "predict", "type": "BYTES", "values": ["a", "b", "c"]}
PROBABILITIES = {"name": "predict_proba", "type": "FP64", "shape": [-1, 2]}


@pytest.mark.parametrize(
    ("outputs", "labels", "kind"),
    [
        ([NUMBER], Labels(), "regression"),
        ([NUMBER], Labels(kind="binary"), "binary"),
        ([NUMBER], Labels(positive="late"), "binary"),
        ([NUMBER, PROBABILITIES], Labels(), "binary"),
        ([CLASSES], Labels(), "binary"),
        ([SPECIES], Labels(), "classes"),
        ([SPECIES], Labels(metrics=("accuracy",)), "classes"),
        ([SPECIES], Labels(positive="b"), "binary"),
        ([], Labels(), "binary"),
    ],
)
def test_what_is_measured_follows_from_what_the_model_predicts(
    world: World, outputs: list[dict[str, Any]], labels: Labels, kind: str
) -> None:
    """Where nobody says what a truth is, a model of numbers is a regression, one of several classes of these, others binary."""
    train(world, signature={**SIGNATURE, "outputs": outputs})
    champion(world, 1)
    world.do("deploy", PROD, declared=replace(DECLARED, labels=labels))
    assert served(world, 1).labels.kind == kind


@pytest.mark.parametrize(
    ("labels", "bounds"), [(Labels(metrics=("brier",), kind="binary"), {}), (Labels(), {"roc_auc": 0.7})]
)
def test_what_cannot_be_measured_is_not_deployed(world: World, labels: Labels, bounds: dict[str, float]) -> None:
    """Metrics and bounds of quality that several classes do not have are refused before anything is served."""
    train(world, signature={**SIGNATURE, "outputs": [SPECIES]})
    champion(world, 1)
    monitors = (Monitor("truth", "quality", bounds=bounds),)
    with pytest.raises(Invalid):
        world.do("deploy", PROD, declared=replace(DECLARED, labels=labels, monitors=monitors))


def test_what_is_no_specification_is_behind_nothing(world: World) -> None:
    """Other bytes at a ref of a service do not break the overview."""
    version = world.do("put", PROD.asset, digest=world.loop.blobs.put(b"no service"))
    with world.loop.ledger.read() as tx:
        assert behind(tx, world.loop, version) == ()


def test_a_service_of_a_file_is_declared_in_its_own_project(world: World) -> None:
    """What the project file at hand says of a service says nothing of another project's service of that name."""
    here = replace(world.loop, services=(DECLARED,))
    assert declared_as(here, PROD.asset, None, None) == DECLARED
    with pytest.raises(NotFound):
        declared_as(replace(here, project=OTHER), replace(PROD.asset, project=OTHER), None, None)

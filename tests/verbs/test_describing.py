"""What a model's folder says of it, by whomever it was written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from loopline.errors import Invalid, Refused
from loopline.nouns.artifact import BYTES, TREE, Artifact
from loopline.nouns.entry import Entry
from loopline.nouns.name import Numbered, Pointer
from loopline.verbs.describing import described, files_of

from .conftest import MODEL
from .test_deploy import PROD, served

if TYPE_CHECKING:
    from loopline.nouns.version import Version

    from .conftest import World

INPUTS = '[{"type": "double", "name": "km", "required": true}]'
EXAMPLE = b'{"columns": ["km"], "data": [[1.5]]}'


def mlmodel(loader: str = "mlflow.xgboost", **own: Any) -> bytes:
    """The file of a folder that MLflow wrote."""
    own = own or {"model_class": "xgboost.core.Booster", "data": "model.ubj", "xgb_version": "3.2.0"}
    return json.dumps({
        "flavors": {"python_function": {"loader_module": loader}, loader.removeprefix("mlflow."): own},
        "signature": {"inputs": INPUTS}, "mlflow_version": "3.17.2",
        "saved_input_example_info": {"artifact_path": "example.json"},
    }).encode()  # fmt: skip


def registered(world: World, document: bytes) -> Version:
    """Publish a folder as the registry does: as a tree of files."""
    blobs = world.loop.blobs
    files = {"MLmodel": document, "example.json": EXAMPLE, "model.ubj": b"trees"}
    from loopline.datasets.tree import build

    root = build(blobs, [Entry(name, blobs.put(body), len(body)) for name, body in sorted(files.items())])
    found: Version = world.do("put", MODEL, digest=root, media_type=TREE)
    return found


def test_what_mlflow_wrote_is_told_as_ours_is(world: World) -> None:
    """Flavour, class, signature, versions and whether it unpickles are read off the folder, without the model."""
    version = registered(world, mlmodel())
    told = described(world.loop, files_of(world.loop, version.artifact))
    assert (told["flavour"], told["class"], told["pickle"]) == ("pyfunc", "xgboost.core.Booster", False)
    assert told["versions"] == {"mlflow": "3.17.2", "xgboost": "3.2.0"}
    assert told["signature"]["inputs"][0]["name"] == "km"
    assert files_of(world.loop, Artifact(version.artifact.digest, BYTES)) == {}
    assert described(world.loop, {}) == {}


def test_it_is_deployed_as_any_model_and_has_a_card(world: World) -> None:
    """The service has the signature of the file, and the card shows it with an example of its input."""
    registered(world, mlmodel())
    world.do("deploy", PROD, model=Pointer(MODEL, Numbered(1)))
    (arm,) = served(world, 1).arms
    assert ([one.name for one in arm.signature.inputs], arm.pickle) == (["km"], False)
    card = world.do("card", Pointer(MODEL, Numbered(1)))
    assert all(
        text in card
        for text in ("xgboost.core.Booster", "pyfunc", "mlflow 3.17.2", "| `km` | FP64 |", EXAMPLE.decode())
    )


def test_code_of_its_own_is_served_only_where_somebody_said_so(world: World) -> None:
    """A function that was pickled is refused by name, and allowed for this service alone."""
    registered(world, mlmodel("mlflow.pyfunc.model", python_model="python_model.pkl"))
    with pytest.raises(Refused) as caught:
        world.do("deploy", PROD, model=Pointer(MODEL, Numbered(1)))
    assert caught.value.kind == "needs-pickle"
    world.do("deploy", PROD, model=Pointer(MODEL, Numbered(1)), allow_pickle=True)
    assert served(world, 1).arms[0].pickle


@pytest.mark.parametrize("document", [b"\xff", b"[]", b"flavors: {python_function: {code: ../..}}"])
def test_a_file_that_makes_no_sense_is_an_error_with_a_name(world: World, document: bytes) -> None:
    """Whatever a client has put there under that name, the answer is not a defect."""
    version = registered(world, document)
    with pytest.raises(Invalid) as caught:
        described(world.loop, files_of(world.loop, version.artifact))
    assert caught.value.kind == "bad-model-file"
    broken = world.do("put", MODEL, digest=world.tree(model_json=document), media_type=TREE)
    with pytest.raises(Invalid):
        described(world.loop, files_of(world.loop, broken.artifact))

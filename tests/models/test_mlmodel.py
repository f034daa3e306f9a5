"""What the file `MLmodel` of a folder that MLflow wrote says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loopline.errors import Invalid, Refused
from loopline.models.flavors import about
from loopline.models.loading import load
from loopline.models.mlmodel import read

from .conftest import dumps, frame, logistic

SKOPS = {
    "pickled_model": "model.skops",
    "serialization_format": "skops",
    "sklearn_version": "1.9.1",
    "skops_trusted_types": None,
}
COLUMNS = '[{"type": "double", "name": "km", "required": true}, {"type": "long", "name": "hour", "required": false}]'


def document(loader: str = "mlflow.sklearn", own: Any = SKOPS, function: Any = (), **more: Any) -> bytes:
    """The bytes of a document: JSON is YAML."""
    named = loader.removeprefix("mlflow.")
    flavors = {"python_function": {"loader_module": loader, "python_version": "3.11.7", **dict(function)}, named: own}
    return json.dumps({"flavors": flavors, "mlflow_version": "3.17.2", **more}).encode()


def test_a_safe_archive_of_scikit_learn_is_our_own_readers() -> None:
    """What skops wrote without asking for trust, and without code beside it, needs neither MLflow nor a pickle."""
    told = read(document(signature={"inputs": COLUMNS, "outputs": None}))
    assert (told.flavour, told.file, told.pickle) == ("sklearn-skops", "model.skops", False)
    assert told.versions == {"mlflow": "3.17.2", "python": "3.11", "scikit-learn": "1.9.1"}
    assert told.signature is not None
    assert [(one.name, one.type, one.nullable) for one in told.signature.inputs] == [
        ("km", "FP64", True),
        ("hour", "INT64", True),
    ]
    assert told.metadata["flavour"] == "sklearn-skops"


@pytest.mark.parametrize(
    ("loader", "own", "function", "pickle"),
    [
        ("mlflow.sklearn", {**SKOPS, "serialization_format": "cloudpickle"}, {}, True),
        ("mlflow.sklearn", {**SKOPS, "skops_trusted_types": ["os.system"]}, {}, True),
        ("mlflow.sklearn", {**SKOPS, "skops_trusted_types": ["sklearn.tree._tree.Tree"]}, {}, False),
        ("mlflow.sklearn", {**SKOPS, "code": "code"}, {}, True),
        ("mlflow.sklearn", SKOPS, {"code": "code"}, True),
        ("mlflow.pyfunc.model", {}, {"python_model": "python_model.pkl"}, True),
        ("mlflow.lightgbm", {"model_class": "lightgbm.sklearn.LGBMRegressor", "data": "model.pkl"}, {}, True),
        ("mlflow.lightgbm", {"model_class": "lightgbm.basic.Booster", "data": "model.lgb"}, {}, False),
        ("mlflow.xgboost", {"model_class": "xgboost.sklearn.XGBClassifier", "data": "model.ubj"}, {}, False),
        ("mlflow.xgboost", {"model_class": "os.path", "data": "model.ubj"}, {}, True),
        ("mine.loader", {}, {}, True),
        ("", {}, {}, True),
    ],
)
def test_what_is_not_known_to_be_data_alone_is_a_pickle(loader: str, own: Any, function: Any, pickle: bool) -> None:  # noqa: FBT001 (a case)
    """Code beside it, types to be trusted, other classes and loaders that nobody knows may all run something."""
    assert read(document(loader, own, function)).pickle is pickle


def test_a_flavor_that_its_loader_does_not_read_says_nothing() -> None:
    """A harmless part beside the one that is loaded makes no pickle harmless."""
    said = json.loads(
        document("mlflow.lightgbm", {"model_class": "lightgbm.sklearn.LGBMRegressor", "data": "model.pkl"})
    )
    said["flavors"] = {"aaa": {"model_class": "lightgbm.basic.Booster", "data": "model.lgb"}, **said["flavors"]}
    assert read(json.dumps(said).encode()).pickle


def test_two_trees_of_references_are_not_unfolded() -> None:
    """A document in which references make little text into very many values is refused, fast."""
    lines = [
        "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)),
    ]
    with pytest.raises(Invalid, match="values"):
        read("\n".join([*lines, "flavors: {x: *a8}"]).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"flavors: 1",
        b"\xff",
        b"{",
        b"flavors: {a: !!python/name:os.system ''}",
        b"a" * 300_000,
        document(own={**SKOPS, "pickled_model": "../../etc/passwd"}),
        document(own={**SKOPS, "pickled_model": "/etc/passwd"}),
        document(function={"code": "..\\code"}),
        document(function={"data": "a/../../b"}),
        document(signature={"inputs": "[1]"}),
        document(signature={"inputs": "{"}),
        document(signature={"inputs": '[{"type": "tensor", "tensor-spec": {"shape": ["x"]}}]'}),
        document(saved_input_example_info={"artifact_path": "../x"}),
    ],
)
def test_what_mlflow_does_not_write_is_refused(data: bytes) -> None:
    """Other documents, other tags and paths that leave the folder are one error with a way out."""
    with pytest.raises(Invalid) as caught:
        read(data)
    assert caught.value.kind == "bad-model-file"


def test_a_folder_is_loaded_by_our_own_reader(tmp_path: Path) -> None:
    """A folder as MLflow 3 writes it gives the estimator."""
    model, rows = logistic(), frame()[0][["distance", "hour"]]
    (tmp_path / "MLmodel").write_bytes(
        document(
            saved_input_example_info={"artifact_path": "input_example.json"},
            signature={"inputs": COLUMNS, "outputs": None},
        )
    )
    (tmp_path / "model.skops").write_bytes(dumps(model))
    facts = about(tmp_path)
    assert (facts.flavour, facts.size) == ("sklearn-skops", (tmp_path / "model.skops").stat().st_size)
    assert (load(tmp_path).predict(rows) == model.predict(rows)).all()


def test_a_pickle_is_not_loaded_unasked(tmp_path: Path) -> None:
    """Who has not said that they trust it gets no model, and nothing is imported."""
    (tmp_path / "MLmodel").write_bytes(document("mlflow.pyfunc.model", {}, {"python_model": "python_model.pkl"}))
    assert about(tmp_path).pickle
    with pytest.raises(Refused) as caught:
        load(tmp_path)
    assert caught.value.kind == "pickle-refused"

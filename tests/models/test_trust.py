from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from loopline.errors import Invalid
from loopline.models.canonical import pack, rewrite
from loopline.models.sklearn import SklearnFlavor
from loopline.models.trust import sort_types, type_names
from tests.models.conftest import dumps, logistic, skops


def forged(change: Any) -> bytes:
    """Write a logistic regression's archive with one more attribute put into its schema."""
    with zipfile.ZipFile(io.BytesIO(rewrite(dumps(logistic())))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    schema["content"]["content"]["extra"] = change
    schema["content"]["key_types"]["content"].append({
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "TypeNode",
    })
    return pack({**files, "schema.json": json.dumps(schema).encode()})


def text(value: str) -> dict[str, Any]:
    """Give a node that holds text."""
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(value)}


def called(module: str, name: str, *arguments: str) -> dict[str, Any]:
    """Give a node that calls `module.name` when it is loaded."""
    content = {
        "__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [text(a) for a in arguments]
    }  # fmt: skip
    return {"__class__": name, "__module__": module, "__loader__": "ConstructorFromReduceNode", "content": content}


def test_models_of_scikit_learn_are_trusted(model: Any) -> None:
    """Nothing of the usual models is left untrusted."""
    data = rewrite(dumps(model))
    schema = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("schema.json"))
    trusted, unknown = sort_types(schema, skops().get_untrusted_types(data=data))
    assert unknown == []
    dice = {one for one in trusted if one.startswith("numpy.random.")}  # named inside a node, not by it
    assert set(trusted) - dice <= set(type_names(schema))


@pytest.mark.parametrize(
    ("module", "name"),
    [("numpy.testing", "runstring"), ("os", "system"), ("sklearn.utils._testing", "delayed"), ("builtins", "eval")],
)
def test_a_call_is_never_trusted(module: str, name: str) -> None:
    """A node that calls something is refused, also where that something lives in numpy or scikit-learn."""
    with pytest.raises(Invalid) as caught:
        SklearnFlavor().read(forged(called(module, name, "raise SystemExit")))
    assert caught.value.kind == "untrusted-types"
    assert f"{module}.{name}" in caught.value.facts["types"]


def test_one_harmless_use_does_not_whitewash_a_name() -> None:
    """A name that is an object in one place and a call in another stays untrusted."""
    name = {"__module__": "sklearn.gaussian_process.kernels", "__class__": "RBF"}
    harmless = {**name, "__loader__": "ObjectNode"}
    schema: dict[str, Any] = {
        "__module__": "builtins",
        "__class__": "list",
        "__loader__": "ListNode",
        "content": [harmless],
    }
    assert sort_types(schema, ["sklearn.gaussian_process.kernels.RBF"])[1] == []
    schema["content"].append(called(name["__module__"], name["__class__"]))
    assert sort_types(schema, ["sklearn.gaussian_process.kernels.RBF"])[0] == []


def test_what_a_module_merely_imports_is_not_its_own() -> None:
    """`sklearn.base` imports `re` and others: those are not trusted by the name of the module they are reached through."""
    node = {"__module__": "sklearn.utils.validation", "__class__": "Parameter", "__loader__": "ObjectNode"}
    assert sort_types(node, ["sklearn.utils.validation.Parameter"])[0] == []


def test_searches_and_selections_are_trusted() -> None:
    """Scorers, score functions and calibrated classifiers are scikit-learn's own and load."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.feature_selection import SelectKBest, f_classif
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    from tests.models.conftest import frame

    x, y = frame()
    x = x[["distance", "hour"]]
    inner = make_pipeline(SelectKBest(f_classif, k=1), LogisticRegression())
    search = GridSearchCV(inner, {"logisticregression__C": [0.1, 1.0]}, scoring="roc_auc", cv=2).fit(x, y)
    calibrated = CalibratedClassifierCV(LogisticRegression(), cv=2).fit(x, y)
    for model in (search, calibrated):
        again = SklearnFlavor().read(SklearnFlavor().write(model))
        assert (again.predict_proba(x) == model.predict_proba(x)).all()


@pytest.mark.parametrize(
    ("loader", "name", "harmless"),
    [
        ("FunctionNode", "numpy.log1p", True),
        ("FunctionNode", "scipy.special._special_ufuncs.expit", True),
        ("FunctionNode", "numpy.load", False),
        ("FunctionNode", "numpy.frompyfunc", False),
        ("FunctionNode", "builtins.eval", False),
        ("FunctionNode", "numpy.no_such_thing", False),
        ("NdArrayNode", "numpy.float64", True),
        ("TypeNode", "numpy.int8", True),
        ("TypeNode", "builtins.str", True),
        ("TypeNode", "numpy.memmap", False),
        ("TypeNode", "subprocess.Popen", False),
        ("JsonNode", "builtins.int", True),
        ("JsonNode", "builtins.compile", False),
        ("ConstructorFromReduceNode", "builtins.str", False),
        ("ConstructorFromReduceNode", "numpy.float64", False),
    ],
)
def test_numbers_texts_and_functions_of_elements_are_data(loader: str, name: str, *, harmless: bool) -> None:
    """skops trusts these by lists that it does not make here; our rule trusts them where they are only named."""
    module, _, last = name.rpartition(".")
    trusted, unknown = sort_types(
        {"__module__": module, "__class__": last, "__loader__": loader, "content": {}}, [name]
    )
    assert (trusted, unknown) == (([name], []) if harmless else ([], [name]))


def test_transformers_with_functions_of_elements_load() -> None:
    """A logarithm of numpy and one of scipy are kept as their names, and work when they are read again."""
    import numpy as np
    from scipy.special import expit
    from sklearn.preprocessing import FunctionTransformer

    x = np.linspace(0.0, 1.0, 5)[:, None]
    for function in (np.log1p, expit):
        model = FunctionTransformer(function).fit(x)
        again = SklearnFlavor().read(SklearnFlavor().write(model))
        assert (again.transform(x) == function(x)).all()

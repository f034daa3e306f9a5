from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from loopline.errors import Invalid
from loopline.models.sklearn import SklearnFlavor
from tests.models.conftest import logistic

READING: Final = """
import sys
from loopline.models.sklearn import SklearnFlavor
model = SklearnFlavor().read(sys.stdin.buffer.read())
print(type(model).__name__, "sklearn.ensemble" in sys.modules, "skops" in sys.modules)
import skops.io
from skops.io._trusted_types import NUMPY_UFUNC_TYPE_NAMES, SKLEARN_ESTIMATOR_TYPE_NAMES
print(len(SKLEARN_ESTIMATOR_TYPE_NAMES) > 100, "numpy.log1p" in NUMPY_UFUNC_TYPE_NAMES, skops.io.loads(skops.io.dumps(model)).C)
model = SklearnFlavor().read(SklearnFlavor().write(model))
print(sys.modules["skops.io"] is skops.io)
"""


def shout(x: object) -> object:
    """Stand for a function of the user's own."""
    return x


def test_a_users_function_inside_needs_a_pickle() -> None:
    """A FunctionTransformer with the project's function names the function in the error."""
    from sklearn.preprocessing import FunctionTransformer

    with pytest.raises(Invalid) as caught:
        SklearnFlavor().write(FunctionTransformer(shout))
    assert caught.value.kind == "needs-pickle"
    assert caught.value.facts["types"] == [f"{__name__}.shout"]


def test_a_key_that_json_would_change_needs_a_pickle() -> None:
    """`class_weight={False: …}` is not saved as something else: the error names the keys."""
    from sklearn.linear_model import LogisticRegression

    with pytest.raises(Invalid) as caught:
        SklearnFlavor().write(LogisticRegression(class_weight={False: 1.0, True: 2.0}))
    assert caught.value.kind == "needs-pickle"
    assert caught.value.facts["keys"] == ["bool"]


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_damaged_files_are_named_so(data: bytes) -> None:
    """Bytes that are no archive, or an archive without a schema, are Invalid, not a stack trace."""
    with pytest.raises(Invalid) as caught:
        SklearnFlavor().read(data)
    assert caught.value.kind == "model-corrupt"


def test_types_are_listed_without_loading() -> None:
    """The schema names the estimator's class."""
    assert "sklearn.linear_model._logistic.LogisticRegression" in SklearnFlavor().types(
        SklearnFlavor().write(logistic())
    )


def test_reading_a_model_imports_only_what_it_holds() -> None:
    """Reading does not import every estimator that scikit-learn has, as skops would; whoever imports skops gets a whole one."""
    held = SklearnFlavor().write(logistic())
    done = subprocess.run([sys.executable, "-c", READING], input=held, capture_output=True, check=True, timeout=60)
    assert done.stdout.split() == [b"LogisticRegression", b"False", b"False", b"True", b"True", b"1.0", b"True"]

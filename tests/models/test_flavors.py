from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loopline.errors import Invalid, NotFound
from loopline.models.codec import ModelCodec
from loopline.models.flavors import about, encode, flavor_named, flavors
from tests.models.conftest import logistic


def test_the_safe_flavour_comes_first() -> None:
    """The order of flavours is the order of preference, and only the last unpickles."""
    assert [flavor.pickle for flavor in flavors()] == [False, True]
    assert flavor_named("sklearn-skops").file == "model.skops"


def test_unknown_flavours_name_the_known() -> None:
    """A model of a newer loopline is named so."""
    with pytest.raises(Invalid) as caught:
        flavor_named("xgboost-ubj")
    assert caught.value.facts["known"] == ["sklearn-skops", "pyfunc-pickle"]


def test_model_json_comes_back_whole(tmp_path: Path) -> None:
    """Reading and writing model.json again gives the same bytes."""
    ModelCodec().dump(logistic(), tmp_path)
    assert encode(about(tmp_path)) == (tmp_path / "model.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"format": 2}, "unknown-format"),
        ({"digest": "md5:1"}, "bad-model-file"),
        ({"file": "../../etc/passwd"}, "bad-model-file"),
        ({"size": "big"}, "bad-model-file"),
    ],
)
def test_a_model_json_that_makes_no_sense_is_invalid(change: dict[str, object], kind: str, tmp_path: Path) -> None:
    """A newer format, a bad digest, a path that leaves the folder, a wrong type."""
    ModelCodec().dump(logistic(), tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}))
    with pytest.raises(Invalid) as caught:
        about(tmp_path)
    assert caught.value.kind == kind


def test_a_folder_without_model_json_is_not_found(tmp_path: Path) -> None:
    """No model is NotFound."""
    with pytest.raises(NotFound):
        about(tmp_path)


def test_reading_facts_imports_nothing_heavy() -> None:
    """Asking whether something is a model, and reading model.json, imports neither numpy nor scikit-learn."""
    code = (
        "import sys; from loopline.models.codec import ModelCodec; from loopline.models.flavors import about; "
        "ModelCodec().matches(3); bad = {'numpy', 'sklearn', 'skops', 'pandas'} & set(sys.modules); sys.exit(bool(bad))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopline.errors import Invalid, Refused
from loopline.models.codec import ModelCodec
from loopline.models.flavors import about
from loopline.nouns.artifact import MODEL
from tests.models.conftest import MODELS, frame, loads, logistic, pipeline

ROOT = Path(__file__).parents[2]


class Halved:
    """A model of the user's own."""

    def predict(self, rows: Any) -> Any:
        """Answer a half."""
        return np.full(len(rows), 0.5)


def folder_bytes(folder: Path) -> dict[str, bytes]:
    """Read all files."""
    return {one.name: one.read_bytes() for one in sorted(folder.iterdir())}


@pytest.mark.long
def test_equal_models_give_equal_bytes_in_any_process(tmp_path: Path) -> None:
    """Two processes with different hash seeds that fit the same write the same bytes, for every kind of model."""
    script = (
        "import sys; from pathlib import Path; from tests.models.conftest import MODELS\n"
        "from loopline.models.codec import ModelCodec\n"
        "for name, make in MODELS.items():\n"
        "    folder = Path(sys.argv[1], name); folder.mkdir(parents=True); ModelCodec().dump(make(), folder)\n"
    )
    for seed in ("1", "4242"):
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / seed)],
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        )
    for name in MODELS:
        one, other = folder_bytes(tmp_path / "1" / name), folder_bytes(tmp_path / "4242" / name)
        assert set(one) == {"model.json", "model.skops"}
        assert one == other, name


def test_a_loaded_model_answers_the_same_and_writes_the_same(model: Any, tmp_path: Path) -> None:
    """What comes back predicts the same numbers, and saving it again gives the same digest."""
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    codec = ModelCodec()
    codec.dump(model, first)
    again = codec.load(first)
    codec.dump(again, second)
    rows = frame(50, seed=1)[0][list(model.feature_names_in_)]
    if "carrier" in rows and type(model).__name__.startswith("Hist"):
        rows["carrier"] = rows["carrier"].astype("category")
    assert (model.predict_proba(rows) == again.predict_proba(rows)).all()
    assert folder_bytes(first) == folder_bytes(second)


def test_plain_skops_reads_what_is_written(tmp_path: Path) -> None:
    """The file is a skops archive that needs nothing of ours."""
    model = pipeline()
    ModelCodec().dump(model, tmp_path)
    rows = frame(20, seed=3)[0]
    back = loads((tmp_path / "model.skops").read_bytes())
    assert (back.predict(rows) == model.predict(rows)).all()


def test_model_json_says_what_is_inside(tmp_path: Path) -> None:
    """Flavour, class, versions, types, methods and signature can be read without scikit-learn."""
    ModelCodec().dump(logistic(), tmp_path)
    facts = about(tmp_path)
    assert (facts.flavour, facts.pickle, facts.file) == ("sklearn-skops", False, "model.skops")
    assert facts.kind == "sklearn.linear_model._logistic.LogisticRegression"
    assert {"python", "scikit-learn", "skops", "numpy"} <= set(facts.versions)
    assert facts.size == (tmp_path / "model.skops").stat().st_size
    assert "predict_proba" in facts.methods
    assert facts.signature is not None
    assert [column.name for column in facts.signature.inputs] == ["distance", "hour"]
    assert json.dumps(facts.metadata)


def test_a_models_own_class_needs_a_pickle_that_is_allowed(tmp_path: Path) -> None:
    """Without allow_pickle the model is refused with a hint, and nothing is written."""
    with pytest.raises(Invalid) as caught:
        ModelCodec().dump(Halved(), tmp_path)
    assert caught.value.kind == "needs-pickle"
    assert "allow_pickle" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_pickled_model_is_labelled_and_loads_only_when_asked(tmp_path: Path) -> None:
    """With allow_pickle it is written and says so; reading it without the word is refused."""
    codec = ModelCodec(allow_pickle=True)
    codec.dump(Halved(), tmp_path)
    facts = about(tmp_path)
    assert facts.pickle
    assert facts.metadata["pickle"] is True
    assert any(name.endswith("Halved") for name in facts.types)
    with pytest.raises(Refused) as caught:
        ModelCodec().load(tmp_path)
    assert caught.value.kind == "pickle-refused"
    assert codec.load(tmp_path).predict([1, 2]).tolist() == [0.5, 0.5]


def test_allowing_pickle_does_not_use_it_without_need(tmp_path: Path) -> None:
    """What skops can write is written by skops, also where a pickle would be allowed."""
    ModelCodec(allow_pickle=True).dump(logistic(), tmp_path)
    assert not about(tmp_path).pickle


def test_matches_models_and_nothing_else() -> None:
    """Estimators and what predicts are models; classes, frames and numbers are not."""
    codec = ModelCodec()
    assert codec.media_type == MODEL
    assert codec.matches(logistic())
    assert codec.matches(Halved())
    assert not codec.matches(Halved)
    assert not codec.matches(frame()[0])
    assert not codec.matches({"predict": 1})

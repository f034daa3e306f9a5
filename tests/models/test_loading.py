from __future__ import annotations

import json
from pathlib import Path

import pytest

from loopline.errors import Invalid, NotFound, Unavailable
from loopline.models.codec import ModelCodec
from loopline.models.loading import load
from tests.models.conftest import logistic


def test_a_changed_file_is_not_loaded(tmp_path: Path) -> None:
    """One flipped byte is found before skops sees it."""
    ModelCodec().dump(logistic(), tmp_path)
    path = tmp_path / "model.skops"
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    with pytest.raises(Unavailable) as caught:
        load(tmp_path)
    assert caught.value.kind == "blob-corrupt"


def test_relabelling_a_pickle_does_not_get_it_loaded(tmp_path: Path) -> None:
    """A pickle whose model.json says it is none is still not unpickled: the flavour decides too."""
    from fractions import Fraction

    ModelCodec(allow_pickle=True).dump(Fractional(Fraction(1, 2)), tmp_path)
    path = tmp_path / "model.json"
    value = json.loads(path.read_bytes())
    path.write_text(json.dumps({**value, "pickle": False}))
    with pytest.raises(Exception, match="pickle") as caught:
        load(tmp_path)
    assert caught.value.kind == "pickle-refused"  # type: ignore[attr-defined]
    path.write_text(json.dumps({**value, "pickle": False, "flavour": "sklearn-skops"}))
    with pytest.raises(Invalid) as invalid:
        load(tmp_path)
    assert invalid.value.kind == "model-corrupt"


class Fractional:
    """A model of the user's own."""

    def __init__(self, value: object) -> None:
        self.value = value

    def predict(self, rows: list[object]) -> list[object]:
        """Answer the same to everything."""
        return [self.value for _ in rows]


def test_missing_files_are_not_found(tmp_path: Path) -> None:
    """Neither an empty folder nor one without its model file is a model."""
    with pytest.raises(NotFound):
        load(tmp_path)
    ModelCodec().dump(logistic(), tmp_path)
    (tmp_path / "model.skops").unlink()
    with pytest.raises(NotFound):
        load(tmp_path)

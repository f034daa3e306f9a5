from __future__ import annotations

import gzip
import io
import pickle
import zipfile
import zlib
from fractions import Fraction
from pathlib import Path

import joblib
import numpy as np
import pytest

from loopline.errors import NotFound
from loopline.models.codec import ModelCodec
from loopline.models.scanning import scan
from tests.models.conftest import forest, logistic


def test_a_skops_model_is_clean_and_lists_its_types(tmp_path: Path) -> None:
    """A model that the codec wrote holds no pickle, and its types are found without loading."""
    ModelCodec().dump(forest(), tmp_path)
    found = scan(tmp_path)
    assert not found.pickle
    assert found.problems == ()
    assert "sklearn.tree._tree.Tree" in found.types


def test_pickles_are_found_whatever_they_are_called(tmp_path: Path) -> None:
    """By their bytes: with another name, compressed, inside a zip, inside an array, as joblib writes them."""
    evil = pickle.dumps(Fraction(1, 2))
    (tmp_path / "readme.txt").write_bytes(evil)
    (tmp_path / "a.gz").write_bytes(gzip.compress(evil))
    (tmp_path / "b.z").write_bytes(zlib.compress(evil))
    np.save(tmp_path / "c.npy", np.array([Fraction(1, 2)], dtype=object), allow_pickle=True)
    joblib.dump(logistic(), tmp_path / "d.joblib")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("archive/data.pkl", evil)
    with zipfile.ZipFile(tmp_path / "e.pt", "w") as archive:
        archive.writestr("deep.zip", inner.getvalue())
    (tmp_path / "f.bin").write_bytes(b"#!/bin/sh\n" + inner.getvalue())
    found = scan(tmp_path)
    assert {one.path for one in found.files if one.pickle} == {
        "readme.txt", "a.gz", "b.z", "c.npy", "d.joblib", "e.pt!deep.zip!archive/data.pkl", "f.bin!archive/data.pkl"
    }  # fmt: skip
    assert "sklearn.linear_model._logistic.LogisticRegression" in found.types


def test_plain_files_are_clean(tmp_path: Path) -> None:
    """Text, JSON and arrays of numbers are no pickles."""
    (tmp_path / "a.json").write_text('{"a": [1, 2]}')
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    np.save(tmp_path / "c.npy", np.arange(4.0))
    found = scan(tmp_path)
    assert [(one.path, one.format) for one in found.files] == [
        ("a.json", "json"),
        ("b.csv", "other"),
        ("c.npy", "numpy"),
    ]
    assert not found.pickle


def test_what_cannot_be_looked_at_is_not_called_clean(tmp_path: Path) -> None:
    """A cut archive, and archives nested without end, are problems."""
    (tmp_path / "cut.gz").write_bytes(gzip.compress(bytes(5000))[:-8])
    data = b"x"
    for _ in range(6):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("next.zip", data)
        data = buffer.getvalue()
    (tmp_path / "deep.zip").write_bytes(data)
    assert len(scan(tmp_path).problems) == 2


def test_nothing_is_not_found(tmp_path: Path) -> None:
    """A path that is not there is NotFound."""
    with pytest.raises(NotFound):
        scan(tmp_path / "none")

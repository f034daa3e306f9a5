from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest

from loopline.errors import Invalid
from loopline.models.canonical import pack, rewrite
from loopline.models.sklearn import SklearnFlavor
from tests.models.conftest import dumps, forest, loads


def test_writing_the_same_object_twice_gives_other_bytes_without_us(model: Any) -> None:
    """Alone skops writes addresses; after rewriting, copies of a model are equal bytes."""
    import pickle

    copy = pickle.loads(pickle.dumps(model))
    assert dumps(model) != dumps(copy)
    assert rewrite(dumps(model)) == rewrite(dumps(copy))


def test_rewriting_twice_changes_nothing(model: Any) -> None:
    """The canonical form is its own canonical form."""
    once = rewrite(dumps(model))
    assert rewrite(once) == once


def test_shared_parts_stay_shared() -> None:
    """An object that stands in two places is one object again."""
    from sklearn.preprocessing import FunctionTransformer

    shared = np.arange(5.0)
    back = loads(rewrite(dumps(FunctionTransformer(kw_args={"a": shared, "b": shared}))))
    assert back.kw_args["a"] is back.kw_args["b"]


def test_sets_are_sorted() -> None:
    """Equal sets give equal bytes whatever the order in which they are walked."""
    from sklearn.preprocessing import FunctionTransformer

    words = [f"word{n}" for n in range(40)]
    one, other = (FunctionTransformer(kw_args={"s": set(order)}) for order in (words, reversed(words)))
    assert rewrite(dumps(one)) == rewrite(dumps(other))
    assert loads(rewrite(dumps(one))).kw_args["s"] == set(words)


def test_padding_does_not_count() -> None:
    """Two structured arrays with equal fields and other bytes between them are written equal."""
    dtype = np.dtype([("a", np.int64), ("b", np.uint8)], align=True)
    arrays = []
    for fill in (0, 255):
        raw = bytearray([fill]) * (3 * dtype.itemsize)
        array = np.frombuffer(raw, dtype)
        array["a"], array["b"] = [1, 2, 3], [7, 8, 9]
        arrays.append(array)
    first, second = (rewrite(dumps({"x": array})) for array in arrays)
    assert first == second
    assert loads(first)["x"]["b"].tolist() == [7, 8, 9]


def test_a_change_of_the_model_changes_the_bytes() -> None:
    """Equal bytes are not had by dropping what matters: one threshold moved is another file."""
    one, other = forest(), forest()
    other.estimators_[0].tree_.threshold[0] += 1e-6
    assert rewrite(dumps(one)) != rewrite(dumps(other))


def test_keys_that_json_would_change_are_refused() -> None:
    """`class_weight={False: …}` would come back as another dict without a word: it is refused instead."""
    with pytest.raises(Invalid) as caught:
        rewrite(dumps({"weights": {False: 1.0, True: 5.0}}))
    assert (caught.value.kind, caught.value.facts["keys"]) == ("model-unfaithful", ["bool"])
    with pytest.raises(Invalid):
        rewrite(dumps({"weights": {1: 1.0, "1": 5.0}}))


def test_how_many_threads_fitted_does_not_count() -> None:
    """Gradient boosting remembers the cores of its machine; the file does not."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    x = np.linspace(0, 1, 200)[:, None]
    one = HistGradientBoostingRegressor(max_iter=3, random_state=0).fit(x, x[:, 0])
    first = SklearnFlavor().write(one)
    one._bin_mapper.n_threads = 64
    assert SklearnFlavor().write(one) == first


def test_archives_carry_no_time() -> None:
    """Members are stored, dated 1980, in the order given."""
    with zipfile.ZipFile(io.BytesIO(pack({"b": b"1", "a": b"2"}))) as archive:
        assert [(i.filename, i.date_time[0], i.compress_type) for i in archive.infolist()] == [
            ("b", 1980, 0),
            ("a", 1980, 0),
        ]
    assert json.dumps(list(pack({})))

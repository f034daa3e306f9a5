from __future__ import annotations

from typing import Any

import pytest

from loopline.errors import Invalid
from loopline.models.canonical import rewrite
from loopline.models.sklearn import SklearnFlavor
from tests.models.conftest import boosted, dumps, forest


def check(model: Any) -> str:
    """Load what skops wrote of `model`, and give the kind of the error."""
    with pytest.raises(Invalid) as caught:
        SklearnFlavor().read(rewrite(dumps(model)))
    return caught.value.kind


@pytest.mark.parametrize(
    ("field", "value"), [("left_child", 10_000), ("right_child", 0), ("feature", 2), ("feature", -7)]
)
def test_a_forest_that_points_outside_is_refused(field: str, value: int) -> None:
    """A child beyond the tree, a child before its parent, a feature that is not there: each is refused."""
    model = forest()
    state = model.estimators_[3].tree_.__getstate__()
    nodes = state["nodes"].copy()
    nodes[field][0] = value
    model.estimators_[3].tree_.__setstate__({**state, "nodes": nodes})
    assert check(model) == "model-corrupt"


@pytest.mark.parametrize(("field", "value"), [("left", 10_000), ("right", 0), ("feature_idx", 3), ("bitset_idx", 999)])
def test_boosted_trees_that_point_outside_are_refused(field: str, value: int) -> None:
    """The same for gradient boosting, and for sets of categories that are not there."""
    model = boosted()
    nodes = model._predictors[0][0].nodes
    if field == "bitset_idx":
        nodes["is_categorical"][0] = 1
    nodes[field][0] = value
    assert check(model) == "model-corrupt"


def test_sound_trees_pass() -> None:
    """Forests and boosted trees as they come load."""
    for model in (forest(), boosted()):
        assert SklearnFlavor().read(rewrite(dumps(model))) is not None


def test_trees_on_fewer_columns_than_their_ensemble_pass() -> None:
    """Bagging gives each tree some of the columns, a pipeline gives a forest more than it has itself: both are sound."""
    from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures

    from tests.models.conftest import frame

    x, y = frame()
    x = x[["distance", "hour"]]
    bagged = BaggingClassifier(max_features=1, n_estimators=3, random_state=0).fit(x, y)
    wide = make_pipeline(PolynomialFeatures(3), RandomForestClassifier(n_estimators=3, random_state=0)).fit(x, y)
    for model in (bagged, wide):
        assert SklearnFlavor().read(SklearnFlavor().write(model)) is not None

"""Fitted estimators of the kinds that people promote, small enough to fit in each test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from loopline.models.sklearn import _skops


def skops() -> Any:
    """Give `skops.io` as the source has it: imported alone it brings every estimator of scikit-learn along."""
    return _skops()


def dumps(value: Any) -> bytes:
    """Write as skops does."""
    data: bytes = skops().dumps(value)
    return data


def loads(data: bytes) -> Any:
    """Read whatever skops can."""
    return skops().loads(data, trusted=skops().get_untrusted_types(data=data))


def frame(rows: int = 300, seed: int = 0) -> tuple[Any, Any]:
    """Give rows of two numbers and a category, and labels that depend on them."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    carrier = rng.choice(["AA", "B6", "UA"], rows)
    x = pd.DataFrame({"distance": rng.normal(1000, 200, rows), "hour": rng.integers(5, 23, rows), "carrier": carrier})
    return x, ((x["distance"] > 1000) ^ (rng.random(rows) < 0.2)).astype(int)


def logistic() -> Any:
    """Fit on numbers alone."""
    from sklearn.linear_model import LogisticRegression

    x, y = frame()
    return LogisticRegression(max_iter=500).fit(x[["distance", "hour"]], y)


def pipeline() -> Any:
    """Fit a ColumnTransformer with a OneHotEncoder in front of a LogisticRegression."""
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    x, y = frame()
    columns = ColumnTransformer([
        ("n", StandardScaler(), ["distance", "hour"]),
        ("c", OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
    ])
    return make_pipeline(columns, LogisticRegression()).fit(x, y)


def boosted() -> Any:
    """Fit histogram gradient boosting that takes a category as it is."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    x, y = frame()
    x["carrier"] = x["carrier"].astype("category")
    return HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=8, random_state=0).fit(x, y)


def forest() -> Any:
    """Fit a few trees."""
    from sklearn.ensemble import RandomForestClassifier

    x, y = frame()
    return RandomForestClassifier(n_estimators=8, random_state=0).fit(x[["distance", "hour"]], y)


MODELS: dict[str, Callable[[], Any]] = {
    "logistic": logistic,
    "pipeline": pipeline,
    "boosted": boosted,
    "forest": forest,
}


@pytest.fixture(params=sorted(MODELS))
def model(request: pytest.FixtureRequest) -> Any:
    """Give each kind of model in turn."""
    return MODELS[request.param]()

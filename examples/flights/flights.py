"""Will a flight out of New York arrive 15 minutes late or more? Asked at its scheduled departure.

Plain functions. `@step` makes one a node whose result is kept by what went into it, `@pipeline` puts nodes together:

    train   features → fit → assess: a model, measured on the days that it did not see
    judge   a candidate and the present champion on the same newest days, which neither saw
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline import Data, Evaluation, Model, evaluate, pipeline, sign, step

if TYPE_CHECKING:
    import pandas as pd

LATE = 15
"""Minutes from which an arrival is late: what airlines report to the US Department of Transportation."""
CATEGORIES = ["carrier", "origin", "dest"]
SCHEDULE = ["flight", "minute", "weekday", "month", "distance"]
WEATHER = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"]
FEATURES = [*CATEGORIES, *SCHEDULE, *WEATHER]
"""What is known at scheduled departure. Not `dep_delay` and its kind: they would tell the answer."""
SLICES = ["carrier", "origin"]


@step
def features(data: Data) -> pd.DataFrame:
    """Read every month, keep what is known at departure, and label it. Flights that never arrived have no label."""
    import pandas as pd

    raw = ["year", "month", "day", "sched_dep_time", "arr_delay", "flight", "distance", *CATEGORIES, *WEATHER]
    tables = [pd.read_csv(path, usecols=raw) for path in data.files() if path.suffix == ".csv"]
    table = pd.concat(tables, ignore_index=True)
    table = table[table["arr_delay"].notna()].reset_index(drop=True)
    day = pd.to_datetime(table[["year", "month", "day"]])
    table["date"] = day.dt.strftime("%Y-%m-%d")
    table["weekday"] = day.dt.day_of_week
    table["minute"] = table["sched_dep_time"] // 100 * 60 + table["sched_dep_time"] % 100
    table["late"] = (table["arr_delay"] >= LATE).astype("int8")
    return table[["date", *FEATURES, "late"]]


@step
def fit(table: pd.DataFrame, holdout: int, trees: int, leaves: int, rate: float) -> Any:
    """Train on all days but the last `holdout`, and write into the model which day was its last."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    seen = table[table["date"] < first_held_out(table, holdout)]
    nan = float("nan")  # an airline or airport that was never seen counts as missing, which the trees can handle
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=nan, encoded_missing_value=nan)
    model = make_pipeline(
        make_column_transformer((codes, CATEGORIES), ("passthrough", [*SCHEDULE, *WEATHER])),
        HistGradientBoostingClassifier(
            categorical_features=list(range(len(CATEGORIES))),
            max_iter=trees,
            max_leaf_nodes=leaves,
            learning_rate=rate,
            min_samples_leaf=50,
            l2_regularization=1.0,
            early_stopping=False,  # would hold out rows at random, next to others of the same storm
            random_state=0,
        ),
    )
    model.fit(seen[FEATURES], seen["late"])
    model.trained_until = str(seen["date"].max())
    return sign(model, seen[FEATURES])  # its card tells the types, ranges and categories that it has seen


@step
def assess(model: Any, base: Any, table: pd.DataFrame, holdout: int) -> Evaluation:
    """Measure a model, and a base beside it, on the last `holdout` days. Refuse days that either was trained on."""
    start = first_held_out(table, holdout)
    for role, one in (("model", model), ("base", base)):
        if one is not None and one.trained_until >= start:
            message = f"the {role} was trained until {one.trained_until}: it cannot be measured from {start} on"
            raise ValueError(message)
    rows = table[table["date"] >= start]
    return evaluate(
        rows["late"],
        model.predict_proba(rows[FEATURES])[:, 1],
        base=None if base is None else base.predict_proba(rows[FEATURES])[:, 1],
        slices={column: rows[column] for column in SLICES},
        facts={
            "period": f"{start} to {rows['date'].max()}",
            "left out": "flights without an arrival delay (cancelled or diverted)",
            "weather": "observed, where a forecast would stand",
        },
    )


def first_held_out(table: pd.DataFrame, holdout: int) -> str:
    """Name the first of the last `holdout` days. Whole days: flights of one day share its weather and its jams."""
    days = sorted(table["date"].unique())
    if not 0 < holdout < len(days):
        message = f"{holdout} days cannot be held out of {len(days)}"
        raise ValueError(message)
    return str(days[-holdout])


@pipeline
def train(
    data: Data = Data("data/flights"),  # noqa: B008 (a pointer, frozen)
    holdout: int = 14,
    trees: int = 100,
    leaves: int = 15,
    rate: float = 0.08,
) -> dict[str, Any]:
    """Train a model and measure it on the newest days of its own data."""
    table = features(data)
    model = fit(table, holdout, trees, leaves, rate)
    assess(model, None, table, holdout)
    return {"model/delay": model}


@pipeline
def judge(
    candidate: Model,
    base: Model | None = None,
    data: Data = Data("data/flights"),  # noqa: B008 (a pointer, frozen)
    holdout: int = 14,
) -> Evaluation:
    """Measure a candidate against the present champion on the newest days of the data that everybody trusts.

    Never on the candidate's own data: a model that learned wrong labels looks excellent on wrong labels.
    """
    return assess(candidate, base, features(data), holdout)

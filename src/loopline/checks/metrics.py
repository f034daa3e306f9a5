"""metrics: how good predictions are, with the uncertainty of saying so, paired with a base.

Formulas: ROC AUC as the Mann-Whitney statistic (Hanley & McNeil 1982); log loss and Brier score (Brier 1950) as means over
rows; expected calibration error over 15 bins of equal width (Naeini et al. 2015, Guo et al. 2017), here of the
probability of the positive class; accuracy, precision and recall at 0.5; MAE, RMSE and R². Intervals are percentile
bootstrap intervals (Efron & Tibshirani 1993, ch. 13).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from loopline.checks.names import BINARY, REGRESSION
from loopline.errors import Invalid
from loopline.nouns.evaluation import Estimate, Evaluation

if TYPE_CHECKING:
    import numpy as np

    from loopline.checks.bootstrap import Scored

    Array = np.ndarray[Any, np.dtype[Any]]

Kind = Literal["binary", "regression"]

DEFAULTS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "binary": ("roc_auc", "log_loss", "brier", "calibration_error"),
    "regression": REGRESSION,
}
BINS: Final = 15
"""Bins of the calibration error."""
_ENOUGH = 0.5
"""Share of resamples in which a metric must be defined for its interval to be given."""
_SMALLEST = 2.220446049250313e-16
"""Probabilities are kept this far from 0 and 1 in the log loss (the machine epsilon of doubles, as scikit-learn does)."""


def evaluate(
    y_true: Any,
    probability: Any,
    *,
    base: Any = None,
    slices: Mapping[str, Any] | None = None,
    metrics: Sequence[str] | None = None,
    kind: Kind = "binary",
    resamples: int = 500,
    level: float = 0.95,
    seed: int = 0,
    min_rows: int = 30,
    facts: Mapping[str, str] | None = None,
) -> Evaluation:
    """Measure predictions on all rows and on each member of each slice, with bootstrap intervals.

    `y_true` is 0 or 1 a row and `probability` that of 1; with `kind="regression"` both are numbers of any size. `base` holds
    another model's answers on the same rows: differences are then paired (both are resampled with the same rows), which
    makes their intervals far narrower than those of either value. `slices` maps a column's name to its value on each row;
    members with fewer than `min_rows` rows are left out and named in the facts. `resamples=0` gives values alone.

    A metric that is not defined (ROC AUC with one class, precision with nothing predicted) is absent and the facts say why.
    The calibration error is biased upwards on resamples, so its interval may lie above its value. Equal arguments give
    equal results. Raise Invalid for other lengths, no rows, missing values, unknown metrics, or probabilities outside 0..1.
    """
    import numpy as np

    from loopline.checks import bootstrap

    chosen = chosen_metrics(metrics, kind)
    _check_options(resamples, level)
    truth = _numbers("y_true", y_true, None)
    answers = [_numbers("probability", probability, len(truth))]
    if base is not None:
        answers.append(_numbers("base", base, len(truth)))
    if kind == "binary":
        _check_binary(truth, answers)
    models = [_scored(kind, truth, one, chosen) for one in answers]
    groups, small = _groups(slices or {}, len(truth), min_rows)
    places = [rows for _, _, rows in groups]
    drawn = bootstrap.resampled(models, truth, places, resamples=resamples, seed=seed) if resamples else []
    estimates: list[Estimate] = []
    absent: list[str] = []
    for g, (column, member, rows) in enumerate(groups):
        values = [bootstrap.measured(model, truth, rows) for model in models]
        order = bootstrap.names_of(models[0])
        for metric in chosen:
            samples = [d[g, order.index(metric)] for d in drawn]
            found = _estimate(metric, [v[metric] for v in values], samples, level)
            label = f"{metric}[{column}={member}]" if column else metric
            if found is None:
                absent.append(f"{label} ({_why_undefined(metric, truth[rows])})")
                continue
            estimates.append(replace(found, n=len(rows), slice=column, member=member))
    told = {"rows": str(len(truth)), **({"positive": f"{np.mean(truth):.4f}"} if kind == "binary" else {})}
    if resamples:
        told["intervals"] = f"{level:.0%} percentile bootstrap, {resamples} resamples, seed {seed}"
    told |= {word: "; ".join(lines) for word, lines in (("undefined", absent), ("too few rows", small)) if lines}
    return Evaluation(tuple(estimates), {**told, **(facts or {})})


def _estimate(metric: str, values: list[float], samples: list[Array], level: float) -> Estimate | None:
    """Put one estimate together, not yet placed on its slice; None where the metric is not defined."""
    import math

    value = values[0]
    if math.isnan(value):
        return None
    low, high = _interval(samples[0], level) if samples else (None, None)
    if len(values) == 1 or math.isnan(values[1]):
        return Estimate(metric, _round(value), low, high)
    delta_low, delta_high = _interval(samples[0] - samples[1], level) if samples else (None, None)
    return Estimate(
        metric,
        _round(value),
        low,
        high,
        base=_round(values[1]),
        delta=_round(value - values[1]),
        delta_low=delta_low,
        delta_high=delta_high,
    )


def _interval(samples: Array, level: float) -> tuple[float | None, float | None]:
    import numpy as np

    finite = samples[np.isfinite(samples)]
    if len(finite) < max(2, _ENOUGH * len(samples)):
        return None, None
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return _round(float(low)), _round(float(high))


def _round(value: float) -> float:
    """Keep twelve digits: what lies beyond differs between processors."""
    return float(f"{value:.12g}")


def _why_undefined(metric: str, truth: Array) -> str:
    if metric == "roc_auc":
        return f"all {len(truth)} rows are of one class"
    if metric == "r2":
        return "the target never varies"
    return "no row was predicted positive" if metric == "precision" else "no row is positive"


def _scored(kind: Kind, truth: Array, answer: Array, chosen: tuple[str, ...]) -> Scored:
    import numpy as np

    from loopline.checks.bootstrap import Scored, ratio

    if kind == "regression":
        error, centred = answer - truth, truth - truth.mean()
        columns = {"absolute": np.abs(error), "square": error**2, "y": centred, "yy": centred**2}
        all_readings = {
            "mae": lambda s, w: ratio(s["absolute"], w),
            "rmse": lambda s, w: np.sqrt(ratio(s["square"], w)),
            "r2": lambda s, w: 1.0 - ratio(s["square"], np.maximum(s["yy"] - ratio(s["y"] ** 2, w), 0.0)),
        }
    else:
        columns = binary_columns(truth, answer, chosen)
        all_readings = {
            "log_loss": lambda s, w: ratio(s["log_loss"], w),
            "brier": lambda s, w: ratio(s["brier"], w),
            "calibration_error": lambda s, w: ratio(sum(np.abs(s[f"bin{b}"]) for b in range(BINS)), w),
            "accuracy": lambda s, w: ratio(s["right"], w),
            "precision": lambda s, _: ratio(s["hit"], s["called"]),
            "recall": lambda s, _: ratio(s["hit"], s["positive"]),
        }
    readings = {name: all_readings[name] for name in chosen if name != "roc_auc"}
    table = np.column_stack(list(columns.values())) if columns else np.empty((len(truth), 0))
    return Scored(tuple(columns), table, readings, answer if "roc_auc" in chosen else None)


def binary_columns(truth: Array, answer: Array, chosen: tuple[str, ...]) -> dict[str, Array]:
    """Give what must be summed over rows for the chosen metrics."""
    import numpy as np

    columns: dict[str, Array] = {}
    if "log_loss" in chosen:
        kept = np.clip(answer, _SMALLEST, 1 - _SMALLEST)
        columns["log_loss"] = -np.log(np.where(truth > 0, kept, 1 - kept))
    if "brier" in chosen:
        columns["brier"] = (answer - truth) ** 2
    if "calibration_error" in chosen:
        place = np.minimum((answer * BINS).astype(np.int64), BINS - 1)
        columns |= {f"bin{b}": np.where(place == b, answer - truth, 0.0) for b in range(BINS)}
    if {"accuracy", "precision", "recall"} & set(chosen):
        called = (answer >= 0.5).astype(np.float64)
        columns |= {
            "right": (called == truth).astype(np.float64),
            "hit": called * truth,
            "called": called,
            "positive": truth,
        }
    return columns


def _groups(slices: Mapping[str, Any], rows: int, min_rows: int) -> tuple[list[tuple[str, str, Array]], list[str]]:
    """Give (column, member, rows) of all rows and of each member that is large enough; name the small ones."""
    import numpy as np

    groups = [("", "", np.arange(rows))]
    small: list[str] = []
    for column, values in slices.items():
        if len(values) != rows:
            raise _lengths(f"slice {column!r}", len(values), rows)
        members = np.asarray(["(missing)" if _missing(one) else str(one) for one in np.asarray(values).tolist()])
        for member in np.unique(members):
            mine = np.flatnonzero(members == member)
            if len(mine) < min_rows:
                small.append(f"{column}={member} ({len(mine)})")
            else:
                groups.append((column, str(member), mine))
    return groups, small


def _missing(value: Any) -> bool:
    return value is None or value != value  # noqa: PLR0124 (only NaN and NaT differ from themselves)


def _numbers(name: str, values: Any, rows: int | None) -> Array:
    import numpy as np

    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Invalid(
            f"{name} does not hold numbers", kind="not-numbers", hint="give one number a row", argument=name
        ) from error
    if found.ndim != 1:
        raise Invalid(
            f"{name} has {found.ndim} dimensions",
            kind="bad-shape",
            hint="give one number a row (of predict_proba, the column of class 1)",
            argument=name,
            shape=found.shape,
        )
    if not len(found):
        raise Invalid(f"{name} has no rows", kind="no-rows", hint="give at least one row", argument=name)
    if rows is not None and len(found) != rows:
        raise _lengths(name, len(found), rows)
    bad = np.flatnonzero(~np.isfinite(found))
    if len(bad):
        raise Invalid(
            f"{name} has {len(bad)} missing or infinite values, the first in row {bad[0]}",
            kind="not-finite",
            hint="leave out rows without a label and mend the model's answers",
            argument=name,
            row=int(bad[0]),
            count=len(bad),
        )
    return found


def _lengths(name: str, found: int, rows: int) -> Invalid:
    return Invalid(
        f"{name} has {found} rows, y_true has {rows}",
        kind="other-length",
        hint="give the same rows in the same order",
        argument=name,
        rows=found,
        expected=rows,
    )


def _check_binary(truth: Array, answers: list[Array]) -> None:
    import numpy as np

    odd = np.flatnonzero((truth != 0) & (truth != 1))
    if len(odd):
        raise Invalid(
            f"y_true is {truth[odd[0]]:g} in row {odd[0]}, neither 0 nor 1",
            kind="not-binary",
            hint='give 0 and 1, or kind="regression"',
            row=int(odd[0]),
        )
    for name, answer in zip(("probability", "base"), answers, strict=False):
        bad = np.flatnonzero((answer < 0) | (answer > 1))
        if len(bad):
            raise Invalid(
                f"{name} is {answer[bad[0]]:g} in row {bad[0]}, outside 0 to 1",
                kind="not-a-probability",
                hint="give probabilities, not scores or log-odds",
                argument=name,
                row=int(bad[0]),
            )


def chosen_metrics(metrics: Sequence[str] | None, kind: Kind) -> tuple[str, ...]:
    """Give the metrics that are meant; without any the usual ones of the kind. Raise Invalid for others."""
    from difflib import get_close_matches

    known = {"binary": BINARY, "regression": REGRESSION}.get(kind)
    if known is None:
        raise Invalid(f"{kind!r} is no kind of evaluation", kind="bad-kind", hint="binary or regression", word=kind)
    for name in metrics or ():
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise Invalid(
                f"{name!r} is no {kind} metric",
                kind="unknown-metric",
                hint=f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}",
                word=name,
                known=known,
            )
    return tuple(dict.fromkeys(metrics)) if metrics else DEFAULTS[kind]


def _check_options(resamples: int, level: float) -> None:
    if resamples < 0 or not 0 < level < 1:
        raise Invalid(
            f"resamples={resamples}, level={level} give no interval",
            kind="bad-option",
            hint="resamples is 0 or more, level lies between 0 and 1",
            resamples=resamples,
            level=level,
        )

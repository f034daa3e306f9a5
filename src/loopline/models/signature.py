"""signature: what goes into a model and what comes out, read off the model or off what it was trained on.

A step returns the bare estimator, and the codec asks `describe`: names, categories and classes are read off the estimator
where it keeps them. `sign(model, X)` in the step adds what only the training data know: types, ranges, nulls, categories.
The signature travels as a text attribute of the estimator, so any other way of saving it keeps it too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from loopline.models import columns
from loopline.nouns.event import canonical
from loopline.nouns.signature import Column, Signature

ATTRIBUTE: Final = "_loopline_signature"
_FEW: Final = 5
"""Rows a model is asked about where its answer's type is not known otherwise."""
_NUMERIC_STEPS: Final = ("Scaler", "Imputer", "Transformer", "Discretizer", "Binarizer", "Normalizer", "Features")

Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which rows are not what a model was trained on."""

    column: str
    kind: str
    """missing, unexpected, type, null, range or category. All but `unexpected`, `range` and `category` make rows unusable."""
    text: str
    rows: int = 0
    """How many rows have it; 0 where the column as a whole has."""


def sign(model: Model, rows: Any, predictions: Any = None) -> Model:
    """Attach what went in and came out to a fitted model, with a profile of both (profile.py), and give it back.

    `rows` is what the model was trained on: `return sign(model.fit(rows, labels), rows)`. Without `predictions` the
    model is asked about the first rows where its answer's type cannot be told otherwise.
    """
    from loopline.models import profile

    setattr(model, ATTRIBUTE, canonical(plain(describe(model, rows, predictions))).decode())
    setattr(model, profile.ATTRIBUTE, profile.encode(profile.profile(model, rows)).decode())
    return model


def signed(model: Any) -> Signature | None:
    """Read what `sign` attached; None where nothing was."""
    text = getattr(model, ATTRIBUTE, None)
    return parse(json.loads(text)) if isinstance(text, str) else None


def describe(model: Any, rows: Any = None, predictions: Any = None) -> Signature:
    """Tell what goes in and comes out, from training rows where they are given, else from the model itself.

    A column whose type the model does not keep has an empty type. Errors of the model are not caught where it is asked.
    """
    if rows is None:
        attached = signed(model)
        return attached or Signature(_kept_inputs(model), _outputs(model, None, predictions))
    inputs = tuple(columns.describe(values) for values in columns.read(rows))
    if not columns.named(rows):
        names = [str(name) for name in getattr(model, "feature_names_in_", ())]
        if len(names) == len(inputs):
            inputs = tuple(replace(column, name=name) for column, name in zip(inputs, names, strict=True))
    return Signature(inputs, _outputs(model, rows, predictions))


def validate(signature: Signature, rows: Any) -> tuple[Problem, ...]:
    """List what about `rows` differs from what the model was trained on, in the order of the signature.

    Whole numbers pass for floats, and floats without a fraction for whole numbers. Rows without column names are compared
    by position.
    """
    given = list(columns.read(rows))
    if not columns.named(rows):
        given = [replace(values, name=column.name) for values, column in zip(given, signature.inputs, strict=False)] + [
            *given[len(signature.inputs) :]
        ]
    here = {values.name: values for values in given}
    problems: list[Problem] = []
    for column in signature.inputs:
        values = here.pop(column.name, None)
        if values is None:
            problems.append(Problem(column.name, "missing", f"column {column.name!r} is missing"))
        else:
            problems.extend(_compare(column, values))
    problems.extend(Problem(name, "unexpected", f"column {name!r} was not there in training") for name in here)
    return tuple(problems)


def plain(signature: Signature) -> dict[str, Any]:
    """Give JSON values."""
    import msgspec

    value: dict[str, Any] = msgspec.to_builtins(signature)
    return value


def parse(value: Any) -> Signature:
    """Take what `plain` gave. Raise msgspec.ValidationError for anything else."""
    import msgspec

    return msgspec.convert(value, Signature)


def _compare(column: Column, values: columns.Values) -> list[Problem]:
    found: list[Problem] = []
    name = column.name
    if values.nulls and not column.nullable and column.type:
        found.append(
            Problem(name, "null", f"{name!r} has {values.nulls} empty values; training had none", values.nulls)
        )
    if not values.present.size or not column.type:
        return found
    if not _fits(column.type, values):
        found.append(Problem(name, "type", f"{name!r} is {values.type}, trained on {column.type}", values.present.size))
        return found
    if column.low is not None and column.high is not None and values.type != "BYTES":
        outside = int(((values.present < column.low) | (values.present > column.high)).sum())
        if outside:
            text = f"{name!r} leaves the range {column.low:g} to {column.high:g} of training in {outside} rows"
            found.append(Problem(name, "range", text, outside))
    if column.values and values.type == "BYTES":
        new = sorted(set(values.present) - set(column.values))
        rows = sum(1 for one in values.present if one in set(new)) if new else 0
        if new:
            some = ", ".join(repr(one) for one in new[:3]) + (", …" if len(new) > 3 else "")
            found.append(Problem(name, "category", f"{name!r} has values that training did not see: {some}", rows))
    return found


def _fits(wanted: str, values: columns.Values) -> bool:
    if "BYTES" in (wanted, values.type):
        return wanted == values.type
    if wanted.startswith("FP") or values.type == "BOOL":
        return True
    if wanted == "BOOL":
        return bool(((values.present == 0) | (values.present == 1)).all())
    return not values.type.startswith("FP") or bool((values.present == values.present.round()).all())


def _outputs(model: Any, rows: Any, predictions: Any) -> tuple[Column, ...]:
    classes: Any = getattr(model, "classes_", None)
    if hasattr(classes, "dtype"):
        labels = tuple(str(one) for one in classes) if len(classes) <= columns.MOST_CATEGORIES else ()
        found = [Column("predict", columns.type_of(classes.dtype), (-1,), values=labels)]
        if hasattr(model, "predict_proba"):
            found.append(Column("predict_proba", "FP64", (-1, len(classes)), low=0.0, high=1.0))
        return tuple(found)
    if predictions is None and rows is not None and hasattr(model, "predict"):
        predictions = model.predict(rows[:_FEW])
    if predictions is not None:
        import numpy as np

        array = np.asarray(predictions)
        return (Column("predict", columns.type_of(array.dtype), (-1, *array.shape[1:])),)
    if hasattr(model, "predict"):
        return (Column("predict", "FP64"),)
    return (Column("transform", "", (-1, -1)),) if hasattr(model, "transform") else ()


def _kept_inputs(model: Any) -> tuple[Column, ...]:
    """Read names off a fitted estimator, and types where its first transformers tell them."""
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    if not names:
        names = [f"x{index}" for index in range(getattr(model, "n_features_in_", 0))]
    first = _first(model)
    if not hasattr(first, "transformers_"):
        return tuple(_of_transformer(first, names, final=first is model or hasattr(first, "predict")))
    known: dict[str, Column] = {}
    for _, transformer, chosen in first.transformers_:
        described = _of_transformer(_first(transformer), _picked(chosen, names), final=False)
        known.update((column.name, column) for column in described)
    return tuple(known.get(name, Column(name, "")) for name in names)


def _first(model: Any) -> Any:
    while getattr(model, "steps", None):
        model = model.steps[0][1]
    return model


def _picked(chosen: Any, names: list[str]) -> list[str]:
    """Name the columns that a ColumnTransformer's choice means."""
    if isinstance(chosen, str):
        return [chosen]
    if isinstance(chosen, slice):
        return names[chosen] if not isinstance(chosen.start or chosen.stop, str) else []
    picked: list[str] = []
    for index, one in enumerate(chosen):
        if isinstance(one, str):
            picked.append(one)
        elif isinstance(one, bool) or type(one).__name__ == "bool":
            picked.extend([names[index]] if one else [])
        else:
            picked.append(names[int(one)])
    return picked


def _of_transformer(transformer: Any, names: list[str], *, final: bool) -> list[Column]:
    categories = getattr(transformer, "categories_", None)
    if categories is not None and len(categories) == len(names):
        return [_of_categories(name, seen) for name, seen in zip(names, categories, strict=True)]
    if hasattr(transformer, "vocabulary_"):
        return [Column(name, "BYTES") for name in names]
    kind = type(transformer).__name__
    numeric = kind.endswith(_NUMERIC_STEPS) and kind != "FunctionTransformer"
    mixed = getattr(transformer, "is_categorical_", None) is not None
    return [Column(name, "FP64" if numeric or (final and not mixed) else "") for name in names]


def _of_categories(name: str, seen: Any) -> Column:
    import numpy as np

    there = [one for one in seen if one is not None and one == one]  # noqa: PLR0124 (only NaN differs from itself)
    values = tuple(sorted(map(str, there))) if len(there) <= columns.MOST_CATEGORIES else ()
    text = np.asarray(seen).dtype.kind not in "biuf"
    nullable = len(there) < len(seen)
    if text:
        return Column(name, "BYTES", (-1,), nullable, values=values)
    return Column(name, columns.type_of(np.asarray(seen).dtype), (-1,), nullable)

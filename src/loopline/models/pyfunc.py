"""pyfunc: a model folder that MLflow wrote, loaded by MLflow itself, in the process that asks it and nowhere else.

MLflow holds rows against its own schema, and is particular: a 64-bit number is no 32-bit one. So rows become the types of the
model's file here, and what it answers becomes arrays, one for each output.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loopline.errors import Invalid, Unavailable
from loopline.models.mlmodel import read
from loopline.models.mltypes import PREDICT, outputs_of

if TYPE_CHECKING:
    from loopline.models.flavors import About
    from loopline.models.mltypes import Field


def load(folder: Path, facts: About) -> Pyfunc:
    """Have MLflow make the model: whoever calls this has been told that it may run code.

    Raise Unavailable kind="extra-missing" or "package-missing" with the name of what is not installed here, Invalid
    kind="unfit-signature" for inputs that are no tables.
    """
    told = read(Path(folder, "MLmodel").read_bytes())
    refuse_unfit(told.inputs)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # serving tells nobody
    try:
        import mlflow.pyfunc
    except ImportError as error:
        raise Unavailable(
            f"this model is loaded by MLflow, and {error.name or 'mlflow'} is not installed where it is served",
            kind="extra-missing", hint=f"pip install 'loopline[mlflow]'{_libraries(facts)}", extra="mlflow",
        ) from error  # fmt: skip
    try:
        model = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
    except ImportError as error:
        raise Unavailable(
            f"the model needs {error.name or error}, which is not installed where it is served", kind="package-missing",
            hint=f"pip install{_libraries(facts) or f' {error.name}'}, or what the model's requirements.txt lists",
            package=error.name or "",
        ) from error  # fmt: skip
    return Pyfunc(model.predict, told.inputs, outputs_of(told.outputs))


def refuse_unfit(inputs: Sequence[Field]) -> None:
    """Refuse inputs that no row of a table holds: objects, arrays, images beside numbers. Raise Invalid."""
    odd = [one for one in inputs if one.width is None or (one.width > 1 and len(inputs) > 1)]
    for one in odd[:1]:
        raise Invalid(
            f"input {one.name!r} is {one.type} {list(one.shape or ())}: served are columns of single values, or one tensor",
            kind="unfit-signature", hint="log the model with a signature of columns", column=one.name,
        )  # fmt: skip


class Pyfunc:
    """A model with one method for each of its outputs. Several outputs of the same rows are one prediction."""

    def __init__(self, predict: Callable[[Any], Any], inputs: Sequence[Field], outputs: Sequence[str]) -> None:
        self._predict, self._inputs = predict, tuple(inputs)
        self._methods = {name: partial(self._output, name, alone=outputs == [PREDICT]) for name in outputs}
        self._last: tuple[Any, Any] = (None, None)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        methods: Mapping[str, Callable[[Any], Any]] = self.__dict__.get("_methods", {})
        if name not in methods:
            raise AttributeError(name)
        return methods[name]

    def _output(self, name: str, rows: Any, *, alone: bool) -> Any:
        if self._last[0] is not rows:
            self._last = (rows, self._predict(shaped(rows, self._inputs)))
        answer = self._last[1]
        if alone:
            return plain(answer)
        try:
            return plain(answer[name])
        except (KeyError, TypeError, IndexError) as error:
            raise Invalid(
                f"the model gave no {name!r}, which its signature has",
                kind="model-raised",
                hint="mend the model",
                output=name,
            ) from error


def shaped(rows: Any, inputs: Sequence[Field]) -> Any:
    """Give rows (a frame, or a matrix in the order of the inputs) as the model's file describes them."""
    import numpy as np
    import pandas as pd

    if not inputs:
        return rows
    matrix = rows.to_numpy() if isinstance(rows, pd.DataFrame) else np.asarray(rows)
    first = inputs[0]
    if first.shape is not None and len(inputs) == 1:
        return matrix.astype(first.type).reshape(-1, *first.shape[1:])
    columns = (
        [rows.iloc[:, index] for index in range(rows.shape[1])]
        if isinstance(rows, pd.DataFrame)
        else [pd.Series(one) for one in matrix.T]
    )
    if first.shape is not None:
        return {one.name: column.to_numpy().astype(one.type) for one, column in zip(inputs, columns, strict=True)}
    names = [one.name or index for index, one in enumerate(inputs)]
    cast = {name: _cast(column, one.type) for name, one, column in zip(names, inputs, columns, strict=True)}
    return pd.DataFrame(cast, columns=names)


def plain(answer: Any) -> Any:
    """Give an answer as one array: a row is a value, several, or the text of what is no number."""
    import numpy as np
    import pandas as pd

    if isinstance(answer, (pd.DataFrame, pd.Series)):
        array = answer.to_numpy()
        return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if isinstance(answer, (list, tuple)) and any(isinstance(one, (Mapping, list, tuple)) for one in answer):
        try:
            array = np.asarray(answer)
        except ValueError:  # rows of several lengths
            array = np.empty(0, dtype=object)
        if array.dtype.kind in "biuf":
            return array
        return np.array([one if isinstance(one, str) else json.dumps(one, default=str) for one in answer], dtype=object)
    return answer


def _cast(column: Any, kind: str) -> Any:
    import pandas as pd

    match kind:
        case "integer" | "long" if not column.isna().any():
            return column.astype("int32" if kind == "integer" else "int64")
        case "float" | "double":
            return column.astype("float32" if kind == "float" else "float64")
        case "boolean" if not column.isna().any():
            return column.astype(bool)
        case "datetime":
            return pd.to_datetime(column)
        case "binary":
            return column.map(lambda one: b64decode(one) if isinstance(one, str) else None).astype(object)
        case _:
            text = column.astype(object)
            return text.where(text.notna(), None)


def _libraries(facts: About) -> str:
    """Name the libraries that the model was made with, as pip takes them."""
    named = (f" '{name}=={number}'" for name, number in facts.versions.items() if name not in ("python", "mlflow"))
    return "".join(named)

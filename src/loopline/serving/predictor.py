"""predictor: one model that answers batches."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from loopline.errors import Invalid, LooplineError
from loopline.nouns.datatype import TEXT
from loopline.nouns.signature import Column, Signature
from loopline.serving.question import Given, Made
from loopline.serving.table import Part, Table

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

METHODS: Final = ("predict", "predict_proba", "decision_function", "transform")
"""What may be asked of a model, in the order in which it is answered where nobody says."""
_TYPES: Final = {"b": "BOOL", "i": "INT{}", "u": "UINT{}", "f": "FP{}"}

Said = tuple[str, str, Sequence[Made], Sequence[str]]
"""Of one part: the kind and message of an error (empty: none), outputs, warnings (of an error: its hint)."""


class Predictor:
    """A model and its signature. Not safe in threads: one process asks it one batch at a time."""

    def __init__(
        self, model: Any, signature: Signature, *, outputs: Sequence[str] = (), expected: Sequence[str] = ()
    ) -> None:
        self._model = model
        known = [column.name for column in signature.outputs] or [
            name for name in METHODS if callable(getattr(model, name, None))
        ][:1]
        self._methods: dict[str, Callable[[Any], Any]] = {}
        for name in dict.fromkeys((*known, *METHODS)):
            method = getattr(model, name, None)
            if callable(method):
                self._methods[name] = method
        self._default = tuple(outputs) or tuple(known)
        self._signature = signature
        self._expected = tuple(expected)
        self._table = self._fitting()

    def answer(self, parts: Sequence[Part]) -> list[Said]:
        """Answer each part. An error of one is not an error of the others."""
        try:
            return self._together(parts)
        except Exception as error:  # noqa: BLE001 (whatever a model raises is about somebody's rows)
            if len(parts) > 1:
                return [self.answer([part])[0] for part in parts]
            if isinstance(error, LooplineError):
                return [(error.kind, error.message, (), (error.hint,))]
            return [("model-raised", f"{type(error).__name__}: {error}"[:500], (), ())]

    def _together(self, parts: Sequence[Part]) -> list[Said]:
        wanted = dict.fromkeys(name for part in parts for name in part.outputs or self._default)
        unknown = [name for name in wanted if name not in self._methods]
        if unknown:
            raise Invalid(
                f"the model has no output {unknown[0]!r}", kind="unknown-output",
                hint=f"it has {', '.join(self._methods)}", output=unknown[0],
            )  # fmt: skip
        rows, warnings = self._table.build(parts)
        total = sum(part.rows for part in parts)
        made = {name: _array(name, self._methods[name](rows), total) for name in wanted}
        found: list[Said] = []
        start = 0
        for part, said in zip(parts, warnings, strict=True):
            end = start + part.rows
            outputs = [_made(name, made[name][start:end]) for name in part.outputs or self._default]
            found.append(("", "", outputs, said))
            start = end
        return found

    def _fitting(self) -> Table:
        """Choose between a plain matrix, which costs nothing, and a data frame, which some models need.

        A model that was trained on a frame is asked about the same row in both ways; where the matrix is refused, or answered
        otherwise, it gets frames.
        """
        signature = self._signature
        framed = Table(signature, frame=True, expected=self._expected)
        bare = Table(signature, frame=False, expected=self._expected)
        if not hasattr(self._model, "feature_names_in_") and not any(c.type == TEXT for c in signature.inputs):
            return bare
        try:
            part = Part(1, [_example(column) for column in signature.inputs], ())
            frame = framed.build([part])[0]
        except Exception:  # noqa: BLE001 (no pandas here, or a signature that says too little: its first request will tell)
            return bare if not any(c.type == TEXT for c in signature.inputs) else framed
        try:
            with python_warnings.catch_warnings():
                python_warnings.simplefilter("ignore")
                method = self._methods[self._default[0]]
                same = _alike(_plain(method(bare.build([part])[0])), _plain(method(frame)))
        except Exception:  # noqa: BLE001 (that is the answer: it does not take a matrix)
            return framed
        return bare if same else framed


def _example(column: Column) -> Given:
    """Give a value that training may have had."""
    if column.type == TEXT:
        return Given(column.name, TEXT, 1, [column.values[0] if column.values else ""])
    low, high = column.low or 0.0, column.high if column.high is not None else 1.0
    middle = low + (high - low) * 0.37
    if column.type.startswith(("INT", "UINT")):
        return Given(column.name, "", 1, [round(middle)])
    return Given(column.name, "", 1, [bool(round(middle)) if column.type == "BOOL" else middle])


def _array(name: str, answer: Any, rows: int) -> Array:
    array = _plain(answer)
    if array.ndim == 0 or len(array) != rows:
        raise Invalid(
            f"the model's {name} gave {0 if array.ndim == 0 else len(array)} answers for {rows} rows", kind="model-raised",
            hint="mend the model", output=name,
        )  # fmt: skip
    return array


def _plain(answer: Any) -> Array:
    import numpy as np

    if hasattr(answer, "toarray"):
        answer = answer.toarray()
    array: Array = np.asarray(answer)
    return array.astype(str).astype(object) if array.dtype.kind in "OUSMm" else array


def _alike(one: Array, other: Array) -> bool:
    import numpy as np

    if one.shape != other.shape:
        return False
    if "f" in (one.dtype.kind, other.dtype.kind):
        return bool(np.allclose(one, other, rtol=1e-9, atol=0, equal_nan=True))
    return bool((one == other).all())


def _made(name: str, array: Array) -> Made:
    """Give one output as it travels."""
    kind = array.dtype.kind
    tail = tuple(array.shape[1:])
    if kind == "O":
        return Made(name, TEXT, tail, array.ravel().tolist())
    word = _TYPES[kind].format(8 * array.dtype.itemsize)
    if word in ("FP128", "FP96"):
        array, word = array.astype("<f8"), "FP64"
    little = array if array.dtype.byteorder in "=|<" else array.astype(array.dtype.newbyteorder("<"))
    return Made(name, word, tail, little.tobytes())

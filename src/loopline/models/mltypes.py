"""mltypes: columns and tensors as an MLmodel file describes them, and what they are in our signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

from loopline.nouns.signature import Column, Signature

COLUMNS: Final = {
    "boolean": "BOOL", "integer": "INT32", "long": "INT64", "float": "FP32", "double": "FP64", "string": "BYTES",
    "datetime": "BYTES", "binary": "BYTES",
}  # fmt: skip
TENSORS: Final = {
    "bool": "BOOL", **{f"{sign}int{bits}": f"{sign.upper()}INT{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)}, "object": "BYTES", "str": "BYTES",
}  # fmt: skip
PREDICT: Final = "predict"
WIDEST: Final = 10_000
"""Values of one row of a tensor that are served as columns."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column, or one tensor."""

    name: str
    """Empty: it has none."""
    type: str
    """As the file says it: `double`, or a tensor's dtype `float32`."""
    required: bool = True
    shape: tuple[int, ...] | None = None
    """Of a tensor; None: it is a column."""

    @property
    def width(self) -> int | None:
        """How many values one row has; None where that, or the type, is nothing that rows of a table can hold."""
        if self.shape is None:
            return 1 if self.type in COLUMNS else None
        tail = self.shape[1:]
        known = self.type in TENSORS and self.shape[:1] == (-1,) and all(one > 0 for one in tail)
        return prod(tail) if known and prod(tail) <= WIDEST else None


def fields_of(said: Any) -> tuple[Field, ...]:
    """Read a list of columns or tensors. Raise TypeError or ValueError for anything else."""
    if not isinstance(said, list) or not all(isinstance(one, Mapping) for one in said):
        raise ValueError("it is no list of columns")
    return tuple(_field(one) for one in said)


def _field(said: Mapping[str, Any]) -> Field:
    name, kind = str(said.get("name") or ""), str(said.get("type") or "")
    spec = said.get("tensor-spec")
    if kind == "tensor" and isinstance(spec, Mapping):
        return Field(name, str(spec.get("dtype")), shape=tuple(int(one) for one in spec.get("shape") or ()))
    return Field(name, kind, said.get("required") is not False)


def signature_of(inputs: Sequence[Field], outputs: Sequence[Field]) -> Signature | None:
    """Give our signature. What is no value of a table has an empty type; None where there is neither."""
    if not inputs and not outputs:
        return None
    taken = [column for number, one in enumerate(inputs) for column in _inputs(one, number, alone=len(inputs) == 1)]
    names = outputs_of(outputs)
    given = [_output(one, name) for one, name in zip(outputs, names, strict=False)]
    if len(names) < len(outputs):
        given = [Column(PREDICT, given[0].type, (-1, len(outputs)))]
    return Signature(tuple(taken), tuple(given))


def outputs_of(outputs: Sequence[Field]) -> list[str]:
    """Name what comes out: `predict` where it is one thing or columns without names, else as the columns are called."""
    named = len(outputs) > 1 and all(one.name for one in outputs)
    return [one.name for one in outputs] if named else [PREDICT]


def _inputs(one: Field, number: int, *, alone: bool) -> list[Column]:
    kind = (COLUMNS if one.shape is None else TENSORS).get(one.type, "")
    if one.shape is None or one.width is None or not alone or len(one.shape) == 1:
        loose = not one.required or kind.startswith(
            "FP"
        )  # a column of numbers may have gaps, which MLflow lets through
        return [Column(one.name or f"x{number}", kind, nullable=loose)]
    return [Column(f"x{index}", kind, nullable=kind.startswith("FP")) for index in range(one.width)]


def _output(one: Field, name: str) -> Column:
    if one.shape is None:
        return Column(name, COLUMNS.get(one.type, ""))
    return Column(name, TENSORS.get(one.type, ""), one.shape or (-1,))

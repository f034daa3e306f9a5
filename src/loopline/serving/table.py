"""table: rows of several questions put together as a model wants them, and checked against what it was trained on.

What a model cannot take is an error of that question alone: a name that is missing, another type, a missing value where
training had none, an infinite number. What it can take and training never had (a value out of range, a new category, a column
nobody knows) is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from loopline.errors import Invalid
from loopline.nouns.datatype import FORMATS, SIZES, TEXT, unpack
from loopline.nouns.signature import Column, Signature
from loopline.serving.question import Given

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_SOME: Final = 3


class Part(NamedTuple):
    """The rows of one question."""

    rows: int
    columns: Sequence[Given]
    outputs: tuple[str, ...]


class Table:
    """Builds inputs for one signature."""

    def __init__(self, signature: Signature, *, frame: bool, expected: Sequence[str] = ()) -> None:
        self.columns = signature.inputs
        self._names = [column.name for column in signature.inputs]
        self._numeric = all(column.type != TEXT for column in signature.inputs)
        self._known = {*self._names, *expected}
        self._frame = frame
        self._bounds: Any = None

    def build(self, parts: Sequence[Part]) -> tuple[Any, list[list[str]]]:
        """Give the model's input, and warnings for each part. Raise Invalid where any part cannot be used."""
        warnings: list[list[str]] = [[] for _ in parts]
        if not self._names:
            return self._any(parts), warnings
        if all(self._is_matrix(part) for part in parts):
            return self._of_matrix(self._matrix(parts), parts, warnings), warnings
        cut = [0]
        for part in parts:
            cut.append(cut[-1] + part.rows)
        found = [{given.name: given for given in self._split(part)} for part in parts]
        arrays = {}
        for column in self.columns:
            array = self._array(column, [self._of(given, column) for given in found], parts)
            arrays[column.name] = array
            _look(column, array, cut, warnings)
        for index, one in enumerate(found):
            odd = [name for name in one if name not in self._known]
            if odd:
                warnings[index].append(f"{', '.join(odd[:_SOME])}: not there in training")
        return self._shaped(arrays), warnings

    def _is_matrix(self, part: Part) -> bool:
        """Whether a part is one tensor of as many columns as the model has, instead of one for each."""
        if len(part.columns) != 1 or not self._numeric:
            return False
        given = part.columns[0]
        named = given.width == 1 and (not given.type or given.name in self._names)
        return given.width == len(self._names) and not named

    def _matrix(self, parts: Sequence[Part]) -> Array:
        import numpy as np

        width = len(self._names)
        if len(parts) == 1 or any(isinstance(part.columns[0].data, bytes) for part in parts):
            pieces = [_numbers(part.columns[0], "input") for part in parts]
            flat = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        else:
            flat = _numbers(Given("input", "", 1, [one for part in parts for one in part.columns[0].data]), "input")
        return flat.astype(np.float64, copy=False).reshape(-1, width)

    def _of_matrix(self, matrix: Array, parts: Sequence[Part], warnings: list[list[str]]) -> Any:
        import numpy as np

        if self._bounds is None:
            low = [-np.inf if c.low is None else c.low for c in self.columns]
            high = [np.inf if c.high is None else c.high for c in self.columns]
            strict = np.array([not c.nullable and bool(c.type) for c in self.columns])
            self._bounds = (np.array(low), np.array(high), strict)
        low, high, strict = self._bounds
        if not np.isfinite(matrix).all():
            for index, column in enumerate(self.columns):
                _refuse_odd(column, matrix[:, index], nullable=not strict[index])
        outside = (matrix < low) | (matrix > high)
        if outside.any():
            start = 0
            for index, part in enumerate(parts):
                mine = outside[start : start + part.rows]
                start += part.rows
                warnings[index] += [
                    _beyond(self.columns[place], int(mine[:, place].sum()))
                    for place in np.flatnonzero(mine.any(axis=0))
                ]
        for index, column in enumerate(self.columns):
            if column.type.startswith(("INT", "UINT")):
                _whole(column, matrix[:, index])
        if not self._frame:
            return matrix
        return self._shaped({name: matrix[:, index] for index, name in enumerate(self._names)})

    def _split(self, part: Part) -> Sequence[Given]:
        """Give a matrix column by column, anything else as it is."""
        if not self._is_matrix(part):
            return part.columns
        given = part.columns[0]
        values = unpack(given.type, given.data) if isinstance(given.data, bytes) else given.data
        width = given.width
        return [Given(name, "", 1, values[index::width]) for index, name in enumerate(self._names)]

    def _of(self, given: Mapping[str, Given], column: Column) -> Given:
        found = given.get(column.name)
        if found is None:
            wide = next((one for one in given.values() if one.width > 1), None)
            if wide is not None:
                raise Invalid(
                    f"input {wide.name!r} has {wide.width} columns, the model has {len(self._names)}", kind="bad-shape",
                    hint=f"send {', '.join(self._names[:20])} in this order", column=wide.name,
                )  # fmt: skip
            raise Invalid(
                f"input {column.name!r} is missing", kind="input-missing", hint=f"send {', '.join(self._names)}",
                column=column.name,
            )  # fmt: skip
        if found.width != 1:
            raise Invalid(
                f"input {column.name!r} has {found.width} values for each row, not one", kind="bad-shape",
                hint="send one tensor of shape [rows] for each input", column=column.name,
            )  # fmt: skip
        return found

    def _array(self, column: Column, pieces: Sequence[Given], parts: Sequence[Part]) -> Array:
        import numpy as np

        if any(isinstance(piece.data, bytes) for piece in pieces):
            arrays = [_column(column, piece) for piece in pieces]
            return np.concatenate(arrays)
        if len(pieces) == 1:
            return _column(column, pieces[0])
        del parts
        return _column(column, Given(column.name, "", 1, [one for piece in pieces for one in piece.data]))

    def _shaped(self, arrays: Mapping[str, Array]) -> Any:
        import numpy as np

        if self._frame:
            import pandas as pd

            return pd.DataFrame(arrays, columns=self._names, copy=False)
        if all(array.dtype.kind in "biuf" for array in arrays.values()):
            return np.column_stack([arrays[name] for name in self._names])
        return np.column_stack([arrays[name].astype(object) for name in self._names])

    def _any(self, parts: Sequence[Part]) -> Any:
        """Put rows of a model together that does not say what it wants: one matrix, or columns as they are named."""
        import numpy as np

        if all(len(part.columns) == 1 for part in parts):
            pieces = [_numbers(part.columns[0], part.columns[0].name).reshape(part.rows, -1) for part in parts]
            return np.concatenate(pieces)
        import pandas as pd

        frames = [
            pd.DataFrame({given.name: _column(Column(given.name, ""), given) for given in part.columns})
            for part in parts
        ]
        return pd.concat(frames, ignore_index=True)


def _column(column: Column, given: Given) -> Array:
    """Make one checked array of what came for a column."""
    import numpy as np

    if column.type == TEXT or (not column.type and _is_text(given)):
        return _texts(column, given)
    array = _numbers(given, column.name)
    if column.type:
        if array.dtype.kind == "f":
            _refuse_odd(column, array, nullable=column.nullable)
        if column.type.startswith(("INT", "UINT")):
            _whole(column, array)
            if array.dtype.kind == "f" and not np.isnan(array).any():
                array = array.astype(np.int64)
        elif column.type.startswith("FP") and array.dtype.kind != "f":
            array = array.astype(np.float64)
        elif column.type == "BOOL" and array.dtype.kind != "b":
            if not np.isin(array, (0, 1)).all():
                raise _other_type(column.name, "numbers", "BOOL")
            array = array.astype(bool)
    return array


def _numbers(given: Given, name: str) -> Array:
    import numpy as np

    if isinstance(given.data, bytes):
        if given.type == TEXT:
            raise _other_type(name, "text", "a number")
        if len(given.data) % SIZES[given.type]:
            raise Invalid(f"input {name!r} is cut", kind="bad-tensor", hint="send all of its bytes", column=name)
        return np.frombuffer(given.data, "<" + FORMATS[given.type])
    data = given.data
    kinds = set(map(type, data))
    if not kinds <= {int, float, bool, type(None)} or (bool in kinds and len(kinds - {type(None)}) > 1):
        odd = next(one for one in data if not isinstance(one, int | float | None) or isinstance(one, bool))
        raise _other_type(name, f"{type(odd).__name__} ({odd!r:.40})", "a number")
    array = np.array(data, dtype=np.float64 if float in kinds or type(None) in kinds else None)
    if array.dtype.kind not in "biuf":
        raise Invalid(
            f"input {name!r} has a number too large", kind="bad-number", hint="send 64-bit numbers", column=name
        )
    return array


def _texts(column: Column, given: Given) -> Array:
    import numpy as np

    if isinstance(given.data, bytes):
        raise _other_type(column.name, given.type, "text")
    data = given.data
    kinds = set(map(type, data))
    if not kinds <= {str, type(None)}:
        odd = next(one for one in data if one is not None and not isinstance(one, str))
        raise _other_type(column.name, f"{type(odd).__name__} ({odd!r:.40})", "text")
    array = np.empty(len(data), dtype=object)
    array[:] = data
    if type(None) in kinds:
        if not column.nullable and column.type:
            raise _null(column.name)
        array[array == None] = np.nan  # noqa: E711 (element by element)
    return array


def _is_text(given: Given) -> bool:
    return not isinstance(given.data, bytes) and any(isinstance(one, str) for one in given.data)


def _look(column: Column, array: Array, cut: Sequence[int], warnings: list[list[str]]) -> None:
    """Warn of what training has not seen."""
    import numpy as np

    if array.dtype.kind == "O":
        if not column.values:  # noqa: PD011 (no frame)
            return
        known = set(column.values)
        if known.issuperset(one for one in array if isinstance(one, str)):
            return
        odd = np.array([isinstance(one, str) and one not in known for one in array])
        for index in range(len(cut) - 1):
            mine = array[cut[index] : cut[index + 1]][odd[cut[index] : cut[index + 1]]]
            if len(mine):
                some = ", ".join(sorted(set(map(str, mine)))[:_SOME])
                warnings[index].append(f"{column.name}: training did not see {some}")
        return
    if column.low is None or column.high is None or array.dtype.kind == "b":
        return
    outside = (array < column.low) | (array > column.high)
    if outside.any():
        for index in range(len(cut) - 1):
            count = int(outside[cut[index] : cut[index + 1]].sum())
            if count:
                warnings[index].append(_beyond(column, count))


def _beyond(column: Column, rows: int) -> str:
    return f"{column.name}: outside of {column.low:g} to {column.high:g}, the range of training, in {rows} row{'s' * (rows != 1)}"


def _refuse_odd(column: Column, array: Array, *, nullable: bool) -> None:
    import numpy as np

    if np.isinf(array).any():
        raise Invalid(
            f"input {column.name!r} has an infinite number",
            kind="not-finite",
            hint="send a finite one",
            column=column.name,
        )
    if not nullable and np.isnan(array).any():
        raise _null(column.name)


def _whole(column: Column, array: Array) -> None:
    import numpy as np

    if array.dtype.kind == "f":
        there = array[~np.isnan(array)]
        if (there != np.round(there)).any():
            raise _other_type(column.name, "a fraction", "a whole number")


def _null(name: str) -> Invalid:
    return Invalid(
        f"input {name!r} has a missing value, and training had none", kind="input-null", hint=f"send a value for {name}",
        column=name,
    )  # fmt: skip


def _other_type(name: str, found: str, wanted: str) -> Invalid:
    return Invalid(
        f"input {name!r} is {found}, not {wanted}", kind="bad-type", hint="look at the model's inputs: GET /v2/models/NAME",
        column=name,
    )  # fmt: skip

"""columns: a table of any make as named columns of one Open Inference Protocol type each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from loopline.errors import Invalid
from loopline.nouns.signature import Column

MOST_CATEGORIES: Final = 100
_WIDE: Final = 10_000
"""Sparse columns beyond which ranges are not looked at: each would be made dense on its own."""


@dataclass(frozen=True, slots=True)
class Values:
    """One column's values: those that are there, and how many are not."""

    name: str
    type: str
    present: Any
    """A numpy array without nulls; text as objects."""
    nulls: int
    categories: tuple[str, ...] | None = None
    """Where the column's own type lists them."""


def read(table: Any) -> Iterator[Values]:
    """Go through the columns of a pandas frame, an Arrow table, a mapping of sequences or a numpy array."""
    import numpy as np

    if hasattr(table, "iloc") and hasattr(table, "columns"):
        for index, name in enumerate(table.columns):
            yield _read_one(str(name), table.iloc[:, index])
    elif hasattr(table, "column_names") and hasattr(table, "column"):
        for name in table.column_names:
            yield _read_one(str(name), table.column(name).to_numpy(zero_copy_only=False))
    elif isinstance(table, Mapping):
        for name, values in table.items():
            yield _read_one(str(name), _vector(values))
    elif hasattr(table, "tocsc"):
        sparse = table.tocsc()
        for index in range(sparse.shape[1] if sparse.shape[1] <= _WIDE else 0):
            yield _read_one(f"x{index}", sparse[:, [index]].toarray()[:, 0])
    elif hasattr(table, "name") and hasattr(table, "iloc"):
        yield _read_one(str(table.name if table.name is not None else "x0"), table)
    else:
        array = np.asarray(table)
        if array.ndim not in (1, 2):
            raise Invalid(
                "a table has one or two dimensions", kind="bad-table", hint="pass rows × columns", ndim=array.ndim
            )
        for index, values in enumerate(array.T if array.ndim == 2 else [array]):
            yield _read_one(f"x{index}", values)


def named(table: Any) -> bool:
    """Tell whether the columns of a table have names of their own."""
    return hasattr(table, "columns") or hasattr(table, "column_names") or isinstance(table, Mapping)


def describe(values: Values) -> Column:
    """Tell type, range, categories (at most 100) and whether something was missing."""
    import numpy as np

    low = high = None
    seen: tuple[str, ...] = ()
    if values.type == "BYTES":
        seen = values.categories if values.categories is not None else _distinct(values.present)
        seen = seen if len(seen) <= MOST_CATEGORIES else ()
    elif values.type != "BOOL":
        finite = values.present[np.isfinite(values.present)]
        if finite.size:
            low, high = float(finite.min()), float(finite.max())
    return Column(values.name, values.type, (-1,), values.nulls > 0, low, high, seen)


def type_of(dtype: Any) -> str:
    """Name a numpy type in the protocol's words; text, dates and objects are BYTES."""
    bits = 8 * dtype.itemsize
    match dtype.kind:
        case "b":
            return "BOOL"
        case "i":
            return f"INT{bits}"
        case "u":
            return f"UINT{bits}"
        case "f":
            return f"FP{min(bits, 64)}"
        case _:
            return "BYTES"


def _read_one(name: str, values: Any) -> Values:
    """Take one column apart. Text in it is compared as `str`."""
    import numpy as np

    if hasattr(values, "isna"):
        missing = values.isna().to_numpy()
        if hasattr(values, "cat"):
            present = np.asarray(values[~missing].astype(str), dtype=object)
            return Values(name, "BYTES", present, int(missing.sum()), tuple(sorted(map(str, values.cat.categories))))
        kind = values.dtype.kind
        numeric = kind in "biuf" and type(values.dtype).__module__.partition(".")[0] != "numpy"
        array = np.asarray(
            values[~missing].astype({"b": bool, "f": float}.get(kind, np.int64)) if numeric else values[~missing]
        )
    else:
        array = np.asarray(values)
        missing = _missing(array)
        array = array[~missing]
    if array.dtype.kind == "O":
        array = _narrow(array)
    kept = array if array.dtype.kind in "biuf" else array.astype(str).astype(object)
    return Values(name, type_of(array.dtype), kept, int(missing.sum()))


def _vector(values: Any) -> Any:
    """Make an array of a sequence; what mixes types or holds None keeps its objects."""
    import numpy as np

    if hasattr(values, "dtype"):
        return values
    items = list(values)
    plain = {type(item) for item in items}
    if len(plain) == 1 and plain <= {bool, int, float}:
        return np.asarray(items)
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _missing(array: Any) -> Any:
    import numpy as np

    match array.dtype.kind:
        case "f":
            return np.isnan(array)
        case "M" | "m":
            return np.isnat(array)
        case "O":
            return np.fromiter((one is None or one != one for one in array), bool, len(array))  # noqa: PLR0124 (only NaN differs from itself)
        case _:
            return np.zeros(len(array), bool)


def _narrow(array: Any) -> Any:
    """Give objects that are all numbers their numeric type."""
    import numpy as np

    kinds = {type(one) for one in array}
    if kinds and kinds <= {bool, np.bool_}:
        return array.astype(bool)
    if kinds and all(issubclass(kind, int | float | np.number) and kind is not bool for kind in kinds):
        return np.asarray(array.tolist())
    return array


def _distinct(present: Any) -> tuple[str, ...]:
    """List distinct texts, sorted; give up as soon as there are too many to be categories."""
    seen: set[str] = set()
    for start in range(0, len(present), 65_536):
        seen.update(present[start : start + 65_536])
        if len(seen) > MOST_CATEGORIES:
            return ()
    return tuple(sorted(seen))

"""truth: what a label says of an answer, as a number: is it the class that counts as 1, or is it the class that was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loopline.signals.opening import text

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]


def truth_of(positive: str, *, classes: bool) -> str:
    """Write the truth of a label's `number` and `text` in SQL: a number, or with `classes` the class as text.

    With a `positive` class, which is not asked for with `classes`, the number is 1 for that and 0 for every other.
    """
    if classes:
        return "coalesce(text, CAST(number AS VARCHAR))"
    if not positive:
        return "CAST(coalesce(number, TRY_CAST(text AS DOUBLE)) AS DOUBLE)"
    written = text(positive)
    as_number = f"number = TRY_CAST({written} AS DOUBLE)"
    one = f"CASE WHEN text IS NOT NULL THEN text = {written} WHEN number IS NOT NULL THEN coalesce({as_number}, false) END"
    return f"CAST({one} AS DOUBLE)"


def classes_of(table: Any, positive: str) -> tuple[Array, Array]:
    """Give score and truth of classes, which are compared as `spelled` writes them."""
    import numpy as np

    from loopline.nouns.quality import spelled

    numbers: dict[str | None, int] = {None: -1, spelled(positive): 0}
    codes = []
    for column in (table["score"], table["truth"]):
        which, members = coded(column)
        places = [numbers.setdefault(one if one is None else spelled(one), len(numbers)) for one in members]
        codes.append(np.asarray([*places, -1])[which])
    said, true = codes
    right = (said == 0) if positive else (said == true)
    there = (true == 0) if positive else np.ones(len(true))
    return np.where(said < 0, np.nan, right), np.where(true < 0, np.nan, there)


def coded(column: Any) -> tuple[Array, list[str | None]]:
    """Give the place of each value among those that there are; that behind the last is no value."""
    import numpy as np

    coded = column.combine_chunks().dictionary_encode()
    coded = coded.combine_chunks() if hasattr(coded, "num_chunks") else coded
    names = coded.dictionary.to_pylist()
    codes = coded.indices.fill_null(len(names))
    return np.asarray(codes.to_numpy(zero_copy_only=False), dtype=np.int32), names

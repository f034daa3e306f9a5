"""profiling: what a column of a table is said to hold, from plain values to a noun; shared by `preview` and comparisons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loopline.datasets.tables import CELL
from loopline.nouns.preview import Bin, Column, Frequent


def column_of(told: Mapping[str, Any]) -> Column:
    """Take over what `datasets/profile.py` says of a column."""
    numbers = {key: value for key, value in told.get("quantiles", {}).items() if isinstance(value, (int, float))}
    mean, std = (value if isinstance(value, (int, float)) else None for value in (told.get("mean"), told.get("std")))
    return Column(
        told["name"], told["type"], told["nulls"], told["distinct"],
        cell_of(told.get("min")), cell_of(told.get("max")), mean, std, quantiles=numbers,
        top=_frequent(told.get("top", ())), histogram=tuple(Bin(*one) for one in told.get("histogram", ())),
        odd=_frequent(told.get("odd", ())),
    )  # fmt: skip


def _frequent(told: Iterable[tuple[Any, int]]) -> tuple[Frequent, ...]:
    return tuple(Frequent(cell_of(value) or "", count) for value, count in told)


def cell_of(value: Any) -> str | None:
    """Write a value as text, shortened."""
    if value is None:
        return None
    text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= CELL else text[:CELL] + "…"

"""counts: a window counted in the bins of its reference, batch by batch, so that no more than a batch is ever in memory.

Counts are exact and can be added up: those of two halves, or of two machines, are those of the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from loopline.nouns.profile import ColumnProfile, Profile

BATCH: Final = 65_536
_REMEMBERED: Final = 10_000
"""Texts that the reference does not have and that are told apart; of more only the rows are counted."""


class Counts:
    """One column of a window."""

    def __init__(self, reference: ColumnProfile) -> None:
        self.reference = reference
        self.rows = 0
        self.nulls = 0
        """Missing ones, and those that cannot be what the reference is: a text among numbers."""
        self.infinite = 0
        self.others = 0
        self.new: Counter[str] = Counter()
        self.new_rows = 0
        self.low: float | None = None
        self.high: float | None = None
        self._numeric = reference.type not in ("BYTES", "BOOL")
        self._at = {text: at for at, text in enumerate(reference.values)}
        self._counts = [0] * (len(reference.edges) + 1 if self._numeric else len(reference.values))
        self._mean = self._squares = 0.0
        self._edges: Any = None

    @property
    def present(self) -> int:
        """Rows that take part in a test."""
        return self.rows - self.nulls - self.infinite

    def add(self, values: Any) -> None:
        """Count the values of one batch: a numpy array, or an Arrow array, which is quicker for texts."""
        self.rows += len(values)
        if self._numeric:
            self._add_numbers(_floats(values, narrow=self.reference.type in ("FP32", "FP16")))
        else:
            self._add_texts(_counted(values))

    def merge(self, other: Counts) -> None:
        """Add what somebody else has counted against the same reference."""
        self.rows += other.rows
        self.nulls += other.nulls
        self.infinite += other.infinite
        self.others += other.others
        self._remember(other.new)
        self.new_rows += other.new_rows
        before = sum(self._counts)
        self._counts = [one + two for one, two in zip(self._counts, other._counts, strict=True)]
        if self._numeric:
            self._blend(before, sum(other._counts), other._mean, other._squares, (other.low, other.high))

    def profile(self) -> ColumnProfile:
        """Give the window in the bins, or the texts, of the reference."""
        reference, present = self.reference, self.present
        if not self._numeric:
            return ColumnProfile(
                reference.name, reference.type, self.rows, self.nulls, values=reference.values,
                frequencies=tuple(self._counts), others=self.others + self.new_rows,
            )  # fmt: skip
        mean = self._mean if present else None
        std = (self._squares / present) ** 0.5 if present else None
        return ColumnProfile(
            reference.name, reference.type, self.rows, self.nulls, self.infinite, reference.edges, tuple(self._counts),
            self.low, self.high, mean, std,
        )  # fmt: skip

    def _add_numbers(self, values: Any) -> None:
        import numpy as np

        finite = np.isfinite(values)
        if not finite.all():
            missing = int(np.isnan(values).sum())
            self.nulls += missing
            self.infinite += int(len(values) - finite.sum()) - missing
            values = values[finite]
        if not len(values):
            return
        if self._edges is None:
            self._edges = np.asarray(self.reference.edges, np.float64)
        counted = np.bincount(np.searchsorted(self._edges, values, side="left"), minlength=len(self._counts))
        before = sum(self._counts)
        self._counts = [one + two for one, two in zip(self._counts, counted.tolist(), strict=True)]
        with np.errstate(over="ignore", invalid="ignore"):
            mean, squares = float(values.mean()), float(values.var()) * len(values)
        self._blend(before, len(values), mean, squares, (float(values.min()), float(values.max())))

    def _blend(self, n: int, m: int, mean: float, squares: float, ends: tuple[float | None, float | None]) -> None:
        """Join means and squared deviations of n and m values (Chan, Golub & LeVeque 1979, STAN-CS-79-773)."""
        if not m:
            return
        apart = mean - self._mean
        self._squares += squares + apart * apart * n * m / (n + m)
        self._mean += apart * m / (n + m)
        low, high = ends
        self.low = low if self.low is None or (low is not None and low < self.low) else self.low
        self.high = high if self.high is None or (high is not None and high > self.high) else self.high

    def _add_texts(self, counted: Mapping[Any, int]) -> None:
        unknown: Counter[str] = Counter()
        for value, count in counted.items():
            if value is None or value != value:  # noqa: PLR0124 (only NaN differs from itself)
                self.nulls += count
                continue
            text = _text(value, truth=self.reference.type == "BOOL")
            at = self._at.get(text)
            if at is not None:
                self._counts[at] += count
            elif self.reference.others:
                self.others += count
            else:
                unknown[text] += count
        self.new_rows += unknown.total()
        self._remember(unknown)

    def _remember(self, texts: Counter[str]) -> None:
        for text, count in texts.items():
            if text in self.new or len(self.new) < _REMEMBERED:
                self.new[text] += count


class Tally:
    """A window: every column of a reference, or some of them."""

    def __init__(self, reference: Profile, columns: Sequence[str] = ()) -> None:
        self.rows = 0
        self.columns: dict[tuple[Literal["input", "output"], str], Counts] = {}
        for one in reference.inputs:
            if not columns or one.name in columns:
                self.columns["input", one.name] = Counts(one)
        for one in reference.outputs:
            if not columns or one.name in columns:
                self.columns["output", one.name] = Counts(one)

    def add(self, batch: Mapping[str, Any]) -> None:
        """Count a batch: columns as records name them (`in.NAME`, `out.NAME`), or by their bare names.

        A matrix of probabilities is one column, of which each class is taken. A column that is not in the batch has no rows.
        """
        self.rows += max((len(values) for values in batch.values()), default=0)
        for (role, name), counts in self.columns.items():
            values = _find(batch, role, name)
            if values is not None:
                counts.add(values)

    def merge(self, other: Tally) -> None:
        """Add what somebody else has counted against the same reference."""
        self.rows += other.rows
        for key, counts in self.columns.items():
            counts.merge(other.columns[key])


def batches(path: Path, columns: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
    """Read a Parquet file a batch at a time; texts come as indices into their dictionary."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        for batch in file.iter_batches(BATCH, columns=list(columns) or None):
            yield dict(zip(batch.schema.names, batch.columns, strict=True))


def _find(batch: Mapping[str, Any], role: str, name: str) -> Any:
    prefix = {"input": "in.", "output": "out."}[role]
    for key in (prefix + name, name):
        if key in batch:
            return batch[key]
    whole, bracket, at = name.removesuffix("]").rpartition("[")
    if role == "output" and bracket and at.isdecimal():
        for key in (prefix + whole, whole):
            if key in batch:
                return _member(batch[key], int(at))
    return None


def _member(values: Any, at: int) -> Any:
    """Give one column of a matrix, also where its rows are lists."""
    import numpy as np

    if getattr(values, "ndim", 1) == 2:
        return values[:, at]
    return np.array([one[at] if one is not None and len(one) > at else np.nan for one in values.tolist()], np.float64)


def _floats(values: Any, *, narrow: bool) -> Any:
    """Give numbers as float64, with the precision that the reference had; what is no number is not-a-number."""
    import numpy as np

    if hasattr(values, "to_numpy"):
        values = values.to_numpy(zero_copy_only=False)
    if values.dtype.kind not in "biuf":
        values = np.array([_float(one) for one in values.tolist()], np.float64)
    if narrow and values.dtype.itemsize > 4:
        with np.errstate(over="ignore"):
            values = values.astype(np.float32)
    return values.astype(np.float64, copy=False)


def _float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _counted(values: Any) -> Mapping[Any, int]:
    import numpy as np

    if hasattr(values, "dictionary"):
        indices = values.indices.drop_null().to_numpy()
        times = np.bincount(indices, minlength=len(values.dictionary)).tolist()
        found = dict(zip(values.dictionary.to_pylist(), times, strict=True))
        return {text: count for text, count in found.items() if count} | (
            {None: values.null_count} if values.null_count else {}
        )
    if hasattr(values, "value_counts"):
        pairs = values.value_counts()
        return dict(zip(pairs.field(0).to_pylist(), pairs.field(1).to_pylist(), strict=True))
    if values.dtype.kind == "O":
        return Counter(values.tolist())
    texts, times = np.unique(values, return_counts=True)
    return dict(zip(texts.tolist(), times.tolist(), strict=True))


def _text(value: Any, *, truth: bool) -> str:
    if truth and value in {0, 1}:
        return "true" if value else "false"
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)

"""arrowmerge: Parquet for `tablemerge`: columns are compared as wholes, and every cell of the result is one of a side's."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final

from loopline.datasets.tablemerge import MISSING, MOST, Key, Row, Unfit, same
from loopline.datasets.textmerge import places_of

_LARGER: Final = 8
"""How many times larger than the largest file its columns may be in memory."""


class _Arrow:
    """A table of columns."""

    def __init__(self, table: Any, places: dict[Key, int], packing: str) -> None:
        self.table = table
        self.places = places
        self.columns: Sequence[str] = table.schema.names
        self.packing = packing

    def row(self, key: Key) -> Row:
        """Take the cells of a row."""
        found: dict[str, Any] = self.table.slice(self.places[key], 1).to_pylist()[0]
        return found


class Parquet:
    """Tables of Parquet files."""

    def read(self, body: bytes, key: Sequence[str]) -> _Arrow:
        """Open a file whose columns fit into memory."""
        import pyarrow as pa
        from pyarrow import parquet, types

        try:
            file = parquet.ParquetFile(io.BytesIO(body))
            groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
            if sum(one.total_byte_size for one in groups) > MOST * _LARGER:
                raise Unfit("its columns do not fit into memory")
            table = file.read()
        except pa.ArrowException as error:
            raise Unfit(f"it is no table: {error}") from None
        names = table.schema.names
        if len(set(names)) != len(names):
            raise Unfit("its columns do not have names of their own")
        cells = []
        for one in key:
            if one not in names:
                raise Unfit(f"it has no column {one}")
            kind = table.schema.field(one).type
            if types.is_floating(kind) or types.is_nested(kind):
                raise Unfit(f"{one} is of {kind}, which names no rows")
            cells.append(table.column(one).to_pylist())
        packing = groups[0].column(0).compression if groups and names else "SNAPPY"
        return _Arrow(table, places_of(list(zip(*cells, strict=True))), packing)

    def changed(self, base: _Arrow, side: _Arrow) -> set[Key]:
        """Compare column by column the rows that both have."""
        import pyarrow as pa
        from pyarrow import compute, types

        keys = [key for key in base.places if key in side.places]
        if set(base.columns) != set(side.columns):
            return set(keys)
        here = pa.array([base.places[key] for key in keys], pa.int64())
        there = pa.array([side.places[key] for key in keys], pa.int64())
        found: set[Key] = set()
        for column in base.columns:
            a, b = base.table.column(column).take(here), side.table.column(column).take(there)
            if a.type != b.type or types.is_nested(a.type) or types.is_dictionary(a.type):
                pairs = zip(a.to_pylist(), b.to_pylist(), strict=True)
                found |= {key for key, (x, y) in zip(keys, pairs, strict=True) if not same(x, y)}
                continue
            differ = compute.fill_null(compute.not_equal(a, b), False)  # noqa: FBT003 - a value of Arrow's
            if types.is_floating(a.type):
                both = compute.fill_null(compute.and_(compute.is_nan(a), compute.is_nan(b)), False)  # noqa: FBT003 - the same
                differ = compute.and_not(differ, both)
            differ = compute.or_(differ, compute.xor(a.is_null(), b.is_null()))
            found |= {keys[at] for at in compute.indices_nonzero(differ).to_pylist()}
        return found

    def write(self, sides: Sequence[Any], columns: Sequence[str], rows: Sequence[tuple[Key, int | Row]]) -> bytes:
        """Take each cell from the side that has it, and pack the result as ours is."""
        import pyarrow as pa
        from pyarrow import parquet

        _, ours, theirs = sides
        fields, made = [], []
        for column in columns:
            field = _field(column, *(side.table.schema if hasattr(side, "table") else None for side in sides))
            parts: list[Any] = []
            for side in (ours, theirs):
                has = column in side.columns
                cells = side.table.column(column) if has else pa.nulls(side.table.num_rows, field.type)
                try:
                    parts += cells.cast(field.type).chunks if has else [cells]
                except pa.ArrowException as error:
                    raise Unfit(f"{column} does not become {field.type}: {error}") from None
            at = pa.array([_place(column, ours, theirs, one) for one in rows], pa.int64())
            made.append(pa.chunked_array(parts, field.type).take(at))
            fields.append(field)
        told = ours.table.schema.metadata if list(columns) == list(ours.columns) else None
        table = pa.Table.from_arrays(made, schema=pa.schema(fields, metadata=told))
        body = io.BytesIO()
        parquet.write_table(table, body, compression="NONE" if ours.packing == "UNCOMPRESSED" else ours.packing)
        return body.getvalue()


def _field(column: str, base: Any, ours: Any, theirs: Any) -> Any:
    """Merge what a column is. Raise Unfit where both sides have made something else of it."""
    was, mine, yours = [
        one.field(column) if one is not None and column in one.names else None for one in (base, ours, theirs)
    ]
    field: Any = mine
    if mine is None or (was is not None and was.type == mine.type and yours is not None):
        field = yours
    elif yours is not None and yours.type not in (mine.type, was.type if was is not None else None):
        raise Unfit(f"{column} has become {mine.type} here and {yours.type} there")
    return field if mine is not None and yours is not None else field.with_nullable(nullable=True)


def _place(column: str, ours: _Arrow, theirs: _Arrow, one: tuple[Key, int | Row]) -> int | None:
    """Say where in both tables, one behind the other, a cell of the result stands."""
    key, what = one
    if isinstance(what, int):
        here = what == 1
    else:
        cell = what.get(column, MISSING)
        here = column in ours.columns and same(ours.row(key)[column], cell)
    side = ours if here else theirs
    if column not in side.columns:
        return None
    return ours.places[key] if here else ours.table.num_rows + theirs.places[key]

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from loopline.datasets.tablemerge import RowConflict, merge_tables


def test_parquet_keeps_types_and_cells() -> None:
    """Types, missing values, nested cells and the packing of ours are there after a merge; one side may widen a type."""
    kinds = pa.schema([
        ("id", pa.int64()),
        ("x", pa.float64()),
        ("at", pa.timestamp("ns")),
        ("v", pa.list_(pa.int32())),
    ])
    rows: list[dict[str, Any]] = [{"id": n, "x": float(n), "at": n * 1001, "v": [n]} for n in range(4)]
    rows[3]["x"] = float("nan")

    def packed(change: dict[int, dict[str, Any] | None], schema: pa.Schema = kinds) -> bytes:
        body = io.BytesIO()
        found = [row | (change.get(row["id"], {}) or {}) for row in rows if change.get(row["id"], {}) is not None]
        parquet.write_table(pa.Table.from_pylist(found, schema=schema), body, compression="zstd")
        return body.getvalue()

    narrow = kinds.set(1, pa.field("x", pa.float32()))
    ours, theirs = packed({1: {"x": None}, 2: None}, narrow), packed({1: {"v": [7, 8]}})
    found = merge_tables("t.parquet", packed({}, narrow), ours, theirs, ("id",))
    merged = parquet.ParquetFile(io.BytesIO(found.body or b""))
    assert merged.metadata.row_group(0).column(0).compression == "ZSTD"
    table = merged.read()
    assert table.schema.types == kinds.types
    assert table.column("id").to_pylist() == [0, 1, 3]
    assert table.column("at").cast(pa.int64()).to_pylist() == [0, 1001, 3003]
    assert table.column("v").to_pylist() == [[0], [7, 8], [3]]
    assert table.column("x").to_pylist()[:2] == [0.0, None]
    clash = merge_tables("t.parquet", packed({}), packed({1: {"x": 5.0}}), packed({1: {"x": 6.0}}), ("id",))
    assert clash.conflicts == (RowConflict((1,), "x", 1.0, 5.0, 6.0),)


@pytest.mark.parametrize("broken", ["pages", "footer", "year", "utf8"])
def test_what_arrow_cannot_read_is_no_table(broken: str) -> None:
    """Damaged files, times that no clock has and texts that are none are merged as wholes, with the reason."""
    kind = pa.timestamp("us") if broken == "year" else pa.string()

    def packed(value: Any) -> bytes:
        body = io.BytesIO()
        parquet.write_table(pa.table({"id": list(range(100)), "x": pa.array([value] * 100, kind)}), body)
        return body.getvalue()

    good, ours = packed(2**40 if broken == "year" else "x"), packed(2**62 if broken == "year" else "y")
    if broken == "pages":
        ours = ours[:50] + b"\xff" * 300 + ours[350:]
    elif broken == "footer":
        ours = ours[:-200] + b"\xff" * 192 + ours[-8:]
    elif broken == "utf8":
        ours = ours.replace(b"y", b"\xff")
    found = merge_tables("t.parquet", packed(0 if broken == "year" else "z"), ours, good, ("id",))
    assert found.body is None
    assert found.why

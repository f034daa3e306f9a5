"""Compact metric points: a series has a number, and its points lie together in the order in which they are read."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Text, Real = sa.Text, sa.Double


def col(name: str, kind: Any = Text, *, key: bool = False, null: bool = False) -> Any:
    """One column."""
    return sa.Column(name, kind, primary_key=key, nullable=null, autoincrement=False)


def upgrade() -> None:
    """Make the tables anew and carry every row over. `n` counts the points of a series as they arrived."""
    op.drop_index("series_key", "series")
    op.create_table(
        "new_series",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        col("run"),
        col("key"),
        col("last", Real, null=True),
        col("last_step", BIG),
        col("last_time", BIG),
        col("low", Real, null=True),
        col("high", Real, null=True),
        col("count", BIG),
    )
    op.create_index("series_run", "new_series", ["run", "key"], unique=True)
    op.create_index("series_key", "new_series", ["key", "last"])
    op.create_table(
        "new_points",
        col("series", BIG, key=True),
        col("step", BIG, key=True),
        col("time", BIG, key=True),
        col("n", BIG, key=True),
        col("value", Real, null=True),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO new_series (run, key, last, last_step, last_time, low, high, count)"
        " SELECT run, key, last, last_step, last_time, low, high, count FROM series ORDER BY run, key"
    )
    op.execute(
        "INSERT INTO new_points (series, step, time, n, value) SELECT s.id, p.step, p.time,"
        " ROW_NUMBER() OVER (PARTITION BY s.id ORDER BY p.id) - 1, p.value"
        " FROM points p JOIN new_series s ON s.run = p.run AND s.key = p.key ORDER BY 1, 2, 3, 4"
    )
    op.drop_table("points")
    op.drop_table("series")
    op.rename_table("new_series", "series")
    op.rename_table("new_points", "points")


def downgrade() -> None:
    """Never: history is only added to. Restore the backup that the migration took."""
    msg = "a ledger is not migrated backwards; restore the backup that was taken before"
    raise RuntimeError(msg)
